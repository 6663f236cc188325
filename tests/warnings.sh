# SPDX-License-Identifier: MIT
# What the compiler says of a block that goes back to the wrong function, twice, or is used
# afterwards: gcc 12 and newer warn of each, and no compiler of a right use.
set -eu
. "$srcdir/tests/lib.sh"
not_sanitized "sanitizers turn these warnings off"

# compile COMPILER FLAGS FILE: what the compiler says, in $work/said.
compile() {
    # shellcheck disable=SC2086
    $1 $2 -Wall -Wextra $include -c "$3" -o "$work/code.o" >"$work/said" 2>&1
}

cat >"$work/before" <<'EOF'
#include <dispatchalloc.h>
#include <stdlib.h>
#include <string.h>
void use(void *ptr);
void wrong(size_t size);
EOF

# A line each: the warning, and the body of a function.
wrong() {
    cat <<'EOF'
mismatched-dealloc|free(dal_alloc(8, 8));
mismatched-dealloc|void *p = dal_alloc(size, 8); use(p); free(p);
mismatched-dealloc|void *p = dal_alloc_zeroed(size, 8); use(p); dal_unsized_free(p);
mismatched-dealloc|int *p = dal_new(int); use(p); free(p);
mismatched-dealloc|void *p = malloc(size); use(p); dal_dealloc(p, size, 8);
mismatched-dealloc|void *p = malloc(size); use(p); use(dal_realloc(p, size, 8, 9));
mismatched-dealloc|void *p = dal_realloc(NULL, 0, 8, size); use(p); free(p);
use-after-free|void *p = dal_alloc(size, 8); dal_dealloc(p, size, 8); dal_dealloc(p, size, 8);
use-after-free|void *p = dal_alloc(size, 8); dal_dealloc(p, size, 8); use(p);
use-after-free|void *p = dal_alloc(size, 8); use(dal_realloc(p, size, 8, 9)); dal_dealloc(p, size, 8);
unused-result|dal_alloc_zeroed(size, 8);
mismatched-dealloc|free(dal_unsized_malloc(size));
mismatched-dealloc|void *p = dal_unsized_calloc(size, 2); use(p); free(p);
mismatched-dealloc|void *p = malloc(size); use(p); dal_unsized_free(p);
mismatched-dealloc|void *p = dal_unsized_malloc(size); use(p); p = realloc(p, 9); use(p);
mismatched-dealloc|void *p = dal_unsized_aligned_alloc(64, size); use(p); dal_dealloc(p, size, 64);
mismatched-dealloc|void *p = dal_unsized_malloc(size); use(p); use(dal_realloc(p, size, 8, 9));
use-after-free|void *p = dal_unsized_malloc(size); use(p); dal_unsized_free(p); use(p);
use-after-free|void *p = dal_unsized_malloc(size); dal_unsized_free(p); dal_unsized_free(p);
unused-result|dal_unsized_malloc(size);
EOF
}

right() {
    cat <<'EOF'
struct text { char *bytes; size_t size; };
int grow(struct text *text);
int grow(struct text *text)
{
    char *moved = DAL_CAST_(char, dal_unsized_realloc(text->bytes, text->size * 2));
    if (!moved)
        return -1;
    text->bytes = moved;
    text->size *= 2;
    return 0;
}
int unsized(size_t size);
int unsized(size_t size)
{
    struct text text = {DAL_CAST_(char, dal_unsized_malloc(size)), size};
    void *other;
    if (!text.bytes)
        return -1;
    for (int i = 0; i < 3; i++) {
        if (grow(&text) < 0)
            break;
    }
    use(text.bytes);
    other = dal_unsized_reallocarray(text.bytes, 7, size);
    if (!other)
        other = text.bytes;
    other = dal_unsized_realloc(other, 3);
    dal_unsized_free(other);
    other = dal_unsized_calloc(2, size);
    other = dal_unsized_reallocarray(other, 2, 7);
    other = dal_unsized_reallocarray(other, 3, 7);
    dal_unsized_free(other);
    dal_unsized_free(dal_unsized_aligned_alloc(64, size));
    return 0;
}
int layouts(size_t size, size_t align);
int layouts(size_t size, size_t align)
{
    struct dal_layout layout;
    void *ptr, *moved;
    if (dal_layout_make(size, align, &layout) < 0)
        return -1;
    ptr = dal_alloc_layout(layout);
    moved = dal_realloc_layout(ptr, layout, 2 * size);
    if (!moved) {
        dal_dealloc_layout(ptr, layout);
        return -1;
    }
    moved = dal_realloc(moved, 2 * size, align, size);
    dal_dealloc(moved, size, align);
    dal_dealloc_layout(dal_alloc_zeroed_layout(layout), layout);
    dal_dealloc(dal_alloc(8, 8), 8, 8);
    return 0;
}
void typed(size_t count);
void typed(size_t count)
{
    int *row = dal_array_new(int, count), *longer = dal_array_resize(int, row, count, 2 * count);
    char *name = dal_strdup("name");
    if (longer) {
        use(longer);
        dal_array_delete(int, longer, 2 * count);
    } else {
        dal_array_delete(int, row, count);
    }
    use(name);
    dal_string_delete(name);
    dal_string_delete(dal_strndup("name", 2));
    dal_delete(int, dal_new(int));
    dal_delete(struct text, dal_new_zeroed(struct text));
    dal_array_delete(int, dal_array_new_zeroed(int, count), count);
    dal_array_delete(int, dal_array_new(int, 0), 0);
    row = dal_array_new_zeroed(int, 0);
    dal_array_delete(int, row, 0);
}
EOF
}

version_of() { echo __GNUC__ | $1 -E -P -; }

cp "$work/before" "$work/right.c"
right >>"$work/right.c"
cp "$work/right.c" "$work/right.cpp"
count=0 clean=0
# silent COMPILER FLAGS FILE
silent() {
    compile "$1" "$2" "$3" && [ ! -s "$work/said" ] || {
        cat "$work/said"
        fail "$1 $2: a right use gives a warning"
    }
    clean=$((clean + 1))
}
compiler_versions >"$work/compilers"
while read -r compiler; do
    for flags in "-std=c11 -O0" "-std=c11 -O1" "-std=c2x -O2" "-std=c11 -O3" "-std=gnu17 -Os"; do
        silent "$compiler" "$flags" "$work/right.c"
    done
    ! echo | $compiler -dM -E - | grep -q __clang__ || continue
    [ "$(version_of "$compiler")" -ge 12 ] || continue
    while IFS='|' read -r warning code; do
        { cat "$work/before"; echo "void wrong(size_t size) { $code }"; } >"$work/wrong.c"
        compile "$compiler" "-std=c11 -O2" "$work/wrong.c" || fail "$compiler: $code"
        grep -q "\[-W$warning" "$work/said" || fail "$compiler does not warn (-W$warning): $code"
        count=$((count + 1))
    done <<EOF
$(wrong)
EOF
done <"$work/compilers"
cxx_compiler_versions >"$work/compilers"
while read -r compiler; do
    for flags in "-std=c++11 -O0" "-std=c++17 -O2" "-std=c++20 -O3"; do
        silent "$compiler" "$flags" "$work/right.cpp"
    done
done <"$work/compilers"
echo "$count wrong uses, $clean files of right ones"
finish
