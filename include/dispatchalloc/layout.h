/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/layout.h
 * @brief Size and alignment of a block: Rust's std::alloc::Layout in C.
 */
#ifndef DISPATCHALLOC_LAYOUT_H
#define DISPATCHALLOC_LAYOUT_H

#include <stddef.h>

#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** Size and alignment of a block, in bytes. Valid iff align is a power of two and
 *  size rounded up to align is at most PTRDIFF_MAX. */
struct dal_layout {
    size_t size;
    size_t align;
};

DAL_END_DECLS_

#endif /* DISPATCHALLOC_LAYOUT_H */
