# SPDX-License-Identifier: MIT
# demo.sh PROGRAMS SOURCES: run wordfreq once under each backend on some megabytes of real
# text, show what served, and compare the answers. For `make demo`.
set -eu
exec 2>&1 # one order for what the programs say on either stream
programs=$1
sources=$2
out=$programs/demo.tmp
trap 'rm -rf "$out"' EXIT
# A backend that cannot serve ends the demonstration.
DISPATCHALLOC_STRICT=1
export DISPATCHALLOC_STRICT
mkdir -p "$out"

# The licence texts that every Debian has, else the text in the tree.
text=${DEMO_TEXT:-}
repeat=${DEMO_REPEAT:-}
if [ -z "$text" ]; then
    for file in /usr/share/common-licenses/*; do
        [ ! -f "$file" ] || [ -h "$file" ] || text="$text $file"
    done
fi
if [ -z "$text" ]; then
    text=$sources/constitution.txt
    repeat=${repeat:-80}
fi
repeat=${repeat:-16}
# shellcheck disable=SC2086 # a list of files
set -- $text
bytes=$(cat "$@" | wc -c)
echo "Counting the words of $# files, $((bytes * repeat / 1024)) KiB in all, $repeat times over."

# answer NAME PROGRAM SPEC FILE...: one run, its result in $out/NAME.
answer() {
    name=$1 program=$2 spec=$3
    shift 3
    echo
    if [ -n "$spec" ]; then
        echo "\$ DISPATCHALLOC_BACKEND=$spec $program"
        DISPATCHALLOC_BACKEND=$spec "$programs/$program" -r "$repeat" "$@" >"$out/$name"
    else
        echo "\$ $program"
        "$programs/$program" -r "$repeat" "$@" >"$out/$name"
    fi
    if [ "$name" = first ]; then
        cat "$out/first"
    else
        cmp "$out/first" "$out/$name"
        echo "the same answer"
    fi
}

answer first wordfreq '' "$@"
answer system wordfreq system "$@"
answer fixed-arena wordfreq fixed-arena:capacity=256M "$@"
answer arena wordfreq arena "$@"
answer stats wordfreq stats+arena "$@"
answer pool wordfreq_pool '' "$@"

# The modules that were built, where they were built. Whether they can be opened from there
# depends on who can write to the directory.
DISPATCHALLOC_MODULE_PATH=
for module in jemalloc mimalloc tcmalloc tbb; do
    directory=$(dirname "$programs")/backends/$module/.libs
    [ ! -e "$directory/$module.so" ] || DISPATCHALLOC_MODULE_PATH=$(cd "$directory" && pwd -P):$DISPATCHALLOC_MODULE_PATH
done
export DISPATCHALLOC_MODULE_PATH
for module in jemalloc mimalloc tcmalloc tbb; do
    case :$DISPATCHALLOC_MODULE_PATH in */backends/$module/.libs:*) ;; *) continue ;; esac
    # The system's jemalloc needs room to be opened by a running program; our own does not.
    if [ $module = jemalloc ] && [ ! -e "$(dirname "$programs")/backends/jemalloc/private/done" ]; then
        room=glibc.rtld.optional_static_tls=4096
        export GLIBC_TUNABLES="$room${GLIBC_TUNABLES:+:$GLIBC_TUNABLES}"
        echo
        echo "\$ export GLIBC_TUNABLES=$room"
    fi
    if "$(dirname "$programs")/tools/dispatchalloc" explain "$module" >"$out/explained" 2>&1; then
        answer "$module" wordfreq "$module" "$@"
    else
        cat "$out/explained"
    fi
done
