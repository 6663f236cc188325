# SPDX-License-Identifier: MIT
# What the typed macros promise of the compiler: right code compiles without a warning, as
# C and as C++ of every year, and a pointer of another type does not.
set -eu
. "$srcdir/tests/lib.sh"
count=0

cat >"$work/before" <<'EOF'
#include <dispatchalloc/typed.h>
#include <stddef.h>
struct base { int i; };
struct other { double d; };
extern const struct dal_instance *arena;
extern void *anything;
extern int number;
extern int *integers;
extern const int *fixed;
extern char *text;
extern struct base *a_base;
extern struct other *an_other;
EOF

# compiles LANGUAGE COMPILER CODE: CODE as a function's body, at all warnings.
compiles() {
    if [ "$1" = c ]; then own="-std=${standard-c11} -Wstrict-prototypes"; else own="-std=${standard-c++11}"; fi
    { cat "$work/before"; echo "void f(void); void f(void) { $3; }"; } >"$work/code.$1"
    # shellcheck disable=SC2086 # compiler and flags are words
    $2 $own -Wall -Wextra -Wshadow -Wconversion -Wundef -Wpedantic -Werror ${how--I}"$srcdir/include" \
        ${how--I}"$builddir/include" -c "$work/code.$1" -o "$work/code.o" 2>"$work/message"
}

accepts() {
    count=$((count + 1))
    compiles "$1" "$2" "$3" || {
        cat "$work/message"
        fail "should compile (${standard-}): $3"
    }
}

# Also where the headers are a system's, as in /usr/include.
refuses() {
    how=-isystem refuses_so "$@"
    refuses_so "$@"
}

refuses_so() {
    count=$((count + 1))
    if compiles "$1" "$2" "$3"; then
        fail "should not compile as $1: $3"
    elif ! grep -q "code\.$1:[0-9]" "$work/message" || ! grep -q "error: " "$work/message" ||
        grep -Eq "undeclared|not declared|expected (a type|expression|primary)|syntax" "$work/message"; then
        cat "$work/message"
        fail "refused for another reason than the code: $3"
    fi
}

right='integers = dal_new(int); dal_delete(int, integers);
    integers = dal_new_zeroed(int); dal_delete(int, NULL);
    text = dal_array_new(char, 10); text = dal_array_resize(char, text, 10u, 20u);
    dal_array_delete(char, text, 20u);
    an_other = dal_array_resize(struct other, NULL, 0, 20u);
    an_other = dal_array_new_zeroed(struct other, 20u); dal_array_delete(struct other, NULL, 0);
    text = dal_strdup("one"); text = dal_strndup("two", 10); dal_string_delete(text);
    integers = dal_instance_new(arena, int); dal_instance_delete(arena, int, integers);
    integers = dal_instance_new_zeroed(arena, int); dal_instance_delete(arena, int, NULL);
    text = dal_instance_array_new(arena, char, 9); text = dal_instance_array_new_zeroed(arena, char, 9);
    text = dal_instance_array_resize(arena, char, text, 9, 10);
    dal_instance_array_delete(arena, char, text, 10);
    text = dal_instance_strdup(arena, "one"); text = dal_instance_strndup(arena, "two", 2);
    dal_instance_string_delete(arena, text)'

# both LANGUAGE COMPILER: what either language refuses.
both() {
    while read -r wrong; do
        refuses "$1" "$2" "$wrong"
    done <<'EOF'
integers = dal_new(char)
integers = dal_new_zeroed(long)
an_other = dal_new(struct base)
integers = dal_array_new(char, 3)
integers = dal_array_new_zeroed(long, 3)
text = dal_array_resize(int, integers, 1, 2)
dal_delete(char, integers)
dal_delete(int, text)
dal_delete(int *, integers)
dal_delete(struct base, an_other)
dal_delete(int, fixed)
dal_delete(int, number)
integers = dal_array_resize(int, text, 1, 2)
integers = dal_array_resize(int, fixed, 1, 2)
dal_array_delete(char, integers, 4)
dal_array_delete(int, fixed, 4)
dal_string_delete(integers)
text = dal_strdup(integers)
text = dal_strdup(NULL)
dal_strdup("lost")
integers = dal_new(struct unknown)
integers = dal_instance_new(arena, char)
integers = dal_instance_new(text, int)
dal_instance_delete(arena, char, integers)
integers = dal_instance_array_new(arena, char, 1)
integers = dal_instance_array_resize(arena, int, text, 1, 2)
dal_instance_array_delete(arena, char, integers, 4)
dal_instance_string_delete(arena, integers)
EOF
}

for standard in c11 c17 gnu17 c2x; do
    accepts c "$CC" "$right"
done
unset standard
# A void * converts to everything in C, here too.
accepts c "$CC" 'dal_delete(int, anything); integers = dal_array_resize(int, anything, 1, 2)'
accepts c "$CC" 'int (*row)[4] = dal_new(int[4]); dal_delete(int[4], row)'
accepts c "$CC" 'void (**hook)(void) = dal_new(void (*)(void)); dal_delete(void (*)(void), hook)'
both c "$CC"

if [ -n "$CXX" ]; then
    cat >>"$work/before" <<'EOF'
#ifdef __cplusplus
# pragma GCC diagnostic error "-Wold-style-cast"
struct derived : base { int j; };
extern derived *a_derived;
struct owner { owner(const owner &); ~owner(); char *own; };
extern owner *an_owner;
template <class A, class B> struct pair { A a; B b; };
template <class T> T *make() { return dal_new(T); }
template <class T> void unmake(T *ptr) { dal_delete(T, ptr); }
#endif
EOF
    for standard in c++11 c++14 c++17 c++20; do
        accepts cpp "$CXX" "$right"
    done
    unset standard
    accepts cpp "$CXX" 'dal_delete(int, nullptr); dal_array_delete(int, nullptr, 0);
        integers = dal_array_resize(int, nullptr, 0, 2)'
    accepts cpp "$CXX" 'using both = pair<int, char>; both *p = dal_new(both); dal_delete(both, p)'
    accepts cpp "$CXX" 'unmake(make<other>()); unmake(make<char[7]>())'
    accepts cpp "$CXX" 'owner *p = dal_new(owner); dal_delete(owner, p)'
    both cpp "$CXX"
    refuses_so cpp "$CXX" 'dal_new(int)'
    refuses cpp "$CXX" 'dal_delete(int, anything)'
    refuses cpp "$CXX" 'dal_delete(base, a_derived)'
    refuses cpp "$CXX" 'a_base = dal_array_resize(base, a_derived, 1, 2)'
    refuses cpp "$CXX" 'an_owner = dal_array_resize(owner, an_owner, 1, 2)'
fi

# A header that needs wrapping, as old ones did, may be wrapped.
if [ -n "$CXX" ]; then
    printf '%s\n' 'extern "C" {' '#include <dispatchalloc/typed.h>' '}' >"$work/before"
    accepts cpp "$CXX" 'dal_delete(int, dal_new(int))'
fi
echo "$count pieces of code"
finish
