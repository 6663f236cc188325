# SPDX-License-Identifier: MIT
# dispatchalloc run --strip-deepbind: what a program opens with RTLD_DEEPBIND is served too, and the
# C library still sees who opens it.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
object=${DISPATCHALLOC_INTERPOSER%/*}/libdispatchalloc-deepbind.so

expect "its symbols" dlopen "$($NM -D --defined-only "$object" | sed 's/.* //')"
# A call would be the caller that dlopen() sees. No name is needed where the way on is a jump.
if [ -n "$OBJDUMP" ]; then
    $OBJDUMP -d --no-show-raw-insn "$object" | awk '/<dlopen>:/ { on = 1; next } /^$/ { on = 0 } on' >"$work/code"
    at_least 3 "$(wc -l <"$work/code")" "instructions of dlopen()"
    ! grep -E '[[:space:]](call|blr?|jalr?|bctrl)q?[[:space:]]' "$work/code" | grep -v pc_thunk || fail "dlopen() calls"
fi

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

# Who opens all extensions with the flag, and gives their blocks to others.
if command -v php >/dev/null 2>&1; then
    script='echo md5(json_encode(token_get_all("<?php echo 1 + 2;"))), "\n";'
    expect "php" "$(php -r "$script")" \
        "$("$tool" run --strip-deepbind -b arena:limit=512M php -r "$script" 2>&1 || echo $?)"
fi
finish
