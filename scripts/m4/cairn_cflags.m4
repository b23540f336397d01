# CAIRN_TRY_CFLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE those of FLAGS that the compiler knows.
AC_DEFUN([CAIRN_TRY_CFLAGS], [
	for flag in $2; do
		AC_MSG_CHECKING([whether $CC knows $flag])
		saved_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $flag"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
			[$1="$$1 $flag"; AC_MSG_RESULT([yes])],
			[AC_MSG_RESULT([no])])
		CFLAGS=$saved_CFLAGS
	done
	AC_SUBST([$1])
])
