/* SPDX-License-Identifier: MIT */
/*
 * The versions of the parts: the command, the library that the loader gave it, and the interposer
 * come from one release. What they know of each other (layouts, variables, notes) is not fixed
 * between releases, while the file's name of the library is. (Nothing else of the command has its
 * version in it.)
 */
#include "tools/tool.h"

#include <stdio.h>
#include <string.h>

void tool_print_version(void)
{
    puts(TOOL_NAME " (libdispatchalloc) " DAL_VERSION_STRING);
    puts("License: MIT. There is no warranty.");
}

int tool_check_version(const char *path, const char *version, size_t version_bytes)
{
    size_t length = strnlen(version, version_bytes);

    if (length == strlen(DAL_VERSION_STRING) && memcmp(version, DAL_VERSION_STRING, length) == 0)
        return TOOL_OK;
    return tool_complain(TOOL_NAME " " DAL_VERSION_STRING
                                   " cannot use %s, which is of version %.*s; "
                                   "both have to be of one version",
                         path, (int)length, version);
}
