# SPDX-License-Identifier: MIT
# Modules: where they are found, which are refused and with what words, and that nothing is
# ever opened by an allocation.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$shared" ] || skip "no shared library was built"

umask 022
mkdir -p "$work/modules/deep" "$work/second"
modules=$(cd "$work/modules" && pwd -P)
second=$(cd "$work/second" && pwd -P)
LD_LIBRARY_PATH=$builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
unset DISPATCHALLOC_STRICT DISPATCHALLOC_VERBOSE

# module FILE NAME [flags]
module() {
    out=$1 name=$2
    shift 2
    # shellcheck disable=SC2086
    $CC $CFLAGS -shared -fPIC -fvisibility=hidden $include "-DNAME=\"$name\"" "$@" \
        "$srcdir/tests/loader/module.c" -o "$out"
}

# shellcheck disable=SC2086
program() { out=$1; shift; $CC $CFLAGS $include "$@" -o "$out"; }

module "$modules/good.so" good
module "$modules/longer.so" longer -DLONGER
module "$modules/shorter.so" shorter -DSHORTER
module "$modules/abi.so" abi -DFAULT_ABI
module "$modules/tail.so" tail -DFAULT_TAIL
module "$modules/name.so" name -DFAULT_NAME
module "$modules/symbol.so" symbol -DFAULT_SYMBOL
module "$modules/option.so" option -DFAULT_OPTION
module "$modules/type.so" type -DFAULT_TYPE
module "$modules/tls.so" tls "-DFAULT_TLS=(1 << 20)"
module "$second/good.so" good -DFAULT_ABI
echo "not code" >"$modules/junk.so"
head -c 5000 "$modules/good.so" >"$modules/cut.so"
echo 'int nothing;' | $CC -shared -fPIC -xc - -o "$modules/plain.so"
program "$work/serve" "$srcdir/tests/loader/serve.c" -L"$builddir/.libs" -ldispatchalloc

export DISPATCHALLOC_MODULE_PATH="$modules"

# try WHAT-SERVES MESSAGE-PATTERN SPEC: the program is run with the spec in the
# environment; standard error has to match the pattern as a whole.
try() {
    serves=$(DISPATCHALLOC_BACKEND=$3 "$work/serve" 2>"$work/stderr") || serves="exit $?"
    like "$3: said" "$2" "$(cat "$work/stderr")"
    expect "$3: who serves" "$1" "$serves"
}

# A directory that others can write is one that no module is loaded from.
DISPATCHALLOC_BACKEND=good "$work/serve" >/dev/null 2>"$work/stderr"
if grep -q "is refused" "$work/stderr" && ! grep -q "$modules " "$work/stderr"; then
    skip "$modules is not safe to load from: $(cat "$work/stderr")"
fi

prefix='dispatchalloc: DISPATCHALLOC_BACKEND='
system='; "system" serves'
try good '' good
try good '' "$modules/good.so"
try longer '' longer
try shorter '' shorter
try system "${prefix}abi: module $modules/abi.so, version 1.2.3: its struct dal_backend has version 7, libdispatchalloc $VERSION knows 1$system" abi
try system "${prefix}tail: module $modules/tail.so, version 1.2.3: its struct dal_backend has * bytes, libdispatchalloc $VERSION knows * and the rest is not zero$system" tail
try system "${prefix}name: module $modules/name.so, version 1.2.3, has the backend \"other\", not \"name\"$system" name
try other '' "$modules/name.so"
try system "${prefix}option: module $modules/option.so, version 1.2.3: its option \"size\" does not accept its own default$system" option
try system "${prefix}type: module $modules/type.so, version 1.2.3: its option \"size\" is of type 99, libdispatchalloc $VERSION knows 1 to *$system" type
try system "${prefix}plain: $modules/plain.so is not a module: it has no descriptor (DAL_MODULE makes one)$system" plain
try system "${prefix}junk: module $modules/junk.so cannot be opened: *$system" junk
try system "${prefix}cut: module $modules/cut.so cannot be opened: the file has been cut short$system" cut
if [ -z "$sanitized" ]; then
    try system "${prefix}symbol: module $modules/symbol.so cannot be opened: *nobody_has_this*$system" symbol
    if is_glibc; then
        advice='*static TLS*; starting the program with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096 makes room'
    else
        advice='*initial-exec TLS*; it would have to be there from the start of the program, as by LD_PRELOAD'
    fi
    try system "${prefix}tls: module $modules/tls.so cannot be opened: $advice$system" tls
fi
try system "${prefix}goood: no backend or layer is called \"goood\" (did you mean \"good\"?); known: *good*; searched for modules: $modules *$system" goood
try system "${prefix}/nowhere/x.so: there is no module /nowhere/x.so$system" /nowhere/x.so
try system "${prefix}modules/good.so: no backend or layer is called \"modules/good.so\"; the path of a module has to be absolute$system" modules/good.so
try system "${prefix}../modules/good: no backend or layer is called *$system" ../modules/good
try system "${prefix}$modules: module $modules is refused: it is not a regular file$system" "$modules"

# The first directory that has the name decides, also when what it has is refused.
DISPATCHALLOC_MODULE_PATH="$second:$modules"
try system "${prefix}good: module $second/good.so, version 1.2.3: its struct dal_backend has version 7*" good
DISPATCHALLOC_MODULE_PATH="/nowhere::$modules:"
try good '' good
# A link that leads nowhere is there, and no other file of its name is taken.
ln -s nowhere.so "$second/gone.so"
module "$modules/gone.so" gone
ln -s junk.so/x "$second/astray.so"
DISPATCHALLOC_MODULE_PATH="$second:$modules"
nowhere="is refused: it is a symbolic link to what is not there"
try system "${prefix}gone: module $second/gone.so $nowhere$system" gone
try system "${prefix}$second/gone.so: module $second/gone.so $nowhere$system" "$second/gone.so"
try system "${prefix}astray: module $second/astray.so $nowhere$system" astray
DISPATCHALLOC_MODULE_PATH="$modules:$second"
try gone '' gone
rm "$second/gone.so" "$second/astray.so" "$modules/gone.so"
# A relative directory is not looked at.
cd "$work"
DISPATCHALLOC_MODULE_PATH=modules
try system "${prefix}good: no backend or layer is called \"good\"*" good
DISPATCHALLOC_MODULE_PATH=$modules

# By a call instead of the environment.
expect "dal_global_set_spec(good)" good "$("$work/serve" good 2>&1)"
like "dal_global_set_spec(junk)" "dispatchalloc: dal_global_set_spec(\"junk\"): module $modules/junk.so cannot be opened: *
refused
system" "$("$work/serve" junk 2>&1)"

# ---- What others could change ----------------------------------------------------------
refused() { try system "${prefix}good: module $modules/good.so is refused: $1$system" good; }
chmod o+w "$modules/good.so"; refused "$modules/good.so (mode 0757, *): everybody may write it"
chmod o-w "$modules/good.so"
chmod o+w "$modules"; refused "$modules (mode 0757, *): everybody may write it"
chmod +t "$modules"; refused "$modules (mode 1757, *): everybody may write it"
chmod 755 "$modules"
parent=${modules%/*}
chmod 777 "$parent"; refused "$parent (mode 0777, *): everybody may write it"
chmod 1777 "$parent"; try good '' good
chmod 755 "$parent"
if [ "$(id -u)" = 0 ]; then
    chown 65534 "$modules/good.so"; refused "$modules/good.so (mode 0755, owner 65534, *): another user owns it"
    chown 0 "$modules/good.so"
    chgrp 65534 "$modules"; chmod g+w "$modules"
    theirs="a group may write it that is not the user's own"
    refused "$modules (mode 0775, *, group 65534): $theirs"
    chgrp 0 "$modules"; try good '' good
    # What a list gives to another user hides behind the group bits of the mode.
    if setfacl -m u:65534:rwx "$modules" 2>/dev/null; then
        listed='its access control list lets others write it'
        refused "$modules (mode 0775, *): $listed"
        setfacl -b "$modules"; setfacl -m g:65534:rwx "$modules"; refused "$modules (mode 0775, *): $listed"
        setfacl -b "$modules"; setfacl -m u:65534:rx "$modules"; chmod 755 "$modules"; try good '' good
        setfacl -b "$modules"; setfacl -m u:65534:rw "$modules/good.so"
        refused "$modules/good.so (mode 0775, *): $listed"
        setfacl -b "$modules/good.so"; chmod 755 "$modules/good.so"
    else
        echo "no access control lists here (setfacl): not tested"
    fi
    chmod 755 "$modules"
fi
# What dlopen() would open is another file than what was looked at.
for name in '$LIB' '$ORIGIN' 'a$PLATFORM'; do
    mkdir "$modules/$name"; cp "$modules/good.so" "$modules/$name/"
    try system "${prefix}$modules/$name/good.so: module $modules/$name/good.so is refused: the dynamic loader puts another path in the place of \$ORIGIN, \$LIB and \$PLATFORM$system" "$modules/$name/good.so"
done
# What counts is where a link leads.
chmod 777 "$modules/deep"
mv "$modules/good.so" "$modules/deep/good.so"
ln -s deep/good.so "$modules/good.so"
try system "${prefix}good: module $modules/deep/good.so is refused: $modules/deep (mode 0777, *): everybody may write it$system" good
chmod 755 "$modules/deep"; try good '' good

# ---- Nothing is opened by an allocation --------------------------------------------------
for first in '' -DTHREAD_FIRST; do
    # shellcheck disable=SC2086
    program "$work/plugin.so" $first -shared -fPIC "$srcdir/tests/loader/plugin.c" \
        -L"$builddir/.libs" -ldispatchalloc -lpthread
    program "$work/host" "$srcdir/tests/loader/host.c" -ldl
    said=$(DISPATCHALLOC_BACKEND=good timeout 20 "$work/host" "$work/plugin.so" 2>&1) || said="exit $?: $said"
    expect "plugin $first" "plugin served by good" "$said"
done

# ---- Two copies, and the static library --------------------------------------------------
if [ -e "$builddir/.libs/libdispatchalloc.a" ] && [ -z "$sanitized" ]; then
    cat >"$work/both.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <dispatchalloc.h>
int main(int argc, char **argv)
{
    void *other = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    (void)argc;
    dal_dealloc(dal_alloc(1, 1), 1, 1);
    return other == NULL;
}
END
    program "$work/both" "$work/both.c" "$builddir/.libs/libdispatchalloc.a" -ldl -lpthread
    said=$("$work/both" "$builddir/.libs/libdispatchalloc.so" 2>&1) || said="exit $?: $said"
    # musl's loader has a name for it.
    is_glibc && first='the program' || first=$work/both
    like "two copies" "dispatchalloc: 2 copies of libdispatchalloc are in this process, each with an allocator of its own: $first, *libdispatchalloc.so*" "$said"

    program "$work/static" "$srcdir/tests/loader/serve.c" "$builddir/.libs/libdispatchalloc.a" -lpthread
    said=$(DISPATCHALLOC_BACKEND=good "$work/static" 2>&1) || said="exit $?: $said"
    like "static library without the loader" "${prefix}good: no backend or layer is called \"good\"; known: *; no module can be opened: this program is linked without the loader (-Wl,-u,dal_loader_find_ adds it)$system*" "$said"
    said=$(DISPATCHALLOC_BACKEND=/x.so "$work/static" 2>&1) || said="exit $?: $said"
    like "static library, path without the loader" "${prefix}/x.so: no module can be opened: this program is linked without the loader (-Wl,-u,dal_loader_find_ adds it)$system*" "$said"
    # What has no loader hears why.
    # shellcheck disable=SC2086
    if program "$work/fully-static" -static "$srcdir/tests/loader/serve.c" "$builddir/.libs/libdispatchalloc.a" \
        -lpthread 2>"$work/linked"; then
        for flags in '' -static-pie; do
            [ -z "$flags" ] || program "$work/fully-static" -fPIE $flags "$srcdir/tests/loader/serve.c" \
                "$builddir/.libs/libdispatchalloc.a" -lpthread 2>/dev/null || continue
            # musl-gcc takes the flag, and links with the loader nevertheless.
            ! readelf -lW "$work/fully-static" | grep -q INTERP || continue
            none="no module can be opened: a static program opens none (link it dynamically)$system"
            said=$(DISPATCHALLOC_BACKEND=jemalloc "$work/fully-static" 2>&1) || said="exit $?: $said"
            like "static program $flags" "${prefix}jemalloc: no backend or layer is called \"jemalloc\"; known: *; $none*" "$said"
            said=$(DISPATCHALLOC_BACKEND=/x.so "$work/fully-static" 2>&1) || said="exit $?: $said"
            like "static program $flags, path" "${prefix}/x.so: $none*" "$said"
            said=$(DISPATCHALLOC_BACKEND=arena:limit=64M "$work/fully-static" 2>&1) || said="exit $?: $said"
            expect "static program $flags, built in" arena "$said"
        done
    fi
    program "$work/static-loader" "$srcdir/tests/loader/serve.c" -Wl,-u,dal_loader_find_ \
        "$builddir/.libs/libdispatchalloc.a" -lpthread -ldl
    said=$(DISPATCHALLOC_BACKEND=good "$work/static-loader" 2>&1) || said="exit $?: $said"
    expect "static library with the loader" good "$said"
fi

# ---- A choice that cannot be carried out is tried once, and told --------------------------------
cat >"$work/failing.c" <<'END'
#include <dispatchalloc/module.h>
static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)allocator;
    request->services->line("create() is called");
    return request->fail(request, DAL_ERR_SYSTEM, "the server does not answer");
}
static const struct dal_backend failing = {
    DAL_BACKEND_HEADER, .name = "failing", .version = "1", .summary = "fails", .create = create};
DAL_MODULE(failing);
END
# shellcheck disable=SC2086 # flags
$CC $CFLAGS -w -shared -fPIC -fvisibility=hidden $include "$work/failing.c" -o "$modules/failing.so"
try system "dispatchalloc: create() is called
${prefix}failing: \"failing\": the server does not answer$system" failing

# No page to start with: the first call of mmap() fails.
cat >"$work/starve.c" <<'END'
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined __x86_64__
# define MAP(offset) syscall(SYS_mmap, at, bytes, access, flags, file, offset)
#elif defined __i386__
# define MAP(offset) syscall(SYS_mmap2, at, bytes, access, flags, file, (long)((offset) >> 12))
#endif
#undef mmap
#undef mmap64
void *mmap64(void *at, size_t bytes, int access, int flags, int file, off64_t offset)
{
    static int calls;
    if ((flags & MAP_ANONYMOUS) && getenv("STARVE") && calls++ == 0)
        return errno = ENOMEM, MAP_FAILED;
    return (void *)MAP(offset);
}
void *mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset)
{
    return mmap64(at, bytes, access, flags, file, offset);
}
END
if [ -z "$sanitized" ] && is_glibc && $CC -D_GNU_SOURCE -w -shared -fPIC "$work/starve.c" -o "$work/starve.so" 2>/dev/null; then
    for strict in 0 1; do
        code=0
        STARVE=1 LD_PRELOAD=$work/starve.so DISPATCHALLOC_STRICT=$strict DISPATCHALLOC_BACKEND=arena:limit=64M \
            "$work/serve" >"$work/stdout" 2>"$work/stderr" || code=$?
        case $strict in 0) expected=0 ;; *) expected=134 ;; esac
        expect "no memory to start with, strict $strict: exit status" "$expected" "$code"
        like "no memory to start with, strict $strict" \
            "dispatchalloc: DISPATCHALLOC_BACKEND: there was no memory to start with*" "$(cat "$work/stderr")"
    done
fi

# ---- A program that asks for nothing opens nothing ---------------------------------------
if command -v strace >/dev/null 2>&1 && strace -o /dev/null true 2>/dev/null; then
    unset DISPATCHALLOC_BACKEND
    # (LeakSanitizer does not work under ptrace.)
    ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 strace -f -e trace=file -o "$work/trace" "$work/serve" >/dev/null
    if grep -e "$modules" -e /dispatchalloc "$work/trace" | grep -v -e 'execve(' -e 'libdispatchalloc'; then
        fail "a program that asks for no module looks for some (above)"
    fi
fi
finish
