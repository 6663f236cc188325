# SPDX-License-Identifier: MIT
# The C++ compiler of the build on an example of the library's: templates want much memory.
. "$srcdir/tests/programs/lib.sh"
need "$CXX"
cat >small.cpp <<'END'
#include <map>
#include <string>
int main() { return static_cast<int>(std::map<std::string, int>{{"a", 1}, {"b", 2}}.size()) - 2; }
END
# shellcheck disable=SC2086
run $CXX -std=c++17 -g small.cpp -o small
./small
rm small
[ "$load" = quick ] || {
    cp "$srcdir/tests/programs/aligned.cpp" "$srcdir/examples/cxx.cpp" .
    # shellcheck disable=SC2086
    run $CXX -std=c++17 -O2 -g -c aligned.cpp -o aligned.o
    # shellcheck disable=SC2086
    run $CXX -std=c++17 -O2 -I"$builddir/include" -I"$srcdir/include" -c cxx.cpp -o cxx.o
}
cksum ./*
