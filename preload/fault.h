/* SPDX-License-Identifier: MIT */
/*
 * Saying what `run --check` found: a line a fault, a bounded number of them for each place in
 * the program and in all, and a summary at exit. In strict mode the process is aborted after
 * the first line. errno stays as it is.
 */
#ifndef DAL_PRELOAD_FAULT_H
#define DAL_PRELOAD_FAULT_H

#include "blocks.h"

/* The calls that give blocks out, take them back, or ask about them, with their names. */
#define DAL_CALLS(X)                            \
    X(NONE, "nothing")                          \
    X(MALLOC, "malloc")                         \
    X(CALLOC, "calloc")                         \
    X(REALLOC, "realloc")                       \
    X(MEMALIGN, "an aligned allocation")        \
    X(NEW, "operator new")                      \
    X(NEW_ALIGNED, "aligned operator new")      \
    X(FREE, "free")                             \
    X(FREE_SIZED, "free_sized")                 \
    X(FREE_ALIGNED_SIZED, "free_aligned_sized") \
    X(USABLE_SIZE, "malloc_usable_size")        \
    X(DELETE, "operator delete")                \
    X(DELETE_ARRAY, "operator delete[]")

enum dal_call_ {
#define X(name, text) DAL_CALL_##name,
    DAL_CALLS(X)
#undef X
        DAL_CALL_COUNT
};

/* A call that was given something, where it comes from, and what it says of the block. */
struct dal_fault_ {
    enum dal_call_ call;
    const void *ptr;
    const void *site;
    size_t size;  /* or SIZE_MAX */
    size_t align; /* or 0 */
};

/* The pointer is no live block; known is what there is about it. The call is not carried out. */
void dal_fault_foreign_(const struct dal_fault_ *fault, const struct dal_block_ *known);

/* The size or the alignment that the call was given is not the block's. */
void dal_fault_layout_(const struct dal_fault_ *fault, const struct dal_block_ *block);

/* An allocation got a block that is live: somebody gave it back where we do not see it. */
void dal_fault_reused_(const struct dal_fault_ *fault, const struct dal_block_ *block);

/* Once, before any fault: have the children of forks count their own. */
void dal_fault_start_(void);

/* The register of blocks is not complete any more. Said once. */
void dal_fault_blind_(void);

#endif /* DAL_PRELOAD_FAULT_H */
