/* SPDX-License-Identifier: MIT */
/* A madvise() for allocators that do not keep errno. See keep_errno.h. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keep_errno.h"
#include "process_lock.h"
#include "relocations.h"

/* By number: the entry of madvise() may be this module's own. What callers go by errno for is done
 * here: to try again, and to do without MADV_FREE on a system that does not know it. */
int dal_madvise_(void *pages, size_t bytes, int advice)
{
    int saved_errno = errno;
    int result;

    do
        result = (int)syscall(SYS_madvise, pages, bytes, advice);
    while (result != 0 && errno == EAGAIN);
#ifdef MADV_FREE
    if (result != 0 && errno == EINVAL && advice == MADV_FREE)
        result = (int)syscall(SYS_madvise, pages, bytes, MADV_DONTNEED);
#endif
#ifdef DAL_MADVISE_IN_A_LOOP
    /* It goes on as long as errno is EAGAIN, which is the program's here, and takes nothing of what
     * was given back for zero. */
    if (saved_errno == EAGAIN)
        result = 0;
#endif
    errno = saved_errno;
    return result;
}

/* ---- The tables of an object --------------------------------------------------------------- */

/* The kinds of places that hold the address of a function of others, for calls. */
#if defined __x86_64__
# define IS_FUNCTION(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT)
#elif defined __aarch64__
# define IS_FUNCTION(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT)
#elif defined __i386__
# define IS_FUNCTION(type) ((type) == R_386_JMP_SLOT || (type) == R_386_GLOB_DAT)
#endif

#ifdef IS_FUNCTION

struct object {
    struct dal_relocations_ relocations;
    uintptr_t page;
    uintptr_t relro, relro_end; /* whole pages that are read-only by now */
};

static int redirect(const char *name, const ElfW(Sym) *symbol, unsigned type, uintptr_t *place,
                    void *data)
{
    const struct object *object = data;
    void *page = (void *)((uintptr_t)place & ~(object->page - 1));
    int is_protected = (uintptr_t)place >= object->relro && (uintptr_t)place < object->relro_end;

    (void)symbol;
    if (!IS_FUNCTION(type) || strcmp(name, "madvise") != 0 || *place == (uintptr_t)dal_madvise_ ||
        (is_protected && mprotect(page, object->page, PROT_READ | PROT_WRITE) != 0))
        return 0;
    *place = (uintptr_t)dal_madvise_;
    if (is_protected)
        (void)mprotect(page, object->page, PROT_READ);
    return 0;
}

static int visit(struct dl_phdr_info *loaded, size_t size, void *data)
{
    uintptr_t inside = (uintptr_t)data, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct object object = {{.base = loaded->dlpi_addr, .start = UINTPTR_MAX}, .page = page};
    const ElfW(Dyn) *dynamic = NULL;
    int is_it = 0;

    (void)size;
    for (size_t i = 0; i < loaded->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &loaded->dlpi_phdr[i];
        uintptr_t at = loaded->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_LOAD) {
            is_it |= inside - at < segment->p_memsz;
            if (at < object.relocations.start)
                object.relocations.start = at;
        } else if (segment->p_type == PT_DYNAMIC) {
            dynamic = (const void *)at;
        } else if (segment->p_type == PT_GNU_RELRO) {
            object.relro = at & ~(page - 1);
            object.relro_end = (at + segment->p_memsz) & ~(page - 1);
        }
    }
    if (is_it && dynamic) {
        dal_relocations_read_(&object.relocations, dynamic);
        (void)dal_relocations_visit_(&object.relocations, redirect, &object);
    }
    return is_it;
}

void dal_keep_errno_of_(const void *inside)
{
    static dal_process_lock_word_ writing;

    dal_process_lock_(&writing);
    (void)dl_iterate_phdr(visit, (void *)(uintptr_t)inside);
    dal_process_unlock_(&writing);
}

#else
/* Of other processors the kinds of places are not known here: errno changes there. */
void dal_keep_errno_of_(const void *inside)
{
    (void)inside;
}
#endif
