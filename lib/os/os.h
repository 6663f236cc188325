/* SPDX-License-Identifier: MIT */
/*
 * The platform seam: everything in lib/ that differs between operating systems.
 *
 * Preconditions, said once: these functions may be called before any constructor has
 * run, after exit handlers, between fork and exec, and while any lock of the program is
 * held. So none of them allocates, takes a lock, or changes errno; what needs more than
 * that says so. One file a system implements them (posix.c, windows.c).
 */
#ifndef DAL_OS_H
#define DAL_OS_H

#include <stddef.h>
#include <stdint.h>

/* For functions that need much of the stack, such as a set of signals or the state of a file: a
 * thread or a handler may have a small one, and each has left it before the next begins. */
#define DAL_OWN_FRAME_ __attribute__((noinline))

/* Whether a function of five parameters can be jumped to by another: they are all in registers,
 * which need not be restored. */
#if defined __arm__ || defined __s390x__ || defined _WIN64
# define DAL_FIVE_IN_REGISTERS_ 0
#else
# define DAL_FIVE_IN_REGISTERS_ 1
#endif

/* Whether backends can be in files of their own. */
#if defined __ELF__ || defined __APPLE__
# define DAL_HAS_MODULES_ 1
#else
# define DAL_HAS_MODULES_ 0
#endif

/* For data of the library that other files of it name. */
#if defined __ELF__ || defined __APPLE__
# define DAL_HIDDEN_ __attribute__((visibility("hidden")))
#else
# define DAL_HIDDEN_
#endif

/* For a pointer variable that something else in the process may define, by DAL_MAYBE_DEFINED_
 * on its declaration here. Where an object format has no undefined weak references to data
 * (Windows), an archive member of its own defines it as NULL, for the linker to take if
 * nothing before it did: no-link-choice.c and no-veto.c. */
#if defined __ELF__ || defined __APPLE__
# define DAL_MAYBE_DEFINED_        __attribute__((weak))
# define DAL_IS_DEFINED_(variable) (&(variable) != NULL)
#else
# define DAL_MAYBE_DEFINED_
# define DAL_IS_DEFINED_(variable) ((variable) != NULL)
#endif

/* The largest pages that kernels are built with for the processors that are tested: what lies a
 * multiple of it apart is never in one page. */
#if defined __x86_64__ || defined __i386__
# define DAL_OS_PAGE_BYTES_MOST_ 4096
#else
# define DAL_OS_PAGE_BYTES_MOST_ 65536
#endif

/* Pages, as the services of the same names (dispatchalloc/service.h) have them. */
size_t dal_os_page_bytes_(void);
size_t dal_os_huge_page_bytes_(void);
void *dal_os_map_(size_t bytes);
void dal_os_unmap_(void *pages, size_t bytes);
int dal_os_protect_(void *pages, size_t bytes, uint32_t access);
/* Addresses alone, until they are made accessible. Not on Windows. */
void *dal_os_reserve_(size_t bytes);
int dal_os_move_(void *from, void *to, size_t bytes);
void dal_os_wish_(void *memory, size_t bytes, uint32_t wishes);

/* Make every page of memory present by writing back a byte of each. No other thread may use the
 * memory yet. */
static inline void dal_os_touch_(void *memory, size_t bytes, size_t page_bytes)
{
    uintptr_t end = (uintptr_t)memory + bytes;

    for (uintptr_t at = (uintptr_t)memory; at < end;
         at = (at & ~(uintptr_t)(page_bytes - 1)) + page_bytes) {
        volatile char *byte = (volatile char *)at;

        *byte = *byte;
    }
}

/* Nanoseconds since some moment. Likewise. */
uint64_t dal_os_clock_(void);

/* Get ready to call a function, always the same, at the end of each thread that asks for it: 0, or
 * -1 if the system has no key left. */
int dal_os_thread_end_prepare_(void (*ended)(void));

/* Ask for it in this thread, once it is prepared; it holds for one call. A failure goes unnoticed.
 * May allocate. */
void dal_os_thread_end_announce_(void);

/* The value of an environment variable; NULL if unset or if the process runs with raised
 * privileges. */
const char *dal_os_getenv_(const char *name);

/* "NAME=value" each, up to a NULL; NULL where none is to be read, as above, or there is none yet.
 */
char *const *dal_os_environment_(void);

/* 1 if the process runs with raised privileges (AT_SECURE), where variables are ignored. */
int dal_os_is_secure_(void);

/* 1 if the process has no loader, since its program is a static one. */
int dal_os_is_static_(void);

/* Remember what standard error is, unless that is remembered already: from there on it is ours to
 * write to, whatever else becomes of descriptor 2. */
void dal_os_note_stderr_(void);

/* Write bytes to standard error, in one call where the system allows it. If descriptor 2 is not
 * that any more nothing is written, but to what holds no data of anybody's: a terminal, a pipe, a
 * socket, a file that is appended to. */
void dal_os_write_(const char *text, size_t bytes);

/* "4711 (NAME)": this process, for reports. Returns the length. */
size_t dal_os_process_name_(char *text, size_t bytes);

/* Files that are mapped to be read from outside, as the services of the same names
 * (dispatchalloc/service.h) have them. */
void *dal_os_file_map_(const char *path, size_t bytes, const char **reason);
void dal_os_file_unmap_(void *pages, size_t bytes);
size_t dal_os_file_path_(const char *path, char *text, size_t bytes);

/* The lines of a file, as the service of the same name has them. */
int dal_os_file_lines_(const char *path, int (*line)(const char *text, void *data), void *data,
                       const char **reason);

/* Number of this process; differs between a parent and its forked child. Not 0. */
uint64_t dal_os_process_(void);

/* Let another thread run. */
void dal_os_yield_(void);

/* No call of ours is a cancellation point: what opens, reads or writes files stands between these
 * two. The first returns what the second takes. */
int dal_os_hold_cancellation_(void);
void dal_os_release_cancellation_(int held);

/* Register functions to be run around fork(2), as pthread_atfork(3), which may allocate.
 * Returns 0, or non-zero if that failed. Where there is no fork it does nothing. */
int dal_os_atfork_(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/* Describe a code address as "FILE+0xOFFSET", fit for addr2line(1), or as a plain number
 * where the file is not known. Opens and reads a file of the system; only for messages. */
void dal_os_locate_(const void *address, char *text, size_t bytes);

/* The address that code was linked at, which addr2line(1) takes, or 0 where that is not known.
 * Takes the same lock as dal_os_visit_copies_(). */
uintptr_t dal_os_link_address_(uintptr_t address);

/* Called by the one constructor of ours, which the loader runs. */
void dal_os_note_constructor_(void);

/* Whether this process is the one whose loader did, and not a child forked since. */
int dal_os_is_loaded_here_(void);

/* Called with the file of an object that has a copy of this library in it, and whether that
 * is the copy that asks. */
typedef void (*dal_os_copy_visitor_)(const char *file, int is_own, void *data);

struct dal_note_;

/*
 * Visit each object of the process with a note of the type of ours, in the order of loading. Takes
 * the lock of the loader's list of objects: for the constructor alone, which runs under the
 * loader's locks already. Another thread may hold it in a callback of dl_iterate_phdr(3), and in a
 * forked child for ever. Visits nothing where objects cannot be listed.
 */
void dal_os_visit_copies_(const struct dal_note_ *note, dal_os_copy_visitor_ visit, void *data);

#endif /* DAL_OS_H */
