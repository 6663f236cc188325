/* SPDX-License-Identifier: MIT */
/* The platform seam on POSIX systems, but for pages (posix_pages.c). See os.h for the
 * preconditions. */
#include <config.h>

#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if HAVE_SYS_AUXV_H
# include <sys/auxv.h>
#endif

#include "os/mapping.h"

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

/* The process whose loader ran our constructor, 0 before it. Relaxed: a number, and no more. */
static _Atomic(uint64_t) loaded_in;

void dal_os_note_constructor_(void)
{
    atomic_store_explicit(&loaded_in, dal_os_process_(), memory_order_relaxed);
}

int dal_os_is_loaded_here_(void)
{
    return dal_os_process_() == atomic_load_explicit(&loaded_in, memory_order_relaxed);
}

/*
 * Before constructors run (from a preinit function, or for an allocation of the loader's own)
 * the C library has no environment yet: getenv() finds nothing, and what the operator said
 * would be lost without a word. Linux has it in a file.
 */
#if defined __linux__
static int is_early(void)
{
    return !environ && !atomic_load_explicit(&loaded_in, memory_order_relaxed);
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

char *const *dal_os_environment_(void)
{
    return dal_os_is_secure_() ? NULL : environ;
}

uint64_t dal_os_process_(void)
{
    return (uint64_t)getpid();
}

void dal_os_yield_(void)
{
    (void)sched_yield();
}

int dal_os_hold_cancellation_(void)
{
    int state =
        PTHREAD_CANCEL_ENABLE; /* glibc of old does nothing without its library of threads */

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

void dal_os_release_cancellation_(int held)
{
    int ignored; /* POSIX does not say that NULL will do */

    (void)pthread_setcancelstate(held, &ignored);
}

int dal_os_atfork_(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return pthread_atfork(prepare, parent, child);
}

/* ---- The end of threads ---------------------------------------------------------------------- */

/* The one key of the process plus 1; 0 before there is one. Never deleted: threads may end after
 * the last user. Release in prepare, acquire in announce. */
static _Atomic(uintptr_t) key_word;

/* Release in prepare, acquire at the end of a thread. */
static void (*_Atomic thread_ended)(void);

static void at_thread_end(void *unused)
{
    (void)unused;
    atomic_load_explicit(&thread_ended, memory_order_acquire)();
}

/* pthread_once would leave a child of fork waiting for a thread that it does not have. */
int dal_os_thread_end_prepare_(void (*ended)(void))
{
    uintptr_t none = 0;
    pthread_key_t key;

    if (atomic_load_explicit(&key_word, memory_order_acquire))
        return 0;
    atomic_store_explicit(&thread_ended, ended, memory_order_release);
    if (pthread_key_create(&key, at_thread_end) != 0)
        return -1;
    if (!atomic_compare_exchange_strong_explicit(&key_word, &none, (uintptr_t)key + 1,
                                                 memory_order_acq_rel, memory_order_acquire))
        (void)pthread_key_delete(key); /* another thread was quicker */
    return 0;
}

void dal_os_thread_end_announce_(void)
{
    int saved_errno = errno;
    uintptr_t word = atomic_load_explicit(&key_word, memory_order_acquire);

    /* Any value but NULL will do. */
    (void)pthread_setspecific((pthread_key_t)(word - 1), &key_word);
    errno = saved_errno;
}

/* ---- A clock --------------------------------------------------------------------------------- */

uint64_t dal_os_clock_(void)
{
    int saved_errno = errno;
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    errno = saved_errno;
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ---- Places in code -------------------------------------------------------------------------- */

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
