/* SPDX-License-Identifier: MIT */
/*
 * A child allocator that watches what is done with its memory. Each block has pages of its own: a
 * page behind it, and one before it, cannot be touched, what is left of its first and last page
 * holds a pattern, and a block that was given back cannot be touched any more. Every other block
 * has the alignment that was asked for and no larger one; of the others the end is as near to the
 * page behind it as the alignment allows.
 *
 * What is wrong ends the case, at the call of the allocator above that did it, with the mistake
 * that is likely behind it.
 */
#ifndef CONFORMANCE_CHILD_H
#define CONFORMANCE_CHILD_H

#include "kit.h"

/* Three quarters of that are a child's blocks; then it has no memory any more. */
#define KIT_CHILD_BLOCKS ((size_t)1 << 15)

struct kit_child_block {
    unsigned char *ptr; /* NULL: no block */
    size_t size, align;
    unsigned char *map; /* NULL: its pages are the system's again */
    size_t map_bytes;
    bool is_live;
    size_t call;           /* the number of the call in which it was taken */
    struct kit_note taken; /* what was asked of the allocator above when it was taken */
};

struct kit_child {
    struct kit *kit;
    pthread_mutex_t lock;
    size_t requests; /* calls that take memory, refused ones included */
    size_t refusals;
    size_t calls;        /* of the allocator above */
    size_t refused_call; /* the last one in which a request was refused */
    bool has_copied;     /* a call that may copy was among them */
    size_t live_blocks, live_bytes;
    size_t block_count, kept_bytes;
    struct dal_instance_storage storage; /* the handle */
    struct kit_child_block blocks[KIT_CHILD_BLOCKS];
};

/* A fresh child; never NULL. What is wrong with its blocks fails the case of kit. */
struct kit_child *kit_child_open(struct kit *kit);

/* The allocator above gets its next call. */
void kit_child_is_asked(struct kit_child *child, enum kit_call call);

/* What is likely where a call fails that comes after one in which the child refused. */
extern const char kit_likely_state[];

/* Check that nothing was written around its blocks, and that all were given back, or fail with
 * what is likely to have kept them: where requests are refused, those of a call that met it. Its
 * memory is gone then. */
void kit_child_close(struct kit_child *child, const char *likely);

/* The slots of a child, with it as the ctx. */
struct dal_allocator kit_child_allocator(struct kit_child *child);

/* What an address that cannot be touched is to this child. Fails if it is something. */
void kit_child_explain_fault(struct kit_child *child, uintptr_t address);

/* ---- What stands between a spec and such a child ---------------------------------------- */

/* An item of a spec: a backend, or a layer. Its own child is taken out of its hands. */
struct kit_item {
    const struct dal_backend *backend;
    bool has_nested;  /* takes memory of other instances too */
    const char *text; /* of the spec, such as "limit:bytes=1M"; not terminated */
    int text_length;
};

/* The items of the subject's spec, at most count; 0 if there is no spec. */
size_t kit_items(const struct kit *kit, struct kit_item *items, size_t count);

/* Make an instance of kit->item over kit->child: 0, or an error number with a message. */
int kit_item_create(struct kit *kit, char *message, size_t message_bytes);

#endif /* CONFORMANCE_CHILD_H */
