/* SPDX-License-Identifier: MIT */
/* Names of C++, by the run-time library of C++ if there is one: nothing else in the command needs
 * it. See symbolize.h. */
#include "tools/symbolize/symbolize.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "tools/opened_library.h"

/* __cxa_demangle(), of the Itanium C++ ABI. */
typedef char *(*demangler)(const char *name, char *buffer, size_t *bytes, int *status);

static demangler find_demangler(void)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libc++abi.so.1"};
    demangler found = NULL;

    for (size_t i = 0; !found && i < sizeof libraries / sizeof *libraries; i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_LOCAL);

        (void)opened_library_find(library, "__cxa_demangle", &found);
    }
    return found;
}

const char *demangle(const char *name)
{
    static demangler function;
    static int is_known;
    static char *last;
    int status = -1;

    if (strncmp(name, "_Z", 2) != 0)
        return name;
    if (!is_known)
        function = find_demangler();
    is_known = 1;
    free(last);
    last = function ? function(name, NULL, NULL, &status) : NULL;
    return last && status == 0 ? last : name;
}
