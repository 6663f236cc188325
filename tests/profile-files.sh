# SPDX-License-Identifier: MIT
# What tools/profile/ makes of a profile: each form is held against one that is known, by the tools
# that it is for where they are installed; and no text of a program gets out of where it stands.
set -eu
. "$srcdir/tests/lib.sh"
make=$builddir/tests/profile_model
model=$srcdir/tests/profile/model
[ -x "$make" ] || skip "it is not built"
has_zlib() { grep -q '^ZLIB_LIBS = .*-lz' "$builddir/Makefile"; }
has() { command -v "$1" >/dev/null 2>&1; }
# writes WHAT MODEL FILE...
writes() {
    what=$1
    shift
    "$make" write "$@" >"$work/out" 2>&1 || fail "$what: $(cat "$work/out")"
}
# refuses WHAT MESSAGE FILE
refuses() {
    expect "$1" "2: dispatchalloc: $2" \
        "$("$make" write "$model" "$3" >"$work/out" 2>&1 && echo "0: " || echo "$?: $(cat "$work/out")")"
}
cd "$work"
writes 'every form' "$model" p.pb p.folded p.json p.svg p.html
forms='p.pb p.folded p.json p.svg p.html'

# ---- Names of files ------------------------------------------------------------------------------
refuses 'no form' "p.txt: the end of its name says no form that is known: .pb.gz or .pb (pprof), \
.folded, .json (DHAT), .svg, .html, or .raw, the layer's own" p.txt
refuses 'a name that is an ending' ".svg: the end of its name says no form that is known: .pb.gz or \
.pb (pprof), .folded, .json (DHAT), .svg, .html, or .raw, the layer's own" .svg
refuses 'no such directory' 'no/p.svg: No such file or directory' no/p.svg
if [ -c /dev/full ]; then
    for form in $forms; do
        ln -s /dev/full "full.${form#p.}"
        refuses "a full disk, $form" "full.${form#p.}: No space left on device" "full.${form#p.}"
    done
fi
if has_zlib; then
    writes 'packed' "$model" p.pb.gz
    gzip -dc p.pb.gz | cmp - p.pb || fail 'unpacked it is another file'
else
    refuses 'without zlib' 'p.pb.gz: there is no zlib to pack it with; .pb is the same unpacked' p.pb.gz
fi

# ---- Folded stacks -------------------------------------------------------------------------------
expect 'folded stacks' 'main;grow;inner 8000
main;grow 500
main;lib<evil>.so+0x1123 500' "$(cat p.folded)"

# ---- pprof ---------------------------------------------------------------------------------------
# Without the program, which is not there.
if has go && go tool pprof -raw p.pb >raw 2>err; then
    expect 'samples' 'inuse_objects/count inuse_space/bytes[dflt] alloc_objects/count alloc_space/bytes peak_objects/count peak_space/bytes
          1       1000         10      10000          8       8000: 1 2
          5        500          5        500          5        500: 3 2
          0          0        100       6400          0          0: 4 5
          0          0          1        500          1        500: 6 5
          2          0          2          0          2          0: 7' \
        "$($SED -n '/^Samples:/,/^Locations/p' raw | $SED '1d;$d; s/ *$//')"
    expect 'locations' '     1: 0x400100 M=1 inner /src/a.c:12 s=0
             grow /src/a.c:20 s=0
     2: 0x400200 M=1 main /src/main.c:30 s=0
     3: 0x400110 M=1 grow /src/a.c:21 s=0' "$($SED -n '/^Locations/,/^Mappings/p' raw | $SED '1d;5q' | head -n 4)"
    like 'mappings' '1: 0x400000/0x500000/0x0 /opt/program 0123456789abcdef *FN*FL*LN*IN*
2: 0x7f0000000000/0x7f0000100000/0x1000 /lib/lib<evil>.so feed *' "$($SED -n '/^Mappings/,$p' raw | $SED 1d)"
    like 'the command line' "Comment: ./program --name=</script><b>\"&'??
PeriodType: space bytes
Period: 1
Time: 2023-11-14 22:13:20*
Duration: 5s" "$(head -n 5 raw)"
    # top INDEX: FLAT CUMULATED FUNCTION, a line each.
    top() {
        go tool pprof -unit=B ${1:+-sample_index=$1} -top p.pb 2>/dev/null |
            awk 'is_table { print $1, $4, $6 } /flat%/ { is_table = 1 }'
    }
    expect 'inuse_space is what is shown' '1000B 1000B inner
500B 1500B grow
0 1500B main' "$(top '')"
    expect 'peak_space' '500B 8500B grow
8000B 8000B inner' "$(top peak_space | grep -E ' (inner|grow)$' | sort -k 3)"
    expect 'alloc_space' '10000B 10000B inner' "$(top alloc_space | head -n 1)"
    ! has_zlib || go tool pprof -top p.pb.gz >packed 2>err || fail "packed: $(cat err)"
else
    echo 'there is no go tool pprof: its files are not read'
fi

# ---- DHAT ------------------------------------------------------------------------------------------
# What valgrind's viewer builds from it, its page left out.
if has python3; then
    python3 - p.json >dhat 2>&1 <<'END' || fail "DHAT: $(cat dhat)"
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    told = json.load(file)
frames = [[told["ftbl"][f] for f in point["fs"]] for point in told["pps"]]
assert told["dhatFileVersion"] == 2 and told["bklt"] is True and told["bkacc"] is False, told
assert (told["te"], told["tg"], told["pid"]) == (5000000000, 2000000000, 4711), told
assert told["cmd"] == "./program --name=</script><b>\"&'\x01\ufffd", told["cmd"]
assert frames[0] == ["0x400100: inner (/src/a.c:12)", "0x400100: grow (/src/a.c:20)",
                     "0x400200: main (/src/main.c:30)"], frames[0]
assert told["ftbl"][0] == "[root]" and frames[3][0].endswith(" (in /lib/lib<evil>.so)"), frames
first = told["pps"][0]
assert [first[key] for key in ("tb", "tbk", "gb", "gbk", "eb", "ebk")] == [
    10000, 10, 8000, 8, 1000, 1], first
# What is not known of one that has live blocks is not told; of one that has none one block was there.
assert "tl" not in first and (first["mb"], first["mbk"]) == (8000, 8), first
churned = told["pps"][2]
assert [churned[key] for key in ("tbk", "mb", "mbk", "gb", "eb")] == [100, 64, 1, 0, 0] and "tl" in churned, churned
END
fi
viewer=$(ls /usr/libexec/valgrind/dh_view.js /usr/lib/*/valgrind/dh_view.js /usr/lib/valgrind/dh_view.js 2>/dev/null | head -n 1)
grep -v lifetimes "$model" >unknown
writes 'without lifetimes' unknown unknown.json
expect 'without lifetimes' '"bklt":false,"bkacc":false' "$(grep -o '"bklt".*' unknown.json)"
expect 'what is not known is not told' '' "$(grep -E '"(tg|tuth|tl|mb|gb|eb)"' unknown.json)"
if has node && [ -n "$viewer" ]; then
    {
        echo 'document = {};'
        cat "$viewer"
        echo 'gData = JSON.parse(require("fs").readFileSync(process.argv[2], "utf8"));
              gSelect = { selectedIndex: 0, childNodes: gSelectData.map(() => ({})) };
              buildTree();
              console.log(gRoot._totalBytes, gRoot._totalBlocks, gRoot._kids.length);'
    } >view.js
    for file in p.json unknown.json; do
        expect "valgrind's viewer, $file" '17400 118 5' "$(node view.js $file 2>&1 | tail -n 1)"
    done
else
    echo "there is no node, or no viewer of DHAT's: it does not read the file"
fi

# ---- The picture -----------------------------------------------------------------------------------
if has python3; then
    python3 - p.svg >svg 2>&1 <<'END' || fail "SVG: $(cat svg)"
import sys, xml.etree.ElementTree as tree
space = "{http://www.w3.org/2000/svg}"
root = tree.parse(sys.argv[1]).getroot()
boxes = {}
for group in root.iter(space + "g"):
    box = group.find(space + "rect")
    boxes[group.find(space + "title").text] = [float(box.get(key)) for key in ("x", "y", "width")]
assert list(boxes) == ["all: 8.8 KiB, 100.00%", "main /src/main.c:30: 8.3 KiB, 94.44%",
    "grow /src/a.c:20: 7.8 KiB, 88.89%", "inner /src/a.c:12: 7.8 KiB, 88.89%",
    "grow /src/a.c:21: 500 B, 5.56%", "main /src/main.c:31: 500 B, 5.56%",
    "lib<evil>.so+0x1123: 500 B, 5.56%"], list(boxes)
x, y, width = boxes["inner /src/a.c:12: 7.8 KiB, 88.89%"]
assert abs(width - 1180 * 8 / 9) < 0.1 and y < boxes["all: 8.8 KiB, 100.00%"][1], (x, y, width)
assert {e.tag for e in root.iter()} == {space + t for t in ("svg", "style", "g", "title", "rect", "text")}
END
fi

# ---- The page --------------------------------------------------------------------------------------
# Elements that end a script: the data's and the script's own.
ends() { grep -o '</script' "$1" | wc -l | tr -d ' '; }
expect 'ends of scripts' 2 "$(ends p.html)"
expect 'what it asks the network for' '' "$(grep -oE '(src|href)=|https?:|url\(|@import|fetch\(' p.html)"
lines=$(cat "$srcdir/tools/profile/page.html" "$srcdir/tools/profile/page.js" | wc -l)
[ "$lines" -lt 500 ] || fail "page.html and page.js have $lines lines"
awk 'BEGIN {
    print "command\t./large\ntimes\t0\t1000\t500\nknows\ttemporary"
    for (i = 0; i < 100000; i++) {
        print "site\t9\t9000\t1\t" i + 1 "\t2\t" 2 * i + 1 "\t3"
        number = i
        for (depth = 0; depth < 16; depth++) {
            print "frame\t" depth * 100 + number % 10 + 1 "\t" number % 10 + 1 "\t0\tfunction_" depth "\t/src/file.c"
            number = depth == 5 ? 7 : int(number / 10)
        }
    }
}' >large
writes 'many stacks' large large.html
if has node; then
    node "$srcdir/tests/profile/page.js" p.html small >page 2>&1 || fail "the page: $(cat page)"
    node "$srcdir/tests/profile/page.js" large.html large >page 2>&1 || fail "many stacks: $(cat page)"
    cat page
    like 'many stacks' '100000 stacks, * ms' "$(cat page)"
else
    echo 'there is no node: the script of the page does not run by itself'
fi

# What it answers in a browser, by lines that a script at its end adds.
browser=${CHROMIUM-$(command -v chromium || command -v chromium-browser || command -v google-chrome || :)}
if [ -n "$browser" ]; then
    answers() {
        cat "$1" "$srcdir/tests/profile/press.html" >pressed.html
        timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/browser" \
            --dump-dom "file://$work/pressed.html" 2>/dev/null | $SED 's/.*<pre>//'
    }
    expect 'a browser' 'answer ArrowDown: main /src/main.c:30: 8.3 KiB, 94.4%
answer ArrowDown: grow /src/a.c:20: 7.8 KiB, 88.9%
answer ArrowRight: grow /src/a.c:21: 500 B, 5.6%
answer ArrowLeft: grow /src/a.c:20: 7.8 KiB, 88.9%
answer Enter: grow /src/a.c:20: 7.8 KiB, 88.9%
answer ArrowUp: main /src/main.c:30: 8.3 KiB, 94.4%
answer Escape: all: 8.8 KiB, 100.0%
answer search: 88.9% of bytes at the peak; all: 8.8 KiB, 100.0%
answer measure: 66.7% of bytes live at the end; all: 1.5 KiB, 100.0%
answer search: grow' "$(answers p.html | grep '^answer [A-Zsm]')"
    like 'its title' 'answer title: ./program --name=&lt;/script&gt;&lt;b&gt;"&amp;*' "$(answers p.html | grep '^answer title')"
    answers large.html >page
    grep -o '^opened in [0-9]* ms' page || fail 'a browser, many stacks: it was not opened'
else
    echo 'there is no chromium: the page is not opened'
fi

# ---- Every byte in names ---------------------------------------------------------------------------
# In each text that a program has a say in.
{
    every=$(awk 'BEGIN { for (i = 1; i < 256; i++) printf "\\x%02x", i; printf "</script><!--&amp;]]>" }')
    printf 'command\t%s\nmodule\t0x1000\t0x2000\t0\tab\t/%s\n' "$every" "$every"
    printf 'site\t1\t10\t1\t10\t1\t10\nframe\t0x1001\t3\t0\t%s\t%s\nframe\t0x1002\t3\t0\t-\t-\n' "$every" "$every"
} >every
for form in $forms; do
    writes "every byte, $form" every "every.${form#p.}"
done
expect 'every byte, folded' '1: 2' "$(wc -l <every.folded | tr -d ' '): $(tr -cd ';' <every.folded | wc -c | tr -d ' ' | $SED 's/1/2/')"
expect 'every byte, ends of scripts' 2 "$(ends every.html)"
expect 'every byte, comments' '' "$(grep -o '<!--' every.html)"
for file in every.folded every.json every.svg every.html; do
    iconv -f UTF-8 -t UTF-8 $file >/dev/null 2>&1 || fail "$file is not UTF-8"
    [ "$(LC_ALL=C tr -d '\n' <$file | LC_ALL=C tr -cd '\001-\037\177' | wc -c)" = 0 ] ||
        fail "$file has control characters"
done
! has python3 || python3 - every.json every.svg <<'END' || fail 'every byte: not well-formed'
import json, sys, xml.etree.ElementTree as tree
json.load(open(sys.argv[1], encoding="utf-8"))
tree.parse(sys.argv[2])
END
! has go || ! [ -e raw ] || go tool pprof -top every.pb >/dev/null 2>err || fail "every byte, pprof: $(cat err)"
"$make" table every >told
[ "$(LC_ALL=C tr -d '\n' <told | LC_ALL=C tr -cd '\001-\037\177' | wc -c)" = 0 ] || fail 'the table has control characters'

# ---- Nothing, and less -----------------------------------------------------------------------------
: >empty
printf 'site\t1\t10\t1\t10\t1\t10\n' >frameless
for from in empty frameless; do
    for form in $forms; do
        writes "$from, $form" $from "$from.${form#p.}"
    done
    ! has python3 || python3 -m json.tool $from.json >/dev/null || fail "$from.json is not JSON"
    ! [ -e raw ] || go tool pprof -raw $from.pb >/dev/null 2>err || fail "$from.pb: $(cat err)"
done
expect 'no frames, folded' '?? 10' "$(cat frameless.folded)"
like 'no frames, the summary' '*100.0%* 1  ??*' "$("$make" table frameless)"

# ---- No memory -------------------------------------------------------------------------------------
# It is told, and no file is as if it were whole.
tool=$builddir/tools/.libs/dispatchalloc
DISPATCHALLOC_INTERPOSER=$builddir/.libs/libdispatchalloc-preload.so
if [ -x "$tool" ] && [ -e "$DISPATCHALLOC_INTERPOSER" ] && [ -z "$sanitized" ]; then
    export DISPATCHALLOC_INTERPOSER
    fails_each() {
        LD_LIBRARY_PATH=$builddir/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
            "$tool" fail-each "$make" "$@" >"$work/out" 2>&1 || fail "fail-each $1: $? $(cat "$work/out")"
        like "fail-each $1" '*gave up with another exit status*' "$(cat "$work/out")"
    }
    packed=''
    ! has_zlib || packed=failed.pb.gz
    # shellcheck disable=SC2086 # a name or none
    fails_each write "$model" failed.folded failed.json failed.svg failed.html failed.pb $packed
    fails_each table "$model"
    fails_each diff "$model" "$model"
else
    echo 'there is no fail-each: no allocation fails'
fi

# ---- The summary -------------------------------------------------------------------------------------
expect 'the summary' "./program --name=</script><b>\"&'??
peak:       8.8 KiB in 16 blocks, after 2.000 s of 5.000 s
allocated:  17.0 KiB in 118 blocks
at the end: 1.5 KiB in 8 blocks

Held at the peak:
       bytes  share     blocks  function, file and line
     7.8 KiB  88.9%          8  inner /src/a.c:12
       500 B   5.6%          5  grow /src/a.c:21
       500 B   5.6%          1  lib<evil>.so+0x1123

Never given back:
       bytes  share     blocks  function, file and line
      1000 B  66.7%          1  inner /src/a.c:12
       500 B  33.3%          5  grow /src/a.c:21

Lived for no time: freed before the thread allocated again:
      blocks  share     of all  function, file and line
         100  98.0%        100  std::map<int, char const*>::operator[](\";?</script>'&?) /src/ma;p.c:7
           2   2.0%         10  inner /src/a.c:12" "$("$make" table "$model")"
{
    printf 'interval\t524288\n'
    for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
        printf 'site\t1\t%s\t0\t0\t1\t%s\nsamples\t3\t0\t1\nframe\t0\t%s\t0\tfunction\t/src/a.c\n' $i $i $i
    done
} >places
told=$("$make" table places)
like 'a sample' '*peak:       78 B in 12 blocks by 12 samples, after*
allocated:  78 B in 12 blocks by 36 samples
at the end: 0 B in 0 blocks by 0 samples
These are estimates: one sample in 512.0 KiB. By 12 samples the peak is right
to about 29 %.*
       bytes  share     blocks  samples  function, file and line
        12 B  15.4%          1        1  function /src/a.c:12*' "$told"
like 'what is left' '*3.8%          2        2  in 2 more places*Never given back: nothing' "$told"

# The highest of many estimates: the more samples there are, and the less comes and goes, the less is
# chance; and what is live at the end is none.
chance() {
    printf 'interval\t524288\nsite\t1\t%s\t1\t%s\t1\t4718592\nsamples\t8192\t1\t%s\n' "$1" "$2" "$3" >chance
    "$make" table chance | $SED -n 's/ of it may be chance.$//p'
}
expect 'chance, few samples' '3.1 MiB' "$(chance 4096000000 0 9)"
expect 'chance, many samples' '371.6 KiB' "$(chance 4096000000 0 1900)"
expect 'chance, little comes and goes' '1.5 MiB' "$(chance 9437184 0 9)"
expect 'chance, all is live' '512.0 KiB' "$(chance 4096000000 4194304 9)"
writes 'chance, the page' chance chance.html
like 'chance, the page' '*"samples":?9,1,8192?,"chance":524288,*' "$(cat chance.html)"

# Stacks end at who has called what the library's headers have.
{
    printf 'module\t0x3000\t0x4000\t0\t-\t/opt/program\nsite\t1\t20\t0\t0\t1\t20\n'
    printf 'frame\t0x3100\t99\t0\tdal_array_alloc_\t/opt/include/dispatchalloc/typed.h\n'
    printf 'frame\t0x3100\t255\t0\tdal_strdup\t/opt/include/dispatchalloc/typed.h\n'
    printf 'frame\t0x3200\t7\t0\tcopy\t/src/a.c\n'
} >own
writes "the library's headers" own own.folded
expect "the library's headers" 'copy 20' "$(cat own.folded)"

# Who allocates by the language's own.
{
    printf 'module\t0x1000\t0x2000\t0\t-\t/lib/libc.so.6\nmodule\t0x3000\t0x4000\t0\t-\t/opt/program\n'
    printf 'site\t1\t20\t0\t0\t1\t20\nframe\t0x1100\t0\t0\tstrdup\t-\nframe\t0x3100\t7\t0\tcopy\t/src/a.c\n'
    printf 'site\t1\t30\t0\t0\t1\t30\nframe\t0x3200\t9\t1\tstd::allocator<int>::allocate\t/usr/include/c++/12/allocator.h\n'
    printf 'frame\t0x3200\t8\t0\tfill\t/src/a.c\n'
    printf 'site\t1\t5\t0\t0\t1\t5\nframe\t0x3300\t3\t0\toperator new(unsigned long)\t/src/new.cc\n'
    printf 'frame\t0x3400\t4\t0\txmalloc\t/src/x.c\nframe\t0x3500\t5\t0\tread_all\t/src/a.c\n'
    printf 'site\t1\t10\t0\t0\t1\t10\nframe\t0x1300\t0\t0\tgetline\t-\nframe\t0x1400\t0\t0\tstart\t-\n'
    printf 'site\t1\t3\t0\t0\t1\t3\nframe\t0x1300\t0\t0\tgetline\t-\nframe\t0\t0\t0\t[truncated]\t-\n'
    printf 'module\t0x5000\t0x6000\t0\t-\t/lib/libdispatchalloc-preload.so\n'
    printf 'site\t1\t4\t0\t0\t1\t4\nframe\t0x5100\t0\t0\tdal_malloc_posix_memalign_\t-\n'
    printf 'frame\t0x5200\t0\t0\tposix_memalign\t-\nframe\t0x3600\t6\t0\talign\t/src/a.c\n'
    printf 'site\t1\t2\t0\t0\t1\t2\nframe\t0x5300\t0\t0\tdal_create\t-\n'
} >language
expect 'who allocates' '30 B 40.5% 1 fill /src/a.c:8
20 B 27.0% 1 copy /src/a.c:7
13 B 17.6% 2 getline
5 B 6.8% 1 read_all /src/a.c:5
4 B 5.4% 1 align /src/a.c:6
2 B 2.7% 1 dal_create' "$("$make" table language | $SED -n '/^Held/,/^$/p' | $SED '1,2d;$d; s/^ *//; s/  */ /g')"

# The library's own frames are no leaves: who has called it is.
writes 'frames of the library' language own.folded
expect 'frames of the library' 'align 4
dal_create 2' "$(grep -E 'align|dal_' own.folded)"

# ---- Two profiles ------------------------------------------------------------------------------------
# The lines moved, one function is new, one gone, one grew.
{
    printf 'command\t./program after\n'
    printf 'site\t10\t10000\t2\t2000\t8\t8000\nframe\t9\t99\t0\tinner\t/src/a.c\n'
    printf 'site\t1\t100\t1\t100\t1\t100\nframe\t8\t1\t0\tnew\t/src/new.c\n'
} >after
{
    printf 'command\t./program before\n'
    printf 'site\t10\t10000\t1\t1000\t8\t8000\nframe\t9\t12\t0\tinner\t/src/a.c\n'
    printf 'site\t5\t500\t5\t500\t5\t500\nframe\t7\t12\t0\tgone\t/src/a.c\n'
} >before
expect 'two profiles' 'before: ./program before
after:  ./program after

      change       before        after
      -400 B      8.3 KiB      7.9 KiB  Held at the peak
      +600 B      1.5 KiB      2.1 KiB  Live at the end
      -400 B     10.3 KiB      9.9 KiB  Allocated

Held at the peak:
      -500 B        500 B          0 B  gone /src/a.c
      +100 B          0 B        100 B  new /src/new.c

Live at the end:
     +1000 B       1000 B      2.0 KiB  inner /src/a.c
      -500 B        500 B          0 B  gone /src/a.c
      +100 B          0 B        100 B  new /src/new.c

Allocated:
      -500 B        500 B          0 B  gone /src/a.c
      +100 B          0 B        100 B  new /src/new.c' "$("$make" diff before after)"
like 'a profile and itself' '*Held at the peak:

Live at the end:

Allocated:' "$("$make" diff before before)"
finish
