/* SPDX-License-Identifier: MIT */
/* The platform seam on POSIX systems. See compat.h for the preconditions. */
#include <config.h>

#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if HAVE_SYS_AUXV_H
# include <sys/auxv.h>
#endif

#include "os/mapping.h"

#if !defined MAP_ANONYMOUS && defined MAP_ANON
# define MAP_ANONYMOUS MAP_ANON
#endif

/* LeakSanitizer looks for pointers in blocks of malloc and in data, not in mappings: without a
 * word from us it would take for a leak what a backend has from malloc and only its table
 * knows. Defined by the sanitizer's run-time alone. */
void __lsan_register_root_region(const void *begin, size_t bytes) __attribute__((weak));
void __lsan_unregister_root_region(const void *begin, size_t bytes) __attribute__((weak));

void *dal_os_map_(size_t bytes)
{
    int saved_errno = errno;
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    errno = saved_errno;
    if (pages == MAP_FAILED)
        return NULL;
    if (__lsan_register_root_region)
        __lsan_register_root_region(pages, bytes);
    return pages;
}

void dal_os_unmap_(void *pages, size_t bytes)
{
    int saved_errno = errno;

    if (__lsan_unregister_root_region)
        __lsan_unregister_root_region(pages, bytes);
    (void)munmap(pages, bytes);
    errno = saved_errno;
}

void dal_os_protect_(void *pages, size_t bytes)
{
    int saved_errno = errno;

    (void)mprotect(pages, bytes, PROT_READ);
    errno = saved_errno;
}

int dal_os_is_secure_(void)
{
#if HAVE_GETAUXVAL && defined AT_SECURE
    return getauxval(AT_SECURE) != 0;
#elif HAVE_ISSETUGID
    return issetugid() != 0;
#else
    return getuid() != geteuid() || getgid() != getegid();
#endif
}

/*
 * Before constructors run (from a preinit function, or for an allocation of the loader's own)
 * the C library has no environment yet: getenv() finds nothing, and what the operator said
 * would be lost without a word. Linux has it in a file.
 */
#if defined __linux__
static int constructors_run;

__attribute__((constructor(101))) static void note_constructors(void)
{
    constructors_run = 1;
}

static int is_early(void)
{
    return !environ && !constructors_run;
}

/* The whole of a file in pages that stay, terminated, with its length; NULL if that cannot
 * be had. */
static const char *map_file(const char *name, size_t *length)
{
    int file = open(name, O_RDONLY | O_CLOEXEC);
    char *text = NULL;

    for (size_t bytes = 65536; file >= 0 && (text = dal_os_map_(bytes)) != NULL; bytes *= 4) {
        ssize_t got;

        *length = 0;
        while ((got = read(file, text + *length, bytes - 1 - *length)) > 0)
            *length += (size_t)got;
        if (got == 0 && *length < bytes - 1)
            break;
        dal_os_unmap_(text, bytes);
        text = NULL;
        if (got < 0 || lseek(file, 0, SEEK_SET) < 0)
            break;
    }
    if (file >= 0)
        (void)close(file);
    return text;
}

/* Only one thread starts the library, so no other one is here. */
static const char *early_getenv(const char *name)
{
    static const char *text;
    static size_t length;
    size_t name_length = strlen(name);
    int saved_errno = errno;

    if (!text)
        text = map_file("/proc/self/environ", &length);
    errno = saved_errno;
    for (size_t at = 0; text && at < length; at += strlen(text + at) + 1) {
        if (strncmp(text + at, name, name_length) == 0 && text[at + name_length] == '=')
            return text + at + name_length + 1;
    }
    return NULL;
}
#else
static int is_early(void)
{
    return 0;
}

static const char *early_getenv(const char *name)
{
    (void)name;
    return NULL;
}
#endif

const char *dal_os_getenv_(const char *name)
{
    if (is_early())
        return dal_os_is_secure_() ? NULL : early_getenv(name);
#if HAVE_SECURE_GETENV
    return secure_getenv(name);
#else
    return dal_os_is_secure_() ? NULL : getenv(name);
#endif
}

void dal_os_write_(const char *text, size_t bytes)
{
    int saved_errno = errno;

    while (bytes > 0) {
        ssize_t written = write(STDERR_FILENO, text, bytes);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        text += written;
        bytes -= (size_t)written;
    }
    errno = saved_errno;
}

uint64_t dal_os_process_(void)
{
    return (uint64_t)getpid();
}

void dal_os_yield_(void)
{
    (void)sched_yield();
}

int dal_os_atfork_(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(prepare, parent, child);
}

void dal_os_locate_(const void *address, char *text, size_t bytes)
{
    struct dal_os_mapping_ mapping;
    uintptr_t place;

    if (dal_os_mapping_(address, &mapping, NULL) <= 0 || mapping.name[0] != '/') {
        (void)snprintf(text, bytes, "0x%" PRIxPTR, (uintptr_t)address);
        return;
    }
    /* The place in the file is another number in a program that is not position-independent,
     * and where the linker moves segments apart. */
    place = dal_os_link_address_((uintptr_t)address);
    (void)snprintf(text, bytes, "%s+0x%" PRIxPTR, mapping.name,
                   place ? place : (uintptr_t)address - mapping.start + mapping.offset);
}
