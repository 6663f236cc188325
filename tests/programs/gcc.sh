# SPDX-License-Identifier: MIT
# The C compiler of the build on files of the library itself: compiler, assembler and linker.
. "$srcdir/tests/programs/lib.sh"
need "$CC"
set -- "$srcdir/lib/spec/spec.c"
[ "$load" = quick ] || set -- "$srcdir"/lib/base/*.c "$srcdir"/lib/spec/*.c "$srcdir"/lib/chain/*.c \
    "$srcdir"/lib/registry/*.c "$srcdir"/lib/choice/*.c "$srcdir"/lib/front/*.c
mkdir lib
for source; do
    case $source in
    # It includes a file by where it is.
    */system_instance.c) ;;
    *) cp "$source" lib/ ;;
    esac
done
for file in lib/*.c; do
    # shellcheck disable=SC2086 # $CC may have flags
    run $CC -std=gnu11 -O2 -g -fPIC -Wall -I"$builddir" -I"$builddir/include" -I"$srcdir/include" \
        -I"$srcdir/lib" -DDAL_BACKEND_DIRECTORY='""' -c "$file" -o "${file%.c}.o"
done
cat >main.c <<'END'
#include <stdio.h>
int main(void) { return puts("made by the compiler") < 0; }
END
# shellcheck disable=SC2086
run $CC -O2 -pipe main.c -o main
./main
cksum lib/*.o main
