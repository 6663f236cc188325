/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/spec.h
 * @brief The text that names a backend and its layers.
 *
 *     spec = item { "+" item }            outermost layer first, the backend last
 *     item = name [ ":" key "=" value { "," key "=" value } ]
 *     value = text | "(" spec ")"
 *
 * Such as "arena", "stats:print=off+arena:chunk=64K,limit=1G", or "stats" alone,
 * which wraps what would have served otherwise. The first ':' ends a name, the first
 * '=' a key. In a name or a value any byte may be written as '%' and two hex digits:
 * '+' as %2B, ',' as %2C, and a '%' that two hex digits follow as %25; any other '%' is
 * itself, and %00 is refused. The characters ( ) [ ] { } ; | ' " and white space can
 * stand in a spec in no other way. A value in parentheses is a spec of its own, for an
 * option of type DAL_OPTION_SPEC; its escapes are its own, and layers alone in it wrap
 * the system allocator. At most 16 items, those in parentheses included, and each key
 * once an item.
 */
#ifndef DISPATCHALLOC_SPEC_H
#define DISPATCHALLOC_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/backend.h>
#include <dispatchalloc/macros.h>

/** Most items of a spec, those in parentheses included. */
#define DAL_SPEC_ITEMS_MAX 16

/** Most parentheses within each other. */
#define DAL_SPEC_DEPTH_MAX 4

/** Longest spec, in bytes without the terminator. */
#define DAL_SPEC_BYTES_MAX 4095

DAL_BEGIN_DECLS_

/** One item of a spec, as dal_spec_visit() shows it. Later versions append. */
struct dal_spec_item {
    uint32_t size_bytes;  /**< bytes of this structure that the library has filled */
    uint32_t value_count; /**< how many values there are */
    uint32_t value_bytes; /**< from one value to the next */
    uint32_t reserved_;
    const struct dal_backend *backend; /**< valid for ever */
    /** Every option of the backend's table with its value or default, then any further
     *  keys that were given; to be walked through by dal_spec_item_value(). */
    const struct dal_option_value *values;
    /** What the spec names it by, unescaped: a backend's name, or the path of a module. Valid
     *  during the call. */
    const char *name;
};

/**
 * A value of an item by its position.
 *
 * @param item   not NULL.
 * @param index  less than item->value_count.
 * @return the value, valid as long as the item. Thread-safe; may be called from inside a
 *         backend.
 */
DAL_INLINE_ const struct dal_option_value *dal_spec_item_value(const struct dal_spec_item *item,
                                                               size_t index)
{
    const char *first = (const char *)(const void *)item->values;

    return (const struct dal_option_value *)(const void *)(first + index * item->value_bytes);
}

/**
 * Called once an item, outermost first.
 *
 * @param item  valid during the call only.
 * @param data  what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_spec_visitor)(const struct dal_spec_item *item, void *data);

/**
 * Check a spec, names and options included, and walk through it. Nothing is created.
 * Specs in parentheses are checked too, and shown as values of their options: the text of
 * such a value is the spec without its parentheses, for dal_spec_visit() once more.
 *
 * @param spec           the text; not NULL.
 * @param visit          called for each item, only if the whole spec is good; may be
 *                       NULL to check alone.
 * @param data           passed on to visit; may be NULL.
 * @param message        receives one line without a newline that says what is wrong,
 *                       where, and what would be accepted; "" if the spec is good. May
 *                       be NULL.
 * @param message_bytes  size of message in bytes.
 * @return 0; DAL_ERR_INVALID if spec is NULL; DAL_ERR_SYNTAX, DAL_ERR_UNKNOWN or
 *         DAL_ERR_OPTION for what it says; DAL_ERR_MODULE, DAL_ERR_ABI, DAL_ERR_INVALID or
 *         DAL_ERR_FULL for a module that it names; DAL_ERR_MEMORY; or what visit returned,
 *         which is best positive to be told from these.
 *
 * Thread-safe. Does not allocate from any allocator, but may open a module that the spec
 * names; not to be called from inside a backend.
 */
DAL_API int dal_spec_visit(const char *spec, dal_spec_visitor visit, void *data, char *message,
                           size_t message_bytes);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_SPEC_H */
