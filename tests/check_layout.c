/* SPDX-License-Identifier: MIT */
/* dispatchalloc/layout.h against the answers of Rust's own Layout, and what Rust cannot
 * be asked: invalid arguments, untouched results, the types of C. */
#include <check.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/layout.h>
#include <stdint.h>
#include <stdlib.h>

#include "suite.h"

#define M ((size_t)PTRDIFF_MAX)
#define H (M / 2 + 1)
#define Z SIZE_MAX
#include "layout_vectors.h"
#undef M
#undef H
#undef Z

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* What no function writes: an untouched result is recognised by it. */
static const struct dal_layout untouched = {0xdead, 0xbeef};

static struct dal_layout of(size_t size, size_t align)
{
    return dal_layout_unchecked(size, align);
}

/* A result is what Rust returned: a layout, or, where the alignment expected is 0, the
 * error with the output as it was. */
static void expect(const char *what, size_t row, int error, struct dal_layout out, size_t size,
                   size_t align)
{
    struct dal_layout wanted = align != 0 ? of(size, align) : untouched;

    ck_assert_msg(error == (align != 0 ? 0 : DAL_ERR_LAYOUT), "%s row %zu: error %d", what, row,
                  error);
    ck_assert_msg(out.size == wanted.size && out.align == wanted.align,
                  "%s row %zu: (%zu, %zu) instead of (%zu, %zu)", what, row, out.size, out.align,
                  wanted.size, wanted.align);
}

START_TEST(test_make_and_is_valid_answer_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(make_vectors); i++) {
        const size_t *v = make_vectors[i];
        struct dal_layout out = untouched;
        int error = dal_layout_make(v[0], v[1], &out);

        expect("make", i, error, out, v[0], v[2] ? v[1] : 0);
        ck_assert_msg(dal_layout_is_valid(of(v[0], v[1])) == (v[2] != 0), "row %zu", i);
    }
}
END_TEST

START_TEST(test_extend_answers_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(extend_vectors); i++) {
        const size_t *v = extend_vectors[i];
        struct dal_layout out = untouched;
        size_t offset = 0xfeed;
        int error = dal_layout_extend(of(v[0], v[1]), of(v[2], v[3]), &out, &offset);

        expect("extend", i, error, out, v[4], v[5]);
        ck_assert_msg(offset == (v[5] != 0 ? v[6] : 0xfeed), "row %zu: offset %zu", i, offset);
    }
}
END_TEST

START_TEST(test_extend_packed_answers_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(extend_vectors); i++) {
        const size_t *v = extend_vectors[i];
        struct dal_layout out = untouched;
        int error = dal_layout_extend_packed(of(v[0], v[1]), of(v[2], v[3]), &out);

        expect("extend_packed", i, error, out, v[7], v[8]);
    }
}
END_TEST

START_TEST(test_repeat_answers_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(repeat_vectors); i++) {
        const size_t *v = repeat_vectors[i];
        struct dal_layout out = untouched;
        size_t stride = 0xfeed;
        int error = dal_layout_repeat(of(v[0], v[1]), v[2], &out, &stride);

        expect("repeat", i, error, out, v[3], v[4]);
        ck_assert_msg(stride == (v[4] != 0 ? v[5] : 0xfeed), "row %zu: stride %zu", i, stride);
    }
}
END_TEST

START_TEST(test_repeat_packed_answers_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(repeat_vectors); i++) {
        const size_t *v = repeat_vectors[i];
        struct dal_layout out = untouched;
        int error = dal_layout_repeat_packed(of(v[0], v[1]), v[2], &out);

        expect("repeat_packed", i, error, out, v[6], v[7]);
    }
}
END_TEST

START_TEST(test_array_answers_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(array_vectors); i++) {
        const size_t *v = array_vectors[i];
        struct dal_layout out = untouched;
        int error = dal_layout_array(of(v[0], v[1]), v[2], &out);

        expect("array", i, error, out, v[3], v[4]);
    }
}
END_TEST

START_TEST(test_align_to_answers_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(align_to_vectors); i++) {
        const size_t *v = align_to_vectors[i];
        struct dal_layout out = untouched;
        int error = dal_layout_align_to(of(v[0], v[1]), v[2], &out);

        expect("align_to", i, error, out, v[3], v[4]);
    }
}
END_TEST

START_TEST(test_padding_needed_for_answers_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(padding_vectors); i++) {
        const size_t *v = padding_vectors[i];
        size_t padding = dal_layout_padding_needed_for(of(v[0], v[1]), v[2]);

        ck_assert_msg(padding == v[3], "row %zu: %zu", i, padding);
    }
}
END_TEST

START_TEST(test_pad_to_align_and_dangling_answer_as_rust)
{
    for (size_t i = 0; i < COUNT_OF(pad_vectors); i++) {
        const size_t *v = pad_vectors[i];
        struct dal_layout layout = of(v[0], v[1]);

        expect("pad_to_align", i, 0, dal_layout_pad_to_align(layout), v[2], v[3]);
        ck_assert_msg((uintptr_t)dal_layout_dangling(layout) == v[4], "row %zu", i);
    }
}
END_TEST

START_TEST(test_invalid_layout_is_refused_and_results_stay)
{
    static const struct dal_layout invalid[] = {
        {0, 0},
        {8, 0},
        {8, 3},
        {1, SIZE_MAX},
        {PTRDIFF_MAX, 2},
        {SIZE_MAX, 1},
        {SIZE_MAX, 0},
        {(size_t)PTRDIFF_MAX + 1, 1},
        {SIZE_MAX - 7, 8},
    };
    const struct dal_layout valid = {8, 8};

    for (size_t i = 0; i < COUNT_OF(invalid); i++) {
        struct dal_layout bad = invalid[i], out = untouched;
        size_t number = 0xfeed;

        ck_assert(!dal_layout_is_valid(bad));
        expect("array", i, dal_layout_array(bad, 0, &out), out, 0, 0);
        expect("extend", i, dal_layout_extend(bad, valid, &out, &number), out, 0, 0);
        expect("extend", i, dal_layout_extend(valid, bad, &out, &number), out, 0, 0);
        expect("extend_packed", i, dal_layout_extend_packed(bad, valid, &out), out, 0, 0);
        expect("extend_packed", i, dal_layout_extend_packed(valid, bad, &out), out, 0, 0);
        expect("repeat", i, dal_layout_repeat(bad, 0, &out, &number), out, 0, 0);
        expect("repeat", i, dal_layout_repeat(bad, 1, &out, &number), out, 0, 0);
        expect("repeat_packed", i, dal_layout_repeat_packed(bad, 0, &out), out, 0, 0);
        expect("align_to", i, dal_layout_align_to(bad, 16, &out), out, 0, 0);
        ck_assert_uint_eq(number, 0xfeed);

        struct dal_layout same = dal_layout_pad_to_align(bad);
        ck_assert(same.size == bad.size && same.align == bad.align);
        ck_assert((uintptr_t)dal_layout_dangling(bad) == bad.align);
    }
}
END_TEST

START_TEST(test_padding_for_no_power_of_two_is_size_max)
{
    ck_assert_uint_eq(dal_layout_padding_needed_for(of(9, 8), 0), SIZE_MAX);
    ck_assert_uint_eq(dal_layout_padding_needed_for(of(9, 8), 3), SIZE_MAX);
    ck_assert_uint_eq(dal_layout_padding_needed_for(of(9, 8), SIZE_MAX), SIZE_MAX);
    /* The layout need not be valid. */
    ck_assert_uint_eq(dal_layout_padding_needed_for(of(SIZE_MAX, 0), 16), 1);
}
END_TEST

START_TEST(test_offset_and_stride_may_be_null)
{
    struct dal_layout out = untouched;

    expect("extend", 0, dal_layout_extend(of(1, 1), of(8, 8), &out, NULL), out, 16, 8);
    out = untouched;
    expect("repeat", 0, dal_layout_repeat(of(6, 4), 3, &out, NULL), out, 22, 4);
}
END_TEST

START_TEST(test_array_pads_its_last_element_and_repeat_does_not)
{
    struct dal_layout out = untouched;

    expect("array", 0, dal_layout_array(of(6, 4), 3, &out), out, 24, 4);
    out = untouched;
    expect("repeat", 0, dal_layout_repeat(of(6, 4), 3, &out, NULL), out, 22, 4);
}
END_TEST

/* Every kind of hole: before a wider member, inside, at the end. */
struct record {
    char letter;
    uint64_t wide;
    uint16_t pair[3];
    _Alignas(32) char aligned[33];
    void *pointer;
    char last;
};

START_TEST(test_extend_lays_out_a_structure_as_the_compiler_does)
{
    struct dal_layout layout = {0, 1}, pair, aligned;
    size_t offset;

    ck_assert_int_eq(dal_layout_array_of(uint16_t, 3, &pair), 0);
    ck_assert_int_eq(dal_layout_align_to(dal_layout_of(char[33]), 32, &aligned), 0);

#define MEMBER(name, member_layout)                                                        \
    do {                                                                                   \
        ck_assert_int_eq(dal_layout_extend(layout, (member_layout), &layout, &offset), 0); \
        ck_assert_uint_eq(offset, offsetof(struct record, name));                          \
    } while (0)
    MEMBER(letter, dal_layout_of(char));
    MEMBER(wide, of(sizeof(uint64_t), _Alignof(struct { uint64_t member; })));
    MEMBER(pair, pair);
    MEMBER(aligned, aligned);
    MEMBER(pointer, dal_layout_of(void *));
    MEMBER(last, dal_layout_of(char));
#undef MEMBER

    layout = dal_layout_pad_to_align(layout);
    ck_assert_uint_eq(layout.size, sizeof(struct record));
    ck_assert_uint_eq(layout.align, _Alignof(struct record));
}
END_TEST

START_TEST(test_layout_of_is_size_and_alignment_of_the_type)
{
    struct dal_layout layout = dal_layout_of(struct record);

    ck_assert_uint_eq(layout.size, sizeof(struct record));
    ck_assert_uint_eq(layout.align, _Alignof(struct record));
    layout = dal_layout_of(int *[7]);
    ck_assert_uint_eq(layout.size, 7 * sizeof(int *));
    ck_assert_uint_eq(layout.align, _Alignof(int *));
    ck_assert(dal_layout_is_valid(layout));
}
END_TEST

START_TEST(test_array_of_evaluates_each_argument_once)
{
    struct dal_layout outs[2] = {untouched, untouched}, *out = outs;
    size_t count = 3;

    ck_assert_int_eq(dal_layout_array_of(struct record, count++, out++), 0);
    ck_assert_uint_eq(count, 4);
    ck_assert_ptr_eq(out, outs + 1);
    ck_assert_uint_eq(outs[0].size, 3 * sizeof(struct record));
    ck_assert_uint_eq(outs[1].size, untouched.size);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layout");
    TCase *vectors = tcase_create("as Rust 1.95");
    TCase *ours = tcase_create("of our own");

    tcase_add_test(vectors, test_make_and_is_valid_answer_as_rust);
    tcase_add_test(vectors, test_extend_answers_as_rust);
    tcase_add_test(vectors, test_extend_packed_answers_as_rust);
    tcase_add_test(vectors, test_repeat_answers_as_rust);
    tcase_add_test(vectors, test_repeat_packed_answers_as_rust);
    tcase_add_test(vectors, test_array_answers_as_rust);
    tcase_add_test(vectors, test_align_to_answers_as_rust);
    tcase_add_test(vectors, test_padding_needed_for_answers_as_rust);
    tcase_add_test(vectors, test_pad_to_align_and_dangling_answer_as_rust);
    suite_add_tcase(suite, vectors);

    tcase_add_test(ours, test_invalid_layout_is_refused_and_results_stay);
    tcase_add_test(ours, test_padding_for_no_power_of_two_is_size_max);
    tcase_add_test(ours, test_offset_and_stride_may_be_null);
    tcase_add_test(ours, test_array_pads_its_last_element_and_repeat_does_not);
    tcase_add_test(ours, test_extend_lays_out_a_structure_as_the_compiler_does);
    tcase_add_test(ours, test_layout_of_is_size_and_alignment_of_the_type);
    tcase_add_test(ours, test_array_of_evaluates_each_argument_once);
    suite_add_tcase(suite, ours);
    return suite_run(suite);
}
