/* SPDX-License-Identifier: MIT */
/*
 * What a program of the comparison consists of: the works, which are the same for all
 * (work.c, process.c), and a peer, which says how its allocator is called (../peers/).
 *
 * A peer gives kernels: loops around its own calls, compiled in the peer's own language, so
 * that inlining, constants and calling conventions are what a user of it gets. kernels.h has
 * them for C and C++; rust.rs has the same in Rust. Whatever is measured around a kernel, the
 * threads, clocks and orders, is here and never allocates from the peer.
 *
 * Every kernel writes a number into the blocks it makes and adds up what it finds in the
 * blocks it gives back. The sum depends on the work alone, so all peers must have the same.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A block whose size is not that of its neighbours. */
struct bench_slot {
    void *block;
    size_t size;
};

/* NULL for what the peer cannot do; that work is then not applicable. Sizes are at least 8;
 * alignment is 8 unless said otherwise. */
struct bench_peer {
    /* Before anything else; may be NULL. */
    void (*start)(void);
    /* count times a block of size bytes, allocated and given back at once; align is 8, 16, 64
     * or 4096, a constant where the call is compiled. */
    uint64_t (*pair)(size_t size, size_t align, uint64_t count);
    /* The same with a constant size, 32 or 4096, and alignment 8. */
    uint64_t (*pair_constant)(size_t size, uint64_t count);
    /* Allocate count blocks; give them back in the order they have in blocks. */
    void (*fill)(void **blocks, size_t count, size_t size);
    uint64_t (*drain)(void **blocks, size_t count, size_t size);
    /* Give back all blocks there are in one go. NULL: they are drained. */
    void (*reset)(void);
    /* A vector that doubles from 16 bytes to size, count times. */
    uint64_t (*grow)(size_t size, uint64_t count);
    /* A block of zeroes, looked at and written to at either end; count times. */
    uint64_t (*zeroed)(size_t size, uint64_t count);
    /* steps times: give back the block of a slot chosen at random and allocate another, of 16
     * to 527 bytes, in its place. count is a power of two. */
    uint64_t (*churn)(struct bench_slot *slots, size_t count, uint64_t *random, uint64_t steps);
};

extern const struct bench_peer bench_peer;

/* An allocation failed: says so and ends the process. */
void bench_out_of_memory(void);

#ifdef __cplusplus
}
#endif

#endif
