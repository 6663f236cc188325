#!/bin/sh
# SPDX-License-Identifier: MIT
# Whether the loader finds the library where `make install` has put it.
#
#     ldconfig.sh refresh LIBDIR    root's library is in a directory that ldconfig reads: run it
#     ldconfig.sh advise LIBDIR [INCLUDEDIR]   say what is left to the user, if anything is
#
# libtool runs `ldconfig -n` by itself, which makes links and leaves the loader's cache as it was.
# From the environment: LDCONFIG, empty where there is none like glibc's, and PKG_CONFIG. Nothing
# here is a reason for an installation to fail.
set -u
job=$1 libdir=$2 includedir=${3-}

physical() { (cd "$1" 2>/dev/null && pwd -P); }

# What ldconfig would read if it were run (-N -X: it only looks, which everybody may).
directories() {
    if [ -n "$LDCONFIG" ]; then
        "$LDCONFIG" -N -X -v 2>/dev/null | sed -n 's|^\(/[^:]*\):.*|\1|p'
    else
        printf '%s\n' /lib /usr/lib /usr/local/lib
    fi
}

loader_looks_there() {
    there=$(physical "$libdir") && directories | {
        while read -r directory; do
            [ "$(physical "$directory")" != "$there" ] || exit 0
        done
        exit 1
    }
}

refresh() {
    [ -n "$LDCONFIG" ] && [ "$(id -u)" = 0 ] && loader_looks_there || return 0
    echo " $LDCONFIG"
    "$LDCONFIG" || echo "ldconfig failed: the loader may not know of the library in $libdir"
}

# named PATH: the list already has it.
named() { case ":$2:" in *":$1:"*) return 0 ;; *) return 1 ;; esac; }

advise_loader() {
    if loader_looks_there; then
        [ -z "$LDCONFIG" ] || [ "$(id -u)" = 0 ] ||
            echo "Run ldconfig as root: the loader then knows of the library in $libdir."
    elif ! named "$libdir" "${LD_LIBRARY_PATH-}"; then
        echo "The loader does not look in $libdir. One of these tells it:
    export LD_LIBRARY_PATH=$libdir
    cc program.c ${includedir:+-I$includedir }-L$libdir -ldispatchalloc -Wl,-rpath,$libdir"
        [ -z "$LDCONFIG" ] ||
            echo "    echo $libdir >/etc/ld.so.conf.d/dispatchalloc.conf; ldconfig    # once, as root"
    fi
}

advise_pkg_config() {
    known=$("${PKG_CONFIG:-pkg-config}" --variable pc_path pkg-config 2>/dev/null) || return 0
    named "$libdir/pkgconfig" "$known:${PKG_CONFIG_PATH-}" ||
        echo "pkg-config does not look in $libdir/pkgconfig:
    export PKG_CONFIG_PATH=$libdir/pkgconfig"
    # By 'make install prefix=...' it comes to another place than it was configured for.
    told=$(PKG_CONFIG_PATH=$libdir/pkgconfig "${PKG_CONFIG:-pkg-config}" --variable=libdir dispatchalloc 2>/dev/null) ||
        return 0
    [ "$told" = "$libdir" ] || [ "${libdir%/lib}/include" != "$includedir" ] ||
        echo "It was configured for $told:
    pkg-config --define-prefix --cflags --libs dispatchalloc"
}

case $job in
refresh) refresh ;;
advise) advise_loader; advise_pkg_config ;;
*) echo "usage: ldconfig.sh refresh|advise LIBDIR" >&2; exit 2 ;;
esac
