# SPDX-License-Identifier: MIT
# doc/profiling.md: every command there, and what it prints but for its numbers.
set -eu
. "$srcdir/tests/lib.sh"
need_interposer
need_tool
command -v curl >/dev/null 2>&1 || skip "there is no curl"
command -v pidof >/dev/null 2>&1 || skip "there is no pidof"
is_glibc || skip "the stacks have names of the GNU C library's functions"
is_foreign && skip "the compiler's programs are not for this system"
grep -q '^LIBDW_LIBS = .*-ldw' "$builddir/Makefile" || skip "without libdw there are no lines"
unset DISPATCHALLOC_MALLOC DISPATCHALLOC_BACKEND
# One name in /proc that no other run has, and a port that nobody has: bind() says so.
name=shop$$
name=$(printf '%.15s' "$name")
TMPDIR=$work
export TMPDIR
mkdir "$work/srv" "$work/bin"
cp "$srcdir/tests/profile/shop.c" "$work/srv/shop.c"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$tool" >"$work/bin/dispatchalloc"
printf '#!/bin/sh\nexec %s %s "$@"\n' "$CC" "$CFLAGS" >"$work/bin/cc"
chmod +x "$work/bin/dispatchalloc" "$work/bin/cc"
PATH=$work/bin:$PATH
cd "$work/srv"
port=$((20000 + $$ % 20000))

# Numbers; what chance may leave out, a page that is held at the moment; what the shell says of a job.
normalise() {
    $SED -e "s|$work/srv/|/srv/shop/|g" -e "s|$work/lib|/var/lib/shop|g" -e "s/$name/shop/g" -e '/ answer /d' -e '/main;answer [0-9]*$/d' -e '/ Killed /d' \
        -e 's/[+]\{0,1\}[0-9][0-9.]* \(B\|[KMG]iB\)/SIZE/g' -e 's/1 block$/1 blocks/' -e 's/[0-9][0-9.]*/N/g' -e 's/  */ /g' -e 's/^ //'
}
# The commands of a block run in this shell, for its jobs; the next one is not to come before what it asks is there.
settle() {
    case $1 in
    *' 8080 &') eventually curl -s -o "$work/nothing" "http://127.0.0.1:$port/?user=0" ||
        give_up "the server does not answer" ;;
    esac
}
process=4711
run() {
    typed=$(printf '%s\n' "$1" | $SED -e "s|/var/lib/shop|$work/lib|g" -e "s/8080/$port/g" -e "s/4711/$process/g" -e "s/-C shop/-C $name/" \
        -e "s/pidof shop/pidof $name/" -e "s|-o shop |-o $name |" -e "s|\./shop |./$name |" -e 's/kill %1/kill $!; wait $! || :/')
    eval "$typed" >"$work/said" 2>&1 </dev/null || fail "$1: status $?"
    settle "$1"
    case $1 in pidof*) process=$(cat "$work/said") ;; esac
    expect "$1" "$(printf '%s\n' "$expected" | normalise)" "$(normalise <"$work/said")"
}
trap '[ -z "${!-}" ] || kill -KILL $! 2>/dev/null || :; rm -rf "$work"' EXIT
count=0 inside='' command=''
while IFS= read -r line; do
    case $inside$line in
    '```console') inside=yes ;;
    'yes```' | 'yes$ '*)
        [ -z "$command" ] || run "$command"
        command=''
        case $line in
        '```') inside='' ;;
        *) command=${line#'$ '} expected='' count=$((count + 1)) ;;
        esac ;;
    yes*) expected=$expected${expected:+
}$line ;;
    esac
done <"$srcdir/doc/profiling.md"
expect 'commands in doc/profiling.md' 23 "$count"

# And that it is gone.
$SED 's/^    free(session);/    if (session)\n        free(session->history);\n&/' shop.c >mended.c
cc -g -O2 -o "$name" mended.c
"$tool" profile -o mended.folded "./$name" $port 2>"$work/said" &
settle ' 8080 &'
curl -s "http://127.0.0.1:$port/?user=[1-6000]" >/dev/null
kill $!
wait $! || :
like 'what is left' "*Never given back:*load_catalogue*" "$(cat "$work/said")"
left=$($SED -n '/^at the end/s/.*: *\([0-9]*\)[.0-9]* \(.*\) in .*/\1 \2/p' "$work/said")
case $left in
?' MiB' | 1[0-4]' MiB') ;;
*) fail "what is left: $(cat "$work/said")" ;;
esac
finish
