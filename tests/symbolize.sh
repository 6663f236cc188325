# SPDX-License-Identifier: MIT
# dispatchalloc symbolize: frames by function, file and line, whatever was inlined and wherever the
# debug information is; everything else as it was; nothing that a line or a file has in it ends it.
set -eu
. "$srcdir/tests/lib.sh"
need_tool
not_sanitized "the programs here are small, and many"
for needed in objcopy readelf; do
    command -v $needed >/dev/null 2>&1 || skip "there is no $needed"
done
is_foreign && skip "the compiler's programs are not for this system"
has_libdw() { grep -q '^LIBDW_LIBS = .*-ldw' "$builddir/Makefile"; }
source=$work/source.c
cp "$srcdir/tests/symbolize/program.c" "$source"
cp "$source" "$work/source.cpp"
line_of() { grep -n "$1" "$source" | cut -d: -f1; }
innermost=$(line_of '\* the innermost')
between=$(line_of '\* between')
outermost=$(line_of '\* the outermost')
of_cxx=$(line_of '\* that of C++')

build() { # COMPILER SOURCE PROGRAM FLAG...
    compiler=$1 from=$2 to=$3
    shift 3
    # shellcheck disable=SC2086 # a compiler is words
    $compiler -O2 -fPIE -pie -Wl,--build-id=sha1 "$@" "$from" -o "$to" >"$work/build.log" 2>&1
}
build "$CC" "$source" "$work/program" -g || { cat "$work/build.log"; skip "no such program can be built"; }
id_of() { readelf -n "$1" | $SED -n 's/.*Build ID: //p'; }
id=$(id_of "$work/program")
[ -n "$id" ] || skip "there is no build id"

# Addresses and columns taken out.
plainly() { $SED 's/0x[0-9a-f]*/0xA/g; s/\(:[0-9][0-9]*\):[0-9][0-9]*/\1/'; }
# resolves WHAT EXPECTED FILE OPTION...
resolves() {
    what=$1 expected=$2 from=$3
    shift 3
    expect "$what: exit status" 0 "$("$tool" symbolize "$@" "$from" >"$work/out" 2>"$work/err"; echo $?)"
    expect "$what" "$expected" "$(plainly <"$work/out")"
}

# ---- Functions, files and lines -----------------------------------------------------------------
{
    echo 'before'
    "$work/program" "$work/program" "$id"
    echo "    #1 0x123 (/no/such/file+0x1)"
    echo 'behind'
    echo "    #0 0x123 in name (/no/such/file+0x1)"
} >"$work/log"
module="($work/program+0xA) (BuildId: $id)"
inlined="    #0 0xA in innermost $source:$innermost $module
    #1 0xA in between $source:$between $module
    #2 0xA in outermost $source:$outermost $module"
whole="before
$inlined
    #3 0xA (/no/such/file+0xA)
behind
    #0 0xA in name (/no/such/file+0xA)"
by_symbols="before
    #0 0xA in outermost $module
    #1 0xA (/no/such/file+0xA)
behind
    #0 0xA in name (/no/such/file+0xA)"
! has_libdw || resolves 'a program' "$whole" "$work/log"
has_libdw || resolves 'a program, without libdw' "$by_symbols" "$work/log"
resolves 'by symbols' "$by_symbols" "$work/log" --symbols
expect 'nothing is said' '' "$(cat "$work/err")"
! has_libdw || expect 'what comes by a pipe' "$whole" "$("$tool" symbolize <"$work/log" | plainly)"

# What is resolved already stays, and so a second time changes nothing.
"$tool" symbolize "$work/log" >"$work/once"
"$tool" symbolize "$work/once" >"$work/twice"
cmp "$work/once" "$work/twice" || fail 'a second time changes it'

# Without addresses, as fail-each prints them.
! has_libdw || expect 'frames without addresses' "$(printf '%s\n' "$whole" | $SED 's/ 0xA / /')" \
    "$($SED 's/ 0x[0-9a-f]* / /' "$work/log" | "$tool" symbolize | plainly)"
echo "see #12 in there: #3 0x123 (/no/such+0x1)" >"$work/two"
resolves 'an address goes first' "$(plainly <"$work/two")" "$work/two"

# The last line of a log that was cut may have no end, and one of another system has two.
frame=$(grep -m 1 '#0 .*(BuildId' "$work/log")
printf '%s' "$frame" >"$work/cut"
"$tool" symbolize --symbols "$work/cut" >"$work/out"
like 'a line without an end' "    #0 0x* in outermost *" "$(cat "$work/out")"
expect 'lines that are made of it' 0 "$(wc -l <"$work/out" | tr -d ' ')"
return=$(printf '\r')
$SED "s/\$/$return/" "$work/log" >"$work/returns"
$SED "s/\$/$return/" "$work/once" >"$work/wanted"
"$tool" symbolize "$work/returns" >"$work/out"
cmp "$work/wanted" "$work/out" || fail "lines with a carriage return: $(cat "$work/out")"

# A log may have something in front.
$SED 's/^/Nov 30 host program[1]: /' "$work/log" >"$work/prefixed"
! has_libdw || resolves 'with something in front' "$(printf '%s\n' "$whole" |
    $SED 's/^/Nov 30 host program[1]: /')" "$work/prefixed"

if has_libdw && [ -n "$CXX" ] && build "$CXX" "$work/source.cpp" "$work/program++" -g; then
    cxx=$(id_of "$work/program++")
    "$work/program++" "$work/program++" "$cxx" >"$work/log++"
    "$tool" symbolize "$work/log++" >"$work/out"
    like 'C++' "    #0 0x*innermost*source.cpp:$innermost:*
    #1 0x*between*source.cpp:$between:*
    #2 0x* in around::thing::outermost(int) *source.cpp:$of_cxx:*" "$(cat "$work/out")"
fi

# clang makes no index of addresses.
if has_libdw && makes_the_same clang && build clang "$source" "$work/clang" -g; then
    "$work/clang" "$work/clang" '' >"$work/log-clang"
    like 'clang' "    #0 0x* in innermost $source:$innermost:* ($work/clang+0x*)
    #1 0x* in between $source:$between:* ($work/clang+0x*)
    #2 0x* in outermost $source:$outermost:* ($work/clang+0x*)" "$("$tool" symbolize "$work/log-clang")"
fi

# ---- Debug files ---------------------------------------------------------------------------------
debug=$work/debug/.build-id/$(printf %.2s "$id")
mkdir -p "$debug"
objcopy --only-keep-debug "$work/program" "$debug/${id#??}.debug"
cp "$work/program" "$work/whole"
objcopy --strip-all "$work/program"
resolves 'stripped' "$(cat "$work/log" | plainly)" "$work/log"
resolves 'stripped, by symbols' "$by_symbols" "$work/log" --symbols -d "$work/debug"
! has_libdw || resolves 'with its debug file' "$whole" "$work/log" -d "$work/debug"
cd "$work"
! has_libdw || resolves 'with a relative directory' "$whole" "$work/log" -d debug
cd - >/dev/null
expect 'a directory that is not there' 'dispatchalloc: no debug files from /no/such: No such file or directory' \
    "$("$tool" symbolize -d "/no/such:$work" "$work/log" 2>&1 >"$work/out")"
! has_libdw || expect 'the one behind it' "$whole" "$("$tool" symbolize -d "/no/such:$work/debug" "$work/log" 2>/dev/null | plainly)"
# The program may be gone, or another.
mv "$work/program" "$work/stripped"
! has_libdw || resolves 'with the debug file alone' "$whole" "$work/log" -d "$work/debug"
build "$CC" "$source" "$work/program" -g -DOTHER -O1
other=$(id_of "$work/program")
cat "$work/log" "$work/log" >"$work/log2"
resolves 'another build' "$(plainly <"$work/log2")" "$work/log2"
expect 'another build is told once' \
    "dispatchalloc: $work/program is not used: its build id is $other, and not $id" "$(cat "$work/err")"
resolves 'another build, quietly' "$(plainly <"$work/log2")" "$work/log2" --quiet
expect 'another build, quietly' '' "$(cat "$work/err")"
! has_libdw || resolves 'another build, with the debug file' "$whole" "$work/log" -d "$work/debug"
# A debug file is of another build too, whatever its name.
objcopy --only-keep-debug "$work/program" "$debug/${id#??}.debug"
resolves "another build's debug file" "$(plainly <"$work/log")" "$work/log" -d "$work/debug"

# ---- Code made at run time -------------------------------------------------------------------------
map=/tmp/perf-$$.map
trap 'rm -rf "$work" "$map"' EXIT
escape=$(printf '\033')
rm -f "$map"
(umask 022; printf '1000 20 old\n1000 10 ~%s[31mfirst one\n1010 10 second\nnonsense\n' "$escape" >"$map")
printf 'dispatchalloc: debug[%s]: a report\n    #0 0x1008 (code made at run time)\n    #1 0x1010\n    #2 0x1020 (<unknown module>)\n' $$ >"$work/made"
expect 'code made at run time' "dispatchalloc: debug[$$]: a report
    #0 0x1008 in ~?[31mfirst one (code made at run time)
    #1 0x1010 in second
    #2 0x1020 (<unknown module>)" "$("$tool" symbolize "$work/made")"
# Whichever of two stands behind the other, and what its maker adds.
printf 'dispatchalloc: debug[%s]: x\n#0 0x2008\n#0 0x2018\n#0 0x3008\n#0 0x1fff\n' $$ >"$work/more"
printf '2010 10 inside\n2000 40 around\n2000 10 latest\n2000 0 none\nffffffffffffffff 2 beyond\n' >>"$map"
mkfifo "$work/growing"
"$tool" symbolize <"$work/growing" >"$work/out" &
exec 5>"$work/growing"
cat "$work/more" >&5
eventually grep -q 1fff "$work/out" || fail 'a line of what comes by a pipe is held back'
printf '3000 10 added\n' >>"$map"
cat "$work/more" >&5
exec 5>&-
wait
expect 'a map that grows' "dispatchalloc: debug[$$]: x
#0 0x2008 in latest
#0 0x2018 in around
#0 0x3008
#0 0x1fff
dispatchalloc: debug[$$]: x
#0 0x2008 in latest
#0 0x2018 in around
#0 0x3008 in added
#0 0x1fff" "$(cat "$work/out")"
# A large one is not read for each frame: that would take minutes.
cp "$map" "$work/small"
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "%x 10 function_%d\n", 4096 + 16 * i, i }' >"$map"
awk -v process=$$ 'BEGIN {
    print "dispatchalloc: debug[" process "]: x"
    for (i = 0; i < 4000; i++) printf "#0 0x%x\n", 4096 + 16 * i + 8
}' >"$work/many"
timeout 30 "$tool" symbolize "$work/many" >"$work/out" || fail "a large map: $?"
expect 'frames of a large map' '4000: #0 0x10978 in function_3991' \
    "$(grep -c ' in function_' "$work/out"): $(grep -m 1 function_3991 "$work/out")"
mv "$work/small" "$map"
mv "$map" "$work/map"
ln -s "$work/map" "$map"
expect 'a link is not followed' "$(cat "$work/made")" "$("$tool" symbolize "$work/made")"
rm "$map"
mkfifo "$map"
expect 'a FIFO is not waited for' "$(cat "$work/made")" "$(timeout 20 "$tool" symbolize "$work/made")"
rm "$map"

# ---- What is no frame stays as it is ---------------------------------------------------------------
{
    printf 'text %s[31m \001\200\n\n# \n#1\n#1 \n#1 0\n#1 0x\n#99999999999 0x1 (/x+0x1)\n' "$escape"
    printf '#1 0x11111111111111111 (/x+0x1)\n#1 0x1 (/x+0x)\n#1 0x1 (/x\n#1 0x1 (x+0x1)\n#1 0x1 (/x+0x1\n'
    printf '#1 0x1 (/x+0x1) (BuildId: \n#1 0x1 (/x+0x1) (BuildId: )\n#1 0x1 (/x+0x1) (BuildId: zz)\n'
    printf '#1 0x1 (/x+0x1) (BuildId: abc)\n#1 0x1 (BuildId: ab)\n)\n(BuildId: ab)\n#1x 0x1 (/x+0x1)\n'
    printf '#1 in f /x.c:3\n#1 (code made at run time)\n#1 in f (x+0x1)\n#1 in f (/x\n#1 in\n#1 (/\n'
    printf 'a zero byte \000 #0 0x1 (%s+0x1)\n' "$work/whole"
    printf 'dispatchalloc: debug[99999999999999999999999]: x\n#1 0x1\ndispatchalloc: debug[\n'
    head -c 100000 /dev/zero | tr '\0' '#'
    printf ' #0 0x1 (%s+0x1)\n' "$work/whole"
    printf '#0 0x1 (/'
    head -c 10000 /dev/zero | tr '\0' 'x'
    printf '+0x1)\n#1 0x1 (%s+0x1)\n#1 0x1 (/dev/zero+0x1)\n#1 0x1 (%s+0xffffffffffffffff)\nno end' \
        "$work" "$work/whole"
} >"$work/others"
for option in --quiet --symbols; do
    "$tool" symbolize $option "$work/others" >"$work/out" || fail "others, $option: $?"
    cmp "$work/others" "$work/out" || fail "others are not as they were, $option"
done
mkfifo "$work/fifo"
echo "#1 0x1 ($work/fifo+0x1)" >"$work/of-fifo"
(exec 3>"$work/fifo"; echo >"$work/opened") &
writer=$!
sleep 0.5
expect 'a FIFO is no module' "$(cat "$work/of-fifo")" "$(timeout 20 "$tool" symbolize "$work/of-fifo")"
sleep 0.1
[ ! -e "$work/opened" ] || fail 'what is no regular file is opened'
kill $writer 2>/dev/null || :

# ---- Files with anything in them -------------------------------------------------------------------
"$work/whole" "$work/mutant" '' >"$work/log-mutant"
size=$(wc -c <"$work/whole")
number=12345
for round in $(seq 150); do
    cp "$work/whole" "$work/mutant"
    for _ in 1 2 3 4; do
        number=$(((number * 1103515245 + 12345) % 2147483648))
        # Half of them in the headers.
        at=$((number / 7 % size))
        [ $((round % 2)) = 0 ] || at=$((at % 900))
        printf "\\$(printf %o $((number / 65536 % 256)))" |
            dd of="$work/mutant" bs=1 seek=$at conv=notrunc status=none
    done
    [ $((round % 5)) != 0 ] || head -c $((number % size)) "$work/whole" >"$work/mutant"
    for option in --quiet --symbols; do
        timeout 60 "$tool" symbolize $option "$work/log-mutant" >"$work/out" 2>&1 ||
            fail "mutant $round, $option: $? $(cat "$work/out")"
        [ "$(wc -l <"$work/out")" -ge 1 ] || fail "mutant $round, $option: the line is gone"
    done
done

# One that is larger than what there is memory for, in a hole.
cp "$work/whole" "$work/mutant"
if truncate -s 64G "$work/mutant" 2>/dev/null; then
    for option in --quiet --symbols; do
        expect "a huge file, $option" 0 \
            "$(timeout 60 "$tool" symbolize $option "$work/log-mutant" >"$work/out" 2>&1; echo $?)"
    done
fi

# One that becomes shorter while it is in use.
first=$($SED "s|(.*/|($work/|; s|mutant|shorter|" "$work/log-mutant")
second=$(printf '%s\n' "$first" | $SED 's/+0x[0-9a-f]*/+0x1/')
for option in --quiet --symbols; do
    cp "$work/whole" "$work/shorter"
    : >"$work/out"
    {
        printf '%s\n' "$first"
        eventually grep -q ' in ' "$work/out"
        : >"$work/shorter"
        printf '%s\n' "$second" "$second" important
    } | "$tool" symbolize $option >"$work/out" 2>"$work/err" || fail "a shorter file, $option: $?"
    expect "what is behind it, $option" "$second
$second
important" "$(tail -n 3 "$work/out")"
done

# ---- What library and interposer need ----------------------------------------------------------------
# What reads debug information is the command's.
for file in libdispatchalloc.so libdispatchalloc-preload.so; do
    [ -e "$builddir/.libs/$file" ] || continue
    readelf -d "$builddir/.libs/$file" | $SED -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | while read -r needed; do
        case $needed in
        libc.so* | libc.musl* | ld-* | libpthread.so* | libdl.so* | libatomic.so*) ;;
        *) fail "$file needs $needed" ;;
        esac
    done
done

# ---- The command line ------------------------------------------------------------------------------
code=0
"$tool" symbolize --quiet /no/such "$work/log" >"$work/out" 2>"$work/err" || code=$?
expect 'no such file' '2: dispatchalloc: /no/such: No such file or directory' "$code: $(cat "$work/err")"
expect 'and the next' "$(grep -c . "$work/log")" "$(grep -c . "$work/out")"
finish
