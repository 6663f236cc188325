#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds as distributions and others make them, one after another, each with the tests that could
# notice and with a program that uses what `make install` puts below a directory with a blank in
# its name. Arguments are names of builds to be made alone. What a compiler lacks is left out.
. "${0%/*}/lib.sh"
need gcc:gcc check:/usr/include/check.h dpkg-dev:dpkg-buildflags pkg-config:pkg-config
all=$directory
only=" $* "
[ $# -gt 0 ] || [ "${PLATFORM_SHORT-}" != yes ] || only=' fedora static-only blanks '

gcc_lto='CC=gcc AR=gcc-ar NM=gcc-nm RANLIB=gcc-ranlib'
clang_lto='CC=clang AR=llvm-ar NM=llvm-nm RANLIB=llvm-ranlib'

debian() { DEB_BUILD_MAINT_OPTIONS=hardening=+all dpkg-buildflags --get "$1"; }

# A line each: name | arguments of configure, or -jN of make | CFLAGS | LDFLAGS. With --enable-werror
# all programs of the tests are made, else those of the tests below.
table() {
    cat <<END
O0||-O0 -g|
O3||-O3 -g|
Os||-Os -g|
O3-lto|--enable-werror $gcc_lto|-O3 -g -flto=auto -ffat-lto-objects|
O3-lto-static|--enable-werror --disable-shared $gcc_lto|-O3 -g -flto=auto -ffat-lto-objects|
clang-thin-lto|--disable-static $clang_lto|-O2 -g -flto=thin|-fuse-ld=lld
debian||$(debian CPPFLAGS) $(debian CFLAGS)|$(debian LDFLAGS)
ubuntu|$gcc_lto|-O2 -g -flto=auto -ffat-lto-objects -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -fstack-protector-strong -fstack-clash-protection -Wformat -Werror=format-security -fcf-protection -D_FORTIFY_SOURCE=3|-Wl,-Bsymbolic-functions -flto=auto -ffat-lto-objects -Wl,-z,relro -Wl,-z,now
fedora|$gcc_lto|-O2 -flto=auto -ffat-lto-objects -fexceptions -g -grecord-gcc-switches -pipe -Wall -Werror=format-security -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3 -Wp,-D_GLIBCXX_ASSERTIONS -fstack-protector-strong -m64 -mtune=generic -fasynchronous-unwind-tables -fstack-clash-protection -fcf-protection -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer|-Wl,-z,relro -Wl,--as-needed -Wl,-z,pack-relative-relocs -Wl,-z,now
arch|--disable-static $gcc_lto|-march=x86-64 -mtune=generic -O2 -pipe -fno-plt -fexceptions -Wp,-D_FORTIFY_SOURCE=3 -Wformat -Werror=format-security -fstack-clash-protection -fcf-protection -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer -g -flto=auto|-Wl,-O1 -Wl,--sort-common -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,pack-relative-relocs -flto=auto
cet||-O2 -g -fcf-protection=full|
hardened||-O2 -g -fhardened|
shared-only|--disable-static|-O2 -g|
static-only|--disable-shared|-O2 -g|
many-jobs|-j8|-O2 -g|
blanks||-O2 -g|
END
}

unit='tests/check_chain tests/check_choice tests/check_fixed_arena tests/check_misuse tests/check_stats
    tests/check_race'
started='tests/choice/actor tests/choice/actor_link tests/choice/actor_veto tests/choice/actor_link_veto
    tests/race/first tests/race/first_early tests/race/forks tests/race/choices'
scripts='tests/symbols.sh tests/structure.sh tests/front.sh tests/fixed.sh tests/link-choice.sh
    tests/preload.sh tests/run.sh'

# A tree whose path has blanks, built in a directory of its own in it. (autoconf's configure
# refuses to be called by such a path; ./configure and ../configure are none.)
copied_with_blanks() {
    bootstrap
    directory="$directory/a path with blanks"
    rm -rf "$directory"
    mkdir -p "$directory/source"
    (cd "$source" && tar cf - --exclude=./build --exclude=./.git --exclude=./autom4te.cache .) |
        tar xf - -C "$directory/source"
    cd "$directory/source"
    source=../source
}

# Below a directory whose name has a blank, and used from there by pkg-config, which does not
# quote that of a sysroot. (libtool cannot install there but by a link without, and nothing can be
# preloaded from there, which is said.)
installed() (
    set -e
    root="$directory/a root"
    rm -rf "$root" "$all/link" "$all/moved"
    mkdir "$root"
    ln -s "$root" "$all/link"
    quietly install make install DESTDIR="$all/link"
    static=''
    [ -e "$root/usr/local/lib/libdispatchalloc.so" ] || static=--static
    eval "$(ask CC) $(ask CFLAGS) '$source/examples/first.c' -o first $(
        PKG_CONFIG_LIBDIR=$root/usr/local/lib/pkgconfig \
            pkg-config --define-prefix $static --cflags --libs dispatchalloc)"
    [ "$(LD_LIBRARY_PATH=$root/usr/local/lib ./first)" = 42 ]
    [ -z "$static" ] || exit 0
    "$root/usr/local/bin/dispatchalloc" run -b arena true >said 2>&1 || :
    grep -q 'cannot be preloaded: its name has a colon or a space' said
    mv "$root" "$all/moved"
    "$all/moved/usr/local/bin/dispatchalloc" run -v -b arena true >said 2>&1
    grep -q 'arena .* serves' said
)

# make_and_test NAME ARGUMENTS CFLAGS LDFLAGS: in a shell of its own.
make_and_test() (
    set -e
    name="$name: $1"
    directory=$all/$1
    rm -rf "$directory"
    mkdir -p "$directory"
    [ "$1" != blanks ] || copied_with_blanks
    arguments=''
    # shellcheck disable=SC2086,SC2116 # one line for make
    programs=$(echo $unit $started)
    for argument in $2; do
        case $argument in
        -j*) jobs=$argument ;;
        --enable-werror) programs='' arguments="$arguments $argument" ;;
        *) arguments="$arguments $argument" ;;
        esac
    done
    # shellcheck disable=SC2086 # lists of words
    configure $arguments CFLAGS="$3" LDFLAGS="$4"
    # shellcheck disable=SC2086
    run_tests $unit $scripts
    results >"$all/one"
    installed
    echo "pass 1 installed" >>"$all/one"
)

# can_make ARGUMENTS CFLAGS LDFLAGS: whether the compiler takes these flags.
can_make() (
    CC=gcc
    for argument in $1; do
        case $argument in
        CC=clang) need clang:clang lld:ld.lld llvm:llvm-ar ;;
        esac
        case $argument in CC=*) CC=${argument#CC=} ;; esac
    done
    echo 'int main(void) { return 0; }' >"$all/trivial.c"
    # shellcheck disable=SC2086
    $CC $2 $3 "$all/trivial.c" -o "$all/trivial" >"$all/trivial.log" 2>&1
)

: >"$all/wanted"
: >"$all/results"
table >"$all/table"
while IFS='|' read -r build arguments cflags ldflags <&3; do
    case $only in '  ' | *" $build "*) ;; *) continue ;; esac
    can_make "$arguments" "$cflags" "$ldflags" ||
        { say "$build: left out: the compiler that is here does not take its flags"; continue; }
    rm -f "$all/one"
    # (What is tested by "if" or "||" would go on after its first failure.)
    set +e
    make_and_test "$build" "$arguments" "$cflags" "$ldflags"
    code=$?
    set -e
    # Of a build that ends early this is all there is.
    [ $code = 0 ] || echo 'fail 1 complete' >>"$all/one"
    awk -v build="$build" '{ print $1, $2, build "/" $3 }' "$all/one" >>"$all/results"
    awk -v name="$name: $build" '{ count[$1] += $2 } END {
        printf "%s: %d passed, %d failed, %d skipped\n", name, count["pass"], count["fail"], count["skip"]
    }' "$all/one"
    # What failed is kept to be looked at.
    grep -q '^fail' "$all/one" || rm -rf "$all/$build"
done 3<"$all/table"
sed 's/^[^ ]* [0-9]* //; s/:.*//' "$all/results" | sort -u >"$all/wanted"
judge
