/* SPDX-License-Identifier: MIT */
/* The library that the loader gave the command. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "tools/tool.h"

#include <link.h>
#include <string.h>

#include "tools/program.h"

/* Not by the address of one of its functions, which may be that of a stub in the command. */
static int look_for_library(struct dl_phdr_info *object, size_t size, void *data)
{
    static const char name[] = "libdispatchalloc.so";

    (void)size;
    if (strncmp(tool_file_name(object->dlpi_name), name, sizeof name - 1) != 0)
        return 0;
    *(const char **)data = object->dlpi_name;
    return 1;
}

const char *tool_library(void)
{
    const char *path = "libdispatchalloc";

    (void)dl_iterate_phdr(look_for_library, &path);
    return path;
}

int tool_check_library(void)
{
    return tool_check_version(tool_library(), dal_version(), strlen(dal_version())) == TOOL_OK
               ? TOOL_OK
               : PROGRAM_CANNOT_RUN;
}
