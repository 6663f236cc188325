# SPDX-License-Identifier: MIT
# 120 forks from 4 threads among 800 short-lived ones, on every backend that frees blocks.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"
program forks
for backend in system arena stats:print=off+system $modules; do
    expect "forks under $backend" "${backend#stats:print=off+}" \
        "$(DISPATCHALLOC_BACKEND=$backend timeout 100 "$work/forks" 2>&1 | sed 's/^stats+//')"
done
finish
