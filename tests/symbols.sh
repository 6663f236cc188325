# SPDX-License-Identifier: MIT
# What the headers declare, what the map lists and what the shared library exports is one
# set. (GNU ld accepts a name in the map that nobody defines without a word.)
set -eu
. "$srcdir/tests/lib.sh"
[ -n "$shared" ] || skip "no shared library was built"
library=$builddir/.libs/libdispatchalloc.so

# ---- Declared: functions marked DAL_API or DAL_INLINE_, as the compiler sees them -----------
printf '#include <%s>\n' dispatchalloc.h dispatchalloc/allocator/arena.h >"$work/all.c"
# shellcheck disable=SC2086
$CC $include -DDAL_INLINE_=DAL_API -E -P "$work/all.c" | tr '\n' ' ' | sed 's/[;{}]/&\
/g' | grep 'visibility("default")' | grep -v '__asm__' | grep -v '\<extern\> *\(const\|struct\|int\|char\)' |
    sed 's/__attribute__((visibility("default")))//' |
    grep -o '\<dal_[a-z0-9_]* *(' | tr -d ' (' | LC_ALL=C sort -u >"$work/declared"

# A public function that a header defines is a symbol as well, for who cannot include it, or stands
# for one that takes the size of a structure besides.
(cd "$srcdir/include" && grep -rn 'static inline .*\<dal_[a-z0-9_]*[a-z0-9](' .) >"$work/static" || true
while read -r line; do
    name=$(echo "$line" | sed 's/.*\<\(dal_[a-z0-9_]*[a-z0-9]\)(.*/\1/')
    ! grep -qx "${name}_sized" "$work/declared" || continue
    fail "static inline, where DAL_INLINE_ makes a symbol of it: $line"
done <"$work/static"

# ---- Listed ---------------------------------------------------------------------------------
sed -e 's/#.*//' -e '/^[[:space:]]*\(global\|local\):/d' "$srcdir/lib/libdispatchalloc.map" |
    sed -n 's/^[[:space:]]*\([a-z_0-9]*\);.*/\1/p' | LC_ALL=C sort >"$work/listed"
[ -z "$(uniq -d "$work/listed")" ] || fail "listed twice: $(uniq -d "$work/listed")"

# Every call of an instance, by a pattern: one for each slot.
sed -n 's/^[[:space:]]*\([a-z][a-z_]*\)\*;.*/\1/p' "$srcdir/lib/libdispatchalloc.map" | while read -r prefix; do
    grep "^$prefix" "$work/declared" >>"$work/listed"
done
LC_ALL=C sort -o "$work/listed" "$work/listed"

# ---- Exported -------------------------------------------------------------------------------
$NM -D --defined-only "$library" >"$work/dynamic"
# The name of the version itself is an absolute symbol.
awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' "$work/dynamic" | LC_ALL=C sort >"$work/exported"
# Nothing by value: data could be copied into the program, where the library does not look.
awk '$2 != "A" && $2 != "T"' "$work/dynamic" | while read -r line; do
    fail "exported, but not a function: $line"
done
awk '$2 != "A" && $3 !~ /@@DISPATCHALLOC_[0-9]+\.[0-9]+$/' "$work/dynamic" | while read -r line; do
    fail "exported without a version: $line"
done

for name in declared listed exported; do
    [ "$(wc -l <"$work/$name")" -ge 20 ] || fail "hardly any symbol is $name"
done
for pair in "declared listed" "listed exported" "exported declared"; do
    one=${pair% *} other=${pair#* }
    LC_ALL=C comm -23 "$work/$one" "$work/$other" | while read -r name; do
        fail "$name is $one, but not $other"
    done
    LC_ALL=C comm -13 "$work/$one" "$work/$other" | while read -r name; do
        fail "$name is $other, but not $one"
    done
done
echo "$(wc -l <"$work/exported") symbols"

# ---- Needed: nothing that a program may define for something else -----------------------------
$NM -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $2); print $2 }' | grep '^dal_' |
    LC_ALL=C sort >"$work/needed" || true
expect "symbols that the library looks up by name" "dal_forbid_environment_ dal_guard_signals_ dal_link_choice_" \
    "$(tr '\n' ' ' <"$work/needed" | sed 's/ $//')"

# ---- The static library keeps to its own names -------------------------------------------------
if [ -n "$archive" ] && [ -z "$sanitized" ]; then
    $NM -g --defined-only "$builddir/.libs/libdispatchalloc.a" 2>/dev/null |
        awk 'NF == 3 && $3 !~ /^dal_/ { print $3 }' | while read -r name; do
            fail "the static library defines $name"
        done
    # What is the library's own ends in an underscore.
    $NM -g --defined-only "$builddir/.libs/libdispatchalloc.a" 2>/dev/null |
        awk 'NF == 3 && $3 !~ /_$/ { print $3 }' | LC_ALL=C sort -u |
        LC_ALL=C comm -23 - "$work/exported" | while read -r name; do
            fail "$name is shared by files, not exported, and does not end in an underscore"
        done
fi
finish
