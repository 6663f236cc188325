/* SPDX-License-Identifier: MIT */
/* Looks mallctl and nallocx up in the module that serves, as dispatchalloc(7) says, and prints
 * whether jemalloc's statistics follow an allocation of 10 MiB. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <dispatchalloc.h>

typedef int (*mallctl_function)(const char *, void *, size_t *, void *, size_t);
typedef size_t (*nallocx_function)(size_t, int);

static int open_jemalloc(const char *name, const char *path, void *handle)
{
    if (strcmp(name, "jemalloc") != 0)
        return 0;
    *(void **)handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    return 1;
}

static size_t allocated(mallctl_function control)
{
    uint64_t epoch = 1;
    size_t bytes = 0, length = sizeof bytes;

    if (control("epoch", NULL, NULL, &epoch, sizeof epoch) != 0 ||
        control("stats.allocated", &bytes, &length, NULL, 0) != 0)
        return 0;
    return bytes;
}

int main(void)
{
    enum { BYTES = 10 << 20 };
    char *block = dal_alloc(8, 8);
    mallctl_function control = NULL;
    nallocx_function class_of = NULL;
    void *module = NULL;
    size_t before, with;

    (void)dal_module_visit(open_jemalloc, &module);
    if (!block || !module)
        return 1;
    *(void **)(void *)&control = dlsym(module, "dal_jemalloc_mallctl");
    *(void **)(void *)&class_of = dlsym(module, "dal_jemalloc_nallocx");
    if (!control || !class_of)
        return 1;
    dal_dealloc(block, 8, 8);
    before = allocated(control);
    block = dal_alloc(BYTES, 8);
    with = allocated(control);
    dal_dealloc(block, BYTES, 8);
    printf("%s: %s by 10 MiB, and back: %s; 100 bytes take %zu\n", dal_global_name(),
           before > 0 && with >= before + BYTES ? "more" : "not more",
           allocated(control) < before + BYTES ? "yes" : "no", class_of(100, 0));
    return 0;
}
