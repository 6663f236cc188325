# SPDX-License-Identifier: MIT
# A program in C++ with over-aligned classes.
. "$srcdir/tests/programs/lib.sh"
need "$CXX"
# Compiled once, for the first.
[ -e "$kept/aligned" ] ||
    $CXX -std=c++17 -O1 "$srcdir/tests/programs/aligned.cpp" -o "$kept/aligned" -lpthread
run "$kept/aligned" "$(amount 2000 60000)"
