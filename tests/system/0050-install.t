#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# 0050-install.t - what make install puts where, and that it works from there:
# programs, manuals, cairn.pc, modulefile, completion, README's tour
# shellcheck disable=SC2317,SC2031,SC2016 # called through ok; subshells; sed
# shellcheck source=tests/lib/system.sh
. "${top_srcdir:-.}/tests/lib/system.sh"
needs make mpiexec.hydra
MPICC=$(sed -n 's/^MPICC = //p' "$build/Makefile")
in_a_folder

# Not the options of the make that runs us.
install_with() { # TARGET WORD...
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL timeout 300 \
		make -s -C "$build" "$@" >said 2>&1
}

files_below() {
	find "$1" ! -type d
}

# --- where a package builder stages it ---
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
ok "make install DESTDIR=" install_with install DESTDIR="$work/stage"
ok "nothing lies outside of the prefix" \
	[ -z "$(files_below stage | grep -v "^stage$prefix/")" ]
ok "cairn.pc names the prefix, not DESTDIR" \
	grep -qx "prefix=$prefix" "stage$prefix/lib/pkgconfig/cairn.pc"
ok "make uninstall DESTDIR=" install_with uninstall DESTDIR="$work/stage"
ok "leaves no file" [ -z "$(files_below stage)" ]
ok "and no folder with Cairn's name" [ -z "$(find stage -name '*cairn*')" ]

# --- moved elsewhere as a whole ---
install_with install DESTDIR="$work/stage"
mv "stage$prefix" installed
PATH=$work/installed/bin:$PATH
[ "$(command -v cairnrun)" = "$work/installed/bin/cairnrun" ] || exit 99
parts=$work/installed/libexec/cairn
ok "nothing that was generated names the build folder" \
	[ -z "$(grep -rlF "$build" installed/share installed/lib)" ]
libraries_are_looked_for() { # where else than the system does
	local file
	for file in installed/bin/* "$parts"/*; do
		readelf -d "$file" 2>/dev/null | sed -nE 's/.*(RUN|R)PATH.*: //p'
	done | sort -u
}
# shellcheck disable=SC2016 # the loader's variable
ok "libraries are found beside each other, nowhere else" \
	[ "$(libraries_are_looked_for | grep -oE '\[.*')" = '[$ORIGIN]' ]

# --- cairn.pc, modulefile ---
version=$(cairnrun --version)
version=${version#cairnrun }
if command -v pkg-config >/dev/null; then
	export PKG_CONFIG_PATH=$work/installed/lib/pkgconfig
	ok "pkg-config knows the version" \
		[ "$(pkg-config --modversion cairn)" = "$version" ]
	ok "and where the parts are" \
		[ "$(pkg-config --variable=libexecdir cairn)" = \
		"$prefix/libexec/cairn" ]
else
	skip "cairn.pc" "pkg-config is not installed"
fi
module=installed/share/modulefiles/cairn/$version
ok "the modulefile adds the commands" \
	grep -q "^prepend-path PATH $prefix/bin\$" "$module"
ok "no placeholder is left" \
	[ -z "$(grep -rlE '@[A-Za-z]+@' installed/lib installed/share/modulefiles)" ]
if command -v tclsh >/dev/null; then
	cat >load.tcl <<-'END'
		foreach word {module-whatis conflict prepend-path} {
			proc $word args { puts $args }
		}
		source [lindex $argv 0]
	END
	ok "it is Tcl" [ "$(MANPATH=/man tclsh load.tcl "$module" | wc -l)" = 5 ]
else
	skip "the modulefile is Tcl" "tclsh is not installed"
fi

# --- manuals ---
each_program_has_a_page() {
	local program lacks=0
	for program in installed/bin/* "$parts"/cairn*; do
		program=$(basename "$program")
		compgen -G "installed/share/man/man*/$program.[178]" \
			>/dev/null || { echo "# no page: $program"; lacks=1; }
	done
	return "$lacks"
}
ok "each program has a manual page" each_program_has_a_page

no_page_is_odd() {
	local page
	for page in installed/share/man/man*/*; do
		(cd installed/share/man && groff -s -man -Tutf8 -ww -z \
			"${page#installed/share/man/}") 2>&1
	done | sed 's/^/# /' | tee odd
	[ ! -s odd ]
}
if command -v groff >/dev/null; then
	ok "groff has nothing to say against any" no_page_is_odd
else
	skip "groff has nothing to say against any" "groff is not installed"
fi

options_of() { # the options in a help text on standard input
	grep -oE -e '--[a-z][a-z-]*' | sort -u
}
options_are_in_page() { # PAGE: those in the help text in the file "help"
	local option
	sed 's/\\-/-/g' "installed/share/man/man1/$1" >page
	for option in $(options_of <help); do
		grep -qF -e "$option" page ||
			{ echo "# $1 lacks $option"; return 1; }
	done
}
commands() {
	cairn --help | sed -nE 's/^  ([a-z]+) .*/\1/p'
}
cairnrun --help >help
ok "cairnrun(1) has the options of --help" options_are_in_page cairnrun.1
for command in $(commands); do
	cairn "$command" --help | sed '/^Examples/,$d'
done >help
ok "cairn(1) has those of all commands" options_are_in_page cairn.1
every_command_is_in_page() {
	local command
	for command in $(commands); do
		grep -qE "^\.B[RI]? \"?$command" page ||
			{ echo "# cairn(1) lacks $command"; return 1; }
	done
}
ok "and all commands" every_command_is_in_page

# --- completion, as an interactive bash calls it ---
completion=installed/share/bash-completion/completions
completes() ( # WORD...: what the last one is completed to
	# shellcheck disable=SC1090
	. "$completion/$1" 2>/dev/null # complete -o wants an interactive shell
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	"_$1" && printf '%s\n' "${COMPREPLY[@]}" | sort -u | xargs
)
mkdir -p jobs/cairn-ring-3f2a jobs/other && cd jobs || exit 99
completion=../$completion
ok "all of cairnrun's options are completed" \
	[ "$(completes cairnrun --)" = "$(cairnrun --help | options_of | xargs)" ]
ok "one option" [ "$(completes cairnrun -n 4 --ckp)" = --ckpt-dir ]
ok "the values of an option" [ "$(completes cairnrun --capture '')" = "cow stop" ]
ok "folders for --restart" \
	[ "$(completes cairnrun --restart c)" = cairn-ring-3f2a ]
ok "cairn's commands" \
	[ "$(completes cairn '')" = "$(commands | sort | xargs)" ]
ok "a command's options" \
	[ "$(completes cairn checkpoint --a)" = --abort ]
ok "job names" [ "$(completes cairn status ri)" = ring-3f2a ]
ok "checkpoint folders" [ "$(completes cairn ls c)" = cairn-ring-3f2a ]
cd .. && completion=${completion#../}

# --- what is in the tree for others to build packages from ---
is_python() {
	python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$1"
}
if command -v python3 >/dev/null; then
	ok "the Spack recipe is Python" \
		is_python "$src/scripts/spack/packages/cairn/package.py"
fi
ok "it has this version" grep -q "version(\"$version\"" \
	"$src/scripts/spack/packages/cairn/package.py"
is_makefile() {
	env -u MAKEFLAGS make -n -f "$1" override_dh_auto_configure >/dev/null
}
ok "debian/rules is a makefile" is_makefile "$src/scripts/debian/rules"
debian_needs_what_configure_needs() {
	sed -n 's/^CAIRN_REQUIRE(.*\[\(.*\)\])$/\1/p' "$src/configure.ac" |
		while read -r package; do
			grep -qw "$package" "$src/scripts/debian/control" || {
				echo "# control lacks $package"
				return 1
			}
		done
}
ok "debian/control has all that configure wants" \
	debian_needs_what_configure_needs
if command -v dh_listpackages >/dev/null; then
	mkdir -p deb/debian && cp -R "$src"/scripts/debian/* deb/debian
	ok "debhelper reads debian/" \
		[ "$(cd deb && dh_listpackages 2>/dev/null)" = cairn ]
fi

# --- README's tour, as it is written but for the prefix ---
# Its commands are the lines that begin with "$ "; after a "&" the test waits
# until the job is up, as a person does.
grep -qF /usr/local/share/doc "$src/README.md" || exit 99
sed -n '/^## A five-minute tour/,/^## [^A]/s/^    \$ //p' "$src/README.md" |
	sed "s|/usr/local|$work/installed|; s|^mpicc |$MPICC |" >tour
mkdir tour.d
run_the_tour() {
	local line
	set -o pipefail
	cd tour.d || return 1
	while IFS= read -r line <&3; do
		echo "+ $line"
		case $line in
		*"&")
			eval "timeout 90 $line"
			PATIENCE=60 patiently ranks_run tour 2 || return 1
			;;
		"wait "*) eval "$line" ;;
		*) eval "timeout 90 $line" ;;
		esac
		echo "= $?"
	done 3<../tour
}
(run_the_tour) >out 2>err </dev/null
said_by() { # PATTERN: what the command that matches it printed
	sed -n "/^+ .*$1/,/^= /p" out | sed '1d;$d'
}
codes() {
	sed -n 's/^= //p' out | xargs
}
ok "the tour has its eleven commands" [ "$(wc -l <tour)" = 11 ]
ok "each ends as the README says" [ "$(codes)" = "0 0 0 0 0 85 0 0 0 0 0" ]
ok "the checkpoint is committed" \
	grep -q "epoch 1 is committed" <(said_by "cairn checkpoint")
answers() {
	sed -n 's/^answer //p' out
}
ok "the restarted runs print the answer of the first" \
	[ "$(answers | wc -l) $(answers | sort -u | wc -l)" = "3 1" ]

# --- killed as a whole, away from the build folder ---
begin cairnrun --ckpt-dir killed -n 2 tour.d/heat 1024 1000
patiently up killed 2
ok "a job of the installed Cairn is checkpointed" checkpoint killed
kill -KILL "$(pgrep -P $job -x cairnrun)"
wait $job
restarted() {
	fresh
	timeout 90 cairnrun --restart killed >out 2>err </dev/null
}
ok "killed, it restarts" restarted
ok "and comes to its end" grep -q '^answer ' out

# --- the messages that are explained are the program's ---
ok "each message in messages.md is in the sources" \
	"$src/tests/lib/messages-exist" "$src" "$src/launcher/messages.md"
sed -n '/^## When something/,/^## L/s/^| `/- `/p' "$src/README.md" >first
ok "and each of README's table" \
	"$src/tests/lib/messages-exist" "$src" first
done_testing
