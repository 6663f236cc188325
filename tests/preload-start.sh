# SPDX-License-Identifier: MIT
# Odd moments of an unmodified program under the interposer, with every backend: before the first
# constructor, while a backend starts, at the end of threads and of the process, between vfork
# and exec; and other allocators in the program.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
unset LD_PRELOAD
. "$srcdir/tests/modules/find.sh"
backends="system arena:limit=2G fixed-arena:capacity=1G stats:print=off+system$modules"
sources=$srcdir/tests/preload
cd "$work"

# served SPEC PROGRAM ARG...: standard output in out; it says who serves and does not fail.
served() {
    spec=$1
    shift
    code=0
    timeout 60 "$tool" run -v -b "$spec" "$@" >out 2>err </dev/null || code=$?
    [ $code = 0 ] || fail "$* under $spec: exit status $code: $(cat out err)"
    grep -q "^dispatchalloc: .* serves (DISPATCHALLOC_MALLOC=$spec)$" err ||
        fail "$* under $spec does not say who serves: $(cat err)"
}

# ---- Before main, and around it ------------------------------------------------------------------
# early NAME FLAG...: a library that allocates before main.
early() {
    name=$1
    shift
    $CC -shared -fPIC -fno-builtin "-DNAME=$name" "$@" "$sources/early.c" -o "lib$name.so" -lpthread
}
early constructor
early init -DBY_INIT -Wl,-init,init_init
early initfirst -Wl,-z,initfirst
early thread -DBY_THREAD
early preloaded
early plugin
resolver=-DBY_IFUNC
$CC -fno-builtin -DNAME=ifunc $resolver -c "$sources/early.c" -o ifunc.o 2>/dev/null || {
    echo "the compiler has no ifunc: resolvers are not tested"
    resolver=
    $CC -fno-builtin -DNAME=ifunc -c "$sources/early.c" -o ifunc.o
}
early resolver $resolver
$CC -fno-builtin "$sources/start.c" ifunc.o -o start -L. -Wl,--no-as-needed -lconstructor -linit -linitfirst \
    -lthread -lresolver -Wl,-rpath,"$work" -lpthread -ldl
# Bound at once, which moves all the resolving before everything else.
$CC -fno-builtin -no-pie "$sources/start.c" ifunc.o -o start-now -L. -Wl,--no-as-needed -lconstructor -linit \
    -linitfirst -lthread -lresolver -Wl,-rpath,"$work" -Wl,-z,now -lpthread -ldl 2>/dev/null || cp start start-now
if [ -n "$CXX" ]; then
    $CXX -std=c++17 -shared -fPIC -O1 "$sources/plugin.cpp" -o cxxplugin.so
    $CXX -std=c++17 -O1 "$sources/locals.cpp" -o locals -lpthread
else
    cp libplugin.so cxxplugin.so
    echo "there is no C++ compiler: thread-local objects are not tested"
fi
for program in start start-now; do
    for plugin in libplugin.so cxxplugin.so; do
        "./$program" '' "$work/$plugin" || fail "$program with $plugin without the interposer"
    done
    for spec in $backends; do
        served "$spec" "./$program" '' "$work/libplugin.so"
        LD_PRELOAD=$work/libpreloaded.so served "$spec" "./$program" preloaded "$work/cxxplugin.so"
    done
done
# A program's own indirect memcpy is what the interposer is bound to: by its first call, since the
# program is not relocated before. Not where all is bound at once (-z now), as Debian's tbb is.
cat >indirect.c <<'END'
#include <stddef.h>
static void *copy(void *to, const void *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
static void *(*pick(void))(void *, const void *, size_t)
{
    return copy;
}
void *memcpy(void *to, const void *from, size_t bytes) __attribute__((ifunc("pick")));
int main(void)
{
    return 0;
}
END
if [ -n "$resolver" ] && $CC -fno-builtin indirect.c -o indirect && ./indirect; then
    for spec in system arena:limit=2G; do
        case $(readelf -d "$DISPATCHALLOC_INTERPOSER" 2>&1) in
        *BIND_NOW* | *"not found"*) echo "what is bound to the program's own memcpy is not known"; break ;;
        esac
        served "$spec" ./indirect
    done
fi
# What nobody takes of the memory for such blocks is not counted as data.
cat >first.c <<'END'
#include <fcntl.h>
#include <unistd.h>
int initfirst_check(void);
int main(void)
{
    char text[4096];
    int maps = open("/proc/self/maps", O_RDONLY);
    for (ssize_t count; (count = read(maps, text, sizeof text)) > 0;)
        if (write(1, text, (size_t)count) != count)
            return 2;
    return !initfirst_check();
}
END
$CC first.c -o first -L. -linitfirst -Wl,-rpath,"$work"
# shellcheck disable=SC3045 # where the interposer is built there is -d
(ulimit -d 3072 && ./first >out) || fail "a library that is started first, with ulimit -d"
# shellcheck disable=SC3045
(ulimit -d 3072 && served system ./first)
# reserved: the KiB of what is mapped and of no use to anybody, without the guards of stacks.
reserved() {
    total=0
    while read -r range access offset device inode file; do
        case $access:$offset:$device:$inode:$file in
        ---p:*:00:00:0:) total=$((total + (0x${range#*-} - 0x${range%-*}) / 1024)) ;;
        esac
    done <out
    echo "$total"
}
(served system ./first)
unlimited=$(reserved)
# Nor many addresses where those are limited: 24576 / 32, in steps, in place of 4096.
(ulimit -v 24576 && served system ./first)
limited=$(reserved)
[ $((unlimited - limited)) -ge 3000 ] || fail "$limited KiB are reserved under ulimit -v, and $unlimited without"
if [ -e locals ]; then
    # 20 threads, main's own, the static and the one of the handler.
    expect "locals without the interposer" 23 "$(./locals)"
    for spec in $backends; do
        served "$spec" ./locals
        expect "locals under $spec" 23 "$(cat out)"
    done
fi

# ---- A backend that calls malloc while it starts ----------------------------------------------------
mkdir modules
# shellcheck disable=SC2086 # flags
$CC -shared -fPIC -fvisibility=hidden -D_GNU_SOURCE $include "$sources/reentrant.c" -o modules/reentrant.so -lpthread
DISPATCHALLOC_MODULE_PATH=$(cd modules && pwd -P):$DISPATCHALLOC_MODULE_PATH
served reentrant ./start '' "$work/cxxplugin.so"
# shellcheck disable=SC2016 # for the shell that is started
served reentrant sh -c 'for i in 1 2 3; do (echo $i); done'

# Whose thread gives back early blocks while the slots are set: each free has to find its way.
# shellcheck disable=SC2086 # flags
$CC -shared -fPIC -fvisibility=hidden $include "$sources/overlap.c" -o modules/overlap.so -lpthread
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    served overlap true
done

# In C++: its constructors, and those of the library of C++, have run. However it is preloaded.
# shellcheck disable=SC2086 # flags
if [ -n "$CXX" ] && $CXX -std=c++17 -shared -fPIC -fvisibility=hidden $include "$sources/constructed.cpp" \
    -o modules/constructed.so; then
    served constructed true
    served constructed ./start '' "$work/cxxplugin.so"
    ln -s constructed.so modules/link.so
    for preload in modules/constructed.so ./modules/../modules/constructed.so "$work/modules/link.so"; do
        DISPATCHALLOC_MALLOC=constructed DISPATCHALLOC_VERBOSE=1 \
            LD_PRELOAD=$DISPATCHALLOC_INTERPOSER:$preload env true 2>err || fail "$preload: $(cat err)"
        grep -q '^dispatchalloc: constructed 1 serves' err || fail "preloaded as $preload: $(cat err)"
    done
fi

# Options need what the constructors of the allocator's own library make.
for module in $modules; do
    case $module in
    mimalloc) options=:reserve_os_memory=64M ;;
    tcmalloc) options=:max_total_thread_cache_bytes=1M,aggressive_memory_decommit=on ;;
    tbb) options=:soft_heap_limit=1G ;;
    jemalloc) options=:narenas=1,dirty_decay_ms=0 ;;
    *) continue ;;
    esac
    ! "$tool" explain "$module$options" >/dev/null 2>&1 ||
        served "$module$options" ./start '' "$work/cxxplugin.so"
done

# ---- What is called as the C library is ---------------------------------------------------------------
mkdir other
echo 'int of_another_libc;' >other.c
$CC -shared -fPIC other.c -o other/libc.so.6 -Wl,-soname,other.so
LD_PRELOAD=$work/other/libc.so.6 served system ./start '' "$work/libplugin.so"
LD_PRELOAD=$work/other/libc.so.6 served stats:print=off+system true

# Every function is there that the interposer needs, also those that are bound when first called.
LD_BIND_NOW=1 served system sh -c 'env true'

# ---- Other allocators in the program ----------------------------------------------------------------
# `system' is the C library's, not one that the program links and that may export __libc_malloc
# or be next in line. "whose" exits 1 where that one serves.
$CC -fno-builtin "$sources/whose.c" -o whose -ldl
if ./whose; then
    served system ./whose
    served stats:print=off+system ./whose
    for spec in $backends; do
        case $spec in jemalloc | mimalloc | tcmalloc | tbb) ;; *) continue ;; esac
        code=0
        "$tool" run -b "$spec" ./whose || code=$?
        expect "the books of the C library while $spec serves" 1 "$code"
    done
    for library in jemalloc.so.2 mimalloc.so.2.0 mimalloc.so.2 tcmalloc_minimal.so.4 tcmalloc.so.4 tbbmalloc_proxy.so.2; do
        $CC -fno-builtin "$sources/whose.c" -o linked -ldl -Wl,--no-as-needed "-l:lib$library" 2>/dev/null || continue
        echo "linked with $library"
        code=0
        ./linked || code=$?
        [ $code = 1 ] || fail "lib$library does not serve: $code"
        served system ./linked
        served stats:print=off+system ./linked
        $CC -fno-builtin "$sources/family.c" -o family -lpthread -Wl,--no-as-needed "-l:lib$library"
        for spec in $backends; do
            case $spec in fixed*) limit=4096 ;; *) limit= ;; esac
            # shellcheck disable=SC2086
            served "$spec" ./family $limit
        done
    done
else
    echo "the C library has no mallinfo2: who serves is not looked up"
fi

# What comes before every malloc without being one that is bound.
for valgrind in memcheck callgrind; do
    [ -n "$VALGRIND" ] || break
    option=
    served='dispatchalloc: arena * serves (DISPATCHALLOC_MALLOC=arena:limit=1G)'
    case $valgrind in
    memcheck) served="$served, but not malloc, which valgrind replaces (vgpreload_memcheck-*.so)" ;;
    *) option=--callgrind-out-file=/dev/null ;;
    esac
    # shellcheck disable=SC2086
    "$tool" run -v -b arena:limit=1G "$VALGRIND" -q --tool=$valgrind $option true >out 2>&1 ||
        fail "$valgrind: $(cat out)"
    like "under valgrind's $valgrind" "$served" "$(grep serves out | tail -n 1)"
done

# A malloc in the program itself comes before ours: it keeps all, and we say so.
if [ -n "$CXX" ]; then
    $CXX -std=c++17 -O1 -w -fno-builtin "$sources/own_malloc.cpp" -o own
    ./own || fail "a program with its own malloc, by itself"
    code=0
    "$tool" run -v -b arena:limit=1G sh -c ./own >out 2>&1 || code=$?
    expect "a program with its own malloc" 0 "$code"
    grep -q "arena .* serves (DISPATCHALLOC_MALLOC=arena:limit=1G), but not malloc, which is at $(pwd -P)/own+0x" out ||
        fail "a program with its own malloc: $(cat out)"
    code=0
    "$tool" run -b system ./own >out 2>&1 || code=$?
    expect "run of a program with its own malloc" "2 dispatchalloc: './own' cannot be run with another allocator: it has \
a malloc of its own, which comes before any other" "$code $(cat out)"
fi
finish
