/* SPDX-License-Identifier: MIT */
/*
 * What a peer of bench/arena.c is: a way to fill memory with blocks of 64 bytes, and to be
 * empty again. Those in C++ and Rust are in shared objects that export such a table; see
 * arena_pmr.cc and arena_rust.rs, which has it by hand.
 */
#ifndef BENCH_ARENA_H
#define BENCH_ARENA_H

#ifdef __cplusplus
extern "C" {
#endif

enum { ARENA_BLOCKS = 256, ARENA_SIZE = 64 };

struct arena_peer {
    const char *name;
    void *(*open)(void); /* NULL if it is not to be had; one a thread */
    void (*close)(void *state);
    /* Allocate ARENA_BLOCKS, write the first byte of each, put their addresses into blocks
     * if drain needs them. */
    void (*fill)(void *state, char **blocks);
    void (*drain)(void *state, char **blocks);
    int at_once; /* 1: drain is a few instructions, and not worth to be timed apart */
};

#ifdef __cplusplus
}
#endif

#endif /* BENCH_ARENA_H */
