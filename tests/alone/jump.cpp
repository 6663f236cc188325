// SPDX-License-Identifier: MIT
// A plug-in whose functions end in a jump to an operator, and which takes nothing else from its C++
// library that could tell which that is. All is well if the new-handler of that is called.
#include <cstdlib>
#include <new>

extern "C" void plugin_prepare(void)
{
    std::set_new_handler([] { std::_Exit(0); });
}

extern "C" void *plugin_take(std::size_t size)
{
    return ::operator new(size);
}

extern "C" void *plugin_take_array(std::size_t size)
{
    return ::operator new[](size);
}
