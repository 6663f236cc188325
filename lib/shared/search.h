/* SPDX-License-Identifier: MIT */
/*
 * What a process asks of the command that is to search it for leaks: the command is started as
 *
 *     dispatchalloc --search VERSION PROCESS THREAD ADDRESS
 *
 * THREAD is the one that asks. ADDRESS, in hexadecimal, is that of a struct dal_search_ in there,
 * and what it finds it stores in the blocks that this names. The thread that asks stands until it
 * has ended, and is not to be stopped. When all others stand, the command writes a byte to its
 * standard input, and reads one: the lists are made then, and that byte is DAL_SEARCH_DONE_, or why
 * they are not. Both are of one version and word size, or the search is refused.
 */
#ifndef DAL_SEARCH_H
#define DAL_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#define DAL_SEARCH_OPTION_ "--search"

/* The command ends by itself after this, and is ended after that. */
enum { DAL_SEARCH_SECONDS_ = 60, DAL_SEARCH_SECONDS_MOST_ = 70 };

struct dal_memory_part;

struct dal_search_ {
    size_t word_bytes; /* sizeof *this, for another word size */
    /* When the lists are made. */
    struct dal_memory_part *blocks;
    size_t block_count;
    const struct dal_memory_part *apart;
    size_t apart_count;
    const void *room; /* the stack on which they are made, with addresses of blocks */
    size_t room_bytes;
    /* From the beginning. */
    const void *stack; /* of the thread that asks, from here on */
    uintptr_t local;   /* where what it has for itself is, or near to that */
    long thread;       /* its number, as the command has it */
    long has_heap;     /* what lies between the blocks is no one's; else it may be the program's */
};

/* The exit status, and the reason for it. */
#define DAL_SEARCH_ENDS_(X)                                                   \
    X(DONE, 0, "")                                                            \
    X(REFUSED, 64, "the process may not be stopped and looked into (ptrace)") \
    X(OTHER, 65, "the command is of another version or word size")            \
    X(MEMORY, 66, "there is no memory to search with")                        \
    X(UNREADABLE, 67, "its memory cannot be read (/proc)")                    \
    X(STUCK, 68, "a thread cannot be stopped")

#define DAL_SEARCH_END_(name, status, reason) DAL_SEARCH_##name##_ = (status),
enum dal_search_end_ { DAL_SEARCH_ENDS_(DAL_SEARCH_END_) };
#undef DAL_SEARCH_END_

#endif /* DAL_SEARCH_H */
