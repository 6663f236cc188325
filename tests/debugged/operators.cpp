// SPDX-License-Identifier: MIT
// What operators delete and C23's frees are told of their blocks: rightly, or with one fault that
// the argument names. Exits 0.
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

extern "C" void free_sized(void *, std::size_t);
extern "C" void free_aligned_sized(void *, std::size_t, std::size_t);
// Weak: not every C library has them.
#pragma weak free_sized
#pragma weak free_aligned_sized

struct Base {
    char bytes[16];
};
struct Derived : Base {
    char more[24];
};
struct alignas(64) Aligned {
    char bytes[100];
};

static void right()
{
    std::align_val_t align{64};

    delete new Derived;
    delete[] new Derived[3];
    delete new Aligned;
    delete[] new Aligned[3];
    delete[] new std::string[4];
    operator delete(operator new(0), std::size_t{0});
    operator delete(operator new(10, std::nothrow), std::size_t{10});
    operator delete(operator new(10, std::nothrow), std::nothrow);
    operator delete(operator new(10, align), std::size_t{10}, align);
    operator delete[](operator new[](10, align, std::nothrow), align, std::nothrow);
    operator delete(operator new(10, align));
    free_sized(std::malloc(10), 10);
    free_aligned_sized(std::aligned_alloc(64, 128), 64, 128);

    std::vector<std::string> strings;
    for (int i = 0; i < 1000; i++)
        strings.push_back(std::string(static_cast<std::size_t>(i % 90), 'x'));
}

int main(int, char **argv)
{
    const std::string fault = argv[1];
    void *volatile hidden;

    right();
    if (fault == "sized") {
        Base *volatile base = new Derived;
        delete base;
    }
    if (fault == "sized_array")
        operator delete[](operator new[](10), std::size_t{11});
    if (fault == "aligned")
        operator delete(operator new(10, std::align_val_t{64}), std::align_val_t{128});
    if (fault == "sized_aligned")
        operator delete(operator new(10, std::align_val_t{64}), std::size_t{12}, std::align_val_t{64});
    if (fault == "free_sized")
        free_sized(std::malloc(10), 100);
    if (fault == "free_aligned_sized")
        free_aligned_sized(std::aligned_alloc(64, 128), 32, 128);
    if (fault == "new_free") {
        hidden = operator new(10);
        std::free(hidden);
    }
    if (fault == "new_realloc") {
        hidden = operator new(10, std::align_val_t{64});
        std::free(std::realloc(hidden, 20));
    }
    if (fault == "malloc_delete")
        operator delete(std::malloc(10), std::size_t{10});
    if (fault == "delete") {
        hidden = new char[8] + 3;
        delete static_cast<char *>(hidden);
    }
    if (fault == "delete_array") {
        static char block[40];
        hidden = block;
        delete[] static_cast<char *>(hidden);
    }
    return 0;
}
