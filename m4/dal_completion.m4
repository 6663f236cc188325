# SPDX-License-Identifier: MIT
# The files by which shells complete the command.

# DAL_COMPLETION(SHELL, DIRECTORY)
# --with-SHELL-completion-dir=DIR|no; by default a directory of datadir that the shell knows.
AC_DEFUN([DAL_COMPLETION], [
AC_ARG_WITH([$1-completion-dir],
  [AS_HELP_STRING([--with-$1-completion-dir=DIR|no], [where $1 looks for completions @<:@DATADIR/$2@:>@])],
  [], [with_$1_completion_dir=yes])
AS_CASE([$with_$1_completion_dir], [yes], [$1_completiondir='${datadir}/$2'], [no], [],
  [$1_completiondir=$with_$1_completion_dir])
AC_SUBST([$1_completiondir])
AM_CONDITIONAL(m4_toupper([INSTALL_$1_COMPLETION]), [test "$with_$1_completion_dir" != no])
])
