# SPDX-License-Identifier: MIT
# dispatchalloc run --strip-deepbind: what a program opens with RTLD_DEEPBIND is served too, and the
# C library still sees who opens it. Without the option it is named.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
object=${DISPATCHALLOC_INTERPOSER%/*}/libdispatchalloc-deepbind.so
warning=${DISPATCHALLOC_INTERPOSER%/*}/libdispatchalloc-deepbind-warn.so

for file in "$object" "$warning"; do
    expect "its symbols" dlopen "$($NM -D --defined-only "$file" | sed 's/.* //')"
    # A call would be the caller that dlopen() sees. No name is needed where the way on is a jump.
    [ -n "$OBJDUMP" ] || continue
    $OBJDUMP -d --no-show-raw-insn "$file" | awk '/<dlopen>:/ { on = 1; next } /^$/ { on = 0 } on' >"$work/code"
    at_least 3 "$(wc -l <"$work/code")" "instructions of dlopen()"
    ! grep -E '[[:space:]](call|blr?|jalr?|bctrl)q?[[:space:]]' "$work/code" | grep -vE 'pc_thunk|<warn>$' || fail "dlopen() calls"
done

# A library with a run path opens two plug-ins by their names: by the first call and a later one.
cat >"$work/plugin.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
void *make(void);
void *make(void)
{
    Dl_info from;
    puts(dladdr((void *)malloc, &from) ? strrchr(from.dli_fname, '/') + 1 : "nobody");
    return strdup("a block of the plug-in");
}
END
cat >"$work/opener.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int open_both(void);
int open_both(void)
{
    static const char *const names[] = {"libone.so", "libtwo.so"};
    for (int i = 0; i < 2; i++) {
        void *plugin = dlopen(names[i], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
        if (!plugin)
            return puts(dlerror()), 1;
        free(((void *(*)(void))dlsym(plugin, "make"))());
    }
    return !!dlopen("no-such-library.so", RTLD_NOW);
}
END
echo 'int open_both(void); int main(void) { return open_both(); }' >"$work/main.c"
mkdir "$work/plugins"
for name in one two; do
    $CC -shared -fPIC "$work/plugin.c" -o "$work/plugins/lib$name.so" -ldl
done
$CC -shared -fPIC "$work/opener.c" -o "$work/libopener.so" -ldl -Wl,--enable-new-dtags,-rpath,"$work/plugins"
$CC "$work/main.c" -o "$work/main" "$work/libopener.so" -Wl,-rpath-link,"$work"

# started OPTION...: what the program prints and its status.
started() { "$tool" run "$@" "$work/main" 2>&1 && echo 0 || echo $?; }
expect "without the option" "libc.so.6
libc.so.6
0" "$(started -b system)"
for spec in system arena:limit=64M; do
    expect "with it, under $spec" "libdispatchalloc-preload.so
libdispatchalloc-preload.so
0" "$(started --strip-deepbind -b $spec)"
done
expect "a missing object" "dispatchalloc: --strip-deepbind is done by $work/libdispatchalloc-deepbind.so: No such file or directory
2" "$(cp "$DISPATCHALLOC_INTERPOSER" "$work" && DISPATCHALLOC_INTERPOSER=$work/${DISPATCHALLOC_INTERPOSER##*/} started --strip-deepbind)"

# ---- A program that opens by itself is told what goes past the interposer -----------------------
! $NM -D --undefined-only "$warning" | grep -wE '(m|c|re)alloc|free' || fail "$warning allocates"
cat >"$work/host.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* "with", "without", "noload": how the objects that follow are opened. "data": descriptor 2
 * becomes the file that is named next. Others are no objects. */
int main(int count, char **arguments)
{
    int flags = RTLD_DEEPBIND;
    for (int i = 1; i < count; i++) {
        const char *at = arguments[i];
        if (strcmp(at, "without") == 0)
            flags = 0;
        else if (strcmp(at, "noload") == 0)
            flags = RTLD_DEEPBIND | RTLD_NOLOAD;
        else if (strcmp(at, "with") == 0)
            flags = RTLD_DEEPBIND;
        else if (strcmp(at, "data") == 0)
            dup2(open(arguments[++i], O_WRONLY), 2);
        else if (strstr(at, ".so"))
            puts(dlopen(at, RTLD_NOW | RTLD_LOCAL | flags) ? at : "none");
    }
    return !!dlopen(NULL, RTLD_NOW | RTLD_DEEPBIND) - 1;
}
END
$CC "$work/host.c" -o "$work/host" -ldl -Wl,--enable-new-dtags,-rpath,"$work/plugins"
for name in three four five; do
    cp "$work/plugins/libone.so" "$work/plugins/lib$name.so"
done
# said ARGUMENT...: what is said of the objects that are opened, which are the same ones as ever.
said() {
    "$work/host" "$@" >"$work/alone" || fail "the host fails"
    "$tool" run -b arena:limit=64M "$work/host" "$@" 2>"$work/err" | cmp - "$work/alone" >&2 || fail "$*: opens others"
    cat "$work/err"
}
past="is opened with RTLD_DEEPBIND, so its calls of malloc go past the interposer; \`dispatchalloc run --strip-deepbind' takes the flag off"
expect "two objects, one twice" "dispatchalloc: libone.so $past
dispatchalloc: $work/plugins/libtwo.so $past" "$(said without libfive.so with libone.so libone.so "$work/plugins/libtwo.so" libone.so)"
expect "nothing of theirs" '' "$(said without libone.so noload libone.so libtwo.so with /no/such.so)"
# Where the loader looks: the run path, the variable, the directories of ldconfig. A name that is
# found nowhere is opened by nobody.
expect "no such library" '' "$(said no-such-library.so libone.so.so one.so)"
mkdir "$work/searched"
cp "$work/plugins/libone.so" "$work/searched/libsearched.so"
expect "by the variable" "dispatchalloc: libsearched.so $past" \
    "$(LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$work/searched said libsearched.so)"
listed=$(ldconfig -p 2>/dev/null | sed -n 's/^[[:space:]]*\(libz\.so\.1\) .*/\1/p' | head -n 1)
[ -z "$listed" ] || expect "by the list of ldconfig" "dispatchalloc: $listed $past" "$(said "$listed")"
expect "five objects" "dispatchalloc: libone.so $past
dispatchalloc: libtwo.so $past
dispatchalloc: libthree.so $past
dispatchalloc: more is opened with RTLD_DEEPBIND, and not named" \
    "$(said libone.so libtwo.so libthree.so libfour.so libfive.so libfour.so)"
control=$(printf 'lib\033\n.so')
cp "$work/plugins/libone.so" "$work/plugins/$control"
expect "a name with control characters" "dispatchalloc: lib??.so $past" "$(said "$control")"
printf '#!%s libtwo.so\n' "$work/host" >"$work/script"
chmod +x "$work/script"
expect "a script" "dispatchalloc: libtwo.so $past" "$("$tool" run -b arena:limit=64M "$work/script" 2>&1 >"$work/out")"
expect "what it opens" libtwo.so "$(cat "$work/out")"
# Blocks of the C library go past nobody, unless they are counted or looked at.
for options in '' '-b system'; do
    # shellcheck disable=SC2086
    expect "what goes past nobody by '$options'" '' "$("$tool" run $options "$work/host" libtwo.so 2>&1 >"$work/out")"
done
for options in -d '-b stats:print=off+system'; do
    # shellcheck disable=SC2086
    expect "what goes past by '$options'" "dispatchalloc: libtwo.so $past" \
        "$("$tool" run $options "$work/host" libtwo.so 2>&1 >"$work/out")"
done
expect "with the flag taken off" "libone.so" "$("$tool" run --strip-deepbind "$work/host" libone.so 2>&1)"
for off in 1 0; do
    LD_PRELOAD=$DISPATCHALLOC_INTERPOSER:$warning DISPATCHALLOC_OFF=$off "$work/host" libone.so >/dev/null 2>"$work/off.$off"
done
expect "switched off" '' "$(cat "$work/off.1")"
expect "not switched off" "dispatchalloc: libone.so $past" "$(cat "$work/off.0")"
# Descriptor 2 is the program's, and so are the signals that writing raises.
echo data >"$work/data"
"$tool" run -b arena:limit=64M "$work/host" data "$work/data" libone.so >/dev/null 2>"$work/err" || fail "with data at descriptor 2: $?"
expect "data at descriptor 2" data "$(cat "$work/data")"
(ulimit -f 0; "$tool" run -b arena:limit=64M "$work/host" libone.so >/dev/null 2>>"$work/limited") || fail "a file that cannot grow: $?"

# Who opens all extensions with the flag, and gives their blocks to others.
if command -v php >/dev/null 2>&1; then
    script='echo md5(json_encode(token_get_all("<?php echo 1 + 2;"))), "\n";'
    expect "php" "$(php -r "$script")" \
        "$("$tool" run --strip-deepbind -b arena:limit=512M php -r "$script" 2>&1 || echo $?)"
    # Not every release does.
    cat >"$work/flags.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
void *dlopen(const char *file, int flags)
{
    void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    if (flags & RTLD_DEEPBIND)
        puts("deepbind");
    return next(file, flags);
}
END
    quietly $CC -shared -fPIC "$work/flags.c" -o "$work/flags.so" -ldl || fail "does not build"
    said=$("$tool" run -b arena:limit=512M php -r "$script" 2>&1) || true
    case $(LD_PRELOAD=$work/flags.so php -r "") in
    *deepbind*) like "php, told" "dispatchalloc: /*.so is opened with RTLD_DEEPBIND*--strip-deepbind' *" "$said" ;;
    esac
fi
finish
