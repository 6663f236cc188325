# SPDX-License-Identifier: MIT
# What the platforms share that a cross compiler of Debian's builds for and QEMU runs. Each sets, and
# sources this:
#
#     triplet       of its compiler
#     architecture  Debian's name for it
#     emulator      QEMU's program, and its options
#
# QEMU on x86 does not show a weaker memory model: this sees to types, alignments, the order of bytes,
# sizes of pages, and the code of the processor.
: "${PLATFORM_LIMIT=900}"
. "${0%/*}/lib.sh"
# shellcheck disable=SC2154 # set by who sources it
need "gcc-$triplet:$triplet-gcc" "libc6-dev-$architecture-cross:/usr/$triplet/lib/libc.so" \
    "qemu-user:${emulator%% *}"
# Of other pages than the processor's own.
case $emulator in *' '*) always_emulated=yes ;; esac
# shellcheck disable=SC2086 # a list of words
emulate "$triplet-gcc" $emulator -L "/usr/$triplet"
libcheck "$triplet" "$triplet-gcc"
shared_only=--disable-static
configure --host="$triplet" CXX_FOR_TESTS=
# Under an emulator: two start programs of theirs, which nobody emulates, one takes an hour. Of the kit
# every 13th case is run, of whichever allocator.
long_unit_tests=tests/check_conformance_finds
[ -z "${UNIT_RUNNER-}" ] || {
    left_out="tests/check_race tests/check_choice $long_unit_tests"
    CONFORMANCE_EVERY=${CONFORMANCE_EVERY-13}
    export CONFORMANCE_EVERY
}
run_tests unit tests/front.sh
finish
