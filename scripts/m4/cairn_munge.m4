# CAIRN_MUNGE
# libmunge, for cairn-munge; without it all else is built.
AC_DEFUN([CAIRN_MUNGE], [
	AC_ARG_WITH([munge],
		[AS_HELP_STRING([--with-munge],
			[build cairn-munge, for cairnrun --auth munge
			(default: if libmunge is there)])],
		[], [with_munge=auto])
	have_munge=no
	AS_IF([test "x$with_munge" != xno], [
		PKG_CHECK_MODULES([MUNGE], [munge >= 0.5], [have_munge=yes], [:])
	])
	AS_IF([test "x$with_munge" = xyes && test $have_munge = no],
		[AC_MSG_ERROR([libmunge was not found; on Debian: apt-get install libmunge-dev])])
	AM_CONDITIONAL([HAVE_MUNGE], [test $have_munge = yes])
])
