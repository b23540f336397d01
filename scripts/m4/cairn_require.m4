# CAIRN_REQUIRE(PREFIX, MODULE-SPEC, DEBIAN-PACKAGE)
# A pkg-config module that must be there; the error names the package.
AC_DEFUN([CAIRN_REQUIRE], [
	PKG_CHECK_MODULES([$1], [$2], [],
		[AC_MSG_ERROR([$2 was not found; on Debian: apt-get install $3])])
])
