/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/spec.h
 * @brief The text that names a backend and its layers.
 *
 *     spec = item { "+" item }            outermost layer first, the backend last
 *     item = name [ ":" key "=" value { "," key "=" value } ]
 *
 * Such as "arena", "stats:print=off+arena:chunk=64K,limit=1G", or "stats" alone,
 * which wraps what would have served otherwise. The first ':' ends a name, the first
 * '=' a key; '+' and ',' in a value are written %2B and %2C, and a '%' that two hex
 * digits follow %25; any other '%' is itself. At most 16 items, each key once an item.
 */
#ifndef DISPATCHALLOC_SPEC_H
#define DISPATCHALLOC_SPEC_H

#include <stddef.h>

#include <dispatchalloc/backend.h>
#include <dispatchalloc/macros.h>

/** Most items of a spec. */
#define DAL_SPEC_ITEMS_MAX 16

/** Longest spec, in bytes without the terminator. */
#define DAL_SPEC_BYTES_MAX 4095

DAL_BEGIN_DECLS_

/** One item of a spec, as dal_spec_visit() shows it. */
struct dal_spec_item {
    const struct dal_backend *backend;
    /** Every option of the backend's table with its value or default, then any further
     *  keys that were given. */
    const struct dal_option_value *options;
    size_t option_count;
};

/**
 * Called once an item, outermost first.
 *
 * @param item  valid during the call only.
 * @param data  what the caller passed on.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_spec_visitor)(const struct dal_spec_item *item, void *data);

/**
 * Check a spec, names and options included, and walk through it. Nothing is created.
 *
 * @param spec           the text; not NULL.
 * @param visit          called for each item, only if the whole spec is good; may be
 *                       NULL to check alone.
 * @param data           passed on to visit; may be NULL.
 * @param message        receives one line without a newline that says what is wrong,
 *                       where, and what would be accepted; "" if the spec is good. May
 *                       be NULL.
 * @param message_bytes  size of message in bytes.
 * @return 0; DAL_ERR_SYNTAX, DAL_ERR_UNKNOWN or DAL_ERR_OPTION; or what visit returned.
 *
 * Thread-safe. Does not allocate from any allocator, but may open a module that the spec
 * names; not to be called from inside a backend.
 */
DAL_API int dal_spec_visit(const char *spec, dal_spec_visitor visit, void *data, char *message,
                           size_t message_bytes);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_SPEC_H */
