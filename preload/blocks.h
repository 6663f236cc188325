/* SPDX-License-Identifier: MIT */
/*
 * The register of `run --check`: every block that was given out, by its address, with what
 * is known of it for as long as nobody else gets that address.
 *
 * No lock, and nobody waits: a block has a place of its own, whose one word is swapped. So a
 * fork in the middle of another thread's call, a signal handler, or a thread that dies leaves
 * nothing behind that could stop anybody. The memory comes from the system, 16 bytes for each
 * 8 of address space that blocks begin in; pages of it that hold no block are not touched.
 * What it has grown to it keeps: it is bounded by the addresses that blocks ever had.
 */
#ifndef DAL_PRELOAD_BLOCKS_H
#define DAL_PRELOAD_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

enum dal_block_state_ {
    DAL_BLOCK_NONE, /* nothing was ever given out there */
    DAL_BLOCK_LIVE,
    DAL_BLOCK_GOING, /* a thread is about to give it back */
    DAL_BLOCK_GONE,
};

struct dal_block_ {
    enum dal_block_state_ state;
    uintptr_t address;
    size_t size;      /* as it was asked for */
    size_t align;     /* as it was asked for, or 1 */
    unsigned call;    /* a number of the caller's, less than 64: how it came, or how it went */
    const void *site; /* where from, or NULL */
};

/*
 * A block was given out: all of it but state is taken in. Returns 1; or 0 if a live one was
 * there already, which is then in *replaced (unless that is NULL). Where there is no memory for
 * it, dal_blocks_lost_() is true from then on.
 */
int dal_blocks_add_(const struct dal_block_ *block, struct dal_block_ *replaced);

/* 1 if the register is not complete, so that a block it does not have may be a good one. */
int dal_blocks_lost_(void);

/*
 * A block is about to be given back by a call from a site. Returns 1 with what it was in
 * *block if it was live, for one caller of several at once; else 0 with what is known.
 */
int dal_blocks_take_(const void *ptr, unsigned call, const void *site, struct dal_block_ *block);

/* What is known of a block that begins at an address. */
void dal_blocks_look_(const void *ptr, struct dal_block_ *block);

/*
 * The block that an address is in or at the end of: a live one if there is one, else one that
 * is gone. Returns 0 if there is neither. Searches all the memory before it, which may take
 * milliseconds.
 */
int dal_blocks_find_(const void *address, struct dal_block_ *block);

#endif /* DAL_PRELOAD_BLOCKS_H */
