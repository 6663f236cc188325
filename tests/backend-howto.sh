# SPDX-License-Identifier: MIT
# doc/backend-howto.md against the installed library: its files compile without a warning,
# its sessions print what they show, and its Autotools project builds, verifies and
# installs, and passes distcheck.
set -eu
. "$srcdir/tests/lib.sh"
umask 022
mkdir -p "$work/root" "$work/bin" "$work/try"
unset MAKEFLAGS MFLAGS MAKELEVEL

[ -n "$shared" ] || skip "no shared library was built"
not_sanitized "the conformance kit is run over modules with plain flags"
[ -n "$PKG_CONFIG" ] || skip "pkg-config is not installed"

(cd "$builddir" && $MAKE install DESTDIR="$work/root") >"$work/log" 2>&1 ||
    { cat "$work/log"; give_up "make install"; }
pc=$(find "$work/root" -name dispatchalloc.pc)
prefix=$($SED -n 's/^prefix=//p' "$pc")
$SED "s|$prefix|$work/root$prefix|g" "$pc" >"$pc.new"
mv "$pc.new" "$pc"
lib=$($PKG_CONFIG --define-variable=prefix="$work/root$prefix" --variable=libdir "$pc")
PKG_CONFIG_LIBDIR=${pc%/*} PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
ACLOCAL_PATH=$work/root$prefix/share/aclocal
PATH=$work/bin:$work/root$prefix/bin:$PATH
LD_LIBRARY_PATH=$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
DISPATCHALLOC_INTERPOSER=$lib/libdispatchalloc-preload.so
export DISPATCHALLOC_INTERPOSER
export PKG_CONFIG_LIBDIR PKG_CONFIG_ALLOW_SYSTEM_CFLAGS PKG_CONFIG_ALLOW_SYSTEM_LIBS ACLOCAL_PATH \
       PATH LD_LIBRARY_PATH
printf '#!/bin/sh\nexec %s -Wall -Wextra -Werror %s %s "$@"\n' "$CC" "$CPPFLAGS" "$CFLAGS" \
    >"$work/bin/cc"
chmod +x "$work/bin/cc"

# A block of code is the file that its first line names; a session is a line of a shell for
# each "$ ", and below it what that prints.
cd "$work/try"
awk '
    /^```/ { if (inside) { inside = 0; next }
             inside = 1; kind = substr($0, 4); file = ""; next }
    inside && kind == "console" { print > "../session"; next }
    inside && (kind == "sh" || kind == "cpp") { next }
    inside && file == "" {
        file = $0
        sub(/^(\/\*|#) */, "", file)
        sub(/ *\*\/$/, "", file)
    }
    inside { print > file }
' "$srcdir/doc/backend-howto.md"
for file in lifo.c cap.c program.c lifo_module.c configure.ac Makefile.am; do
    [ -s "$file" ] || give_up "doc/backend-howto.md has no file $file"
done

# A module in a place that others can write is refused, and that is tested elsewhere.
directory=$(pwd -P)
while [ -n "$directory" ]; do
    case $(stat -L -c %A "$directory" 2>/dev/null || ls -ld "$directory") in
    ????????w[!tT]*) skip "others may write $directory: no module is loaded from below" ;;
    esac
    directory=${directory%/*}
done

$SED -n 's/^\$ //p' ../session >../commands
at_least 8 "$(wc -l <../commands)" "commands in the sessions"
while IFS= read -r command; do
    printf '%s\n' "\$ $command"
    # In this shell, for what it exports.
    eval "$command" 2>&1 || echo "(exit status $?)"
done <../commands >../printed
diff ../session ../printed || fail "the sessions print (>) what the page does not show (<)"
unset DISPATCHALLOC_MODULE_PATH

# ---- Autotools ---------------------------------------------------------------------------

for tool in autoreconf automake libtoolize; do
    command -v $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
mkdir ../project
cp lifo.c lifo_module.c cap.c configure.ac Makefile.am ../project
cd ../project
run() { "$@" >../log 2>&1 || { cat ../log; give_up "$*"; }; }
run autoreconf -i
CFLAGS="$CPPFLAGS $CFLAGS"
export CC CFLAGS LDFLAGS
# With a cache, since it runs more than once.
run ./configure -C
run $MAKE
run $MAKE check
grep -q 'dispatchalloc verify' ../log || fail "make check does not verify"
run $MAKE install
modules=$($PKG_CONFIG --variable=backenddir dispatchalloc)
[ -f "$modules/lifo.so" ] && [ -f "$modules/cap.so" ] || fail "modules in $modules: $(ls "$modules")"
shown=$(DISPATCHALLOC_MODULE_PATH=$modules dispatchalloc explain cap+lifo) || fail "explain: status $?"
like explain "cap 1.0 (layer)*lifo 1.0 (backend)*" "$shown"
# Verified above; what is asked here is whether distcheck goes through.
grep -v -e '^ac_cv_env_' -e '^pkg_cv_' -e DISPATCHALLOC config.cache >../cache
run $MAKE distcheck DISPATCHALLOC=: DISTCHECK_CONFIGURE_FLAGS="--cache-file=$work/cache"

# Without the library configure says what is missing, or goes on as it was told.
mv "$pc" "$pc.away"
if ./configure -C >../log 2>&1; then fail "configure without the library"; fi
grep -q 'libdispatchalloc 0.1 or later is needed' ../log || { cat ../log; fail "configure's words"; }
$SED 's/DAL_BACKEND(\[0.1\])/DAL_BACKEND([99], [found=yes], [found=no])\nAS_ECHO(["found: $found"])/' \
    configure.ac >configure.new
mv configure.new configure.ac
run autoconf
run ./configure -C
grep -q '^found: no$' ../log || { cat ../log; fail "the third argument of DAL_BACKEND"; }
finish
