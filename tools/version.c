/* SPDX-License-Identifier: MIT */
/*
 * The versions of the parts: the command, the library that the loader gave it, and the interposer
 * come from one release. What they know of each other (layouts, variables, notes) is not fixed
 * between releases, while the file's name of the library is.
 */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "tools/tool.h"

#include <link.h>
#include <string.h>

#include "tools/program.h"

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
    const char *path = tool_library();

    if (strcmp(dal_version(), DAL_VERSION_STRING) == 0)
        return 0;
    (void)tool_check_version(path, dal_version(), strlen(dal_version()));
    return PROGRAM_CANNOT_RUN;
}
