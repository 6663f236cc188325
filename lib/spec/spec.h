/* SPDX-License-Identifier: MIT */
/*
 * Parsing a spec. Names and keys are not looked up here: what stands where, and nothing
 * more (stack.c and options.c go on from there).
 */
#ifndef DAL_SPEC_H
#define DAL_SPEC_H

#include <stdbool.h>

#include <dispatchalloc/spec.h>

#include "base/text.h"

/* Most key=value pairs of a whole spec, those in parentheses included. */
#define DAL_SPEC_PAIRS_MAX 64

struct dal_spec_pair_ {
    const char *key;
    const char *value; /* unescaped; of a nested spec its text without the parentheses */
    bool is_nested;
};

struct dal_spec_item_ {
    const char *name;
    const struct dal_spec_pair_ *pairs;
    size_t pair_count;
    size_t list;                       /* which of the lists it stands in */
    const struct dal_backend *backend; /* NULL until dal_stack_check_() has found it */
};

/* The items between two parentheses, which stand together in the spec's. List 0 is the spec
 * itself and has no owner; a list comes after that of its owner. */
struct dal_spec_list_ {
    size_t first;
    size_t count;
    size_t depth;
    size_t owner;     /* the item whose option it is a value of */
    const char *key;  /* of that option */
    const char *text; /* the value, without its parentheses */
};

/* A parsed spec. It points into itself: not to be moved, and too large for a stack that may be
 * small. Nobody looks at the rest of text, so that its pages are not taken. */
struct dal_spec_ {
    size_t item_count;
    size_t pair_count;
    size_t list_count;
    size_t nested_count; /* items whose values in parentheses have become lists */
    size_t text_bytes;
    struct dal_spec_item_ items[DAL_SPEC_ITEMS_MAX];
    struct dal_spec_pair_ pairs[DAL_SPEC_PAIRS_MAX];
    struct dal_spec_list_ lists[DAL_SPEC_ITEMS_MAX]; /* each has an item */
    char text[(DAL_SPEC_DEPTH_MAX + 1) * (DAL_SPEC_BYTES_MAX + 1)];
};

/* Parse text into spec: 0, or DAL_ERR_SYNTAX with the reason in why. */
int dal_spec_parse_(struct dal_spec_ *spec, const char *text, struct dal_text_ *why);

/* Add what an option of an item is by default: text is a spec in parentheses. 0, or
 * DAL_ERR_SYNTAX with the reason in why. */
int dal_spec_nest_(struct dal_spec_ *spec, size_t owner, const char *key, const char *text,
                   struct dal_text_ *why);

/* Whether text is a balanced spec in parentheses. Its names and options are not looked at. */
bool dal_spec_is_nested_(const char *text);

/* Say which option of which item a list is the value of, in front of what is wrong with it;
 * nothing for list 0. */
void dal_spec_add_place_(const struct dal_spec_ *spec, size_t list, struct dal_text_ *why);

bool dal_spec_has_key_(const struct dal_spec_item_ *item, const char *key);

/* Whether an item is the last of its list. */
bool dal_spec_is_last_(const struct dal_spec_ *spec, size_t item);

#endif /* DAL_SPEC_H */
