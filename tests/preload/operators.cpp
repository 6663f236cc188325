// SPDX-License-Identifier: MIT
// An unmodified C++ program: every form of operator new and delete, the new-handler, statics.
// Exits 0, or 1 after a line for each fault.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <string>
#include <thread>
#include <vector>

static int faults;
#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            std::printf("line %d: not so: %s\n", __LINE__, #condition);           \
            faults = 1;                                                           \
        }                                                                         \
    } while (0)

static volatile std::size_t huge = SIZE_MAX > UINT32_MAX ? SIZE_MAX / 4 : SIZE_MAX / 2 + 2;
static std::map<int, std::string> before_main = {{1, "a string that is not a short one at all"}};
static int handled;

// A program may replace the plain forms alone: then every other form has to come to these.
#ifdef OWN_OPERATORS
alignas(16) static char pool[1 << 16];
static std::size_t pool_used;
static int own_live;

void *operator new(std::size_t size)
{
    if (size > sizeof pool - pool_used - 16)
        throw std::bad_alloc();
    void *block = pool + pool_used;
    pool_used += (size + 15) / 16 * 16;
    own_live++;
    return block;
}

void operator delete(void *block) noexcept
{
    if (block && (block < pool || block >= pool + sizeof pool))
        std::abort();
    own_live -= block != nullptr;
}

static int check_own()
{
    int before = own_live;

    operator delete(operator new(10), std::size_t{10});
    operator delete[](operator new[](10));
    operator delete[](operator new[](10), std::size_t{10});
    operator delete(operator new(10, std::nothrow), std::nothrow);
    operator delete[](operator new[](10, std::nothrow), std::nothrow);
    delete[] new int[5];
    if (operator new(1 << 20, std::nothrow) != nullptr)
        return 1;
    return own_live != before;
}
#endif

// The forms for arrays lead to the plain form for arrays before they lead to that for objects.
#ifdef OWN_ARRAY_OPERATORS
alignas(16) static char array_pool[1 << 12];
static int array_live;

void *operator new[](std::size_t)
{
    return array_pool + 16 * array_live++;
}

void operator delete[](void *block) noexcept
{
    if (block && (block < array_pool || block >= array_pool + sizeof array_pool))
        std::abort();
    array_live -= block != nullptr;
}

static int check_own_arrays()
{
    operator delete[](operator new[](10));
    operator delete[](operator new[](10), std::size_t{10});
    operator delete[](operator new[](10, std::nothrow), std::nothrow);
    operator delete(operator new(10), std::size_t{10});
    return array_live;
}
#endif

struct alignas(256) Aligned {
    char bytes[300];
};

static bool throws(void *(*allocate)())
{
    try {
        return allocate() == nullptr;
    } catch (const std::bad_alloc &) {
        return true;
    }
}

int main()
{
#ifdef OWN_OPERATORS
    return check_own();
#endif
#ifdef OWN_ARRAY_OPERATORS
    return check_own_arrays();
#endif
    std::align_val_t align{64};

    operator delete(operator new(10));
    operator delete[](operator new[](10));
    operator delete(operator new(10), std::size_t{10});
    operator delete(operator new(10, std::nothrow), std::nothrow);
    operator delete[](operator new[](10, std::nothrow), std::nothrow);
    operator delete(operator new(10, align), align);
    operator delete[](operator new[](10, align), std::size_t{10}, align);
    operator delete(operator new(10, align, std::nothrow), align, std::nothrow);
    delete[] new Aligned[3];
    Aligned *aligned = new Aligned;
    CHECK(reinterpret_cast<std::uintptr_t>(aligned) % 256 == 0);
    delete aligned;
    CHECK(operator new(0) != nullptr);

    CHECK(throws([] { return operator new(huge); }));
    CHECK(throws([] { return operator new[](huge); }));
    CHECK(throws([] { return operator new(huge, std::align_val_t{4096}); }));
    CHECK(operator new(huge, std::nothrow) == nullptr);
    CHECK(operator new(huge, std::align_val_t{64}, std::nothrow) == nullptr);
    std::set_new_handler([] {
        handled++;
        std::set_new_handler(nullptr);
    });
    CHECK(throws([] { return operator new(huge); }));
    CHECK(handled == 1);
    std::set_new_handler([] {
        handled++;
        throw std::bad_alloc();
    });
    CHECK(operator new(huge, std::nothrow) == nullptr);
    CHECK(handled == 2);

    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) {
        threads.emplace_back([] {
            std::vector<std::string> strings;
            for (int n = 0; n < 20000; n++)
                strings.push_back(std::string(static_cast<std::size_t>(n % 90), 'x'));
        });
    }
    for (auto &thread : threads)
        thread.join();
    CHECK(before_main[1].size() > 20);
    return faults;
}
