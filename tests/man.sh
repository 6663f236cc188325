# SPDX-License-Identifier: MIT
# The manual and the headers say the same: each public function has one page, each name of a page
# is installed, each prototype is the header's, its parameters' names
# included, each error number has its text, and no page lacks the sections that every page has.
set -eu
. "$srcdir/tests/lib.sh"

# The names in the NAME section of a page.
names_of()
{
    $SED -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([A-Za-z_0-9]*\).*/\1/p' "$1"
}

# ---- every public function has one page, every name of a page is installed ------------

{
    $SED -n 's/^[[:space:]]*\(dal_[a-z_0-9]*[a-z0-9]\);.*/\1/p' "$srcdir/lib/libdispatchalloc.map"
    # Those that the map has by a pattern: the calls of an instance.
    $SED -n 's/^DAL_API .*[ *]\(dal_instance_[a-z_0-9]*[a-z0-9]\)(.*/\1/p' "$srcdir"/include/dispatchalloc/*.h
    # Functions that are defined in a header, and the macros that stand for functions.
    $SED -n 's/^\(static inline\|DAL_INLINE_\) .*[ *]\(dal_[a-z_0-9]*[a-z0-9]\)(.*/\2/p
        s/^#[[:space:]]*define \(dal_[a-z_0-9]*[a-z0-9]\)(.*/\1/p
        s/^#[[:space:]]*define \(DAL_GLOBAL_ALLOCATOR\)(.*/\1/p
        s/^#[[:space:]]*define \(DAL_GLOBAL_ALLOCATOR_FIXED\)(.*/\1/p
        s/^#[[:space:]]*define \(DAL_FORBID_ENVIRONMENT\)(.*/\1/p
        s/^#[[:space:]]*define \(DAL_MODULE\)(.*/\1/p' "$srcdir"/include/dispatchalloc/*.h
} | sort -u >"$work/public"

for page in "$srcdir"/doc/man/*.3; do
    main=${page##*/}
    main=${main%.3}
    for name in $(names_of "$page"); do
        echo "$name"
        [ "$name" = "$main" ] || echo "$name $main.3" >>"$work/links"
    done
done | sort >"$work/documented"

uniq -d "$work/documented" >"$work/twice"
[ ! -s "$work/twice" ] || fail "on more than one page:" $(cat "$work/twice")
uniq "$work/documented" | comm -23 "$work/public" - >"$work/missing"
[ ! -s "$work/missing" ] || fail "without a page:" $(cat "$work/missing")

sort "$work/links" >"$work/links.pages"
awk -f "$srcdir/doc/man-links.awk" "$srcdir"/doc/man/*.[137] | sort >"$work/links.made"
diff "$work/links.pages" "$work/links.made" ||
    fail "the names of the pages (<) are not the links that are installed (>)"

for page in "$srcdir"/doc/man/*.[137]; do
    grep -q "doc/man/${page##*/}" "$srcdir/doc/doc.mk" || fail "${page##*/} is not in doc/doc.mk"
done

# ---- sections --------------------------------------------------------------------------

for page in "$srcdir"/doc/man/*.3; do
    for section in NAME LIBRARY SYNOPSIS DESCRIPTION EXAMPLES ERRORS MISUSE 'THREAD SAFETY' \
        'SEE ALSO'; do
        grep -q "^\.Sh $section\$" "$page" || fail "${page##*/} has no section $section"
    done
    $SED -n 's/^\.Xr \([a-z_]*\) \([37]\).*/\1.\2/p' "$page" | grep -E '^(dal_|dispatchalloc)' |
        sort -u | while read -r other; do
        [ "${other%.7}" != "$other" ] || ! grep -qx "${other%.3}" "$work/documented" || continue
        [ -f "$srcdir/doc/man/$other" ] || echo "${page##*/} refers to $other, which is not there"
    done
done >"$work/references"
[ ! -s "$work/references" ] || fail "$(cat "$work/references")"

# ---- error numbers ---------------------------------------------------------------------

$SED -n 's/^ *X(\([A-Z]*\), *\(-[0-9]*\), *"\(.*\)").*/\1 \2 \3/p' \
    "$srcdir/include/dispatchalloc/error.h" |
    while read -r name number text; do
        grep -A1 "^\.It Dv DAL_ERR_$name No \\\\$number\$" "$srcdir/doc/man/dal_strerror.3" |
            grep -q "^\.Dq $text\( [:.]\)*\$" || echo "$name $number $text"
    done >"$work/errors"
[ -s "$work/errors" ] && fail "dal_strerror.3 lacks:" "$(cat "$work/errors")"
at_least 14 "$($SED -n 's/^ *X([A-Z]*, *-[0-9]*, *".*").*/x/p' "$srcdir/include/dispatchalloc/error.h" |
    wc -l)" "error numbers in error.h"

# ---- prototypes: declared again after the header, they have to agree with it -------------

cat >"$work/prototypes.awk" <<'EOF'
/^\.Sh/ { in_synopsis = ($2 == "SYNOPSIS") }
!in_synopsis { next }
/^\.Ft/ {
    type = substr($0, 5)
    gsub(/"/, "", type)
}
/^\.Fn/ {
    name = $2
    arguments = substr($0, index($0, name) + length(name) + 1)
    gsub(/" +"/, ", ", arguments)
    gsub(/"/, "", arguments)
    declare()
}
/^\.Fo/ { name = $2; arguments = ""; next }
/^\.Fa/ {
    argument = substr($0, 5)
    gsub(/" +"/, ", ", argument)
    gsub(/"/, "", argument)
    arguments = arguments (arguments == "" ? "" : ", ") argument
}
/^\.Fc/ { declare() }
# A macro that stands for a function has no prototype.
function declare() {
    if (name ~ /^dal_/)
        printf "#ifndef %s\n%s %s(%s);\n#endif\n", name, type, name, arguments
}
EOF
for page in "$srcdir"/doc/man/*.3; do
    {
        echo '#include <dispatchalloc.h>'
        awk -f "$work/prototypes.awk" "$page"
    } >"$work/prototypes.c"
    grep -c '^dal_\|[ *]dal_[a-z_0-9]*(' "$work/prototypes.c" >>"$work/prototype-counts" || :
    # shellcheck disable=SC2086 # the flags are words
    $CC -I"$srcdir/include" -I"$builddir/include" $CPPFLAGS $CFLAGS -std=gnu11 -fsyntax-only \
        -Wall -Werror "$work/prototypes.c" || fail "${page##*/} has a wrong prototype (above)"
done
at_least 40 "$(awk '{ n += $1 } END { print n }' "$work/prototype-counts")" "prototypes in the pages"

# ---- and their parameters have the same names ---------------------------------------------

# Declarations, a statement a line, as "function: name, name". Calls have no types: left out.
cat >"$work/names.awk" <<'EOF'
{
    while (match($0, /[a-z_*] *dal_[a-z_0-9]*[a-z0-9] *\(/)) {
        name = substr($0, RSTART + 1, RLENGTH - 2)
        gsub(/[ *(]/, "", name)
        $0 = substr($0, RSTART + RLENGTH)
        end = index($0, ")")
        if (end > 0)
            declared(name, substr($0, 1, end - 1))
    }
}
function declared(function_name, list,    n, i, parameters, names)
{
    gsub(/[ \t]+/, " ", list)
    n = split(list, parameters, ",")
    names = ""
    for (i = 1; i <= n; i++) {
        sub(/ +$/, "", parameters[i])
        if (parameters[i] !~ /[a-z0-9_*][ *]+[a-z_0-9]+$/ && parameters[i] !~ /^ *void$/)
            return
        sub(/^.*[ *]/, "", parameters[i])
        names = names (i > 1 ? ", " : "") parameters[i]
    }
    print function_name ": " names
}
EOF
printf '#include <%s>\n' dispatchalloc.h dispatchalloc/allocator/arena.h >"$work/all.c"
# shellcheck disable=SC2086 # the flags are words
$CC -I"$srcdir/include" -I"$builddir/include" $CPPFLAGS -E -P "$work/all.c" | tr '\n' ' ' |
    tr ';{}' '\n\n\n' | grep -v '^ *return' | awk -f "$work/names.awk" |
    sort -u >"$work/names.headers"
for page in "$srcdir"/doc/man/*.3; do
    awk -f "$work/prototypes.awk" "$page" | grep -v '^#' | awk -f "$work/names.awk"
done | sort -u >"$work/names.pages"
# What a page has as a function and the headers as a macro is left out.
$SED 's/: .*/: /; s/^/^/' "$work/names.headers" | sort -u >"$work/names.declared"
grep -f "$work/names.declared" "$work/names.pages" |
    comm -13 "$work/names.headers" - >"$work/names.wrong"
[ ! -s "$work/names.wrong" ] ||
    fail "parameters have other names in the headers:" "$(cat "$work/names.wrong")"
at_least 80 "$(comm -12 "$work/names.headers" "$work/names.pages" | wc -l)" "declarations to compare"

# ---- dispatchalloc(7) has every built-in backend and layer, with options and defaults -----

cat >"$work/builtins.c" <<'EOF'
#include <dispatchalloc.h>
#include <stdio.h>

static int show(const struct dal_backend *backend, void *data)
{
    static const char *const types[] = {"", "bytes", "number", "switch", "text", NULL};

    (void)data;
    printf(".It Sy %s\n", backend->name);
    for (size_t j = 0; j < backend->option_count; j++) {
        const struct dal_option *option = &backend->options[j];

        printf(".It Cm %s Ns = Ns Ar %s", option->name,
               types[option->type] ? types[option->type] : option->choices);
        if (option->default_text)
            printf(" Pq %s", option->default_text);
        printf("\n");
    }
    return 0;
}

int main(void)
{
    return dal_backend_visit(show, NULL);
}
EOF
# shellcheck disable=SC2086 # the flags are words
$CC -I"$srcdir/include" -I"$builddir/include" $CPPFLAGS $CFLAGS -c "$work/builtins.c" \
    -o "$work/builtins.o"
# shellcheck disable=SC2086
$LIBTOOL --quiet --tag=CC --mode=link $CC $CFLAGS $LDFLAGS -no-install "$work/builtins.o" \
    "$builddir/libdispatchalloc.la" -o "$work/builtins"
"$work/builtins" >"$work/builtins.known"
$SED -n '/^\.Ss Built-in/,/^\.S[hs] [^B]/s/^\(\.It [SC][ym] .*\)/\1/p' "$srcdir/doc/man/dispatchalloc.7" \
    >"$work/builtins.page"
diff "$work/builtins.page" "$work/builtins.known" ||
    fail "dispatchalloc.7 has (<) other built-in backends and options than the library (>)"
finish
