/* SPDX-License-Identifier: MIT */
/*
 * The insides of `dispatchalloc --search`, which a process starts to have itself searched for
 * blocks that nothing points to (lib/shared/search.h). Linux only.
 *
 *   search.c    the order of things
 *   threads.c   stopping the process, and its registers
 *   memory.c    what it has mapped, and reading that
 *   roots.c     what is looked through first
 *   reach.c     from there through the blocks
 */
#ifndef TOOL_SEARCH_H
#define TOOL_SEARCH_H

#include <sys/types.h>

#include "lib/shared/search.h"
#include "tools/tool.h"

/* From start up to end. */
struct range {
    uintptr_t start, end;
};

static inline struct range range_of(const struct dal_memory_part *part)
{
    return (struct range){part->address, part->address + part->bytes};
}

/* The command's end: with a status of lib/shared/search.h. arguments: those behind the option. */
int search_run(int argument_count, char **arguments);

/* ---- threads.c ---- */

enum { REGISTER_BYTES_MAX = 4096 };

struct thread {
    pid_t number;
    int is_asking;          /* it stands without being stopped */
    int signal;             /* that was about to reach it, and does so when it goes on; 0: none */
    uintptr_t stack, local; /* stack pointer and thread pointer; 0: not known */
    size_t register_bytes;
    uintptr_t registers[REGISTER_BYTES_MAX / sizeof(uintptr_t)];
};

struct threads {
    pid_t process;
    struct thread *threads;
    size_t count, room;
};

/* Stop all threads of a process but the one that asks, which stands and counts from where it says.
 * DAL_SEARCH_DONE_, or why not; those that were stopped have to go on in any case. */
int threads_stop(pid_t process, const struct dal_search_ *asked, struct threads *threads);
void threads_go_on(struct threads *threads);

/* ---- memory.c ---- */

enum { CHUNK_BYTES = 1 << 20, PAGES_AT_ONCE = 1 << 15, UNTOUCHED_BYTES = 64 << 20 };

struct mapping {
    struct range range;
    int is_readable, is_writable, is_private, is_file, is_device, is_heap, is_stack;
    int is_libc;    /* variables of the C library */
    int is_guarded; /* what is right below may not be touched */
    /* So much of its beginning is read also where this process has not touched it: where a mapping
     * is shared, another one may have, or another mapping. */
    size_t untouched_bytes;
};

struct memory {
    int file, pages; /* mem and pagemap of a thread in /proc; -1 */
    size_t page_bytes;
    uintptr_t *words;         /* CHUNK_BYTES that were read */
    uint64_t *entries;        /* of so many pages: what the kernel says of each */
    struct mapping *mappings; /* by address */
    size_t mapping_count;
};

/* By a thread of the process: one that has ended has no memory any more, as a main thread may have
 * that others outlive. */
struct place {
    pid_t process, thread;
};

/* DAL_SEARCH_DONE_, or why not; to be closed in any case. Its mappings are read when it stands. */
int memory_open(const struct place *place, struct memory *memory);
int memory_read_mappings(const struct place *place, struct memory *memory);
void memory_close(struct memory *memory);

/* Whole or not at all: 1, or 0. */
int memory_read(const struct memory *memory, uintptr_t address, void *to, size_t bytes);
int memory_write(const struct memory *memory, uintptr_t address, const void *from, size_t bytes);

/* Called with words that are one behind the other. */
typedef void (*words_visitor)(const uintptr_t *words, size_t count, void *data);

/* All words in a range at multiples of their size, but for pages that were never touched; those of
 * a shared mapping, of which that is not known, as far as they are to be read. */
void memory_visit(const struct memory *memory, struct range range, words_visitor visit, void *data);

/* The mapping of an address, or NULL. */
const struct mapping *memory_find(const struct memory *memory, uintptr_t address);

/* ---- reach.c ---- */

/* A block, by its place among those of the process. */
struct block {
    struct range range; /* of at least a byte */
    size_t bytes;       /* to be looked through */
    size_t index;
    unsigned char state; /* enum block_state */
    unsigned char is_pointed_to;
};
enum block_state { BLOCK_UNSEEN, BLOCK_REACHED, BLOCK_LEAKED, BLOCK_LEAKED_INDIRECTLY };

struct reach {
    const struct memory *memory;
    struct block *blocks; /* by address */
    size_t count;
    size_t *waiting; /* blocks that are still to be looked through */
    size_t waiting_count;
    enum block_state found; /* what a block becomes that is seen for the first time */
    struct block *source;   /* in which a word is, where that matters */
};

/* Make an index of the parts that are not held, which becomes empty if there is no memory: 1, or 0.
 */
int reach_open(struct reach *reach, const struct memory *memory,
               const struct dal_memory_part *parts, size_t count);
void reach_close(struct reach *reach);

/* The block that an address is in, or NULL. */
struct block *reach_find(const struct reach *reach, uintptr_t address);

/* The part of a range between the blocks around an address in it; empty if it is in a block. */
struct range reach_gap(const struct reach *reach, uintptr_t address, struct range range);

/* Words of a root: a words_visitor with a struct reach. The C library's malloc counts a part of its
 * own to the end of a block, and has addresses of such parts among its variables. */
void reach_visit_root(const uintptr_t *words, size_t count, void *data);
void reach_visit_libc(const uintptr_t *words, size_t count, void *data);

/* From the roots on, and then what is left. */
void reach_finish(struct reach *reach);

/* ---- roots.c ---- */

struct roots {
    int has_heap; /* what lies between blocks is no one's */
    const struct dal_memory_part *blocks, *tables;
    size_t block_count, table_count;
    const struct memory *memory;
    const struct threads *threads;
    struct reach *reach;
    struct range *apart; /* what does not count, by address */
    size_t apart_count, apart_room;
};

/* Look through all that is not the heap's, nor apart. Returns 0 if there is no memory. */
int roots_visit(struct roots *roots);

/* Note what does not count. Returns 0 if there is no memory. */
int roots_put_apart(struct roots *roots, struct range range);
void roots_close(struct roots *roots);

#endif /* TOOL_SEARCH_H */
