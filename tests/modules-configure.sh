# SPDX-License-Identifier: MIT
# What configure says about the modules: asked for and missing is an error, auto goes on.
set -eu
. "$srcdir/tests/lib.sh"

# What this build has found out of the compiler and the system is not asked again, but for what is
# found out of the allocators, nor are the variables that it was given.
forget() { sed '/^dal_cv_have/d; /^dal_cv_jemalloc/d; /^ac_cv_env_/d'; }
sed -n '/^## Cache variables/,/^## Output variables/{/_cv_/p;}' "$builddir/config.log" 2>/dev/null |
    forget >"$work/cache" || :

# configure_says STATUS PATTERN ARGUMENT...: the words of its last run hold the pattern.
configure_says() {
    status=$1 pattern=$2
    shift 2
    mkdir -p "$work/build"
    got=0
    (cd "$work/build" && "$srcdir/configure" CC="$CC" --cache-file="$work/cache" "$@") \
        >"$work/out" 2>&1 || got=$?
    expect "status of configure $*" "$status" "$got"
    # shellcheck disable=SC2254
    case $(cat "$work/out") in
    *$pattern*) ;;
    *) fail "configure $* did not say: $pattern"; tail -n 15 "$work/out" ;;
    esac
    forget <"$work/cache" >"$work/cache.kept"
    mv "$work/cache.kept" "$work/cache"
}

configure_says 1 "error: --with-jemalloc=source needs --with-jemalloc-source=DIR" \
    --with-jemalloc=source
configure_says 1 "error: --with-jemalloc=maybe: accepted is auto|system|source|no" \
    --with-jemalloc=maybe
configure_says 1 "error: --with-jemalloc-source=/nowhere is no unpacked release of jemalloc: it has no configure or no src/jemalloc.c" \
    --with-jemalloc-source=/nowhere
configure_says 1 "error: --with-jemalloc=system and --with-jemalloc-source contradict each other" \
    --with-jemalloc=system --with-jemalloc-source=/nowhere
configure_says 1 "error: --with-mimalloc=yes: <mimalloc.h> and libmimalloc were not found (Debian's package: libmimalloc-dev)" \
    --with-mimalloc dal_cv_have_mimalloc=no
configure_says 1 "error: --with-tbb=yes: modules need --enable-shared" \
    --with-tbb --disable-shared
configure_says 0 "module tcmalloc     no: <gperftools/tcmalloc.h> and libtcmalloc_minimal were not found (Debian's package: libgoogle-perftools-dev)
    module tbb          no: --with-tbb=no" \
    --without-tbb dal_cv_have_tcmalloc=no
finish
