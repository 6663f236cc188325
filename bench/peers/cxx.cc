// SPDX-License-Identifier: MIT
// C++'s operators: new, and delete with the size.
#include <cstddef>
#include <new>

static inline void *allocate(std::size_t size, std::size_t align)
{
    return align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
               ? ::operator new(size)
               : ::operator new(size, static_cast<std::align_val_t>(align));
}

static inline void release(void *block, std::size_t size, std::size_t align)
{
    if (align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__)
        ::operator delete(block, size);
    else
        ::operator delete(block, size, static_cast<std::align_val_t>(align));
}

#define BENCH_ALLOC(size, align) allocate(size, align)
#define BENCH_FREE(block, size, align) release(block, size, align)

#include "../harness/kernels.h"
