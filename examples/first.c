/* SPDX-License-Identifier: MIT */
/*
 * The first program of Rust's documentation of std::alloc, in C: the layout of a type,
 * a block of it, what to do when there is none, and the block given back.
 */
#include <dispatchalloc.h>
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    struct dal_layout layout = dal_layout_of(uint16_t);
    uint16_t *number = dal_alloc_layout(layout);

    if (number == NULL)
        dal_handle_alloc_error(layout);
    *number = 42;
    printf("%d\n", *number);
    dal_dealloc_layout(number, layout);
    return 0;
}
