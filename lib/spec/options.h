/* SPDX-License-Identifier: MIT */
/* Options: from the pairs of a spec to checked values, by the table of a backend. */
#ifndef DAL_OPTIONS_H
#define DAL_OPTIONS_H

#include <dispatchalloc/backend.h>

#include "spec/spec.h"
#include "base/text.h"

/* Most options that the table of a backend may have. */
#define DAL_OPTIONS_MAX 64

/* Room for the values of one item: its whole table, and keys that are not in it. */
#define DAL_VALUES_MAX (DAL_OPTIONS_MAX + DAL_SPEC_PAIRS_MAX)

/*
 * The values of an item's options: the table in its order, then further keys. values has
 * room for DAL_VALUES_MAX; their instances are NULL. Returns 0, or DAL_ERR_OPTION with the
 * reason in why.
 */
int dal_options_resolve_(const struct dal_spec_ *spec, size_t item, struct dal_option_value *values,
                         size_t *count, struct dal_text_ *why);

/* See that the values of an item that stand in parentheses are of options that take a spec, and
 * add the defaults of those that are not given. An error as above, or DAL_ERR_SYNTAX. */
int dal_options_nest_(struct dal_spec_ *spec, size_t item, struct dal_text_ *why);

/* The value of a key, or NULL. */
struct dal_option_value *dal_option_value_of_(struct dal_option_value *values, size_t count,
                                              const char *key);

/* Check one value by its option and set its number; a spec, with its parentheses. Returns 0 or
 * DAL_ERR_OPTION. */
int dal_option_check_(const struct dal_option *option, const char *text, uint64_t *number);

/* Append what of the words of a switch somebody may have meant by a value, if one is near. */
void dal_option_suggest_switch_(const char *value, struct dal_text_ *why);

/* What a switch takes, in messages. */
#define DAL_SWITCH_ACCEPTED_ "on or off (also 1, 0, true, false, yes, no)"

#endif /* DAL_OPTIONS_H */
