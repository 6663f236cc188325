# SPDX-License-Identifier: MIT

# DAL_THREAD_STORAGE
# How the library reaches its thread-local storage, in DAL_TLS_CFLAGS. Initial-exec takes the fewest
# instructions, and no access can call into the loader. Where the loader has no room for it in what is
# opened later, as musl's has none, that goes by TLS descriptors, or as the compiler does it.
# DAL_HAS_STATIC_TLS is 1 for initial-exec. Modules are compiled by it, and opened by any build for the
# same system: so where the system is known, nothing is tried, which flags could let fail.
AC_DEFUN([DAL_THREAD_STORAGE], [
AC_CACHE_CHECK([for thread-local storage that can be opened later], [dal_cv_thread_storage],
  [AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#include <stdint.h>]],
     [[#if !defined __GLIBC__ && !defined __FreeBSD__ && !defined __NetBSD__
       # error "its loader may have no room"
       #endif]])],
     [dal_cv_thread_storage=-ftls-model=initial-exec],
     [_DAL_TRY_THREAD_STORAGE])])
AS_CASE([$dal_cv_thread_storage],
  [none], [],
  [AC_SUBST([DAL_TLS_CFLAGS], [$dal_cv_thread_storage])])
AS_CASE([$dal_cv_thread_storage],
  [*initial-exec], [AC_SUBST([DAL_HAS_STATIC_TLS], [1])],
  [AC_SUBST([DAL_HAS_STATIC_TLS], [0])])
])

# The first that can be opened. dlopen() is in the C library of the systems that come here.
m4_define([_DAL_TRY_THREAD_STORAGE],
[echo '__thread int number; int *where(void); int *where(void) { return &number; }' >conftest_part.c
   for dal_cv_thread_storage in -ftls-model=initial-exec -mtls-dialect=gnu2 none; do
     dal_flag=$dal_cv_thread_storage
     AS_VAR_IF([dal_flag], [none], [break])
     rm -f conftest_part.so
     $CC $CPPFLAGS $CFLAGS $dal_flag -fPIC -shared $LDFLAGS conftest_part.c -o conftest_part.so \
       >&AS_MESSAGE_LOG_FD 2>&1 || continue
     AC_RUN_IFELSE([AC_LANG_PROGRAM([[#include <dlfcn.h>]],
       [[return !dlopen("./conftest_part.so", RTLD_NOW);]])], [break], [],
       [dal_cv_thread_storage=none
        break])
   done
   rm -f conftest_part.c conftest_part.so])
