# SPDX-License-Identifier: MIT
# The modules over other allocators: one program that is linked with nothing but the library,
# served by each of them by name; their options; what they even out.
set -eu
. "$srcdir/tests/lib.sh"
. "$srcdir/tests/modules/lib.sh"

# ---- Each serves, and the answer is the same -------------------------------------------------
answer=$("$work/serve" | sed 's/ by .*//')
for module in $modules; do
    expect "served by $module" "$answer by $module" "$(DISPATCHALLOC_BACKEND=$module "$work/serve" 2>&1)"
    expect "served by stats over $module" "$answer by stats+$module" \
        "$(DISPATCHALLOC_BACKEND=stats:print=off+$module "$work/serve" 2>&1)"
done

# A program that did not link the library, and opens it.
if command -v python3 >/dev/null 2>&1; then
    cat >"$work/opener.py" <<'END'
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.dal_alloc.restype = ctypes.c_void_p
library.dal_alloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
library.dal_dealloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
library.dal_global_name.restype = ctypes.c_char_p
blocks = [(library.dal_alloc(size, 64), size) for size in range(1, 3000, 7)]
assert all(pointer and pointer % 64 == 0 for pointer, size in blocks)
for pointer, size in blocks:
    ctypes.memset(pointer, 1, size)
    library.dal_dealloc(pointer, size, 64)
print(library.dal_global_name().decode())
END
    for module in $modules; do
        expect "python3 served by $module" "$module" \
            "$(DISPATCHALLOC_BACKEND=$module python3 "$work/opener.py" "$builddir/.libs/libdispatchalloc.so" 2>&1)"
    done
else
    echo "there is no python3: the library is not opened by it"
fi

# ---- No call is a cancellation point ---------------------------------------------------------
program cancelled
for module in $modules; do
    # Each in a process of its own: what is open already is not opened.
    code=0
    "$work/cancelled" "$module" "stats:print=off+$module" >"$work/said" 2>&1 || code=$?
    expect "a cancelled thread makes $module" "0 " "$code $(cat "$work/said")"
done

# ---- Right on every call ------------------------------------------------------------------------
# (A mapping a block, as mimalloc 3.0 needs for some, takes ten seconds of a processor.)
program aligned
for module in $modules; do
    expect "alignment under $module" "all aligned by $module" \
        "$(DISPATCHALLOC_BACKEND=$module timeout 200 "$work/aligned" 2>&1)"
done

# ---- Options --------------------------------------------------------------------------------------
# takes SPEC: it serves without a word.
takes() {
    expect "$1 serves" "$answer by ${1%%:*}" "$(DISPATCHALLOC_BACKEND=$1 "$work/serve" 2>&1)"
}

# refuses SPEC TEXT: the system serves, and standard error is the text with what came before.
refuses() {
    DISPATCHALLOC_BACKEND=$1 "$work/serve" >"$work/out" 2>"$work/err"
    expect "$1 is refused" "dispatchalloc: DISPATCHALLOC_BACKEND=$1: $2; \"system\" serves" \
        "$(cat "$work/err")"
    expect "$1 leaves the system's" "$answer by system" "$(cat "$work/out")"
}

# second SPEC OTHER TEXT: while an instance by SPEC serves, one by OTHER comes to this.
second() {
    expect "$2 beside $1" "$2: $3" "$(DISPATCHALLOC_BACKEND=$1 "$work/serve" "$2" 2>&1 | sed 1d)"
}

# outranked SPEC OTHER: a program that chooses OTHER is told 0, and SPEC of the environment serves.
outranked() {
    said=$(DISPATCHALLOC_BACKEND=$1 "$work/serve" set "$2" 2>&1)
    expect "$2 outranked by $1" "set $2: success
$answer by ${1%%:*}" "$said"
}

# A layer that is refused has started nothing below it.
unmade() {
    said=$("$work/serve" set "stats:print=maybe+$1" set "stats:file=+$1" set "$2" 2>/dev/null)
    expect "$2 after a refused layer over $1" "set stats:print=maybe+$1: unknown option, or a value that it does not accept
set stats:file=+$1: unknown option, or a value that it does not accept
set $2: success
$answer by ${2%%:*}" "$said"
}

jemalloc_options() {
    "$tool" info jemalloc >"$work/info"
    names=$(sed -n 's/^\(options\)* *\([a-z0-9_]*\)=[A-Z]*$/\2/p' "$work/info")
    [ "$(echo "$names" | wc -l)" -ge 40 ] || fail "jemalloc has hardly any option: $names"
    refuses jemalloc:dirty_decay_ms=never "\"jemalloc\": option \"dirty_decay_ms\" cannot be \"never\"; accepted is a number from -1 to 9223372036854775"
    refuses jemalloc:lg_tcache_nslots_mul=17 "\"jemalloc\": option \"lg_tcache_nslots_mul\" cannot be \"17\"; accepted is a number from -16 to 16"
    refuses jemalloc:narenas=0 'option "narenas" of "jemalloc" cannot be "0"; accepted is a number from 1 to 4094'
    refuses jemalloc:thp=sometimes 'option "thp" of "jemalloc" cannot be "sometimes"; accepted is one of default|always|never'
    refuses jemalloc:stats_print_opts=Jq '"jemalloc": option "stats_print_opts" cannot be "Jq"; accepted are letters of "Jgmdablxeh"'
    case $(DISPATCHALLOC_BACKEND=jemalloc:narena=4 "$work/serve" 2>&1) in
    'dispatchalloc: DISPATCHALLOC_BACKEND=jemalloc:narena=4: "jemalloc" has no option "narena" (did you mean "narenas"?); known: narenas, '*) ;;
    *) fail "jemalloc:narena=4 does not say what was meant" ;;
    esac
}

# Each option by itself is one that this jemalloc knows: asked for with some value, it is made or
# told what it is now, and with that it is made.
jemalloc_knows() {
    for name in $names; do
        case $name in
        dss) value=primary ;; thp) value=never ;; metadata_thp) value=auto ;; junk) value=free ;;
        percpu_arena) value=phycpu ;; zero_realloc) value=free ;; *_opts) value=J ;;
        hpa_*max_alloc | hpa_hugification_threshold) value=8192 ;;
        *_decay_ms | *_interval | *_max_spin) value=77 ;;
        *) value=$(sed -n "/^\(options\)* *$name=/,/default:/s/^ *\([0-9][0-9KMG]*\) \(to\|bytes or more\).*/\1/p" \
               "$work/info")
           value=${value:-1} ;;
        esac
        said=$("$work/serve" "jemalloc:$name=$value" 2>/dev/null | sed 1d)
        case $said in
        "jemalloc:$name=$value: made") continue ;;
        *"runs with $name="*) ;;
        *) fail "the option $name: $said"; continue ;;
        esac
        now=${said#*runs with "$name"=}
        now=${now%%,*} now=${now%% already*}
        expect "jemalloc with $name as it is" "jemalloc:$name=$now: made" \
            "$("$work/serve" "jemalloc:$name=$now" 2>/dev/null | sed 1d)"
    done
}

jemalloc_source() {
    # None of these is the default: that they were taken is read back by the module.
    takes jemalloc:narenas=3,max_background_threads=3,dirty_decay_ms=5000,muzzy_decay_ms=-1,retain=off
    takes jemalloc:oversize_threshold=4M,lg_extent_max_active_fit=3,thp=never,metadata_thp=auto,dss=disabled
    takes jemalloc:mutex_max_spin=17,tcache_max=64K,tcache_nslots_small_min=4
    takes jemalloc:tcache_nslots_small_max=60,tcache_nslots_large=9,lg_tcache_nslots_mul=-1,tcache_gc_incr_bytes=128K
    takes jemalloc:tcache=off,junk=true,stats_interval=-1,percpu_arena=percpu
    takes jemalloc:zero=yes,hpa=on,hpa_sec_nshards=8
    second jemalloc:narenas=3 jemalloc:narenas=4 \
        '"jemalloc": there is one jemalloc in a process, and it runs with narenas=3, not 4'
    outranked jemalloc:narenas=3 jemalloc:narenas=4
    unmade jemalloc:narenas=3 jemalloc:narenas=4
    expect "what is outranked sets nothing" "set jemalloc:narenas=4: success
$answer by jemalloc
jemalloc:narenas=3: made" \
        "$(DISPATCHALLOC_BACKEND=jemalloc:narenas=3 "$work/serve" set jemalloc:narenas=4 jemalloc:narenas=3 2>&1)"
    second jemalloc:narenas=3 jemalloc:narenas=3 made
    second jemalloc:narenas=3 jemalloc made
    second jemalloc:background_thread=true threads 2
    second jemalloc:background_thread=false threads 1
    case $(DISPATCHALLOC_BACKEND=jemalloc:stats_print=on,stats_print_opts=Jmdablx "$work/serve" 2>&1) in
    *'{"jemalloc":{"'*'"stats":{"allocated":'*) ;;
    *) fail "jemalloc:stats_print=on does not print statistics" ;;
    esac
    # Its own jemalloc is nobody else's: the environment of another one does not reach it.
    expect "MALLOC_CONF is another jemalloc's" 'jemalloc:narenas=7: "jemalloc": there is one jemalloc in a process, and it runs with narenas=3, not 7' \
        "$(MALLOC_CONF=narenas:7 DISPATCHALLOC_BACKEND=jemalloc:narenas=3 "$work/serve" jemalloc:narenas=7 2>&1 | sed 1d)"
    exported=$($NM -D --defined-only "$builddir/backends/jemalloc/.libs/jemalloc.so" | sed 's/.* //')
    expect "what the module exports" "dal_jemalloc_calls_
dal_jemalloc_mallctl
dal_jemalloc_nallocx
dal_module_
dal_module_early_" "$exported"
    case $($OBJDUMP -p "$builddir/backends/jemalloc/.libs/jemalloc.so") in
    *libstdc++* | *libjemalloc*) fail "the module needs libstdc++ or libjemalloc" ;;
    *STATIC_TLS*) fail "the module has initial-exec thread-local storage" ;;
    esac
}

jemalloc_system() {
    now=$("$work/serve" jemalloc:narenas=4000 | sed -n 's/.* runs with narenas=\([0-9]*\) already.*/\1/p')
    [ -n "$now" ] || fail "the system's jemalloc does not say how many arenas it has"
    takes "jemalloc:narenas=$now"
    refuses jemalloc:narenas=4000 "\"jemalloc\": the system's jemalloc runs with narenas=$now already; to change that, set MALLOC_CONF=narenas:4000 in the environment of the program"
    MALLOC_CONF=narenas:3; export MALLOC_CONF
    takes jemalloc:narenas=3
    unset MALLOC_CONF
    case $(env -u GLIBC_TUNABLES DISPATCHALLOC_BACKEND=jemalloc "$work/serve" 2>&1) in
    "$answer by jemalloc") ;;
    *"; starting the program with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096 makes room; \"system\" serves"*) ;;
    *) fail "the system's jemalloc is neither opened nor refused with the tunable that helps" ;;
    esac
    expect "preloaded" "$answer by jemalloc" \
        "$(env -u GLIBC_TUNABLES LD_PRELOAD=libjemalloc.so.2 DISPATCHALLOC_BACKEND=jemalloc "$work/serve" 2>&1)"
}

# The manual has the options of each, and no other.
page=$srcdir/doc/man/dispatchalloc.7
for module in $modules; do
    $SED -n "/^\.It Sy $module\$/,/^\.It Sy /p" "$page" | $SED -n 's/^\.It Cm \([a-z0-9_]*\) .*/\1/p' |
        sort >"$work/documented"
    "$tool" info "$module" | $SED -n 's/^\(options\)* *\([a-z0-9_]*\)=[A-Z]*$/\2/p' |
        sort >"$work/there"
    comm -12 "$work/there" "$work/documented" >"$work/both"
    [ -s "$work/both" ] || fail "dispatchalloc(7) has no option of $module"
    # jemalloc has too many: the page has the ones that matter most. mimalloc's go by version.
    case $module in
    jemalloc) mv "$work/both" "$work/there" ;;
    mimalloc) mv "$work/both" "$work/documented" ;;
    esac
    diff "$work/there" "$work/documented" || fail "the options of $module (<) are not those of dispatchalloc(7) (>)"
done

for module in $modules; do
    case $module in
    jemalloc)
        jemalloc_options
        jemalloc_knows
        program mallctl
        expect "jemalloc's own statistics" "jemalloc: more by 10 MiB, and back: yes; 100 bytes take 112" \
            "$(DISPATCHALLOC_BACKEND=jemalloc "$work/mallctl" 2>&1)"
        if [ -e "$builddir/backends/jemalloc/private/done" ]; then
            jemalloc_source
        else
            jemalloc_system
        fi
        ;;
    mimalloc)
        takes mimalloc:eager_commit=off,eager_commit_delay=2,max_errors=3,reserve_os_memory=64M
        second mimalloc:eager_commit=off mimalloc:eager_commit=on \
            '"mimalloc": there is one mimalloc in a process, and it runs with eager_commit=off, not on'
        second mimalloc:eager_commit=off mimalloc:eager_commit=off made
        outranked mimalloc:eager_commit=off mimalloc:eager_commit=on
        unmade mimalloc:eager_commit=off mimalloc:eager_commit=on
        expect "what is outranked sets nothing" "set mimalloc:max_errors=3: success
$answer by mimalloc
mimalloc:max_errors=4: made" \
            "$(DISPATCHALLOC_BACKEND=mimalloc "$work/serve" set mimalloc:max_errors=3 mimalloc:max_errors=4 2>&1)"
        second mimalloc mimalloc:max_errors=3 made
        second mimalloc mimalloc:use_numa_nodes=4 \
            '"mimalloc": there is one mimalloc in a process, and it has counted its NUMA nodes already'
        second mimalloc:reserve_os_memory=64M mimalloc:reserve_os_memory=32M \
            '"mimalloc": there is one mimalloc in a process, and it runs with reserve_os_memory=64M, not 32M'
        refuses mimalloc:eager_commit=maybe 'option "eager_commit" of "mimalloc" cannot be "maybe"; accepted is on or off (also 1, 0, true, false, yes, no)'
        case $(DISPATCHALLOC_BACKEND=mimalloc:show_stats=on "$work/serve" 2>&1) in
        *"heap stats:"*) ;;
        *) fail "mimalloc:show_stats=on does not print statistics" ;;
        esac
        ;;
    tcmalloc)
        takes tcmalloc:max_total_thread_cache_bytes=1M,aggressive_memory_decommit=on,heap_limit_mb=512
        second tcmalloc:heap_limit_mb=512 tcmalloc:heap_limit_mb=256 \
            '"tcmalloc": there is one tcmalloc in a process, and it runs with heap_limit_mb=512, not 256'
        second tcmalloc:heap_limit_mb=512 tcmalloc:heap_limit_mb=512 made
        outranked tcmalloc:heap_limit_mb=512 tcmalloc:heap_limit_mb=256
        unmade tcmalloc:heap_limit_mb=512 tcmalloc:heap_limit_mb=256
        refuses tcmalloc:max_total_thread_cache_bytes=1 'option "max_total_thread_cache_bytes" of "tcmalloc" cannot be "1"; accepted is a number of bytes from 512K to 1G'
        ;;
    tbb)
        takes tbb:soft_heap_limit=64M,huge_size_threshold=32M
        second tbb:soft_heap_limit=64M tbb:soft_heap_limit=32M \
            '"tbb": there is one oneTBB allocator in a process, and it runs with soft_heap_limit=64M, not 32M'
        second tbb:soft_heap_limit=64M tbb:soft_heap_limit=64M made
        outranked tbb:soft_heap_limit=64M tbb:soft_heap_limit=32M
        unmade tbb:soft_heap_limit=64M tbb:soft_heap_limit=32M
        refuses tbb:use_huge_pages=maybe 'option "use_huge_pages" of "tbb" cannot be "maybe"; accepted is on or off (also 1, 0, true, false, yes, no)'
        case $(DISPATCHALLOC_BACKEND=tbb:use_huge_pages=on "$work/serve" 2>&1) in
        "$answer by tbb") ;;
        *'"tbb": use_huge_pages=on: the system has none to give; "system" serves'*) ;;
        *) fail "tbb:use_huge_pages=on is neither taken nor refused" ;;
        esac
        ;;
    esac
done
finish
