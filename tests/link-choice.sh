# SPDX-License-Identifier: MIT
# DAL_GLOBAL_ALLOCATOR() holds however the program is compiled and linked, from a constructor
# before main on; where it cannot hold, the test says so.
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "how programs are linked is tested with plain flags"

linked="signing, linked early, linked in main"
nobody="system, nobody early, nobody in main"

# build OUT COMPILER FLAGS... : a program or library, with no word from the compiler.
build() {
    out=$1
    shift
    # shellcheck disable=SC2086 # compilers and flags are words
    quietly $1 -Wall -I"$source" $include -o "$work/$out" ${2-} || {
        fail "does not build"
        return 1
    }
}

answer() { "$work/$1" 2>&1 || echo "exit $?"; }

# works COMPILER FLAGS SUFFIX: the compiler can do that here at all, without a warning (LTO
# wants a plugin, -static a static libc, and clang sees no use in -pie beside that).
works() {
    echo 'int main(void) { return 0; }' >"$work/trivial.$3"
    # shellcheck disable=SC2086
    $1 $2 "$work/trivial.$3" -o "$work/trivial" >"$work/said" 2>&1 && [ ! -s "$work/said" ] &&
        "$work/trivial"
}

# ---- Ways to compile and to link ---------------------------------------------------------
count=0
# objects COMPILER SUFFIX FLAGS: what is for the linker is left out, and nothing compiled twice.
compiled=
objects() {
    # shellcheck disable=SC2086
    set -- "$1" "$2" "$(printf '%s\n' $3 | grep -vxE -e '-Wl,.*|-fuse-ld=.*|-s|-pie|-no-pie' | tr '\n' ' ')"
    [ "$compiled" != "$*" ] || return 0
    compiled=
    for name in main choice; do
        # shellcheck disable=SC2086
        $1 -Wall -I"$source" $include $3 -c "$source/$name.$2" -o "$work/$name.o" || return 1
    done
    compiled=$*
}

try() { # COMPILER SUFFIX FLAGS LIBRARY
    count=$((count + 1))
    # shellcheck disable=SC2086
    if { objects "$1" "$2" "$3" &&
        $1 -Wall -o "$work/program" $3 "$work/main.o" "$work/choice.o" $4; } >"$work/messages" 2>&1 &&
        [ ! -s "$work/messages" ]; then
        expect "$1 $3 ... $4" "$linked" "$(answer program)"
        return
    fi
    link=$4
    case $link in
    -static*) link=-static ;;
    *) link= ;;
    esac
    if works "$1" "$3 $link" "$2"; then
        cat "$work/messages"
        fail "does not build: $1 $3 ... $4"
    else
        echo "not here: $1 $3 $link"
    fi
}

few='-O2
-O2 -ffunction-sections -fdata-sections -Wl,--gc-sections
-O3 -s -flto -fno-plt -fvisibility=hidden -ffunction-sections -fdata-sections -Wl,--as-needed,--gc-sections,-O1,-z,now,-z,relro'
many="$few
-O0
-O2 -fPIE -pie
-O2 -fno-pie -no-pie
-O2 -fvisibility=hidden
-O2 -Wl,--as-needed
-O2 -flto
-O2 -fuse-ld=gold -Wl,--gc-sections -ffunction-sections
-O2 -fuse-ld=lld -Wl,--gc-sections -fdata-sections"

try_compiler() { # COMPILER SUFFIX FLAVOURS: the few with every library there is
    printf '%s\n' "$few" >"$work/few"
    printf '%s\n' "$3" >"$work/flavours"
    while read -r flags; do
        [ -z "$shared" ] || try "$1" "$2" "$flags" "$shared"
        if [ -n "$archive" ] && grep -Fqxe "$flags" "$work/few"; then
            try "$1" "$2" "$flags" "$archive"
            try "$1" "$2" "$flags" "-static $archive"
        fi
    done <"$work/flavours"
}

source=$srcdir/tests/link
compilers >"$work/compilers"
while read -r compiler; do
    try_compiler "$compiler" c "$many"
done <"$work/compilers"

cp "$source/main.c" "$work/main.cpp"
cp "$source/choice.c" "$work/choice.cpp"
cp "$source/signature.h" "$work"
source=$work
cxx_compilers >"$work/compilers"
while read -r compiler; do
    try_compiler "$compiler" cpp "$few"
done <"$work/compilers"
source=$srcdir/tests/link
echo "$count programs"

# ---- In a library ------------------------------------------------------------------------
if [ -n "$shared" ]; then
    for hidden in '' -fvisibility=hidden; do
        build libchosen.so "$CC" \
            "-O2 -shared -fPIC $hidden -DLINK_USED $source/choice.c $shared" || continue
        library="-L$work -lchosen -Wl,-rpath,$work"
        for link in "-Wl,--no-as-needed" "-Wl,--as-needed" "-pie -fPIE" "-no-pie -fno-pie"; do
            build program "$CC" "-O2 -DLINK_USED $link $source/main.c $library $shared" &&
                expect "in a library, $link" "$linked" "$(answer program)"
        done
        build program "$CC" "-O2 -Wl,--no-as-needed $source/main.c $library $shared" &&
            expect "in a library that nothing else needs" "$linked" "$(answer program)"
        # A library that the linker drops is not there: nothing can be done, nor said.
        build program "$CC" "-O2 -Wl,--as-needed $source/main.c $library $shared" &&
            expect "in a library that the linker drops" "$nobody" "$(answer program)"
    done
fi

# A member of an archive is taken where it is asked for.
build choice.o "$CC" "-O2 -c $source/choice.c" && ar rcs "$work/libchosen.a" "$work/choice.o"
for library in "$shared" "$archive"; do
    [ -n "$library" ] || continue
    build program "$CC" "-O2 $source/main.c $work/libchosen.a $library" &&
        expect "in an archive that nothing needs, $library" "$nobody" "$(answer program)"
    build program "$CC" "-O2 -Wl,-u,dal_link_choice_ $source/main.c $work/libchosen.a $library" &&
        expect "in an archive that is asked for, $library" "$linked" "$(answer program)"
done

# ---- More than one -----------------------------------------------------------------------
if [ -n "$shared" ]; then
    line_of=$(grep -n '^DAL_GLOBAL_ALLOCATOR' "$source/choice.c" | cut -d: -f1)
    place="$source/choice.c:$line_of"
    build libsecond.so "$CC" \
        "-O2 -shared -fPIC -DLINK_USED -DLINK_SIGNATURE=\"second\" $source/choice.c $shared"
    build program "$CC" \
        "-O2 -DLINK_USED $source/main.c $work/choice.o -L$work -lsecond -Wl,-rpath,$work $shared" &&
        expect "in the program and in a library" "dispatchalloc: DAL_GLOBAL_ALLOCATOR(signing) at $place is ignored: a process has one, and it is DAL_GLOBAL_ALLOCATOR(signing) at $place
$linked" "$(answer program)"

    # One that comes by dlopen finds the choice made.
    cat >"$work/open.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <dispatchalloc.h>
int main(int argc, char **argv)
{
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    (void)argc;
    if (!library)
        return puts(dlerror());
    dal_dealloc(dal_alloc(8, 8), 8, 8);
    return puts(dal_global_name()) < 0;
}
END
    build open "$CC" "-O2 $work/open.c $shared -ldl" &&
        expect "in a library that is opened later" "dispatchalloc: DAL_GLOBAL_ALLOCATOR(signing) at $place is ignored: the library did not find it when it was loaded
system" "$("$work/open" "$work/libsecond.so" 2>&1)"

    # A program that gets this library itself by dlopen, with all that needs it.
    cat >"$work/late.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    const char *(*name)(void);
    (void)argc;
    if (!library)
        return puts(dlerror());
    *(void **)&name = dlsym(library, "dal_global_name");
    return puts(name()) < 0;
}
END
    build late "$CC" "-O2 $work/late.c -ldl" &&
        expect "with everything in a plug-in" "signing" "$("$work/late" "$work/libsecond.so" 2>&1)"
fi
for library in "$shared" "$archive"; do
    for flags in -O2 "-O2 -flto"; do
        [ -n "$library" ] && works "$CC" "$flags" c || continue
        cp "$source/choice.c" "$work/again.c"
        # shellcheck disable=SC2086
        if $CC $flags -I"$source" $include "$source/main.c" "$source/choice.c" "$work/again.c" \
            $library -o "$work/program" >"$work/said" 2>&1; then
            fail "two choices in one program link ($flags)"
        elif ! grep -q "multiple definition.*dal_link_choice_\|dal_link_choice_.*\(multiply\|already\)" "$work/said"; then
            fail "two choices in one program do not link for another reason: $(cat "$work/said")"
        fi
    done
done
finish
