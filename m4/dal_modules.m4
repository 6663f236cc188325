# SPDX-License-Identifier: MIT
# The modules over other allocators: which of them are built.
#
# Each has --with-NAME=auto|yes|no. What was asked for and is missing is an error; `auto`
# goes on without. dal_module_NAME says in the final report which it is and why.

# DAL_MODULE_ASKED(NAME, HELP, [VALUES])
# Set with_NAME, from the option or to auto.
AC_DEFUN([DAL_MODULE_ASKED], [
AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=m4_default([$3], [auto|yes|no])], [$2])],
  [], [with_$1=auto])
AS_CASE(["|m4_default([$3], [auto|yes|no])|yes|"], [*"|$with_$1|"*], [],
  [AC_MSG_ERROR([--with-$1=$with_$1: accepted is m4_default([$3], [auto|yes|no])])])
])

# DAL_MODULES_ASKED
# What is asked for, which needs nothing that configure finds out.
AC_DEFUN([DAL_MODULES_ASKED], [
DAL_MODULE_ASKED([jemalloc],
  [the module over jemalloc: one of its own, or the system's], [auto|system|source|no])
DAL_MODULE_ASKED([mimalloc], [the module over mimalloc])
DAL_MODULE_ASKED([tcmalloc], [the module over tcmalloc (gperftools)])
DAL_MODULE_ASKED([tbb], [the module over the scalable allocator of oneTBB])
AC_ARG_WITH([jemalloc-source],
  [AS_HELP_STRING([--with-jemalloc-source=DIR],
     [build a jemalloc for the module from its unpacked source package, which is not changed])],
  [], [with_jemalloc_source=])
AS_CASE([$with_jemalloc_source], [yes],
  [AC_MSG_ERROR([--with-jemalloc-source needs a directory])], [no], [with_jemalloc_source=])
AS_IF([test -n "$with_jemalloc_source"],
  [AS_CASE([$with_jemalloc], [no | system],
     [AC_MSG_ERROR([--with-jemalloc=$with_jemalloc and --with-jemalloc-source contradict each other])])
   AS_IF([test -x "$with_jemalloc_source/configure" && test -f "$with_jemalloc_source/src/jemalloc.c"], [],
     [AC_MSG_ERROR([--with-jemalloc-source=$with_jemalloc_source is no unpacked release of jemalloc: it has no configure or no src/jemalloc.c])])],
  [test "$with_jemalloc" = source],
  [AC_MSG_ERROR([--with-jemalloc=source needs --with-jemalloc-source=DIR])])
])

# DAL_MODULE_POSSIBLE(NAME)
# with_NAME becomes `no` where no module can be built at all.
AC_DEFUN([DAL_MODULE_POSSIBLE], [
dal_module_$1="no: --with-$1=no"
AS_IF([test "$with_$1" != no && test -n "$dal_no_modules"],
  [AS_IF([test "$with_$1" = auto], [],
     [AC_MSG_ERROR([--with-$1=$with_$1: $dal_no_modules])])
   with_$1=no
   dal_module_$1="no: $dal_no_modules"])
])

# DAL_MODULE_LIBRARY(NAME, HEADER, CALL, LIBRARY, PACKAGE)
# Look for the library of a module that is wanted. Sets dal_have_NAME to yes or no.
AC_DEFUN([DAL_MODULE_LIBRARY], [
dal_have_$1=no
AS_IF([test "$with_$1" != no],
  [AC_CACHE_CHECK([for $1], [dal_cv_have_$1],
     [dal_save_LIBS=$LIBS
      LIBS="-l$4 $LIBS"
      AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stddef.h>
#include <$2>]], [[return !$3;]])],
        [dal_cv_have_$1=yes], [dal_cv_have_$1=no])
      LIBS=$dal_save_LIBS])
   dal_have_$1=$dal_cv_have_$1
   AS_IF([test "$dal_have_$1" = yes], [dal_module_$1="lib$4 of the system"],
     [test "$with_$1" = auto],
       [dal_module_$1="no: <$2> and lib$4 were not found (Debian's package: $5)"],
       [AC_MSG_ERROR([--with-$1=$with_$1: <$2> and lib$4 were not found (Debian's package: $5)])])])
])

# DAL_MODULE_SIMPLE(NAME, HEADER, CALL, LIBRARY, PACKAGE)
AC_DEFUN([DAL_MODULE_SIMPLE], [
DAL_MODULE_POSSIBLE([$1])
DAL_MODULE_LIBRARY([$1], [$2], [$3], [$4], [$5])
AM_CONDITIONAL([WITH_]m4_toupper([$1]), [test "$dal_have_$1" = yes])
])

# DAL_JEMALLOC_FLAGS
# How a jemalloc of our own reaches its thread-local storage. TLS descriptors (gnu2) save 38
# of 131 instructions a pair where that is static (a module that is preloaded), but before glibc
# 2.40 their slow path, a thread's first access, does not keep vector registers, contrary to
# the ABI (glibc bug 31372). That access is in the functions by which a thread enters jemalloc,
# all in one file: it uses none. A compiler that cannot promise that gets general-dynamic calls.
AC_DEFUN([DAL_JEMALLOC_FLAGS], [
AC_CACHE_CHECK([for TLS descriptors], [dal_cv_tls_descriptors],
  [dal_save_CFLAGS=$CFLAGS
   CFLAGS="$CFLAGS -Werror -fPIC -mtls-dialect=gnu2 -mgeneral-regs-only"
   AC_COMPILE_IFELSE([AC_LANG_SOURCE([[static __thread int number;
int *where(void);
int *where(void) { return &number; }]])],
     [dal_cv_tls_descriptors=yes], [dal_cv_tls_descriptors=no])
   CFLAGS=$dal_save_CFLAGS])
AS_IF([test "$dal_cv_tls_descriptors" = yes],
  [AC_SUBST([JEMALLOC_TLS_CFLAGS], [-mtls-dialect=gnu2])
   AC_SUBST([JEMALLOC_ENTRY_CFLAGS], [-mgeneral-regs-only])])
AS_IF([test -n "$host_alias"],
  [AC_SUBST([JEMALLOC_CONFIGURE_FLAGS], ["--host=$host_alias --build=$build"])])
])

# DAL_JEMALLOC
AC_DEFUN([DAL_JEMALLOC], [
DAL_MODULE_POSSIBLE([jemalloc])
dal_jemalloc_flavour=no
AS_IF([test -n "$with_jemalloc_source" && test "$with_jemalloc" != no],
  [dal_jemalloc_flavour=source
   AC_SUBST([JEMALLOC_SOURCE], [`cd "$with_jemalloc_source" && pwd`])
   dal_module_jemalloc="one of its own from $JEMALLOC_SOURCE, opened at any time"
   DAL_JEMALLOC_FLAGS],
  [DAL_MODULE_LIBRARY([jemalloc], [jemalloc/jemalloc.h], [mallocx(8, 0)], [jemalloc], [libjemalloc-dev])
   AS_IF([test "$dal_have_jemalloc" = yes],
     [dal_jemalloc_flavour=system
      DAL_JEMALLOC_CAN_BE_OPENED])])
AS_CASE([$dal_jemalloc_flavour],
  [source], [JEMALLOC_LIBS="-Wl,backends/jemalloc/private/lib/libjemalloc_pic.a -lpthread -ldl"],
  [system], [JEMALLOC_LIBS="-ljemalloc -ldl"])
AC_SUBST([JEMALLOC_LIBS])
AC_SUBST([JEMALLOC_START_LIBS], ["-Wl,backends/jemalloc/start/private/lib/libjemalloc_pic.a -lpthread -ldl"])
AM_CONDITIONAL([WITH_JEMALLOC], [test "$dal_jemalloc_flavour" != no])
AM_CONDITIONAL([WITH_JEMALLOC_SOURCE], [test "$dal_jemalloc_flavour" = source])
AC_CONFIG_COMMANDS([backends/jemalloc/private.conf],
  [AS_IF([test -n "$jemalloc_parameters"],
     [AS_MKDIR_P([backends/jemalloc])
      AS_ECHO(["$jemalloc_parameters"]) >conftest.private
      cmp -s conftest.private backends/jemalloc/private.conf ||
        cp conftest.private backends/jemalloc/private.conf
      rm -f conftest.private])],
  [jemalloc_parameters="$JEMALLOC_SOURCE${JEMALLOC_SOURCE:+ $CC $JEMALLOC_TLS_CFLAGS $JEMALLOC_ENTRY_CFLAGS $JEMALLOC_CONFIGURE_FLAGS}"])
])

# DAL_JEMALLOC_CAN_BE_OPENED
# Whether the system's jemalloc can be opened by a running program: for the report.
AC_DEFUN([DAL_JEMALLOC_CAN_BE_OPENED], [
AC_CACHE_CHECK([whether a running program can open libjemalloc], [dal_cv_jemalloc_opens],
  [dal_save_LIBS=$LIBS
   LIBS="-ldl $LIBS"
   AC_RUN_IFELSE([AC_LANG_PROGRAM([[#include <dlfcn.h>]],
     [[return !dlopen("libjemalloc.so.2", RTLD_NOW);]])],
     [dal_cv_jemalloc_opens=yes], [dal_cv_jemalloc_opens=no], [dal_cv_jemalloc_opens=unknown])
   LIBS=$dal_save_LIBS])
AS_CASE([$dal_cv_jemalloc_opens],
  [no], [dal_module_jemalloc="$dal_module_jemalloc, for programs that link or preload it only
                        (it cannot be opened later; --with-jemalloc-source=DIR makes one that can)"])
])

# DAL_MODULES
AC_DEFUN([DAL_MODULES], [
dal_no_modules=
AS_IF([test "$dal_os" = windows], [dal_no_modules="there are no modules on this system"],
  [test "$enable_shared" != yes], [dal_no_modules="modules need --enable-shared"])
DAL_JEMALLOC
DAL_MODULE_SIMPLE([mimalloc], [mimalloc.h], [mi_malloc(8)], [mimalloc], [libmimalloc-dev])
DAL_MODULE_SIMPLE([tcmalloc], [gperftools/tcmalloc.h], [tc_malloc(8)], [tcmalloc_minimal],
  [libgoogle-perftools-dev])
DAL_MODULE_SIMPLE([tbb], [tbb/scalable_allocator.h], [scalable_malloc(8)], [tbbmalloc],
  [libtbb-dev])
TBB_VERSION=`$PKG_CONFIG --modversion tbb 2>/dev/null` || TBB_VERSION=unknown
AC_SUBST([TBB_VERSION])
# No initial-exec here: a module is opened by a running program.
AX_APPEND_COMPILE_FLAGS([-fvisibility=hidden -fno-plt], [DAL_MODULE_CFLAGS], [-Werror])
AC_SUBST([DAL_MODULE_CFLAGS])
])
