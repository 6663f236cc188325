# SPDX-License-Identifier: MIT
# In a process with raised privileges (AT_SECURE) every variable is ignored, also before
# constructors have run, and dal_global_explain() says so. A real set-ID program is run.
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "a sanitizer's run-time does not start in a set-ID program"

cat >"$work/program.c" <<'EOF'
#include <dispatchalloc.h>
#include <stdio.h>
#include <sys/auxv.h>

#ifdef EARLY
static void early(void)
{
    dal_dealloc(dal_alloc(1, 1), 1, 1);
}
#if defined __linux__ && !defined __GLIBC__ /* musl, which has no such functions */
# define SECTION ".init_array.00000"
#else
# define SECTION ".preinit_array"
#endif
__attribute__((section(SECTION), used)) static void (*const first)(void) = early;
#endif

int main(void)
{
    char text[4096];

    dal_dealloc(dal_alloc(1, 1), 1, 1);
    (void)dal_global_set_spec("no such name");
    (void)dal_global_explain(text, sizeof text);
    printf("AT_SECURE %lu\n%s", getauxval(AT_SECURE), text);
    (void)dal_spec_visit("no-such-name", NULL, NULL, text, sizeof text);
    return printf("%s\n", text) < 0;
}
EOF
# The archive, where there is one: the loader may not be allowed to read the build directory.
# shellcheck disable=SC2086
for flavour in '' -DEARLY; do
    quietly $CC $CPPFLAGS $CFLAGS $flavour $include "$work/program.c" -o "$work/program$flavour" \
        ${archive:+-Wl,-u,dal_loader_find_} ${archive:-$shared} || fail "does not build: $flavour"
done
[ ! -e "$work/failures" ] || finish

mkdir "$work/modules"

raise() { # FILE
    if [ "$(id -u)" = 0 ]; then
        chown 65534 "$1" && chmod 4755 "$1"
        return
    fi
    for group in $(id -G); do
        [ "$group" = "$(id -g)" ] || { chgrp "$group" "$1" && chmod 2755 "$1"; return; }
    done
    skip "no other user or group to give a program to"
}

variables="DISPATCHALLOC_BACKEND=fixed-arena DISPATCHALLOC_STRICT=maybe DISPATCHALLOC_VERBOSE=1 DISPATCHALLOC_MALOC=1
    DISPATCHALLOC_MODULE_PATH=$work/modules"

for flavour in '' -DEARLY; do
    program=$work/program$flavour
    # First without privileges, so that the variables are known to have an effect.
    # shellcheck disable=SC2086
    answer=$(env $variables "$program" 2>&1)
    case $answer in
    *"fixed-arena "*" serves (DISPATCHALLOC_BACKEND=fixed-arena)"*"serves: fixed-arena "*"$work/modules"*) ;;
    *) fail "without privileges $flavour: $answer" ;;
    esac

    raise "$program"
    # shellcheck disable=SC2086
    answer=$(env $variables "$program" 2>"$work/said") || fail "raised $flavour: exit $?"
    case $answer in
    'AT_SECURE 0'*) skip "set-ID programs have no effect in $work" ;;
    'AT_SECURE 1
serves: system '*'
chosen by: nobody chose
ignored: the environment, since the process has raised privileges
sealed by: '*) ;;
    *) fail "raised $flavour: $answer" ;;
    esac
    case $answer in
    *"$work/modules"*) fail "raised $flavour: modules are looked for where a variable says: $answer" ;;
    esac
    # Nothing is said but for what the program itself did too late.
    case $(cat "$work/said") in
    'dispatchalloc: dal_global_set_spec("no such name") comes too late: "system" serves since '*) ;;
    *) fail "raised $flavour says: $(cat "$work/said")" ;;
    esac
    expect "lines said, raised $flavour" 1 "$(wc -l <"$work/said" | tr -d ' ')"
done
finish
