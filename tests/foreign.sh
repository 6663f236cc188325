# SPDX-License-Identifier: MIT
# The library without its headers: tests/foreign.py calls what C has in line, by symbol.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$shared" ] || skip "no shared library was built"
not_sanitized "python is not"
command -v python3 >/dev/null 2>&1 && python3 -c 'import ctypes' 2>/dev/null ||
    skip "no python3 with ctypes"
for backend in system arena; do
    DISPATCHALLOC_BACKEND=$backend python3 "$srcdir/tests/foreign.py" \
        "$builddir/.libs/libdispatchalloc.so" $backend || fail "$backend"
done
finish
