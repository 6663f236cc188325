/* SPDX-License-Identifier: MIT */
/*
 * Parsing a spec. Names and keys are not looked up here: what stands where, and nothing
 * more (stack.c and options.c go on from there).
 */
#ifndef DAL_SPEC_H
#define DAL_SPEC_H

#include <dispatchalloc/spec.h>

#include "text.h"

/* Most key=value pairs of a whole spec. */
#define DAL_SPEC_PAIRS_MAX 64

struct dal_spec_pair_ {
    const char *key;
    const char *value;
};

struct dal_spec_item_ {
    const char *name;
    const struct dal_spec_pair_ *pairs;
    size_t pair_count;
    const struct dal_backend *backend; /* NULL until dal_stack_check_() has found it */
};

/* A parsed spec. It points into itself: not to be moved. */
struct dal_spec_ {
    size_t item_count;
    size_t pair_count;
    struct dal_spec_item_ items[DAL_SPEC_ITEMS_MAX];
    struct dal_spec_pair_ pairs[DAL_SPEC_PAIRS_MAX];
    char text[DAL_SPEC_BYTES_MAX + 1];
};

/* Parse text into spec: 0, or DAL_ERR_SYNTAX with the reason in why. */
int dal_spec_parse_(struct dal_spec_ *spec, const char *text, struct dal_text_ *why);

#endif /* DAL_SPEC_H */
