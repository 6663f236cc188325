/* SPDX-License-Identifier: MIT */
/*
 * dlopen() without RTLD_DEEPBIND, an object apart that `run --strip-deepbind` preloads. What is
 * opened with that flag, as PHP opens its extensions, takes the C library's malloc past every
 * preload, and gives its blocks to those who take the preloaded one. Nothing in files tells that a
 * program does so: with DAL_DEEPBIND_WARN this is the object that `run` preloads otherwise, which
 * leaves the flag and names what is opened with it, before anything of that runs.
 *
 * The C library looks at its caller, for the run path and the namespace to search in: so every way
 * to it is a jump, without optimization too.
 */
#define _GNU_SOURCE /* RTLD_DEEPBIND, RTLD_NEXT, dladdr1, dlinfo, memmem */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#ifdef DAL_DEEPBIND_WARN
# include <errno.h>
# include <fcntl.h>
# include <link.h>
# include <stdio.h>
# include <stdlib.h>
# include <string.h>
# include <sys/mman.h>
# include <sys/stat.h>
# include <unistd.h>

# include "base/text.h"
# include "os/os.h"
# include "shared/choice.h"
#endif

#include "loaded.h"

/* musl has none. */
#ifndef RTLD_DEEPBIND
# define RTLD_DEEPBIND 0
#endif

#if defined __clang__
# define JUMP __attribute__((musttail)) return
#else
# pragma GCC optimize("O2")
# define JUMP return
#endif

typedef void *opener(const char *file, int mode);

static opener first_call;

/* Relaxed: whoever finds it stores the same. */
static _Atomic(uintptr_t) target;

/* In the tables, since dlsym() allocates where it fails. Before glibc 2.34 it was in a library of
 * its own; the tables of musl, which looks at no caller, are not known here. */
static opener *find(void)
{
    static const char *const names[] = {"libc.so.6", "libdl.so.2"};
    struct dal_loaded_ object;
    uintptr_t found = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
        if (dal_loaded_find_(names[i], &object))
            found = (uintptr_t)dal_loaded_symbol_(&object, "dlopen");
    }
    if (!found)
        found = (uintptr_t)dlsym(RTLD_NEXT, "dlopen");
    atomic_store_explicit(&target, found, memory_order_relaxed);
    return (opener *)found;
}

__attribute__((noinline)) static void *first_call(const char *file, int mode)
{
    opener *found = find();

    if (!found)
        return NULL;
    JUMP found(file, mode);
}

#ifdef DAL_DEEPBIND_WARN
/* What was named, by hashes, and one place for the word that no more will be. Relaxed: numbers, and
 * no more. */
static _Atomic(uint32_t) named[3 + 1];

/* 0 until it is known. */
static _Atomic(int) is_wanted;
enum { WANTED = 1, UNWANTED };

/* At the start, as the interposer: the program may change its variables, and descriptor 2. */
__attribute__((constructor)) static void start(void)
{
    const char *off = getenv("DISPATCHALLOC_OFF");
    uint64_t is_off = 0;

    (void)(off && dal_switch_parse_(off, &is_off));
    atomic_store_explicit(&is_wanted, is_off ? UNWANTED : WANTED, memory_order_relaxed);
    dal_os_note_stderr_();
}

/* How many were named before a file; -1 if it was named, or nothing is left to be said. */
static int take_place(const char *file)
{
    uint32_t hash = dal_loaded_hash_(file) | 1; /* 0 is a free place */

    for (int i = 0; i < (int)(sizeof named / sizeof *named); i++) {
        uint32_t found = 0;

        if (atomic_compare_exchange_strong_explicit(&named[i], &found, hash, memory_order_relaxed,
                                                    memory_order_relaxed))
            return i;
        if (found == hash)
            return -1;
    }
    return -1;
}

/* In a directory that the loader searches for who opens, as glibc's tells, or may be. */
static int is_in_path(const char *file, const void *caller)
{
# ifdef __GLIBC__
    union {
        Dl_serinfo info;
        char bytes[4096];
    } path;
    char place[1024];
    struct link_map *object;
    Dl_info found;

    if (!dladdr1(caller, &found, (void **)&object, RTLD_DL_LINKMAP) ||
        dlinfo(object, RTLD_DI_SERINFOSIZE, &path.info) != 0 || path.info.dls_size > sizeof path ||
        dlinfo(object, RTLD_DI_SERINFO, &path.info) != 0)
        return 1;
    for (unsigned i = 0; i < path.info.dls_cnt; i++) {
        int length =
            snprintf(place, sizeof place, "%s/%s", path.info.dls_serpath[i].dls_name, file);

        if (length >= (int)sizeof place || access(place, F_OK) == 0)
            return 1;
        /* Where there is one for a kind of processors it may be that. */
        (void)snprintf(place, sizeof place, "%s/glibc-hwcaps", path.info.dls_serpath[i].dls_name);
        if (access(place, F_OK) == 0)
            return 1;
    }
    return 0;
# else
    (void)file;
    (void)caller;
    return 1;
# endif
}

/* In the list that ldconfig(8) makes of other directories. It has the names of files as texts. */
static int is_in_cache(const char *file)
{
    int cache = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
    size_t bytes = strlen(file) + 1;
    struct stat status;
    const char *start = MAP_FAILED, *at;
    int result = 0;

    if (cache >= 0 && fstat(cache, &status) == 0)
        start = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, cache, 0);
    if (cache >= 0)
        (void)close(cache);
    if (start == MAP_FAILED)
        return 0;
    for (at = start; !result; at++) {
        at = memmem(at, (size_t)(start + status.st_size - at), file, bytes);
        if (!at)
            break;
        result = at > start && (at[-1] == '/' || at[-1] == '\0');
    }
    (void)munmap((void *)(uintptr_t)start, (size_t)status.st_size);
    return result;
}

/* PHP tries names until one can be opened. What the loader expands it may find. */
static int may_be_there(const char *file, const void *caller)
{
    int saved_errno = errno;
    int result = strchr(file, '$')   ? 1
                 : strchr(file, '/') ? access(file, F_OK) == 0
                                     : is_in_path(file, caller) || is_in_cache(file);

    errno = saved_errno;
    return result;
}

__attribute__((noinline)) static void warn(const char *file, const void *caller)
{
    int before;

    /* A library that is opened by the constructor of another one is early. */
    if (!atomic_load_explicit(&is_wanted, memory_order_relaxed))
        start();
    if (atomic_load_explicit(&is_wanted, memory_order_relaxed) != WANTED ||
        !may_be_there(file, caller))
        return;
    before = take_place(file);
    if (before == sizeof named / sizeof *named - 1)
        dal_log_("more is opened with RTLD_DEEPBIND, and not named");
    else if (before >= 0)
        dal_log_("%.700s is opened with RTLD_DEEPBIND, so its calls of malloc go past the "
                 "interposer; `dispatchalloc run --strip-deepbind' takes the flag off",
                 file);
}
#endif

__attribute__((visibility("default"))) void *dlopen(const char *file, int mode)
{
    opener *known = (opener *)atomic_load_explicit(&target, memory_order_relaxed);

#ifdef DAL_DEEPBIND_WARN
    if (file && (mode & RTLD_DEEPBIND) && !(mode & RTLD_NOLOAD))
        warn(file, __builtin_return_address(0));
#else
    mode &= ~RTLD_DEEPBIND;
#endif
    if (!known)
        JUMP first_call(file, mode);
    JUMP known(file, mode);
}
