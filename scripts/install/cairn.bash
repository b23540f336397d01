# bash completion for cairnrun and cairn                  -*- shell-script -*-
#
# Nothing is listed here: commands and options are read from --help, so that
# this file cannot be older than the programs.  Needs bash only.

# The options in the text on standard input.
_cairn_options() {
	grep -oE -e '--[a-z][a-z-]*' | sort -u
}

# What follows the option $1 in the text on standard input: "TIME", "cow|stop".
_cairn_value() {
	sed -nE "s/^ +$1[ =]([^] ]+).*/\1/p" | head -n 1
}

# Checkpoint folders, and names of jobs in this folder: of cairn-ring-3f2a also
# ring-3f2a.  What begins with $1.
_cairn_jobs() {
	local dir
	for dir in cairn-*/; do
		[ -d "$dir" ] && dir=${dir%/} && printf '%s\n' "${dir#cairn-}"
	done | grep -F -- "$1" | grep "^${1//./\\.}"
	compgen -d -- "$1"
}

# The value of the option $1, which the text $2 describes; the word is $3.
# Fails if the option takes none.
_cairn_complete_value() {
	local value
	[[ $1 == --* ]] || return 1
	value=$(_cairn_value "$1" <<<"$2")
	case $value in
	*"|"*) mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$3") ;;
	DIR*) mapfile -t COMPREPLY < <(compgen -d -- "$3") ;;
	PATH) mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
	SIG=*) mapfile -t COMPREPLY < <(compgen -W "USR1= USR2= TERM=" -- "$3") ;;
	[A-Z]*) COMPREPLY=() ;; # a number or a time
	*) return 1 ;;
	esac
}

# _cairn_complete_option HELP WORD: if WORD begins one
_cairn_complete_option() {
	[ "${2#-}" != "$2" ] || return 1
	mapfile -t COMPREPLY < <(compgen -W "$(_cairn_options <<<"$1")" -- "$2")
}

_cairnrun() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local help
	help=$("${COMP_WORDS[0]}" --help 2>/dev/null)
	COMPREPLY=()
	_cairn_complete_value "$before" "$help" "$word" && return
	_cairn_complete_option "$help" "$word" && return
	mapfile -t COMPREPLY < <(compgen -c -- "$word" && compgen -f -- "$word")
}

_cairn() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local help
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		help=$("${COMP_WORDS[0]}" --help 2>/dev/null)
		mapfile -t COMPREPLY < <(compgen -W "$(sed -nE \
			's/^  ([a-z]+) .*/\1/p' <<<"$help")" -- "$word")
		return
	fi
	help=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null)
	_cairn_complete_value "$before" "$help" "$word" && return
	_cairn_complete_option "$help" "$word" && return
	mapfile -t COMPREPLY < <(_cairn_jobs "$word" | sort -u)
}

complete -o bashdefault -o filenames -F _cairnrun cairnrun
complete -o bashdefault -o filenames -F _cairn cairn
