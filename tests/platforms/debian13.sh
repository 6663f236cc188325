#!/bin/sh
# SPDX-License-Identifier: MIT
# The next release of Debian, in a root of its own: gcc 14, glibc 2.41. Needs root's rights.
. "${0%/*}/lib.sh"
if [ "${1-}" = inside ]; then
    need gcc:gcc g++:g++ make:make autoconf:autoreconf automake:aclocal libtool:libtoolize \
        pkg-config:pkg-config check:/usr/include/check.h libc6-dev:/usr/include/stdlib.h \
        autoconf-archive:/usr/share/aclocal/ax_append_compile_flags.m4 binutils:objdump
    configure
    run_tests unit $shell_tests
    finish
fi
need debootstrap:debootstrap
[ "$(id -u)" = 0 ] || { say "skipped: it makes a root of its own, which takes root's rights"; exit 77; }
# What is mounted below is seen by nobody else, and gone when this ends in whatever way.
if [ "${1-}" != apart ]; then
    unshare -m true 2>/dev/null || { say "skipped: it needs mounts of its own (unshare -m)"; exit 77; }
    exec unshare -m sh "$0" apart
fi
# Where this machine has its packages from.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
    sed -n -e 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*debian\/\{0,1\}\) .*/\2/p' \
        -e 's/^URIs: *\([^ ]*debian\/\{0,1\}\) *$/\1/p' | head -n 1)
root=$directory/root
[ -e "$root/usr/bin/apt-get" ] || {
    rm -rf "$root"
    # shellcheck disable=SC2086 # one word, or none
    quietly debootstrap debootstrap --variant=minbase trixie "$root" $mirror ||
        { say "skipped: debootstrap cannot make its root"; exit 77; }
}
rm -rf "$root/source"
mkdir "$root/source"
(cd "$source" && tar cf - --exclude=./build --exclude=./.git --exclude=./autom4te.cache .) |
    tar xf - -C "$root/source"
mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" ||
    { say "skipped: nothing can be mounted"; exit 77; }
# How this machine reaches its packages.
grep -ls '^Acquire::' /etc/apt/apt.conf.d/* | while read -r file; do
    cp "$file" "$root/etc/apt/apt.conf.d/"
done
chroot "$root" env PLATFORMS_DIRECTORY=/build RACE_RUNS="$RACE_RUNS" CHOICE_EVERY="$CHOICE_EVERY" \
    sh "/source/tests/platforms/$name.sh" inside
