/* SPDX-License-Identifier: MIT */
/*
 * Composition of layouts: Rust's Layout::align_to, extend, extend_packed, repeat and
 * repeat_packed. Pure arithmetic, at the bottom of the library; anybody may call it.
 *
 * No overflow is left to chance: the sizes of valid layouts are at most PTRDIFF_MAX, so
 * that the sum of two of them, plus a padding that rounds the first up to a power of
 * two, is at most SIZE_MAX. Only products need a test.
 */
#include <dispatchalloc/error.h>
#include <dispatchalloc/layout.h>

_Static_assert(DAL_LAYOUT_ERROR_ == DAL_ERR_LAYOUT, "layout.h has the number of error.h");
_Static_assert(DAL_LAYOUT_BOUND_ - 1 == PTRDIFF_MAX, "PTRDIFF_MAX is half of SIZE_MAX");

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

int dal_layout_align_to(struct dal_layout layout, size_t align, struct dal_layout *out)
{
    /* larger() alone would let an alignment that is no power of two pass unnoticed. */
    if (!dal_layout_is_valid(layout) || !dal_layout_is_valid(dal_layout_unchecked(0, align)))
        return DAL_ERR_LAYOUT;
    return dal_layout_make(layout.size, larger(layout.align, align), out);
}

int dal_layout_extend(struct dal_layout layout, struct dal_layout next, struct dal_layout *out,
                      size_t *offset)
{
    if (!dal_layout_is_valid(layout) || !dal_layout_is_valid(next))
        return DAL_ERR_LAYOUT;

    size_t start = layout.size + dal_layout_padding_needed_for(layout, next.align);
    int error = dal_layout_make(start + next.size, larger(layout.align, next.align), out);
    if (error == 0 && offset != NULL)
        *offset = start;
    return error;
}

int dal_layout_extend_packed(struct dal_layout layout, struct dal_layout next,
                             struct dal_layout *out)
{
    if (!dal_layout_is_valid(layout) || !dal_layout_is_valid(next))
        return DAL_ERR_LAYOUT;
    return dal_layout_make(layout.size + next.size, layout.align, out);
}

int dal_layout_repeat(struct dal_layout layout, size_t count, struct dal_layout *out,
                      size_t *stride)
{
    struct dal_layout padded = dal_layout_pad_to_align(layout);
    struct dal_layout result;

    /* All but the last with their padding; what is behind the last is not ours. */
    int error = dal_layout_repeat_packed(padded, count == 0 ? 0 : count - 1, &result);
    if (error == 0 && count != 0)
        error = dal_layout_extend_packed(result, layout, &result);
    if (error != 0)
        return error;

    *out = result;
    if (stride != NULL)
        *stride = padded.size;
    return 0;
}

int dal_layout_repeat_packed(struct dal_layout layout, size_t count, struct dal_layout *out)
{
    if (!dal_layout_is_valid(layout))
        return DAL_ERR_LAYOUT;
    if (layout.size != 0 && count > SIZE_MAX / layout.size)
        return DAL_ERR_LAYOUT;
    return dal_layout_make(layout.size * count, layout.align, out);
}
