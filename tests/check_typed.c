/* SPDX-License-Identifier: MIT */
/* dispatchalloc/typed.h: what reaches the allocator is the size and alignment of the
 * type, nothing reaches it on overflow, and nothing is lost on failure. Every test runs
 * twice, over the front and over an instance, by a table of what both do.
 * What must not compile is in typed-misuse.sh. */
#include <check.h>
#include <dispatchalloc/global.h>
#include <dispatchalloc/typed.h>
#include <stdint.h>
#include <stdlib.h>

#include "suite.h"

struct wide {
    _Alignas(64) char bytes[65];
};

/* ---- An allocator that remembers its last call and fails when it is told to ------- */

enum call { NONE, ALLOC, ALLOC_ZEROED, REALLOC, DEALLOC };

static struct {
    enum call call;
    void *ptr;
    size_t old_size, align, size;
    int count;
    int fails;
    long live;
} seen;

static void see(enum call call, void *ptr, size_t old_size, size_t align, size_t size)
{
    seen.call = call;
    seen.ptr = ptr;
    seen.old_size = old_size;
    seen.align = align;
    seen.size = size;
    seen.count++;
}

static void *seen_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    see(ALLOC, NULL, 0, align, size);
    if (seen.fails)
        return NULL;
    void *ptr = dal_instance_alloc(dal_system(), size, align);
    if (ptr != NULL) {
        seen.live++;
        memset(ptr, 0x5a, size);
    }
    return ptr;
}

static void *seen_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    see(ALLOC_ZEROED, NULL, 0, align, size);
    if (seen.fails)
        return NULL;
    void *ptr = dal_instance_alloc_zeroed(dal_system(), size, align);
    seen.live += ptr != NULL;
    return ptr;
}

static void *seen_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ctx;
    see(REALLOC, ptr, old_size, align, new_size);
    if (seen.fails)
        return NULL;
    void *block = dal_instance_realloc(dal_system(), ptr, old_size, align, new_size);
    seen.live += block != NULL && ptr == NULL;
    return block;
}

static void seen_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    see(DEALLOC, ptr, size, align, 0);
    seen.old_size = size;
    seen.live -= ptr != NULL;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static const struct dal_allocator seen_allocator = {
    DAL_ALLOCATOR_HEADER(NULL),        .alloc = seen_alloc,     .dealloc = seen_dealloc,
    .alloc_zeroed = seen_alloc_zeroed, .realloc = seen_realloc,
};

static struct dal_instance_storage storage;

/* libcheck forks for each test, so that each has a hook of its own to seal. */
static void set_up(void)
{
    ck_assert_int_eq(dal_instance_init(&storage, &seen_allocator, NULL), 0);
    ck_assert_int_eq(dal_global_set(&seen_allocator), 0);
}

static void tear_down(void)
{
    ck_assert_int_eq(seen.live, 0);
}

static void expect(enum call call, const void *ptr, size_t old_size, size_t align, size_t size)
{
    ck_assert_int_eq(seen.call, call);
    ck_assert_ptr_eq(seen.ptr, ptr);
    ck_assert_uint_eq(seen.old_size, old_size);
    ck_assert_uint_eq(seen.align, align);
    ck_assert_uint_eq(seen.size, size);
    ck_assert_int_eq(seen.count, 1);
    seen.count = 0;
}

/* ---- Both forms of every function, for a few types -------------------------------- */

struct form {
    struct wide *(*new_wide)(void);
    struct wide *(*new_wide_zeroed)(void);
    void (*delete_wide)(struct wide *ptr);
    int (*(*new_row)(void))[4];
    void (*delete_row)(int (*ptr)[4]);
    struct wide *(*wides_new)(size_t count);
    struct wide *(*wides_new_zeroed)(size_t count);
    struct wide *(*wides_resize)(struct wide *ptr, size_t old_count, size_t new_count);
    void (*wides_delete)(struct wide *ptr, size_t count);
    uint32_t *(*words_new)(size_t count);
    uint32_t *(*words_new_zeroed)(size_t count);
    uint32_t *(*words_resize)(uint32_t *ptr, size_t old_count, size_t new_count);
    void (*words_delete)(uint32_t *ptr, size_t count);
    char *(*copy)(const char *text);
    char *(*copy_most)(const char *text, size_t max_bytes);
    void (*string_delete)(char *text);
};

#define FORM(name, prefix, ...)                                       \
    static struct wide *name##_new_wide(void)                         \
    {                                                                 \
        return prefix##new (__VA_ARGS__ struct wide);                 \
    }                                                                 \
    static struct wide *name##_new_wide_zeroed(void)                  \
    {                                                                 \
        return prefix##new_zeroed(__VA_ARGS__ struct wide);           \
    }                                                                 \
    static void name##_delete_wide(struct wide *ptr)                  \
    {                                                                 \
        prefix##delete (__VA_ARGS__ struct wide, ptr);                \
    }                                                                 \
    static int(*name##_new_row(void))[4]                              \
    {                                                                 \
        return prefix##new (__VA_ARGS__ int[4]);                      \
    }                                                                 \
    static void name##_delete_row(int(*ptr)[4])                       \
    {                                                                 \
        prefix##delete (__VA_ARGS__ int[4], ptr);                     \
    }                                                                 \
    ARRAY_FORM(name##_wides, prefix, struct wide, __VA_ARGS__)        \
    ARRAY_FORM(name##_words, prefix, uint32_t, __VA_ARGS__)           \
    static char *name##_copy(const char *text)                        \
    {                                                                 \
        return prefix##strdup(__VA_ARGS__ text);                      \
    }                                                                 \
    static char *name##_copy_most(const char *text, size_t max_bytes) \
    {                                                                 \
        return prefix##strndup(__VA_ARGS__ text, max_bytes);          \
    }                                                                 \
    static void name##_string_delete(char *text)                      \
    {                                                                 \
        prefix##string_delete(__VA_ARGS__ text);                      \
    }                                                                 \
    static const struct form name = {                                 \
        name##_new_wide,         name##_new_wide_zeroed,              \
        name##_delete_wide,      name##_new_row,                      \
        name##_delete_row,       name##_wides_new,                    \
        name##_wides_new_zeroed, name##_wides_resize,                 \
        name##_wides_delete,     name##_words_new,                    \
        name##_words_new_zeroed, name##_words_resize,                 \
        name##_words_delete,     name##_copy,                         \
        name##_copy_most,        name##_string_delete,                \
    };
#define ARRAY_FORM(name, prefix, type, ...)                                       \
    static type *name##_new(size_t count)                                         \
    {                                                                             \
        return prefix##array_new(__VA_ARGS__ type, count);                        \
    }                                                                             \
    static type *name##_new_zeroed(size_t count)                                  \
    {                                                                             \
        return prefix##array_new_zeroed(__VA_ARGS__ type, count);                 \
    }                                                                             \
    static type *name##_resize(type *ptr, size_t old_count, size_t new_count)     \
    {                                                                             \
        return prefix##array_resize(__VA_ARGS__ type, ptr, old_count, new_count); \
    }                                                                             \
    static void name##_delete(type *ptr, size_t count)                            \
    {                                                                             \
        prefix##array_delete(__VA_ARGS__ type, ptr, count);                       \
    }

#define COMMA ,
FORM(over_front, dal_, )
FORM(over_instance, dal_instance_, &storage.instance COMMA)

static const struct form *const forms[] = {&over_front, &over_instance};
#define FORM_COUNT 2

/* ---- The tests --------------------------------------------------------------------- */

START_TEST(test_new_asks_for_size_and_alignment_of_the_type)
{
    const struct form *form = forms[_i];
    struct wide *wide = form->new_wide();

    ck_assert_ptr_nonnull(wide);
    expect(ALLOC, NULL, 0, 64, 128);
    form->delete_wide(wide);
    expect(DEALLOC, wide, 128, 64, 0);

    int(*row)[4] = form->new_row();
    ck_assert_ptr_nonnull(row);
    expect(ALLOC, NULL, 0, _Alignof(int), sizeof(int[4]));
    form->delete_row(row);
    expect(DEALLOC, row, sizeof(int[4]), _Alignof(int), 0);
}
END_TEST

START_TEST(test_new_zeroed_is_zero)
{
    static const char zeros[sizeof(struct wide)];
    struct wide *wide = forms[_i]->new_wide_zeroed();

    ck_assert_ptr_nonnull(wide);
    expect(ALLOC_ZEROED, NULL, 0, 64, 128);
    ck_assert_mem_eq(wide, zeros, sizeof zeros);
    forms[_i]->delete_wide(wide);
    expect(DEALLOC, wide, 128, 64, 0);
}
END_TEST

START_TEST(test_array_asks_for_the_product)
{
    const struct form *form = forms[_i];
    uint32_t *words = form->words_new(10);

    ck_assert_ptr_nonnull(words);
    expect(ALLOC, NULL, 0, _Alignof(uint32_t), 40);
    form->words_delete(words, 10);
    expect(DEALLOC, words, 40, _Alignof(uint32_t), 0);

    struct wide *wides = form->wides_new_zeroed(3);
    ck_assert_ptr_nonnull(wides);
    expect(ALLOC_ZEROED, NULL, 0, 64, 3 * 128);
    for (size_t i = 0; i < sizeof(struct wide[3]); i++)
        ck_assert_int_eq(((const char *)wides)[i], 0);
    form->wides_delete(wides, 3);
    expect(DEALLOC, wides, 3 * 128, 64, 0);
}
END_TEST

START_TEST(test_array_of_no_elements_is_a_block_of_size_0)
{
    uint32_t *words = forms[_i]->words_new(0);

    ck_assert_ptr_nonnull(words);
    expect(ALLOC, NULL, 0, _Alignof(uint32_t), 0);
    words = forms[_i]->words_resize(words, 0, 2);
    ck_assert_ptr_nonnull(words);
    ck_assert_uint_eq(seen.size, 8);
    words = forms[_i]->words_resize(words, 2, 0);
    ck_assert_ptr_nonnull(words);
    ck_assert_uint_eq(seen.size, 0);
    seen.count = 0;
    forms[_i]->words_delete(words, 0);
    expect(DEALLOC, words, 0, _Alignof(uint32_t), 0);
}
END_TEST

START_TEST(test_array_resize_keeps_elements)
{
    const struct form *form = forms[_i];
    uint32_t *words = form->words_resize(NULL, 0, 3);

    ck_assert_ptr_nonnull(words);
    expect(REALLOC, NULL, 0, _Alignof(uint32_t), 12);
    for (uint32_t i = 0; i < 3; i++)
        words[i] = 100 + i;

    uint32_t *before = words;
    words = form->words_resize(words, 3, 3000);
    ck_assert_ptr_nonnull(words);
    expect(REALLOC, before, 12, _Alignof(uint32_t), 12000);
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(words[i], 100 + i);

    before = words;
    words = form->words_resize(words, 3000, 2);
    ck_assert_ptr_nonnull(words);
    expect(REALLOC, before, 12000, _Alignof(uint32_t), 8);
    ck_assert_uint_eq(words[0], 100);
    ck_assert_uint_eq(words[1], 101);
    form->words_delete(words, 2);
    expect(DEALLOC, words, 8, _Alignof(uint32_t), 0);
}
END_TEST

/* One element too many for PTRDIFF_MAX, as dal_layout_array() sees it, and counts whose
 * product wraps around to something small. */
START_TEST(test_array_too_large_is_null_and_reaches_no_allocator)
{
    const struct form *form = forms[_i];
    size_t most_words = ((size_t)PTRDIFF_MAX - 3) / 4,
           most_wides = ((size_t)PTRDIFF_MAX - 63) / 128;
    size_t word_counts[] = {most_words + 1, SIZE_MAX / 4 + 1, SIZE_MAX / 4 + 2, SIZE_MAX};
    size_t wide_counts[] = {most_wides + 1, SIZE_MAX / 128 + 1, SIZE_MAX / 128 + 2, SIZE_MAX};
    uint32_t *words = form->words_new(1);
    struct wide *wides = form->wides_new(1);

    ck_assert(words != NULL && wides != NULL);
    *words = 42;
    wides->bytes[64] = 43;
    seen.count = 0;
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ptr_null(form->words_new(word_counts[i]));
        ck_assert_ptr_null(form->words_new_zeroed(word_counts[i]));
        ck_assert_ptr_null(form->words_resize(words, 1, word_counts[i]));
        ck_assert_ptr_null(form->wides_new(wide_counts[i]));
        ck_assert_ptr_null(form->wides_new_zeroed(wide_counts[i]));
        ck_assert_ptr_null(form->wides_resize(wides, 1, wide_counts[i]));
    }
    ck_assert_int_eq(seen.count, 0);
    ck_assert_uint_eq(*words, 42);
    ck_assert_int_eq(wides->bytes[64], 43);

    /* The largest that a layout allows is the allocator's to refuse. */
    seen.fails = 1;
    ck_assert_ptr_null(form->words_new(most_words));
    expect(ALLOC, NULL, 0, _Alignof(uint32_t), most_words * 4);
    ck_assert_ptr_null(form->wides_new(most_wides));
    expect(ALLOC, NULL, 0, 64, most_wides * 128);

    form->words_delete(words, 1);
    form->wides_delete(wides, 1);
}
END_TEST

START_TEST(test_failure_is_null_and_leaves_blocks_intact)
{
    const struct form *form = forms[_i];
    uint32_t *words = form->words_new(2);

    ck_assert_ptr_nonnull(words);
    words[0] = 1;
    words[1] = 2;
    seen.fails = 1;
    ck_assert_ptr_null(form->new_wide());
    ck_assert_ptr_null(form->new_wide_zeroed());
    ck_assert_ptr_null(form->words_new(1));
    ck_assert_ptr_null(form->words_new_zeroed(1));
    ck_assert_ptr_null(form->words_resize(words, 2, 100));
    ck_assert_ptr_null(form->words_resize(words, 2, 1));
    ck_assert_ptr_null(form->copy("text"));
    ck_assert_ptr_null(form->copy_most("text", 2));
    ck_assert_uint_eq(words[0], 1);
    ck_assert_uint_eq(words[1], 2);
    form->words_delete(words, 2);
}
END_TEST

START_TEST(test_null_may_be_deleted)
{
    const struct form *form = forms[_i];

    form->delete_wide(NULL);
    form->words_delete(NULL, 0);
    form->words_delete(NULL, 7);
    form->string_delete(NULL);
}
END_TEST

START_TEST(test_strdup_copies_terminator_and_all)
{
    const struct form *form = forms[_i];
    char original[] = "dispatch";
    char *copy = form->copy(original);

    expect(ALLOC, NULL, 0, 1, sizeof original);
    original[0] = 'D';
    ck_assert_str_eq(copy, "dispatch");
    form->string_delete(copy);
    expect(DEALLOC, copy, sizeof original, 1, 0);

    copy = form->copy("");
    expect(ALLOC, NULL, 0, 1, 1);
    ck_assert_str_eq(copy, "");
    form->string_delete(copy);
    expect(DEALLOC, copy, 1, 1, 0);
}
END_TEST

START_TEST(test_strndup_copies_no_more_than_told_and_than_there_is)
{
    static const char unterminated[3] = {'a', 'b', 'c'};
    static const struct {
        const char *text;
        size_t max_bytes;
        const char *copy;
    } cases[] = {
        {"dispatch", 0, ""},
        {"dispatch", 3, "dis"},
        {"dispatch", 8, "dispatch"},
        {"dispatch", 9, "dispatch"},
        {"dispatch", SIZE_MAX, "dispatch"},
        {"", SIZE_MAX, ""},
        {unterminated, 3, "abc"},
    };
    const struct form *form = forms[_i];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *copy = form->copy_most(cases[i].text, cases[i].max_bytes);

        expect(ALLOC, NULL, 0, 1, strlen(cases[i].copy) + 1);
        ck_assert_str_eq(copy, cases[i].copy);
        form->string_delete(copy);
        expect(DEALLOC, copy, strlen(cases[i].copy) + 1, 1, 0);
    }
}
END_TEST

START_TEST(test_each_argument_is_evaluated_once)
{
    const struct dal_instance *instances[2] = {&storage.instance, NULL}, **where = instances;
    size_t count = 2;
    uint32_t *words = dal_array_new(uint32_t, count++);
    uintptr_t start = (uintptr_t)words;
    uint32_t *volatile cursor = words; /* gcc does not see that it points to a block */

    ck_assert_uint_eq(count, 3);
    count = 2;
    size_t new_count = 5;
    uint32_t *resized = dal_array_resize(uint32_t, cursor++, count++, new_count++);
    ck_assert_ptr_nonnull(resized);
    ck_assert_uint_eq((uintptr_t)cursor, start + sizeof *words);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(new_count, 6);
    words = cursor = resized;
    start = (uintptr_t)words;
    count = 5;
    dal_array_delete(uint32_t, cursor++, count++);
    ck_assert_uint_eq((uintptr_t)cursor, start + sizeof *words);
    ck_assert_uint_eq(count, 6);

    uint32_t *word = dal_instance_new(*where++, uint32_t);
    ck_assert_ptr_eq(where, instances + 1);
    where = instances;
    cursor = word;
    dal_instance_delete(*where++, uint32_t, cursor++);
    ck_assert_ptr_eq(where, instances + 1);
    ck_assert_uint_eq((uintptr_t)cursor, (uintptr_t)word + sizeof *word);
}
END_TEST

/* The results have the type that was named, so that an assignment to another warns. */
#define IS(type, expression) \
    _Static_assert(_Generic((expression), type: 1, default: 0), #expression)
IS(struct wide *, dal_new(struct wide));
IS(struct wide *, dal_new_zeroed(struct wide));
IS(int **, dal_new(int *));
IS(int (*)[4], dal_new(int[4]));
IS(int (**)(void), dal_new(int (*)(void)));
IS(short *, dal_array_new(short, 3));
IS(short *, dal_array_new_zeroed(short, 3));
IS(short *, dal_array_resize(short, NULL, 0, 3));
IS(short *, dal_instance_new(NULL, short));
IS(short *, dal_instance_new_zeroed(NULL, short));
IS(short *, dal_instance_array_new(NULL, short, 3));
IS(short *, dal_instance_array_new_zeroed(NULL, short, 3));
IS(short *, dal_instance_array_resize(NULL, short, NULL, 0, 3));

int main(void)
{
    Suite *suite = suite_create("typed");
    TCase *both = tcase_create("over the front and an instance");

    tcase_add_checked_fixture(both, set_up, tear_down);
    tcase_add_loop_test(both, test_new_asks_for_size_and_alignment_of_the_type, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_new_zeroed_is_zero, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_array_asks_for_the_product, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_array_of_no_elements_is_a_block_of_size_0, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_array_resize_keeps_elements, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_array_too_large_is_null_and_reaches_no_allocator, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_failure_is_null_and_leaves_blocks_intact, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_null_may_be_deleted, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_strdup_copies_terminator_and_all, 0, FORM_COUNT);
    tcase_add_loop_test(both, test_strndup_copies_no_more_than_told_and_than_there_is, 0,
                        FORM_COUNT);
    tcase_add_test(both, test_each_argument_is_evaluated_once);
    suite_add_tcase(suite, both);
    return suite_run(suite);
}
