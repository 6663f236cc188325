# SPDX-License-Identifier: MIT
# Every page is clean under mandoc's checks.
set -eu
. "$srcdir/tests/lib.sh"
command -v mandoc >/dev/null 2>&1 || skip "mandoc is not installed"
mandoc -Tlint -Wwarning "$srcdir"/doc/man/*.[137] || fail "mandoc complains (above)"
finish
