// SPDX-License-Identifier: MIT
// A C++ program with a malloc family of its own: blocks of every form of operator new have to
// come from it, since those of delete lead to its free. Exits 0, or 1 if another's came.
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <malloc.h>

alignas(4096) static char pool[1 << 20];
static std::size_t used;
static int faults;

static void *take(std::size_t align, std::size_t size)
{
    std::size_t start = (used + align - 1) / align * align;

    if (start > sizeof pool || size > sizeof pool - start)
        return nullptr;
    used = start + size;
    return pool + start;
}

extern "C" void *malloc(std::size_t size)
{
    return take(16, size);
}

extern "C" void *aligned_alloc(std::size_t align, std::size_t size)
{
    return take(align, size);
}

// What the C++ library of gcc 14 calls instead.
extern "C" int posix_memalign(void **block, std::size_t align, std::size_t size)
{
    *block = take(align, size);
    return *block ? 0 : 12;
}

extern "C" void *calloc(std::size_t count, std::size_t size)
{
    return take(16, count * size);
}

extern "C" void *realloc(void *old, std::size_t size)
{
    void *moved = take(16, size);

    if (old && moved)
        std::memmove(moved, old, size);
    return moved;
}

extern "C" void free(void *block)
{
    if (block && (block < pool || block >= pool + sizeof pool))
        faults = 1;
}

struct alignas(64) Aligned {
    char bytes[100];
};

int main()
{
    delete new int;
    delete[] new int[3];
    delete new Aligned;
    delete[] new Aligned[2];
    std::free(reallocarray(strdup("a string"), 10, 10));
    // Of the C library itself these two do not come from another malloc.
    if (std::getenv("LD_PRELOAD")) {
        std::free(valloc(10));
        std::free(pvalloc(10));
    }
    return faults;
}
