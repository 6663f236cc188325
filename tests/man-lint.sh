# SPDX-License-Identifier: MIT
# Every page is clean under mandoc's checks.
set -eu
command -v mandoc >/dev/null 2>&1 || {
    echo "mandoc is not installed"
    exit 77
}
mandoc -Tlint -Wwarning "$srcdir"/doc/man/*.[137]
