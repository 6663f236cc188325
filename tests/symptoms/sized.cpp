/* SPDX-License-Identifier: MIT */
#include <new>

struct Base {
    char bytes[16];
};
struct Large : Base {
    char more[24];
};

int main()
{
    Base *base = new Large;

    delete base;
}
