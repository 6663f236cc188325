/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/layout.h
 * @brief Size and alignment of a block: Rust's std::alloc::Layout in C.
 *
 * Arithmetic on layouts that cannot overflow unnoticed. Every function here keeps the
 * error rule of the function of std::alloc::Layout (Rust 1.95) that has its name, and
 * does nothing but compute: it may be called from any thread, from inside a backend,
 * and from a signal handler.
 *
 * What is wanted a call (of a type, an array, a padded size) is inline, so that it
 * folds to constants; what composes a layout once and for all is in the library.
 *
 * A struct dal_layout filled in by hand may be invalid, which Rust's cannot. Where
 * that could matter, what happens then is said: no function here has undefined
 * behaviour for any layout.
 */
#ifndef DISPATCHALLOC_LAYOUT_H
#define DISPATCHALLOC_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** Size and alignment of a block, in bytes. Valid iff align is a power of two and
 *  size rounded up to align is at most PTRDIFF_MAX. The size need not be a multiple of
 *  the alignment. */
struct dal_layout {
    size_t size;
    size_t align;
};

/** The alignment in bytes that a malloc gives every block that is at least that large, by
 *  architecture, as Rust's std::sys::alloc has it; what is not listed has 8. */
#if defined __x86_64__ || defined _M_X64 || defined __aarch64__ || defined __arm64ec__ ||          \
    (defined __loongarch__ && __loongarch_grlen == 64) || defined __mips64 || defined __s390x__ || \
    (defined __sparc__ && defined __arch64__) || (defined __riscv && __riscv_xlen == 64) ||        \
    defined __wasm64__
# define DAL_MIN_ALIGN 16u
#else
# define DAL_MIN_ALIGN 8u
#endif

/* Whether a layout is known, when the program is compiled, to be natural: one that a malloc
 * aligns without being told, so that no test has to be made when the program runs. */
#ifdef __GNUC__
# define DAL_IS_NATURAL_(size, align)                                        \
     (__builtin_constant_p((align) <= DAL_MIN_ALIGN && (align) <= (size)) && \
      (align) <= DAL_MIN_ALIGN && (align) <= (size))
#else
# define DAL_IS_NATURAL_(size, align) 0
#endif

/* DAL_ERR_LAYOUT, whose header includes this one. */
#define DAL_LAYOUT_ERROR_ (-2)

/* PTRDIFF_MAX + 1 as a size_t, without a cast that C++ would warn of: for an alignment
 * align, this minus align is the largest size of a valid layout. */
#define DAL_LAYOUT_BOUND_ (SIZE_MAX / 2 + 1)

/* A layout as an expression, for both languages. */
#ifdef __cplusplus
# define DAL_LAYOUT_(size, align) (::dal_layout{(size), (align)})
#else
# define DAL_LAYOUT_(size, align) ((struct dal_layout){(size), (align)})
#endif

/**
 * The layout of a type: its size and alignment. Always valid.
 *
 * @param type  a complete type. In C++, one whose name has a comma needs an alias.
 *
 * A static object is initialised with it as well, if without gcc's -pedantic.
 *
 * Rust's Layout::new.
 */
#define dal_layout_of(type) DAL_LAYOUT_(sizeof(type), DAL_ALIGNOF_(type))

/**
 * A layout of any two numbers, unchecked.
 *
 * @param size   bytes.
 * @param align  alignment in bytes.
 * @return the layout, valid only if the caller made sure of it.
 *
 * Rust's Layout::from_size_align_unchecked.
 */
DAL_INLINE_ struct dal_layout dal_layout_unchecked(size_t size, size_t align)
{
    return DAL_LAYOUT_(size, align);
}

/**
 * Whether a layout is valid.
 *
 * @param layout  any value.
 * @return whether align is a power of two and size rounded up to it is at most
 *         PTRDIFF_MAX.
 *
 * The rule of Rust's Layout::from_size_align.
 */
DAL_INLINE_ bool dal_layout_is_valid(struct dal_layout layout)
{
    return layout.align != 0 && (layout.align & (layout.align - 1)) == 0 &&
           layout.size <= DAL_LAYOUT_BOUND_ - layout.align;
}

/**
 * Make a layout of a size and an alignment, if they are one.
 *
 * @param size   bytes.
 * @param align  alignment in bytes.
 * @param out    receives the layout. Not NULL; unchanged on failure.
 * @return 0, or DAL_ERR_LAYOUT if the layout would be invalid.
 *
 * Rust's Layout::from_size_align.
 */
DAL_ATTRIBUTE_((warn_unused_result))
DAL_INLINE_ int dal_layout_make(size_t size, size_t align, struct dal_layout *out)
{
    struct dal_layout layout = dal_layout_unchecked(size, align);

    if (!dal_layout_is_valid(layout))
        return DAL_LAYOUT_ERROR_;
    *out = layout;
    return 0;
}

/**
 * The padding after a layout that puts what follows at an alignment.
 *
 * @param layout  any value.
 * @param align   alignment in bytes of what is to follow.
 * @return bytes, less than align; SIZE_MAX if align is not a power of two.
 *
 * Rust's Layout::padding_needed_for (which takes an Alignment now; SIZE_MAX is what it
 * answered while it took a usize).
 */
DAL_INLINE_ size_t dal_layout_padding_needed_for(struct dal_layout layout, size_t align)
{
    if (align == 0 || (align & (align - 1)) != 0)
        return SIZE_MAX;
    return (0 - layout.size) & (align - 1);
}

/**
 * A layout with its size rounded up to a multiple of its alignment, as that of a type.
 *
 * @param layout  a valid layout; an invalid one comes back as it is.
 * @return the padded layout. A valid one stays valid: this cannot overflow.
 *
 * Rust's Layout::pad_to_align.
 */
DAL_ATTRIBUTE_((warn_unused_result))
DAL_INLINE_ struct dal_layout dal_layout_pad_to_align(struct dal_layout layout)
{
    if (!dal_layout_is_valid(layout))
        return layout;
    return DAL_LAYOUT_(layout.size + dal_layout_padding_needed_for(layout, layout.align),
                       layout.align);
}

/**
 * The layout of an array, as C and Rust lay one out.
 *
 * @param element  layout of an element. One whose size is not a multiple of its
 *                 alignment, which no type has, is padded first, so that every element,
 *                 the last one too, has its padding (dal_layout_repeat() omits that).
 * @param count    how many elements; 0 is allowed.
 * @param out      receives the layout. Not NULL; unchanged on failure.
 * @return 0, or DAL_ERR_LAYOUT if the array is too large or element is invalid.
 *
 * Rust's Layout::array.
 */
DAL_ATTRIBUTE_((warn_unused_result))
DAL_INLINE_ int dal_layout_array(struct dal_layout element, size_t count, struct dal_layout *out)
{
    struct dal_layout padded = dal_layout_pad_to_align(element);

    if (!dal_layout_is_valid(padded))
        return DAL_LAYOUT_ERROR_;
    if (padded.size != 0 && count > (DAL_LAYOUT_BOUND_ - padded.align) / padded.size)
        return DAL_LAYOUT_ERROR_;
    *out = DAL_LAYOUT_(padded.size * count, padded.align);
    return 0;
}

/**
 * dal_layout_array() of a type.
 *
 * @param type   a complete type.
 * @param count  how many elements.
 * @param out    receives the layout. Not NULL; unchanged on failure.
 * @return 0 or DAL_ERR_LAYOUT.
 */
#define dal_layout_array_of(type, count, out) dal_layout_array(dal_layout_of(type), (count), (out))

/**
 * A pointer that is aligned for a layout and points to nothing.
 *
 * @param layout  any value; NULL comes back for alignment 0.
 * @return a pointer that is never read, written or given back. It may be the address
 *         of a real object: not a mark for "no block yet".
 *
 * Rust's Layout::dangling_ptr.
 */
DAL_INLINE_ void *dal_layout_dangling(struct dal_layout layout)
{
#ifdef __cplusplus
    return reinterpret_cast<void *>(static_cast<uintptr_t>(layout.align));
#else
    return (void *)(uintptr_t)layout.align;
#endif
}

/**
 * A layout with at least this alignment. Its size stays as it is.
 *
 * @param layout  a valid layout.
 * @param align   alignment in bytes; one that layout already has changes nothing.
 * @param out     receives the layout. Not NULL; unchanged on failure.
 * @return 0, or DAL_ERR_LAYOUT if align is not a power of two or the result, or layout,
 *         is invalid.
 *
 * Rust's Layout::align_to.
 */
DAL_API int dal_layout_align_to(struct dal_layout layout, size_t align, struct dal_layout *out)
    DAL_ATTRIBUTE_((warn_unused_result));

/**
 * The layout of a record with next behind layout: padding between them where next
 * needs it, none behind.
 *
 * From the layouts of the members in their order, and dal_layout_pad_to_align() at the
 * end, come size, alignment and offsets of a C structure.
 *
 * @param layout  what comes first.
 * @param next    what comes behind it.
 * @param out     receives the layout, with the larger of both alignments. Not NULL;
 *                unchanged on failure.
 * @param offset  receives where next starts, in bytes. May be NULL; unchanged on failure.
 * @return 0, or DAL_ERR_LAYOUT if the record is too large or an argument is invalid.
 *
 * Rust's Layout::extend.
 */
DAL_API int dal_layout_extend(struct dal_layout layout, struct dal_layout next,
                              struct dal_layout *out, size_t *offset)
    DAL_ATTRIBUTE_((warn_unused_result));

/**
 * The layout of a record with next directly behind layout, at offset layout.size.
 *
 * @param layout  what comes first; its alignment is that of the result.
 * @param next    what comes behind it; its alignment does not matter.
 * @param out     receives the layout. Not NULL; unchanged on failure.
 * @return 0, or DAL_ERR_LAYOUT if the record is too large or an argument is invalid.
 *
 * Rust's Layout::extend_packed.
 */
DAL_API int dal_layout_extend_packed(struct dal_layout layout, struct dal_layout next,
                                     struct dal_layout *out) DAL_ATTRIBUTE_((warn_unused_result));

/**
 * The layout of count times layout, each of them aligned: padding between them, none
 * behind the last one. {6, 4} three times has size 22 and stride 8.
 *
 * @param layout  the element.
 * @param count   how many; 0 is allowed.
 * @param out     receives the layout. Not NULL; unchanged on failure.
 * @param stride  receives the distance from one to the next, in bytes. May be NULL;
 *                unchanged on failure.
 * @return 0, or DAL_ERR_LAYOUT if that is too large or layout is invalid.
 *
 * Rust's Layout::repeat.
 */
DAL_API int dal_layout_repeat(struct dal_layout layout, size_t count, struct dal_layout *out,
                              size_t *stride) DAL_ATTRIBUTE_((warn_unused_result));

/**
 * The layout of count times layout without any padding. Unless the size is a multiple
 * of the alignment, only the first one is aligned.
 *
 * @param layout  the element.
 * @param count   how many; 0 is allowed.
 * @param out     receives the layout. Not NULL; unchanged on failure.
 * @return 0, or DAL_ERR_LAYOUT if that is too large or layout is invalid.
 *
 * Rust's Layout::repeat_packed.
 */
DAL_API int dal_layout_repeat_packed(struct dal_layout layout, size_t count, struct dal_layout *out)
    DAL_ATTRIBUTE_((warn_unused_result));

DAL_END_DECLS_

#endif /* DISPATCHALLOC_LAYOUT_H */
