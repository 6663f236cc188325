// SPDX-License-Identifier: MIT
// Small blocks until there is no memory left: operator new calls the new-handler and then throws, in
// each of its forms; the nothrow forms give NULL; a handler may throw, and may make room. With
// -DPLUGIN a library that does the same with blocks that nobody has, for a program in C.
#include <cstdio>
#include <cstdlib>
#include <new>

namespace
{
int calls;

struct derived : std::bad_alloc {
};

void give_up_at_third()
{
    if (++calls == 3)
        std::set_new_handler(nullptr);
}

void throw_derived()
{
    throw derived();
}

template <typename Function> int is_thrown(Function allocate)
{
    try {
        return allocate() == nullptr ? -1 : 0;
    } catch (const derived &) {
        return 2;
    } catch (const std::bad_alloc &) {
        return 1;
    }
}

// What each form does when it cannot: 0 if all is right, else where it is not.
int judge(std::size_t size)
{
    const std::align_val_t align{64};

    std::set_new_handler(nullptr);
    if (is_thrown([=] { return ::operator new(size); }) != 1)
        return 1;
    if (is_thrown([=] { return ::operator new[](size); }) != 1)
        return 2;
    if (is_thrown([=] { return ::operator new(size, align); }) != 1)
        return 3;
    if (::operator new(size, std::nothrow) || ::operator new[](size, std::nothrow) ||
        ::operator new(size, align, std::nothrow) || ::operator new[](size, align, std::nothrow))
        return 4;
    std::set_new_handler(throw_derived);
    if (is_thrown([=] { return ::operator new[](size); }) != 2)
        return 5;
    if (is_thrown([=] { return ::operator new(size, align); }) != 2)
        return 6;
    if (::operator new(size, std::nothrow) || ::operator new[](size, align, std::nothrow))
        return 7;
    calls = 0;
    std::set_new_handler(give_up_at_third);
    if (::operator new(size, std::nothrow) || calls != 3)
        return 8;
    std::set_new_handler(nullptr);
    return 0;
}
} // namespace

#ifdef PLUGIN
extern "C" int plugin_run(void)
{
    return judge(static_cast<std::size_t>(1) << 60);
}
#else
struct node {
    node *next;
    char more[24];
};

int main()
{
    node *list = nullptr;
    int thrown, wrong;

    std::setvbuf(stdout, nullptr, _IONBF, 0);
    std::set_new_handler(give_up_at_third);
    thrown = is_thrown([&] {
        for (;;) {
            node *one = new node;

            one->next = list;
            list = one;
        }
        return list;
    });
    wrong = thrown == 1 && calls == 3 ? judge(1 << 20) : 9;
    while (list) {
        node *next = list->next;

        delete list;
        list = next;
    }
    std::printf("%d\n", wrong);
    return wrong;
}
#endif
