# SPDX-License-Identifier: MIT
# The conformance kit on every module: alone, under each layer, and with another one alive.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"
beside=$builddir/tests/modules/beside$EXEEXT
other=system
for module in $modules; do
    other=$module # the last one
done
for module in $modules; do
    for spec in "$module" "stats:print=off+$module" "fail+$module" "guard:every=2,per_second=1000000+$module"; do
        "$tool" verify "$spec" >"$work/out" 2>&1 || fail "verify $spec: $(grep -v pass "$work/out")"
        expect "$spec: the last line" 1 "$(grep -c '^[34][0-9] passed, 0 failed, ' "$work/out")"
        sed -n '$s/^/'"$spec"': /p' "$work/out"
    done
    "$beside" "$module" "$other" >"$work/out" 2>&1 || fail "$(cat "$work/out")"
    sed -n '$s/^/'"$module beside $other"': /p' "$work/out"
    other=$module
done
finish
