# SPDX-License-Identifier: MIT
# The Rust compiler, whose releases have a jemalloc in the program itself, under the plain
# names: it keeps that, says so, and works; the linker that it starts is served.
. "$srcdir/tests/programs/lib.sh"
need rustc
rustc=$(rustc --print sysroot 2>/dev/null)/bin/rustc
[ -x "$rustc" ] || { echo "rustc is not installed"; exit 77; }
cat >words.rs <<'END'
use std::collections::BTreeMap;
fn main() {
    let mut count = BTreeMap::new();
    for word in "a b a c b a".split(' ') {
        *count.entry(word.to_string()).or_insert(0) += 1;
    }
    println!("{:?}", count);
}
END
cat >compile <<END
"$rustc" --edition 2021 -C opt-level="$(amount 0 3)" words.rs
END
run sh compile
./words
# Debian's has none of its own, and is served.
if [ -n "$spec" ]; then
    if "$tool" run -v -b system "$rustc" --version >said 2>&1; then
        wanted=' serves (DISPATCHALLOC_MALLOC=system)$'
    else
        wanted="$rustc' cannot be run .*: it has a malloc of its own"
    fi
    grep -q "$wanted" said || cat said
fi
cksum words
