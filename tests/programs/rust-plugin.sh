# SPDX-License-Identifier: MIT
# A plug-in in Rust, opened by a program in C and linked with one: its allocator is the program's,
# also for alignments, its panics are caught, its threads have values that are dropped.
. "$srcdir/tests/programs/lib.sh"
need rustc "$CC"
rustc --version >/dev/null 2>&1 || { echo "rustc is not installed"; exit 77; }
[ -e "$kept/plugin.so" ] || rustc --edition 2021 --crate-type cdylib -C opt-level=2 \
    -o "$kept/plugin.so" "$srcdir/tests/programs/plugin.rs"
open_plugin
