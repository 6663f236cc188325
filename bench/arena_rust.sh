# SPDX-License-Identifier: MIT
# arena_rust.sh SOURCE OUTPUT: compile the Rust peers of `make bench-arena`, with bumpalo where
# its source is: in BUMPALO, or where Debian's package librust-bumpalo-dev puts it.
set -eu
source=$1 output=$2
rustc=${RUSTC:-rustc}
command -v "$rustc" >/dev/null 2>&1 || { echo "Rust: left out, there is no rustc"; exit 0; }
compile() { "$rustc" -C opt-level=3 -C panic=abort --edition 2021 "$@"; }
set --
for bumpalo in "${BUMPALO-}" /usr/share/cargo/registry/bumpalo-*; do
    [ -e "$bumpalo/src/lib.rs" ] || continue
    library=${output%/*}/libbumpalo.rlib
    compile --cap-lints allow --crate-name bumpalo --crate-type rlib -o "$library" "$bumpalo/src/lib.rs"
    set -- --cfg bumpalo --extern "bumpalo=$library"
    break
done
[ $# -gt 0 ] || echo "bumpalo: left out (Debian's package: librust-bumpalo-dev)"
compile --check-cfg 'cfg(bumpalo)' --crate-type cdylib "$@" -o "$output" "$source"
