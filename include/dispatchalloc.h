/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc.h
 * @brief Umbrella header: everything that a program needs.
 *
 * libdispatchalloc routes the allocations of a program, or of a library inside
 * it, through one global hook to the allocator that was chosen at link time, at
 * start-up, or by an environment variable; the system allocator serves where
 * nobody chose. One header a concept:
 *
 *   dispatchalloc/version.h      version of the header and of the library
 *   dispatchalloc/error.h        error numbers, and what to do when memory is gone
 *   dispatchalloc/layout.h       size and alignment of a block
 *   dispatchalloc/front.h        dal_alloc, dal_dealloc, dal_alloc_zeroed, dal_realloc
 *   dispatchalloc/typed.h        the same by type: dal_new, dal_array_new, dal_strdup
 *   dispatchalloc/unsized.h       the same without sizes: dal_unsized_malloc, dal_unsized_free
 *   dispatchalloc/instance.h     an allocator as a value that can be passed around
 *   dispatchalloc/global.h       who serves the front, and who chose
 *   dispatchalloc/fixed.h        a fixed choice: a link choice that costs nothing and stays
 *   dispatchalloc/backend.h      named modules that make allocators
 *   dispatchalloc/service.h      what those need of the system
 *   dispatchalloc/module.h       backends in files of their own
 *   dispatchalloc/spec.h         the text that names a backend and its layers
 *   dispatchalloc/arena.h        arenas: many allocations, given back at once
 *   dispatchalloc/fixed_arena.h  one block of fixed size, shared by all threads
 *   dispatchalloc/stats.h        what the `stats` layer counted
 *   dispatchalloc/limit.h        what the `limit` layer holds to a bound
 *   dispatchalloc/fail.h         allocations that fail on purpose, for tests
 *   dispatchalloc/debug.h        what the `debug` layer finds that leaks
 *   dispatchalloc/guard.h        what the `guard` layer counted
 *   dispatchalloc/profile.h      from where memory comes, by the `profile` layer
 *
 * Apart from those, dispatchalloc/allocator/ has allocators as constants with inline functions
 * (system, arena, jemalloc, mimalloc), to be included by who uses one.
 *
 * Every one of them can be included alone, from C11 and from C++11 on.
 */
#ifndef DISPATCHALLOC_H
#define DISPATCHALLOC_H

#include <dispatchalloc/arena.h>
#include <dispatchalloc/backend.h>
#include <dispatchalloc/debug.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/fail.h>
#include <dispatchalloc/fixed.h>
#include <dispatchalloc/fixed_arena.h>
#include <dispatchalloc/front.h>
#include <dispatchalloc/global.h>
#include <dispatchalloc/guard.h>
#include <dispatchalloc/instance.h>
#include <dispatchalloc/layout.h>
#include <dispatchalloc/limit.h>
#include <dispatchalloc/unsized.h>
#include <dispatchalloc/module.h>
#include <dispatchalloc/profile.h>
#include <dispatchalloc/service.h>
#include <dispatchalloc/spec.h>
#include <dispatchalloc/stats.h>
#include <dispatchalloc/typed.h>
#include <dispatchalloc/version.h>

#endif /* DISPATCHALLOC_H */
