# SPDX-License-Identifier: BSD-3-Clause
# gen.awk - make C and documents from api.tbl
#
# usage: awk -v product=functions.h|functions.c|wrappers.c|support.md -f gen.awk api.tbl

BEGIN {
	nfn = ndata = 0
}

/^#/ || /^[ \t]*$/ { next }

$1 == "kind" {
	declarator = $0
	sub(/^kind[ \t]+[^ \t]+[ \t]+/, "", declarator)
	ctype[$2] = declarator
	next
}

$1 == "data" { data[ndata++] = $2; next }

{
	f = nfn++
	name[f] = $1
	action[f] = $2
	result[f] = $3
	rest = $0
	sub(/^[^ \t]+[ \t]+[^ \t]+[ \t]+[^ \t]+[ \t]*/, "", rest)
	np[f] = rest == "" ? 0 : split(rest, pars, /,[ ]*/)
	for (i = 1; i <= np[f]; i++)
		read_parameter(f, i, pars[i])
}

function read_parameter(f, i, text,    words, k) {
	if (text == "...") {
		kind[f, i] = "..."
		return
	}
	split(text, words, " ")
	k = words[1]
	arg[f, i] = words[2]
	len[f, i] = ""
	if (k ~ /\[.*\]$/) {
		len[f, i] = k
		sub(/^[^[]*\[/, "", len[f, i])
		sub(/\]$/, "", len[f, i])
		sub(/\[.*$/, "", k)
	}
	kind[f, i] = k
	if (k !~ /^=/ && !(k in ctype))
		fail(name[f] ": unknown kind " k)
}

function fail(text) {
	print "gen.awk: " text > "/dev/stderr"
	failed = 1
	exit 1
}

function declare(f, i,    t) {
	if (kind[f, i] == "...")
		return "..."
	if (kind[f, i] ~ /^=/) {
		t = substr(kind[f, i], 2)
		gsub(/_t_/, "_t ", t)
		sub(/^const_/, "const ", t)
		sub(/\*$/, " *", t)
		return (t ~ /\*$/ ? t : t " ") arg[f, i]
	}
	t = ctype[kind[f, i]]
	sub(/%/, arg[f, i], t)
	return t
}

function signature(f,    s, i) {
	if (!np[f])
		return result[f] " P" name[f] "(void)"
	for (i = 1; i <= np[f]; i++)
		s = s (i > 1 ? ", " : "") declare(f, i)
	return result[f] " P" name[f] "(" s ")"
}

# the first parameter of a kind, 0 if there is none
function find(f, k,    i) {
	for (i = 1; i <= np[f]; i++)
		if (kind[f, i] == k)
			return i
	return 0
}

function find_name(f, a,    i) {
	for (i = 1; i <= np[f]; i++)
		if (arg[f, i] == a)
			return i
	return 0
}

# --- regular wrappers --------------------------------------------------------

function is_made(k) {
	return k ~ /^new(comm|group|type|info|req)$/
}

# what is handed to the real function for a parameter
function crossing(f, i,    k, a) {
	k = kind[f, i]
	a = arg[f, i]
	if (k == "comm" || k == "group" || k == "type" || k == "op" ||
	    k == "info" || k == "win" || k == "request")
		return "real_" k "(" a ")"
	if (k == "file" && is_placed(f))
		return "real_placed(" a ")"
	if (k == "weights" || k == "pvar" || k == "cvar" || k == "pvars" ||
	    k == "file")
		return "real_" k "(" a ")"
	if (k == "types" && len[f, i] != "" || k == "mtypes" && len[f, i] != "")
		return "real_" a
	if (is_made(k))
		return a " ? &made_" a " : NULL"
	return a
}

function length_of(f, i,    l) {
	l = len[f, i]
	if (l != "peers" && l != "in" && l != "out")
		return l
	l = "comm_array_length(" arg[f, find(f, "comm")] ", COMM_LENGTH_" toupper(l) ")"
	# with MPI_IN_PLACE the sender's arrays are not looked at
	if (arg[f, i] ~ /^send/)
		l = "(sendbuf == MPI_IN_PLACE ? 0 : " l ")"
	return l
}

function is_type_array(f, i) {
	return (kind[f, i] == "types" || kind[f, i] == "mtypes") && len[f, i] != ""
}

function call_real(f, before,    i, s) {
	for (i = 1; i <= np[f]; i++)
		if (is_type_array(f, i))
			print "\tint *real_" arg[f, i] " = real_types(" arg[f, i] ", (long)" length_of(f, i) ");"
	for (i = 1; i <= np[f]; i++)
		s = s (i > 1 ? ", " : "") (np[f] > 6 ? "(long)(" crossing(f, i) ")" : crossing(f, i))
	print ""
	if (action[f] == "rma") {
		print "\tret = win_op(win_get(" arg[f, find(f, "win")] "), target_rank);"
		print "\tif (__builtin_expect(!ret, 1))\t"
	}
	if (np[f] > 6) {
		print "\tret = (int)cross_call_stack(real_fn(FN_" name[f] "),\n\t\t(const long[]){ " s " }, " np[f] ");"
	} else {
		print "\tret = (int)CROSS(real_fn(FN_" name[f] ")" (np[f] ? ", " s : "") ");"
	}
}

function free_type_arrays(f,    i) {
	for (i = 1; i <= np[f]; i++)
		if (is_type_array(f, i))
			print "\treal_types_done(real_" arg[f, i] ", " arg[f, i] ");"
}

function keep_type_arrays(f, req,    i) {
	for (i = 1; i <= np[f]; i++)
		if (is_type_array(f, i)) {
			print "\tif (ret || !" req ")"
			print "\t\treal_types_done(real_" arg[f, i] ", " arg[f, i] ");"
			print "\telse if (real_" arg[f, i] " != (const int *)" arg[f, i] ")"
			print "\t\trequest_keep(*" req ", real_" arg[f, i] ");"
		}
}

# whose error handler hears of a failure
function raise(f,    c, w) {
	if (action[f] ~ /^tool/)
		return
	if (find(f, "session")) # they have real error handlers
		return
	if (name[f] ~ /^MPI_File_/) {
		print "\tif (__builtin_expect(ret, 0))\n\t\tret = error_file(" (find(f, "file") ? arg[f, find(f, "file")] : "MPI_FILE_NULL") ", ret, FN_" name[f] ");"
		return
	}
	c = find(f, "comm")
	w = find(f, "win")
	# MPICH looks at a group before it knows whose error handler to call
	if (c && find(f, "group"))
		print "\tif (__builtin_expect(ret, 0))\n\t\tret = error_comm(" arg[f, find(f, "group")] " == MPI_GROUP_NULL ? MPI_COMM_NULL : " arg[f, c] ", ret, FN_" name[f] ");"
	else if (c)
		print "\tif (__builtin_expect(ret, 0))\n\t\tret = error_comm(" arg[f, c] ", ret, FN_" name[f] ");"
	else if (w)
		print "\tif (__builtin_expect(ret, 0))\n\t\tret = error_win(" arg[f, w] ", ret, FN_" name[f] ");"
	else
		print "\tif (__builtin_expect(ret, 0))\n\t\tret = error_world(ret, FN_" name[f] ");"
}

function virtual_args(f,    i, s) {
	for (i = 1; i <= np[f]; i++)
		s = s (i > 1 ? ", " : "") "(long)" arg[f, i]
	return "(const long[]){ " s " }"
}

function hand_out(f,    i, k, a) {
	for (i = 1; i <= np[f]; i++) {
		k = kind[f, i]
		a = arg[f, i]
		if (!is_made(k))
			continue
		if (k == "newgroup")
			print "\tif (!ret)\n\t\tret = group_made(made_" a ", " a ");"
		else if (k == "newinfo")
			print "\tif (!ret)\n\t\tret = info_made(made_" a ", " a ");"
		else if (k == "newtype")
			print "\tif (!ret)\n\t\tret = type_made(made_" a ", FN_" name[f] ",\n\t\t\t" virtual_args(f) ", " a ");"
		else if (k == "newcomm" && action[f] == "newcomm") {
			print "\tif (!ret)\n\t\tret = comm_made(c, count, made_" a ", FN_" name[f] ", " a ");"
			# MPICH clears it once the arguments were found good
			print "\telse if (made_" a " == MPI_COMM_NULL)\n\t\t*" a " = MPI_COMM_NULL;"
		}
		else if (k == "newcomm")
			print "\tif (!ret)\n\t\tret = comm_made_opaque(made_" a ", FN_" name[f] ", " a ");"
		else if (k == "newreq" && action[f] == "icoll")
			print "\tif (!ret)\n\t\t*" a " = request_collective(c,\n\t\t\t(struct real_handle){ made_" a " }, FN_" name[f] ");"
		else if (k == "newreq" && action[f] == "pcoll")
			print "\tif (!ret)\n\t\t*" a " = request_persistent_collective(c,\n\t\t\t(struct real_handle){ made_" a " }, FN_" name[f] ",\n\t\t\trecipe_make(FN_" name[f] ", " virtual_args(f) "));"
		else if (k == "newreq" && action[f] ~ /^fi(req|coll)$/)
			print "\tif (!ret)\n\t\t*" a " = request_file(f,\n\t\t\t(struct real_handle){ made_" a " }, FN_" name[f] ", " (action[f] == "ficoll" ? "true" : "false") ");"
		else if (k == "newreq" && action[f] == "rma")
			print "\tif (!ret)\n\t\t*" a " = request_collective(win_get(" arg[f, find(f, "win")] ")->comm,\n\t\t\t(struct real_handle){ made_" a " }, FN_" name[f] ");"
		else if (k == "newreq" && action[f] == "opaque")
			print "\tif (!ret)\n\t\t*" a " = request_opaque(\n\t\t\t(struct real_handle){ made_" a " }, FN_" name[f] ");"
		else
			fail(name[f] ": cannot hand out a " k " with action " action[f])
	}
}

function wrapper(f,    i, c, counted) {
	if (action[f] ~ /^own:/)
		return
	counted = action[f] ~ /^(coll|icoll|pcoll|newcomm|dynamic)$/ && find(f, "comm")
	c = find(f, "comm")
	print signature(f)
	print "{"
	print "\tstruct thread_ctx *ctx = ctx_enter();"
	if (counted)
		print "\tstruct vcomm *c = comm_get(" arg[f, c] ");"
	if (on_file(f))
		print "\tstruct vfile *f = file_get(" arg[f, find(f, "file")] ");"
	for (i = 1; i <= np[f]; i++)
		if (is_made(kind[f, i]))
			print "\tint made_" arg[f, i] " = 0;"
	if (action[f] == "newcomm")
		print "\tuint64_t count = 0;"
	print "\tint ret;\n"
	if (on_file(f))
		file_first(f)
	if (counted) {
		print "\tif (__builtin_expect(c != NULL, 1))"
		if (action[f] == "newcomm")
			print "\t\tcount = coll_enter_count(ctx, c, FN_" name[f] ");"
		else
			print "\t\tcoll_enter(ctx, c, FN_" name[f] ");"
	}
	if (action[f] == "fend") {
		print "\tret = file_split_end(f, " arg[f, 2] ", " arg[f, 3] ", FN_" name[f] ");"
	} else if (action[f] == "fbegin") {
		print "\tret = file_split_begin(ctx, f, FN_" name[f] ");"
		print "\tif (!ret) {"
		call_real(f)
		print "\tfile_split_begun(f, " buffer_of(f) ", FN_" ender(name[f]) ");"
		print "\t}"
	} else {
		call_real(f)
	}
	hand_out(f)
	if (find(f, "newreq") && (action[f] == "icoll" || action[f] == "pcoll"))
		keep_type_arrays(f, arg[f, find(f, "newreq")])
	else
		free_type_arrays(f)
	if (action[f] == "tool_open")
		print "\tif (!ret)\n\t\topaque_opened(FN_" name[f] ");"
	if (action[f] == "tool_close")
		print "\tif (!ret)\n\t\topaque_closed(FN_" opener(name[f]) ");"
	# last: a C++ handler turns the code into success
	raise(f)
	print "\tctx_leave(ctx);"
	print "\treturn ret;"
	print "}"
	print "API_ALIAS(" name[f] ");\n"
}

# Does it need the file's record?
function on_file(f) {
	return find(f, "file") && (action[f] ~ /^f/ || is_shared(f))
}

# Does it use the file's shared pointer?
function is_shared(f) {
	return name[f] ~ /^MPI_File_.*_(shared|ordered)/
}

# Does MPI_MODE_SEQUENTIAL forbid it?
function is_placed(f) {
	return name[f] ~ /^MPI_File_(seek|get_position|get_byte_offset|set_size)/ ||
		!is_shared(f) && name[f] ~ /^MPI_File_i?(read|write)/ && action[f] != "fend"
}

function file_first(f) {
	if (is_shared(f))
		print "\tif (f)\n\t\tf->uses_shared = true;"
	if (action[f] == "fcoll" || action[f] == "ficoll")
		print "\tif (__builtin_expect(f != NULL, 1))\n\t\tcoll_enter(ctx, f->comm, FN_" name[f] ");"
}

# A split collective is ended by the real library as soon as it has begun.
function ender(beginner) {
	sub(/begin(_c)?$/, "end", beginner)
	return beginner
}

function buffer_of(f) {
	return arg[f, find(f, "buf") ? find(f, "buf") : find(f, "cbuf")]
}

# What made the object that this function frees: objects are counted by it.
function opener(closer)
{
	if (!sub(/session_free$/, "session_create", closer))
		sub(/handle_free$/, "handle_alloc", closer)
	return closer
}

function wrappers_c(    f) {
	print "/* generated from api.tbl by gen.awk */"
	print "#include \"mpi_wrappers/api.h\""
	print "#include \"mpi_wrappers/win.h\"\n"
	for (f = 0; f < nfn; f++)
		wrapper(f)
}

# --- numbers, names, kinds ---------------------------------------------------

function functions_h(    f, d) {
	print "/* generated from api.tbl by gen.awk */"
	print "#ifndef CAIRN_MPI_FUNCTIONS_H"
	print "#define CAIRN_MPI_FUNCTIONS_H\n"
	print "enum api_function {"
	for (f = 0; f < nfn; f++)
		print "\tFN_" name[f] ","
	print "\tFN_COUNT,"
	for (d = 0; d < ndata; d++)
		print "\tREAL_" data[d] (d ? "" : " = FN_COUNT") ","
	print "\tREAL_COUNT,"
	print "};\n"
	print "#endif"
}

function letter(f, i,    k) {
	k = kind[f, i]
	if (k in letters)
		return letters[k]
	if (is_made(k))
		return "N"
	return "."
}

function functions_c(    f, d, i, kinds, lens, l) {
	letters["comm"] = "C"
	letters["type"] = "T"
	letters["op"] = "O"
	letters["info"] = "I"
	letters["ints"] = "i"
	letters["mints"] = "i"
	letters["aints"] = "a"
	letters["maints"] = "a"
	letters["counts"] = "a"
	letters["types"] = "t"
	letters["mtypes"] = "t"
	letters["type*"] = "N"
	print "/* generated from api.tbl by gen.awk */"
	print "#include \"mpi_wrappers/api.h\"\n"
	print "const char *const api_names[FN_COUNT] = {"
	for (f = 0; f < nfn; f++)
		print "\t\"" name[f] "\","
	print "};\n"
	print "const char *const api_symbols[REAL_COUNT + 1] = {"
	for (f = 0; f < nfn; f++)
		print "\t\"P" name[f] "\","
	for (d = 0; d < ndata; d++)
		print "\t\"" data[d] "\","
	print "\t0,"
	print "};\n"
	# for recipes: a letter a parameter, and for arrays the parameter
	# that tells their length (as a digit from 'a'; '.': not known here)
	print "const struct api_recipe api_recipes[FN_COUNT] = {"
	for (f = 0; f < nfn; f++) {
		if (action[f] != "newtype" && action[f] != "pcoll" &&
		    name[f] !~ /^MPI_Type_(dup|create_f90_.*)$/)
			continue
		kinds = lens = ""
		for (i = 1; i <= np[f]; i++) {
			kinds = kinds letter(f, i)
			l = len[f, i]
			if (l == "")
				lens = lens "."
			else if (l == "peers")
				lens = lens "P"
			else if (l == "in")
				lens = lens "<"
			else if (l == "out")
				lens = lens ">"
			else
				lens = lens sprintf("%c", 96 + find_name(f, l))
		}
		print "\t[FN_" name[f] "] = { \"" kinds "\", \"" lens "\" },"
	}
	print "};"
}

# --- the manual's table --------------------------------------------------------

function support(a) {
	if (a ~ /^(dynamic|opaque|tool_open|own:dynamic)$/)
		return "runs; no checkpoint while its object is open"
	return "restorable"
}

function support_md(    f, s, count) {
	print "# MPI functions\n"
	print "| function | after a restart |"
	print "|---|---|"
	for (f = 0; f < nfn; f++) {
		s = support(action[f])
		count[s]++
		print "| " name[f] " | " s " |"
	}
	print ""
	for (s in count)
		print "- " count[s] ": " s
}

END {
	if (failed)
		exit 1
	if (product == "functions.h")
		functions_h()
	else if (product == "functions.c")
		functions_c()
	else if (product == "wrappers.c")
		wrappers_c()
	else if (product == "support.md")
		support_md()
	else
		fail("unknown product " product)
}
