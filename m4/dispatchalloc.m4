# dispatchalloc.m4 - what the configure.ac of a backend needs               -*- Autoconf -*-
# SPDX-License-Identifier: MIT
#
# Installed by libdispatchalloc. Copying and distribution of this file, with or without
# modification, are permitted without royalty provided that this notice is preserved. It is
# offered as is, without any warranty.
# serial 1

# DAL_BACKEND([MINIMUM-VERSION], [ACTION-IF-FOUND], [ACTION-IF-NOT-FOUND])
# -------------------------------------------------------------------------
# Find libdispatchalloc by pkg-config, and set and substitute
#
#   DISPATCHALLOC_CFLAGS, DISPATCHALLOC_LIBS  for the compiler, and for programs that link
#                                  with the library; a module needs no library
#   DISPATCHALLOC_MODULE_LDFLAGS   what libtool needs to make a module
#   DISPATCHALLOC_BACKEND_ABI      number of the interface between library and backends
#   DISPATCHALLOC                  the command, to verify with, or ":"
#   backenddir                     where modules are installed, for backend_LTLIBRARIES
#
# Without ACTION-IF-NOT-FOUND configure ends with an error if the library is missing.
# Call it after LT_INIT.
AC_DEFUN([DAL_BACKEND],
[AC_ARG_WITH([backenddir],
  [AS_HELP_STRING([--with-backenddir=DIR],
    [install backends of libdispatchalloc in DIR, instead of where that library looks for them])],
  [AS_CASE([$with_backenddir],
     [yes|no|''], [AC_MSG_ERROR([--with-backenddir needs a directory])])],
  [with_backenddir=])
AC_ARG_VAR([DISPATCHALLOC], [the dispatchalloc command])
PKG_CHECK_MODULES([DISPATCHALLOC], [dispatchalloc]m4_ifval([$1], [[ >= $1]]),
  [backenddir=$with_backenddir
   AS_VAR_IF([backenddir], [],
     [backenddir=`$PKG_CONFIG --variable=backenddir dispatchalloc`])
   DISPATCHALLOC_BACKEND_ABI=`$PKG_CONFIG --variable=backend_abi dispatchalloc`
   DISPATCHALLOC_MODULE_LDFLAGS='-module -avoid-version -shared'
   AC_PATH_PROG([DISPATCHALLOC], [dispatchalloc], [:])
   $2],
  [m4_default([$3],
    [AC_MSG_ERROR([libdispatchalloc]m4_ifval([$1], [[ $1 or later]])[ is needed (pkg-config knows it as dispatchalloc): $DISPATCHALLOC_PKG_ERRORS])])])
AC_SUBST([backenddir])
AC_SUBST([DISPATCHALLOC_BACKEND_ABI])
AC_SUBST([DISPATCHALLOC_MODULE_LDFLAGS])
])# DAL_BACKEND
