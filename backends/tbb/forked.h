/* SPDX-License-Identifier: MIT */
/*
 * How the module goes on in the child of a process that had threads.
 *
 * oneTBB's allocator knows nothing of fork(2): a lock of it that another thread held stays
 * held in the child for ever, and threads take such locks also when they end, where no
 * module can keep them from it. So the child does not touch it any more. New blocks come
 * from the system allocator, marked by a header; the ones that were inherited can be used
 * and resized, but their memory is not used again. After the fork of a process with one
 * thread everything stays as it was.
 */
#ifndef DAL_TBB_FORKED_H
#define DAL_TBB_FORKED_H

#include <stddef.h>

#include <dispatchalloc/instance.h>

/* Go over to the system allocator. Called once, by the only thread of a child. */
void dal_tbb_forked_begin_(const struct dal_instance *system);

/* As the slots of those names. */
void *dal_tbb_forked_alloc_(size_t size, size_t align);
void dal_tbb_forked_free_(void *ptr);
void *dal_tbb_forked_resize_(void *ptr, size_t old_size, size_t align, size_t new_size);
size_t dal_tbb_forked_usable_size_(const void *ptr);

#endif /* DAL_TBB_FORKED_H */
