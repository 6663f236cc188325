# SPDX-License-Identifier: MIT
# The layer `stats` adds at most 40 instructions to a pair of alloc(32) and dealloc, on top of
# what the allocator underneath needs: counted by callgrind, as the difference of runs that
# differ in nothing but the number of pairs. That is as gcc compiles it; clang, which takes
# two instructions where an addition of three operands would do, is allowed 43.
set -eu
[ -n "$VALGRIND" ] || { echo "valgrind is not installed"; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "instructions are counted for x86-64"; exit 77; }
case " $CFLAGS " in
*-fsanitize*) echo "built with a sanitizer"; exit 77 ;;
*" -O2 "* | *" -O3 "*) ;;
*) echo "built without optimisation"; exit 77 ;;
esac

# run SPEC COUNT: instructions of a run.
run() {
    # shellcheck disable=SC2086 # words
    $LIBTOOL --quiet --mode=execute $VALGRIND --tool=callgrind --callgrind-out-file=/dev/null \
        "$builddir/tests/stats_pairs$EXEEXT" "$1" "$2" 2>&1 |
        $SED -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

[ -n "$(run system 1)" ] || { echo "valgrind cannot run what this compiler makes"; exit 77; }

# pairs SPEC: hundredths of an instruction a pair.
pairs() {
    few=$(run "$1" 10000)
    many=$(run "$1" 60000)
    echo $(((many - few) / 500))
}

bare=$(pairs system)
counted=$(pairs stats+system)
added=$((counted - bare))
echo "instructions a pair, in hundredths: system $bare, stats+system $counted, added $added"
[ $added -gt 0 ] || { echo "the layer was not there"; exit 1; }
limit=4000
! $CC --version | grep -q clang || limit=4300
[ $added -le $limit ]
