# SPDX-License-Identifier: MIT
# How little a program may have under each allocator: the smallest limit of addresses (ulimit -v),
# of data (-d) and of locked memory (-l) with which it still runs, beside the same allocator
# preloaded by itself. Fails where a run needs more than that and what the interposer, the module and
# the command take of addresses. LIMITS_MOST=KIB is the most that is tried.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
. "$srcdir/tests/modules/find.sh"
command -v timeout >/dev/null 2>&1 || skip "there is no timeout to bound the programs with"
cd "$work"
unset LD_PRELOAD DISPATCHALLOC_MALLOC
step=256

# As it is installed by packages: run maps the file as a whole to look at it.
! strip -o "$work/libdispatchalloc-preload.so" "$DISPATCHALLOC_INTERPOSER" 2>/dev/null ||
    DISPATCHALLOC_INTERPOSER=$work/libdispatchalloc-preload.so

# The capability of root's ignores a limit of locked memory; nobody has none.
as_nobody=''
[ "$(id -u)" != 0 ] || as_nobody='setpriv --reuid nobody --clear-groups'
chmod a+x "$work"
cat >lock.c <<'SOURCE'
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *volatile block;

    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return 1;
    block = malloc(1000);
    free(block);
    return !block;
}
SOURCE
$CC -O1 lock.c -o lock

# ---- The smallest limit ---------------------------------------------------------------------
# In a shell that is there already when the limit comes.
cat >limited <<'SHELL'
ulimit "-$1" "$2" || exit 1
export LD_PRELOAD="$3"
shift 3
exec "$@"
SHELL

# Allocators that map aligned pieces map more or less by where the kernel puts them: always there.
fixed='setarch -R'
$fixed true 2>/dev/null || fixed=''

# runs WHICH KIB PRELOAD COMMAND...: with status 0, and no word that somebody else serves.
runs() {
    limit=$1 kib=$2 preload=$3
    shift 3
    # shellcheck disable=SC2086 # words
    [ "$limit" != l ] || set -- $as_nobody "$@"
    # shellcheck disable=SC2086
    timeout 20 $fixed sh limited "$limit" "$kib" "$preload" "$@" >said 2>&1 </dev/null && [ ! -s said ]
}

# most WHICH: what may be set at all, in steps.
most() {
    most=${LIMITS_MOST:-1048576}
    # shellcheck disable=SC3045 # where there is no -H there is one limit
    (ulimit "-$1" "$most") 2>/dev/null || most=$(ulimit -H "-$1")
    echo $((most / step))
}

# least WHICH PRELOAD COMMAND...: in KiB, found by doubling and then by halves; or ">" and the most.
least() {
    which=$1 low=0 high=8 last=$(most "$1")
    shift
    until runs "$which" $((high * step)) "$@"; do
        [ "$high" -lt "$last" ] || { echo ">$((last * step))"; return 0; }
        low=$high high=$((high * 2))
        [ $high -le "$last" ] || high=$last
    done
    while [ $((high - low)) -gt 1 ]; do
        middle=$(((low + high) / 2))
        if runs "$which" $((middle * step)) "$@"; then high=$middle; else low=$middle; fi
    done
    # Who takes a large piece where there is one may miss it for the next: not all above need do.
    low=$((high > 17 ? high - 16 : 1))
    while [ "$low" -lt "$high" ]; do
        ! runs "$which" $((low * step)) "$@" || high=$low
        low=$((low + 1))
    done
    echo $((high * step))
}

# ---- What is compared -----------------------------------------------------------------------
# addresses FILE...: what they take when they are mapped, in KiB.
addresses() {
    total=0
    for file; do
        # shellcheck disable=SC2046 # two numbers
        set -- $($OBJDUMP -p "$file" | awk '
            $1 == "LOAD" { start = $5; is_load = 1 }
            $1 == "filesz" && is_load { last = start " " $4; is_load = 0 }
            END { print last }')
        total=$((total + ($1 + $2) / 1024 + 4))
    done
    echo $total
}

# own_library ALLOCATOR: as its package has it for a preload.
own_library() {
    case $1 in
    tcmalloc) name=libtcmalloc_minimal ;;
    tbb) name=libtbbmalloc_proxy ;;
    *) name=lib$1 ;;
    esac
    PATH=$PATH:/sbin ldconfig -p | sed -n "s/^.*$name\\.so\\.[0-9].* => //p" | head -n 1
}

# module_file NAME: the one that run takes.
module_file() {
    file=$builddir/backends/$1/.libs/start/$1.so
    [ -e "$file" ] || file=$builddir/backends/$1/.libs/$1.so
    echo "$file"
}

# allowed LIMIT MODULE: how much more than the allocator alone, in KiB. The command opens the module
# itself before it becomes the program, and is larger than a small one.
ours="$DISPATCHALLOC_INTERPOSER $tool"
[ -z "$shared" ] || ours="$ours $builddir/.libs/libdispatchalloc.so"
allowed() {
    # shellcheck disable=SC2086 # files
    more=$(($(addresses $ours "$(module_file "$2")") + step))
    is_ours=yes
    [ -e "$builddir/backends/jemalloc/private/done" ] || is_ours=no
    case $2:$is_ours:$1 in
    # The first block, for which it maps 2 MiB, is asked for at once, and true alone asks for none.
    jemalloc:yes:d) more=$((more + 2048)) ;;
    # The system's is looked for when the C library has started. What the C++ library that it needs
    # allocates before has a thirty-second of the addresses (preload/early.c), and python3 is done with
    # less than 32 MiB.
    jemalloc:no:[vl]) more=$((more + 1024)) ;;
    esac
    echo $more
}

# hold WHAT OWN RUN MORE
hold() {
    case $2:$3 in
    -:* | \>*) ;;
    *:\>*) fail "$1: none that may be set, and $2 alone" ;;
    *) [ "$3" -le $(($2 + $4)) ] || fail "$1: $3, and $2 alone; $4 more are ours" ;;
    esac
}

# row WHICH PROGRAM ARG...
row() {
    limit=$1 what="ulimit -$1 ${2##*/}"
    shift
    printf '%-18s %8s %8s' "$what" "$(least "$limit" '' "$@")" \
        "$(least "$limit" '' "$tool" run -b system -- "$@")"
    for module in $modules; do
        own=- library=$(own_library "$module")
        [ -z "$library" ] || own=$(least "$limit" "$library" "$@")
        run=$(least "$limit" '' "$tool" run -b "$module" -- "$@")
        printf '   %8s %8s' "$own" "$run"
        hold "$what under $module" "$own" "$run" "$(allowed "$limit" "$module")" >>"$held"
    done
    echo
}

echo "the smallest limits, in KiB and in steps of $step: of a program alone and by run -b system;"
echo "and for each allocator, as preloaded by itself and by run -b"
printf '%-18s %8s %8s' '' alone system
# shellcheck disable=SC2086 # a list
printf '   %17s' $modules
echo
# Else it maps pieces of its own.
export PYTHONMALLOC=malloc
python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null) || python=''
held=$work/held
: >"$held"
for limit in v d; do
    row $limit true
    # shellcheck disable=SC2086 # a letter
    [ -z "$python" ] || row $limit "$python" -c pass
done
if $as_nobody test -r "$DISPATCHALLOC_INTERPOSER" -a -x "$tool" 2>/dev/null; then
    row l "$work/lock"
else
    echo "nobody cannot read what was built: locked memory is left out"
fi
cat "$held"
finish
