/* SPDX-License-Identifier: MIT */
/*
 * What the C library tells of its malloc and lets be set: its own answer where it serves, and none
 * where it is idle, for its figures are not the program's then.
 */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "interposer.h"
#include "libc.h"
#include "loaded.h"

#define EXPORT __attribute__((visibility("default")))

/* As <malloc.h> of glibc lays them out: ten numbers. Other C libraries have none. */
struct mallinfo {
    int numbers[10];
};

struct mallinfo2 {
    size_t numbers[10];
};

/* Of who serves; the names are the C library's, and so their types. */
#define REPORTS(X)                                 \
    X(struct mallinfo, mallinfo, (void))           \
    X(struct mallinfo2, mallinfo2, (void))         \
    X(int, malloc_info, (int options, FILE *file)) \
    X(void, malloc_stats, (void))                  \
    X(int, malloc_trim, (size_t keep_bytes))       \
    X(int, mallopt, (int parameter, int value))

#define X(result, name, parameters) result name parameters;
REPORTS(X)
#undef X

/* NULL where the C library has none. */
static struct {
#define X(result, name, parameters) result(*name) parameters;
    REPORTS(X)
#undef X
} libc;

int dal_libc_serves_;

void dal_libc_take_reports_(void *handle, const struct dal_loaded_ *tables)
{
    void *address;

#define X(result, name, parameters)                                              \
    address = handle ? dlsym(handle, #name) : dal_loaded_symbol_(tables, #name); \
    memcpy(&libc.name, &address, sizeof address);
    REPORTS(X)
#undef X
}

EXPORT struct mallinfo mallinfo(void)
{
    return dal_libc_serves_ && libc.mallinfo ? libc.mallinfo() : (struct mallinfo){{0}};
}

EXPORT struct mallinfo2 mallinfo2(void)
{
    return dal_libc_serves_ && libc.mallinfo2 ? libc.mallinfo2() : (struct mallinfo2){{0}};
}

EXPORT int malloc_info(int options, FILE *file)
{
    if (dal_libc_serves_ && libc.malloc_info)
        return libc.malloc_info(options, file);
    if (options != 0)
        return EINVAL;
    return fputs("<malloc version=\"1\"/>\n", file) < 0 ? -1 : 0;
}

EXPORT void malloc_stats(void)
{
    if (dal_libc_serves_ && libc.malloc_stats)
        libc.malloc_stats();
}

EXPORT int malloc_trim(size_t keep_bytes)
{
    return dal_libc_serves_ && libc.malloc_trim ? libc.malloc_trim(keep_bytes) : 0;
}

/* Also before it is known who serves. 0 is an error, which programs look for; a wish that another
 * allocator does not know is none. */
EXPORT int mallopt(int parameter, int value)
{
    int result = libc.mallopt ? libc.mallopt(parameter, value) : 1;

    return dal_libc_serves_ ? result : 1;
}
