/* SPDX-License-Identifier: MIT */
/*
 * The system's jemalloc: where its functions are.
 *
 * The module is linked with libjemalloc. Where that is part of the program (linked or
 * preloaded) the loader takes what is there; otherwise it would have to open it, and a
 * libjemalloc with initial-exec thread-local storage, such as Debian's, needs room that the
 * loader keeps only on request: its message says so.
 *
 * A call of plain malloc from here is bound to the program's, which need not be jemalloc's, and
 * one of mallocx to the interposer's where that serves jemalloc's own calls. So all are taken from
 * the object that the program's mallocx is in; where that is the interposer's, from the library
 * that this module is linked with. jemalloc's constructor has run, and with it its options are
 * fixed.
 */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "jemalloc.h"

struct dal_jemalloc_found_ dal_jemalloc_found_;
_Atomic(int) dal_jemalloc_is_found_;

/* The object that has an address, or NULL. In a program that was linked with the archive
 * that is the program itself, which has no name to be opened by. */
static void *open_object(const void *address, Dl_info *object)
{
    void *handle;

    if (!dladdr(address, object) || !object->dli_fname)
        return NULL;
    handle = dlopen(object->dli_fname, RTLD_NOW | RTLD_NOLOAD);
    return handle ? handle : dlopen(NULL, RTLD_NOW);
}

/* Or the linker leaves the library out. */
__attribute__((used)) static void *(*const needed)(size_t, int) = mallocx;

/* By its name, which is that of preload/preload.mk. */
static int is_interposers(const Dl_info *object)
{
    const char *slash = strrchr(object->dli_fname, '/');

    return strcmp(slash ? slash + 1 : object->dli_fname, "libdispatchalloc-jemalloc.so") == 0;
}

/* libjemalloc, opened again: a handle in which its own names come first. */
static void *open_jemalloc(Dl_info *object)
{
    void *found = dlsym(RTLD_DEFAULT, "mallocx");
    void *handle = found ? open_object(found, object) : NULL;

    if (handle && !is_interposers(object))
        return handle;
    /* As this module sees it, which is not in the program's scope if it was opened by it. */
    handle = open_object(&dal_jemalloc_found_, object);
    found = handle ? dlsym(handle, "mallocx") : NULL;
    handle = found ? open_object(found, object) : NULL;
    return handle && !is_interposers(object) ? handle : NULL;
}

/* Look a function up, and make sure that it is this object's. A function pointer is written
 * through a void pointer, as POSIX has it for dlsym. */
static int find_function(void *handle, const Dl_info *object, const char *name, void *function,
                         const char **missing)
{
    void *found = dlsym(handle, name);
    Dl_info where;

    *missing = name;
    if (!found || !dladdr(found, &where) || where.dli_fbase != object->dli_fbase)
        return 0;
    *(void **)function = found;
    return 1;
}

/* Of several threads that find them each stores the same, a word at a time. */
static void publish(const struct dal_jemalloc_found_ *found)
{
    const uintptr_t *from = (const void *)found;
    uintptr_t *to = (void *)&dal_jemalloc_found_;

    for (size_t i = 0; i < sizeof *found / sizeof *from; i++)
        __atomic_store_n(&to[i], from[i], __ATOMIC_RELAXED);
    /* Pairs with the acquire of who asks for its controls. */
    atomic_store_explicit(&dal_jemalloc_is_found_, 1, memory_order_release);
}

int dal_jemalloc_find_(const struct dal_backend_request *request)
{
    struct dal_jemalloc_found_ found;
    Dl_info object;
    void *handle;
    const char *why, *missing = "mallocx";

    if (atomic_load_explicit(&dal_jemalloc_is_found_, memory_order_acquire))
        return DAL_OK;
    handle = open_jemalloc(&object);
#define FIND(name, place)           find_function(handle, &object, name, place, &missing)
#define X(result, name, parameters) &&FIND(#name, &found.name)
    if (handle && FIND("malloc", &found.malloc_) && FIND("calloc", &found.calloc_) &&
        FIND("realloc", &found.realloc_) && FIND("free", &found.free_) DAL_JEMALLOC_FOUND_(X)) {
        publish(&found);
        return DAL_OK;
    }
#undef X
#undef FIND
    why = dlerror(); /* as for want of memory */
    return request->fail(request, DAL_ERR_CREATE, "%s of the system's jemalloc was not found%s%s",
                         missing, why ? ": " : "", why ? why : "");
}
