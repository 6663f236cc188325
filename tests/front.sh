# SPDX-License-Identifier: MIT
# The front does nothing but jump: in no more instructions a function than its processor takes (four
# on x86-64, five with CET), without a PLT; and no program copies anything of the library's.
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$shared" ] || skip "no shared library was built"
# dal_alloc, dal_dealloc, dal_alloc_zeroed and dal_realloc, as gcc makes them at most. Where there
# is no register for one parameter more than the caller's, that is a call which comes back.
processor=$($CC -E -P -xc - <<'EOF'
#if defined __x86_64__ && defined __LP64__
x86 jump:4 jump:4 jump:4 jump:4
#elif defined __aarch64__
other jump:6 jump:6 jump:6 jump:6
#elif defined __riscv && __riscv_xlen == 64
other jump:6 jump:6 jump:6 jump:6
#elif defined __s390x__
other jump:4 jump:4 jump:4 call:8
#elif defined __arm__
other jump:9 jump:9 jump:9 call:12
#elif defined __i386__
other call:10 call:11 call:10 call:12
#elif defined __powerpc__ && !defined __powerpc64__
other call:22 call:22 call:22 call:22
#endif
EOF
)
[ -n "$processor" ] || skip "the instructions of this processor are not known"
not_sanitized "its instructions are in between"
case " $CFLAGS " in
*" -O0 "*) skip "built with -O0" ;;
*" -O"*) ;;
*) skip "built without -O" ;;
esac
[ -n "$OBJDUMP" ] || skip "there is no objdump"
library=$builddir/.libs/libdispatchalloc.so

# What always goes, by memory or by register, and never to a fixed place; and what comes back.
jumps='((bnd |notrack )*jmp +[*]|b[rx][[:blank:]]|jr[[:blank:]]|bctr$)'
returns='(ret|blr|br[[:blank:]]+%r14|bx[[:blank:]]+lr|pop[[:blank:]].*pc)'

# The instructions of a function up to its end: what follows up to the next function fills up.
instructions() {
    $OBJDUMP -d --no-show-raw-insn "$library" |
        awk -v name="<$1>:" -v end="^($jumps|$returns)" '
            $2 == name { on = 1; next }
            on && NF == 0 { exit }
            on { sub(/^[^\t]*\t/, ""); print; if ($0 ~ end) exit }'
}

# shellcheck disable=SC2086 # a list of words
set -- $processor
for function in dal_alloc dal_dealloc dal_alloc_zeroed dal_realloc; do
    shift
    limit=${1#*:}
    instructions $function >"$work/code"
    echo "$function:"
    sed 's/^/    /' "$work/code"
    ! head -n 1 "$work/code" | grep -Eq '^(endbr64|bti)' || limit=$((limit + 1))
    count=$(wc -l <"$work/code")
    [ "$count" -ge 2 ] || fail "$function was not found"
    [ "${processor%% *}" != x86 ] ||
        ! grep -Eq '@plt|\<call|\<j[a-z]+ +[0-9a-f]+|push|pop|lock' "$work/code" ||
        fail "$function does more than jump"
    [ "$count" -le $limit ] || fail "$function has $count instructions, more than $limit"
    case $1 in
    jump:*)
        tail -n 1 "$work/code" | grep -E "^$jumps" | grep -vEq "^$returns" ||
            fail "$function does not end in a jump" ;;
    esac
done
# What follows is of x86-64, and runs what it builds.
[ "${processor%% *}" = x86 ] || finish

# ---- The short ways of the arena return in the cache line in which they begin ---------------------
case " $CFLAGS " in
*" -O2 "*) short_ways="heap_alloc heap_alloc_natural heap_dealloc" ;;
*) short_ways= ;;
esac
# Where they reach their cache by a call they are longer.
has_static_tls || short_ways=
for function in $short_ways; do
    $OBJDUMP -d --no-show-raw-insn "$library" | awk -v name="<$function>:" '
        $2 == name { start = $1; on = 1; next }
        on && /\t(endbr64|ret)/ { print start, $1, $2; if (/\tret/) exit }' >"$work/way"
    ! grep -q endbr64 "$work/way" || continue
    read -r start end _ <"$work/way" || { fail "$function was not found"; continue; }
    [ $((0x$start / 64)) -eq $((0x${end%:} / 64)) ] ||
        fail "$function begins at 0x$start and returns at 0x${end%:}: more than one line"
done

# ---- No call of the malloc family, or of ours, goes through a PLT --------------------------------
if command -v readelf >/dev/null 2>&1; then
    {
        readelf -rW "$library" | awk '/JUMP_SLO/ { sub(/@.*/, "", $5); print $5 }'
        # What has another reference as well has no such relocation.
        $OBJDUMP -d --no-show-raw-insn "$library" | sed -n 's/.*[[:blank:]]<\([a-z_0-9]*\)@plt>.*/\1/p'
    } | sort -u |
        grep -E '^(dal_.*|malloc|calloc|realloc|free|posix_memalign|aligned_alloc|malloc_usable_size)$' |
        while read -r name; do
            fail "$name is called through a PLT"
        done

    # A program that is not position-independent, has a choice and a veto and takes the
    # address of whatever there is: the linker would copy data into it.
    {
        printf '%s\n' '#include <dispatchalloc.h>' '#include <dispatchalloc/allocator/arena.h>' 'typedef void (*function)(void);' \
            'static void *a(size_t s, size_t n, void *c) { (void)s; (void)n; return c; }' \
            'static void d(void *p, size_t s, size_t n, void *c) { (void)p; (void)s; (void)n; (void)c; }' \
            'static const struct dal_allocator mine = { DAL_ALLOCATOR_HEADER(0), .alloc = a, .dealloc = d };' \
            'DAL_GLOBAL_ALLOCATOR(mine);' 'DAL_FORBID_ENVIRONMENT();' \
            'const struct dal_link_choice *const *volatile choice = &dal_link_choice_;' \
            'const char *const *volatile veto = &dal_forbid_environment_;' \
            'function volatile all[] = {'
        $NM -D --defined-only "$library" | sed -n 's/^.* T \(dal_[a-z_0-9]*\).*/(function)\1,/p'
        printf '%s\n' '};' 'int main(void) { return all[0] == 0 || choice == 0 || veto == 0; }'
    } >"$work/everything.c"
    for compiler in $(compilers); do
        for flags in "-fno-pie -no-pie" "-fno-pic -no-pie -O2" "-fPIE -pie"; do
            # shellcheck disable=SC2086
            $compiler $flags $include "$work/everything.c" -o "$work/everything" $shared 2>"$work/said" ||
                { cat "$work/said"; fail "$compiler $flags does not link"; continue; }
            readelf -rW "$work/everything" >"$work/relocations"
            ! grep -E '_COPY.*dal_' "$work/relocations" || fail "$compiler $flags copies data"
            grep -q 'dal_instance_create' "$work/relocations" ||
                fail "$compiler $flags: the relocations were not found"
            "$work/everything" || fail "$compiler $flags: exit $?"
        done
    done
fi
finish
