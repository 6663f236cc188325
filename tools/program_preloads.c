/* SPDX-License-Identifier: MIT */
/* What is preloaded before anything is added. See program.h. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "tools/program.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "tools/program_image.h"
#include "tools/tool.h"

int program_is_of_run(const char *path)
{
    static const char ours[] = "libdispatchalloc-";
    const char *slash = strrchr(path, '/');
    struct dal_image_ image;
    int result = slash && strncmp(slash + 1, ours, sizeof ours - 1) == 0;

    /* This process has it as well, by the name that the loader makes of it. */
    if (!result && slash && strstr(path, "/$LIB/")) {
        void *object = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);

        return object && dlsym(object, "dal_module_");
    }
    if (!result && slash && dal_image_map_(path, &image)) {
        result = dal_image_is_native_(&image) && image_defines(&image, "dal_module_");
        dal_image_unmap_(&image);
    }
    return result;
}

static int has_malloc(const char *path)
{
    struct dal_image_ image;
    int result;

    if (!dal_image_map_(path, &image))
        return 0;
    result = dal_image_is_native_(&image) &&
             (image_defines(&image, "malloc") || image_defines(&image, "free"));
    dal_image_unmap_(&image);
    return result;
}

/* This process has them too, between itself and the libraries that it is linked with. */
static int look_at(struct dl_phdr_info *object, size_t size, void *data)
{
    const char *path = object->dlpi_name;

    (void)size;
    (void)data;
    if (strstr(path, "/libdispatchalloc.so") || strstr(path, "/libc.so") || strstr(path, "/ld-"))
        return 1;
    if (*path == '/' && !program_is_of_run(path) && has_malloc(path))
        (void)tool_complain(
            "%s is preloaded, and has a malloc that the interposer comes before: it "
            "sees no call",
            path);
    return 0;
}

void program_tell_passed(void)
{
    (void)dl_iterate_phdr(look_at, NULL);
}
