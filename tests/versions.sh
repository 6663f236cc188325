# SPDX-License-Identifier: MIT
# Parts of different versions. The command, the library that the loader gives it and the
# interposer have to be of one version: any other is refused by name. A module may be of another
# version as long as the numbers of the interface fit. What is here is version A; B is a copy of
# its installed files in which the text of the version is another.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$shared" ] || skip "no shared library was built"
[ -e "$builddir/.libs/libdispatchalloc-preload.so" ] || skip "the interposer was not built"
not_sanitized "a sanitizer has a malloc of its own"
unset MAKEFLAGS MFLAGS MAKELEVEL LD_LIBRARY_PATH LD_PRELOAD
umask 022
LC_ALL=C
export LC_ALL

# ---- Two versions in two places ----------------------------------------------------------------
(cd "$builddir" && $MAKE install-libLTLIBRARIES install-binPROGRAMS DESTDIR="$work/a") >"$work/log" 2>&1 ||
    { cat "$work/log"; give_up "version A is not installed"; }
cp -R "$work/a" "$work/b"

# The version of B has as many characters, so that it fits where A's stands.
minor=${VERSION#*.}
minor=${minor%%.*}
other=${VERSION%%.*}.$(echo "$minor" | tr 0123456789 1234567890).${VERSION##*.}
pattern=$(echo "$VERSION" | $SED 's/\./\\./g')
soname=libdispatchalloc.so.0
for file in "$libdir/$soname" "$libdir/libdispatchalloc-preload.so"; do
    [ -e "$work/a$file" ] || give_up "$file is not installed"
    $SED "s/$pattern/$other/g" "$work/a$file" >"$work/changed"
    [ "$(wc -c <"$work/changed")" = "$(wc -c <"$work/a$file")" ] || give_up "$file has another length"
    ! cmp -s "$work/changed" "$work/a$file" || give_up "$file has no version"
    cat "$work/changed" >"$work/b$file"
done
# The command compares, and what a compiler makes of that has the version among its instructions.
mkdir -p "$work/include/dispatchalloc"
$SED "s/$pattern/$other/g" "$builddir/include/dispatchalloc/version.h" >"$work/include/dispatchalloc/version.h"
# shellcheck disable=SC2086,SC2046 # lists
quietly $CC $CPPFLAGS $CFLAGS "-I$work/include" "-I$builddir" "-I$srcdir" $include \
    -o "$work/b$bindir/dispatchalloc" "$srcdir/tools/version.c" \
    $(find "$builddir/tools" -name 'dispatchalloc-*.o' ! -name dispatchalloc-version.o) \
    "$builddir/lib/base/tools_dispatchalloc-nearest.o" \
    "$builddir/.libs/libprofile.a" "$builddir/.libs/libconformance.a" "-L$builddir/.libs" -ldispatchalloc $LDFLAGS -lpthread ||
    give_up "the command of version B is not built"

# ---- The command with each of the others -------------------------------------------------------

# try COMMAND LIBRARY INTERPOSER STATUS OUTPUT MESSAGE ARGUMENT...: each of the first three is the
# a or b that it comes from; OUTPUT and MESSAGE are patterns.
try() {
    tool=$work/$1$bindir/dispatchalloc used_library=$work/$2$libdir
    used_interposer=$work/$3$libdir/libdispatchalloc-preload.so
    called="$1 with library $2 and interposer $3" wanted=$4 output=$5 message=$6
    shift 6
    code=0
    LD_LIBRARY_PATH=$used_library DISPATCHALLOC_INTERPOSER=$used_interposer "$tool" "$@" \
        >"$work/out" 2>"$work/err" </dev/null || code=$?
    [ "$code" = "$wanted" ] || fail "$called: $*: exit status $code, not $wanted"
    # shellcheck disable=SC2254 # patterns
    case $(cat "$work/out") in $output) ;; *) fail "$called: $*: printed: $(cat "$work/out")" ;; esac
    # shellcheck disable=SC2254
    case $(cat "$work/err") in $message) ;; *) fail "$called: $*: said: $(cat "$work/err")" ;; esac
}
# refuses VERSION FILE VERSION: what the command of the first says of a file of the other.
refuses() { echo "dispatchalloc: dispatchalloc $1 cannot use $2, which is of version $3; both have to be of one version"; }

try a a a 0 "dispatchalloc (libdispatchalloc) $VERSION*" '' --version
try b b b 0 "dispatchalloc (libdispatchalloc) $other*" '' --version
try a a a 0 hello "dispatchalloc: system $VERSION serves *" run -v -b system echo hello
try b b b 0 hello "dispatchalloc: system $other serves *" run -v -b system echo hello

interposer=$libdir/libdispatchalloc-preload.so
for command in 'run -b system' 'compare -n 1 -b system'; do
    # shellcheck disable=SC2086 # words
    {
        try a a b 2 '' "$(refuses "$VERSION" "$work/b$interposer" "$other")" $command sh -c 'echo ran >&2'
        try b b a 2 '' "$(refuses "$other" "$work/a$interposer" "$VERSION")" $command sh -c 'echo ran >&2'
    }
done
try a a b 2 '' "$(refuses "$VERSION" "$work/b$interposer" "$other")" doctor true

# The loader goes by the name of the library's file, which has no version in it.
for command in 'run true' 'list --names' --version 'verify -q system'; do
    # shellcheck disable=SC2086
    {
        try a b a 126 '' "$(refuses "$VERSION" "$work/b$libdir/$soname" "$other")" $command
        try b a b 126 '' "$(refuses "$other" "$work/a$libdir/$soname" "$VERSION")" $command
    }
done

# ---- Modules ---------------------------------------------------------------------------------
# Built with B's headers as they are, and as they would be with another number.
header=$srcdir/include/dispatchalloc/backend.h
number=$(sed -n 's/^#define DAL_BACKEND_ABI \([0-9]*\)u$/\1/p' "$header")
mkdir -p "$work/later/dispatchalloc"
sed "s/^#define DAL_BACKEND_ABI .*/#define DAL_BACKEND_ABI $((number + 1))u/" \
    "$header" >"$work/later/dispatchalloc/backend.h"
mkdir "$work/modules"
modules=$(cd "$work/modules" && pwd -P)
DISPATCHALLOC_MODULE_PATH=$modules
export DISPATCHALLOC_MODULE_PATH
module() { # NAME FLAG...
    name=$1
    shift
    # shellcheck disable=SC2086 # flags
    quietly $CC -shared -fPIC -fvisibility=hidden "$@" $include "-DNAME=\"$name\"" \
        "$srcdir/tests/loader/module.c" -o "$modules/$name.so" || give_up "module $name is not built"
}
module equal "-I$work/include"
module later "-I$work/later" "-I$work/include"
refusal="module $modules/later.so, version 1.2.3: its struct dal_backend has version $((number + 1)), libdispatchalloc $VERSION knows $number"
try a a a 0 '*equal*1.2.3*' '' explain equal
try a a a 2 '' "dispatchalloc: spec \"later\": $refusal" explain later
try a a a 0 '' '*equal 1.2.3 serves (DISPATCHALLOC_MALLOC=equal)' run -v -b equal true
# With the interposer alone there is no command to look at it before.
said=$(LD_PRELOAD=$work/a$interposer:$modules/later.so DISPATCHALLOC_MALLOC=later sh -c : 2>&1) || said="exit $?: $said"
expect "the interposer about a later module" \
    "dispatchalloc: DISPATCHALLOC_MALLOC=later: $refusal; \"system\" serves" "$said"
finish
