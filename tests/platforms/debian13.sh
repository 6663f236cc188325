#!/bin/sh
# SPDX-License-Identifier: MIT
# The next release of Debian, in a root of its own: gcc 14, glibc 2.41, mimalloc 3. What its user gets:
# `./quickstart` as a user with sudo, then `./quickstart test` as root, which takes as long as it does
# elsewhere. Needs root's rights.
# With PLATFORM_PROGRAMS=yes the real programs of tests/programs.sh are installed as well, redis 8 among
# them, and its table is shown.
. "${0%/*}/lib.sh"
if [ "${1-}" = inside ]; then
    # No service is started by its installation.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    [ "${PLATFORM_PROGRAMS-}" != yes ] || need python3:python3 perl:perl nodejs:node redis-server:redis-server \
        rustc:rustc procps:pkill php-cli:php nginx:nginx curl:curl bind9:named bind9-dnsutils:dig golang-go:go \
        postgresql:/usr/lib/postgresql
    need sudo:sudo adduser:useradd
    id somebody >/dev/null 2>&1 || useradd -m somebody
    echo 'somebody ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/somebody
    rm -rf /home/somebody/source
    cp -a "$source" /home/somebody/source
    chown -R somebody: /home/somebody
    first=pass second=pass
    quietly quickstart su - somebody -c 'cd source && ./quickstart' || first=fail
    cd "$source" || exit 1
    quietly quickstart-test env -u RACE_RUNS -u CHOICE_EVERY ./quickstart test || second=fail
    rm -rf "$directory/build"
    ln -s "$source/build" "$directory/build"
    cd build || exit 1
    ask TESTS | tr ' ' '\n' | sed 's/\.sh$//' >"$directory/wanted"
    [ "${PLATFORM_PROGRAMS-}" != yes ] || cat tests/programs.log
    results >"$directory/results"
    printf '%s\n' "$first 1 quickstart" "$second 1 quickstart-test" >>"$directory/results"
    judge
fi
need debootstrap:debootstrap
[ "$(id -u)" = 0 ] || { say "skipped: it makes a root of its own, which takes root's rights"; exit 77; }
# What is mounted below is seen by nobody else, and gone when this ends in whatever way.
if [ "${1-}" != apart ]; then
    set -- unshare -m -p -f --kill-child
    "$@" true 2>/dev/null || { say "skipped: it needs mounts and processes of its own (unshare)"; exit 77; }
    exec "$@" sh "$0" apart
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
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" ||
    { say "skipped: nothing can be mounted"; exit 77; }
# How this machine reaches its packages.
grep -ls '^Acquire::' /etc/apt/apt.conf.d/* | while read -r file; do
    cp "$file" "$root/etc/apt/apt.conf.d/"
done
chroot "$root" env PLATFORMS_DIRECTORY=/build PLATFORM_PROGRAMS="${PLATFORM_PROGRAMS-}" \
    sh "/source/tests/platforms/$name.sh" inside
