# SPDX-License-Identifier: MIT
# The installed product in a root in which there is nothing but musl, busybox and what is tested, so
# that nothing of another C library has a part in it. Called by musl.sh, whose busybox is the `sh`
# that comes first in PATH.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
unset DISPATCHALLOC_INTERPOSER
[ "$(id -u)" = 0 ] || skip "only root may change its root"
root=$work/root
mkdir -p "$root/bin" "$root/lib" "$root/tmp" "$root/proc" "$root/dev" "$root/modules"
sh=$(command -v sh)
cp "$(readlink -f "$sh")" "$root/bin/busybox"
for name in $("$root/bin/busybox" --list); do ln -s busybox "$root/bin/$name"; done
loader=$(readelf -lW "$sh" | sed -n 's/.*interpreter: \(.*\)]/\1/p')
cp -L "$loader" "$root$loader"
MAKEFLAGS='' "$MAKE" -s -C "$builddir" install DESTDIR="$root" >"$work/install" 2>&1 || give_up "$(cat "$work/install")"

compile() { $CC -O1 -fno-builtin -w "$@" -lpthread -ldl; }
compile "$srcdir/tests/preload/family.c" -o "$root/bin/family"
compile "$srcdir/tests/debugged/clean.c" -o "$root/bin/clean"
compile "$srcdir/tests/debugged/faults.c" -o "$root/bin/faults"
# shellcheck disable=SC2086
compile -shared -fPIC -fvisibility=hidden '-DNAME="good"' $include "$srcdir/tests/loader/module.c" \
    -o "$root/modules/good.so"
cat >"$work/open.c" <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
typedef void *allocate(size_t, size_t);
static allocate *dal_alloc;
static void *run(void *size) { return dal_alloc((size_t)size, 8); }
int main(int argc, char **argv)
{
    void *library = dlopen(argv[1], RTLD_NOW), *block = NULL;
    pthread_t thread;
    if (!library)
        return puts(dlerror()), argc;
    dal_alloc = (allocate *)dlsym(library, "dal_alloc");
    pthread_create(&thread, NULL, run, (void *)100);
    pthread_join(thread, &block);
    return !block || !run((void *)100) || puts(((const char *(*)(void))dlsym(library, "dal_global_name"))()) < 0;
}
END
compile "$work/open.c" -o "$root/bin/open"

cat >"$root/tmp/inside" <<'END'
set -eu
bad() { echo "FAIL: $*"; failed=1; }
failed=0 tool=$1/dispatchalloc library=$2
like() { # WHAT PATTERN TEXT
    case $3 in $2) ;; *) bad "$1: $3" ;; esac
}
echo "echo from a script, \$1" >/tmp/plain
chmod +x /tmp/plain
for spec in system arena:limit=2G fixed-arena:capacity=1G stats:print=off+system stats:print=off+arena:limit=2G; do
    case $spec in fixed*) small=4096 ;; *) small= ;; esac
    for debug in "" --debug; do
        said=$("$tool" run -v $debug -b $spec family $small 2>&1) || bad "family under $spec $debug"
        like "family under $spec $debug" "dispatchalloc: * serve* (DISPATCHALLOC_MALLOC=*$spec)*" "$said"
    done
    said=$("$tool" run --debug -b $spec clean 2000 2>&1) || bad "clean under $spec"
    like "clean under $spec" '' "$said"
    said=$("$tool" run --debug -b $spec faults twice 2>&1) || bad "faults under $spec"
    like "faults under $spec" '*a block of 40 bytes that was given back already*' "$said"
    like "a script under $spec" 'from a script, word' "$("$tool" run -b $spec /tmp/plain word 2>&1)"
    like "pipes under $spec" 3 "$("$tool" run -b $spec sh -c 'for i in 1 2 3; do env echo $i; done | grep -c .' 2>&1)"
done
for spec in system arena:limit=64M stats+arena:limit=64M; do
    like "the library, opened, $spec" "${spec%%[:+]*}*" "$(DISPATCHALLOC_BACKEND=$spec open "$library/libdispatchalloc.so.0" 2>/dev/null)"
    said=$("$tool" verify -q "$spec" 2>&1) || bad "verify $spec: $said"
done
export DISPATCHALLOC_MODULE_PATH=/modules
like list '*good *1.2.3*' "$("$tool" list 2>&1)"
like 'a module' '*good 1.2.3 serves (DISPATCHALLOC_MALLOC=good)' "$("$tool" run -v -b good true 2>&1)"
like explain '*limit*1G*given*' "$("$tool" explain stats+arena:limit=1G 2>&1)"
like 'what glibc is asked' '*the loader has left no trace of the program; that of glibc is needed*' "$("$tool" doctor true 2>&1)"
"$tool" run -b arena:limit=1G sleep 60 &
for i in 1 2 3 4 5 6 7 8 9 10; do
    said=$("$tool" status $! 2>&1) || :
    case $said in *arena*serves*) break ;; esac
    sleep 0.5
done
kill $!
like status "*arena * serves (DISPATCHALLOC_MALLOC=arena:limit=1G)" "$said"
like compare '*verdict*' "$("$tool" compare -n 1 -b system -b arena:limit=1G true 2>&1)"
exit $failed
END
# What this machine has is for another C library, and is refused.
other=$(command -v chroot)
if readelf -d "$other" | grep -q 'libc\.so\.6'; then
    said=$("$root$bindir/dispatchalloc" run "$other" / true 2>&1) && fail "$other is run"
    like "$other" "*: its C library is the GNU C library, and the interposer is built for another" "$said"
fi
# Mounts of its own, which are gone with it.
# shellcheck disable=SC2016 # for the shell that is started
unshare -m sh -c 'mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev" && exec chroot "$@"' sh "$root" /bin/sh /tmp/inside "$bindir" "$libdir" \
    >"$work/out" 2>&1 </dev/null || fail "inside: $(cat "$work/out")"
cat "$work/out"
finish
