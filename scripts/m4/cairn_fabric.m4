# CAIRN_FABRIC
# libfabric, for cairn-fabric (cairnrun --redundancy); without it all else is
# built.
AC_DEFUN([CAIRN_FABRIC], [
	AC_ARG_WITH([fabric],
		[AS_HELP_STRING([--with-fabric],
			[build cairn-fabric, for cairnrun --redundancy
			(default: if libfabric is there)])],
		[], [with_fabric=auto])
	have_fabric=no
	AS_IF([test "x$with_fabric" != xno], [
		PKG_CHECK_MODULES([FABRIC], [libfabric >= 1.14], [have_fabric=yes], [:])
	])
	AS_IF([test "x$with_fabric" = xyes && test $have_fabric = no],
		[AC_MSG_ERROR([libfabric was not found; on Debian: apt-get install libfabric-dev])])
	AS_IF([test $have_fabric = no],
		[AC_MSG_NOTICE([without libfabric: no --redundancy, and no images from other nodes' burst buffers])])
	AM_CONDITIONAL([HAVE_FABRIC], [test $have_fabric = yes])
])
