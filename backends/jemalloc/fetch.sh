#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetch and unpack a source package of the distribution: that of jemalloc, for
# --with-jemalloc-source, or another.
#
#     fetch.sh DIRECTORY [PACKAGE]
#
# DIRECTORY/source is then the unpacked release. Needs apt-get and dpkg-source, and no
# rights: apt's lists, cache and sources are private ones in DIRECTORY, made from the
# machine's own sources, whose configuration is left alone. Exits 1, with the reason, if the
# source cannot be had.
set -eu
directory=$1 package=${2:-jemalloc}
[ ! -d "$directory/source" ] || exit 0
command -v apt-get >/dev/null && command -v dpkg-source >/dev/null ||
    { echo "apt-get and dpkg-source are needed to fetch it"; exit 1; }
rm -rf "$directory"
mkdir -p "$directory/parts" "$directory/lists/partial" "$directory/cache/archives/partial"
directory=$(cd "$directory" && pwd)

# Both forms in which Debian writes its sources, each entry made one for source packages.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -r "$file" ] || sed -n 's/^deb\(-src\)\{0,1\} /deb-src /p' "$file"
done | grep -i 'debian' >"$directory/parts/private.list" || :
for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -r "$file" ] || { sed -e '/^#/d' -e 's/^Types:.*/Types: deb-src/' "$file"; echo; }
done >"$directory/parts/private.sources"

# Another publisher's entry may fail, and need not be the package's: what counts is the file.
apt() {
    apt-get -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$directory/parts" \
        -o Dir::State::Lists="$directory/lists" -o Dir::Cache="$directory/cache" \
        -o APT::Sandbox::User= "$@" </dev/null >>"$directory/log" 2>&1
}
apt update || :
cd "$directory"
apt source --download-only "$package" ||
    { tail -n 5 "$directory/log"; echo "the source package of $package cannot be had"; exit 1; }
dpkg-source --no-check -x "$package"_*.dsc unpacked >>"$directory/log" 2>&1 ||
    { tail -n 5 "$directory/log"; exit 1; }
mv unpacked source
