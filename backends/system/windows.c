/* SPDX-License-Identifier: MIT */
/*
 * The system allocator on Windows: the heap of the process, which has no lock to set up and
 * is there before any code of the program. Rust's System.
 *
 * HeapAlloc aligns every block to DAL_MIN_ALIGN, small ones too. A block with more has its
 * place inside a larger one, whose address stands in the word in front of it:
 *
 *     block               ptr, aligned
 *     | unused  | block | size bytes ... | unused |
 *
 * ptr is behind block by at least DAL_MIN_ALIGN and at most align bytes, so the word fits.
 */
#include "system.h"

#include <stdint.h>
#include <string.h>
#include <windows.h>

/* A 32-bit or 64-bit heap aligns to this, whatever the architecture is called. */
_Static_assert(DAL_MIN_ALIGN <= MEMORY_ALLOCATION_ALIGNMENT, "HeapAlloc aligns less");
_Static_assert(DAL_MIN_ALIGN >= sizeof(void *), "the word in front of a block does not fit");

static void **word_before(void *ptr)
{
    return (void **)ptr - 1;
}

static void *heap_block(DWORD flags, size_t size, size_t align)
{
    HANDLE heap = GetProcessHeap();
    char *block, *ptr;

    if (align <= DAL_MIN_ALIGN)
        return HeapAlloc(heap, flags, size);
    if (size > (size_t)PTRDIFF_MAX || align > (size_t)PTRDIFF_MAX - size)
        return NULL;
    /* The heap may touch all that it zeroes, and most of it is unused here. */
    block = HeapAlloc(heap, size < align ? 0 : flags, size + align);
    if (!block)
        return NULL;
    ptr = block + (align - ((uintptr_t)block & (align - 1)));
    *word_before(ptr) = block;
    if (size < align && (flags & HEAP_ZERO_MEMORY))
        memset(ptr, 0, size);
    return ptr;
}

void *dal_system_alloc_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return heap_block(0, size, align);
}

void *dal_system_alloc_natural_(size_t size, size_t align, void *ctx)
{
    (void)align;
    (void)ctx;
    return HeapAlloc(GetProcessHeap(), 0, size);
}

void dal_system_dealloc_(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)ctx;
    if (ptr)
        (void)HeapFree(GetProcessHeap(), 0, align <= DAL_MIN_ALIGN ? ptr : *word_before(ptr));
}

void *dal_system_alloc_zeroed_(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    /* The heap knows which pages come zeroed from the kernel and leaves those alone. */
    return heap_block(HEAP_ZERO_MEMORY, size, align);
}

void *dal_system_realloc_(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    void *moved;

    if (!ptr)
        return heap_block(0, new_size, align);
    if (align <= DAL_MIN_ALIGN)
        return HeapReAlloc(GetProcessHeap(), 0, ptr, new_size);
    /* HeapReAlloc could move the larger block to where ptr is not aligned any more. */
    moved = heap_block(0, new_size, align);
    if (moved) {
        memcpy(moved, ptr, old_size < new_size ? old_size : new_size);
        dal_system_dealloc_(ptr, old_size, align, ctx);
    }
    return moved;
}
