/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/backend.h
 * @brief Backends and layers: named modules that make allocators.
 *
 * A backend is a constant `struct dal_backend`: a name, the options it takes, and a
 * function that makes an allocator. A layer is a backend whose allocator wraps
 * another one. Both are written against the public headers alone and need no symbol
 * of the library: what create() wants from it stands in the request. See
 * doc/backend-howto.md.
 */
#ifndef DISPATCHALLOC_BACKEND_H
#define DISPATCHALLOC_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>
#include <dispatchalloc/service.h>

DAL_BEGIN_DECLS_

/** Version of struct dal_backend, dal_option and dal_backend_request. Under every number a
 *  struct dal_backend begins with abi, size_bytes, name and version, so that a library which
 *  refuses one can tell which it was. */
#define DAL_BACKEND_ABI 1u

/** Longest name of a backend or layer, in bytes. */
#define DAL_NAME_MAX 31

/** What a value has to look like. The library checks it before create() runs. */
enum dal_option_type {
    DAL_OPTION_BYTES = 1,  /**< a number of bytes; K, M, G are powers of 1024 */
    DAL_OPTION_COUNT = 2,  /**< a plain number */
    DAL_OPTION_SWITCH = 3, /**< on, off, true, false, yes, no, 1, 0 */
    DAL_OPTION_TEXT = 4,   /**< anything, as long as `minimum` and `maximum` say */
    DAL_OPTION_CHOICE = 5, /**< one of `choices` */
    DAL_OPTION_SPEC = 6    /**< a spec in parentheses; create() gets it as an instance */
};

/** One option of a backend. */
struct dal_option {
    const char *name;           /**< lower case letters, digits, '_' and '-' */
    uint32_t type;              /**< enum dal_option_type */
    uint32_t flags DAL_ZERO_;   /**< 0 */
    uint64_t minimum DAL_ZERO_; /**< smallest BYTES or COUNT accepted; fewest bytes of a TEXT */
    uint64_t maximum DAL_ZERO_; /**< largest BYTES or COUNT accepted; most bytes of a TEXT, 0:
                                     any number */
    const char *default_text DAL_ZERO_; /**< value if the spec names none, as in a spec, a SPEC with
                                     its parentheses; NULL: none */
    const char *choices DAL_ZERO_;      /**< for CHOICE: the words, separated by '|'; else NULL */
    const char *summary;                /**< one line, without a full stop */
};

/** An option with the value that a spec gave it, or its default. */
struct dal_option_value {
    const struct dal_option *option; /**< NULL for a key of a backend that checks its own */
    const char *key;                 /**< its name, as in a spec; never NULL */
    const char *text;                /**< the value, unescaped; of a SPEC the spec as it was
                                          written, without its parentheses; NULL if none and no
                                          default */
    uint64_t number;                 /**< BYTES, COUNT, SWITCH (0 or 1), CHOICE (index) */
    bool given;                      /**< whether the spec gave it; false for the default */
    /** SPEC: what it stands for, made before create() and destroyed after destroy() by the
     *  library, which also calls its fork functions: before a fork after the owner's, and
     *  after a fork before them. NULL if there is no value, for other types, and in
     *  dal_spec_visit(), which makes nothing. */
    const struct dal_instance *instance;
};

/**
 * What create() is given. Owned by the library and valid during the call only; the
 * texts in it live as long as the instance.
 */
struct dal_backend_request {
    uint32_t abi;        /**< DAL_BACKEND_ABI */
    uint32_t size_bytes; /**< bytes of this structure */

    /** Where the memory comes from: the system allocator for a backend, the wrapped
     *  allocator for a layer. Never NULL, lives as long as the instance.
     *  A backend must not call dal_* functions that allocate from inside create(). */
    const struct dal_instance *child;

    /** Every option of the backend's table, in its order, with values; then, for
     *  DAL_BACKEND_CHECKS_OPTIONS, the other keys of the spec in their order. To be walked
     *  through by dal_request_value(), since a later version's are longer. */
    const struct dal_option_value *values;
    uint32_t value_count; /**< how many there are */
    uint32_t value_bytes; /**< from one value to the next */

    /** The value of an option by name, or NULL if the backend has none of that name. */
    const struct dal_option_value *(*find)(const struct dal_backend_request *request,
                                           const char *key);

    /** Say why create() fails: stores a message in the manner of printf, without a
     *  newline, and returns error, so that `return request->fail(request, ...)` works.
     *  The library adds which item of which spec it was. */
    int (*fail)(const struct dal_backend_request *request, int error, const char *format, ...)
        DAL_ATTRIBUTE_PRINTF_(3, 4);

    void *private_;

    /** A layer: the malloc family of the wrapped allocator, valid as long as that, if the layer
     *  may give one over it (struct dal_malloc_family), which it may where the process may come
     *  to call malloc through it; else NULL. To be called once it does, and not by create(). Of an
     *  allocator that knows no sizes it puts a header in front of each block, so that its blocks
     *  come back by it alone. */
    const struct dal_malloc_family *child_family;

    /** The functions of instances, such as dal_instance_grow(), for who is not linked with
     *  the library; valid for ever. */
    const struct dal_instance_calls *calls;

    /** Pages, the end of threads, memory for each thread, a line to standard error, a clock, a
     *  seed: what the library does for all backends. Valid for ever. */
    const struct dal_services *services;
};

/**
 * A value of a request by its position.
 *
 * @param request  as create() got it; not NULL.
 * @param index    less than request->value_count.
 * @return the value, valid during the call of create(). Thread-safe; to be called from
 *         inside a backend.
 */
DAL_INLINE_ const struct dal_option_value *dal_request_value(
    const struct dal_backend_request *request, size_t index)
{
    const char *first = (const char *)(const void *)request->values;

    return (const struct dal_option_value *)(const void *)(first + index * request->value_bytes);
}

/** Flags of a backend. */
enum dal_backend_flag {
    DAL_BACKEND_LAYER = 1 << 0,         /**< wraps the next one in a spec */
    DAL_BACKEND_CHECKS_OPTIONS = 1 << 1 /**< takes keys that are not in its table */
};

/**
 * A backend or a layer. Constant, and has to live for ever once it is registered. Start it with
 * DAL_BACKEND_HEADER; later versions only append members. One that the library hands out may
 * be of an older version than these headers: it has size_bytes bytes.
 */
struct dal_backend {
    uint32_t abi;          /**< DAL_BACKEND_ABI */
    uint32_t size_bytes;   /**< sizeof(struct dal_backend) */
    uint32_t option_bytes; /**< sizeof(struct dal_option): from one option to the next */
    uint32_t reserved_;
    const char *name;                /**< a lower case letter, then those, digits, '_' and '-';
                              at most DAL_NAME_MAX bytes */
    const char *version;             /**< such as "0.1.0"; no control characters */
    const char *summary;             /**< one line, without a full stop; no control characters */
    uint32_t flags DAL_ZERO_;        /**< enum dal_backend_flag bits */
    uint32_t option_count DAL_ZERO_; /**< how many options it has; at most 64 */
    const struct dal_option *options DAL_ZERO_; /**< NULL if option_count is 0 */

    /**
     * Make an allocator.
     *
     * @param request    what was asked for; valid during the call.
     * @param allocator  zeroed but for abi and size_bytes; to be filled in, by members or by
     *                   assigning a whole one, for which there is room also if these headers
     *                   are of a later version than the library.
     * @return 0, or a negative error number, at best by request->fail().
     */
    int (*create)(const struct dal_backend_request *request, struct dal_allocator *allocator);

    /**
     * Undo create(). NULL if there is nothing to undo.
     *
     * @param ctx  the ctx that create() left in the allocator.
     */
    void (*destroy)(void *ctx) DAL_ZERO_;

    /** Least bytes of struct dal_backend_request that create() has to find filled, by
     *  DAL_NEEDS(); a library that knows less refuses the backend. 0: it does with those of
     *  version 0.1. */
    uint32_t needs_request_bytes DAL_ZERO_;
    uint32_t needs_calls_bytes DAL_ZERO_;    /**< the same of struct dal_instance_calls */
    uint32_t needs_services_bytes DAL_ZERO_; /**< the same of struct dal_services */
    uint32_t reserved_2_ DAL_ZERO_;
};

/** The first four members of a struct dal_backend. */
#define DAL_BACKEND_HEADER \
    DAL_BACKEND_ABI, (uint32_t)sizeof(struct dal_backend), (uint32_t)sizeof(struct dal_option), 0

/** The same for C++20, where all initializers are designated or none, and stand in the order of the
 *  members, as `.name = "pool"` after it. C takes it too. */
#define DAL_BACKEND_HEADER_NAMED                                                \
    .abi = DAL_BACKEND_ABI, .size_bytes = (uint32_t)sizeof(struct dal_backend), \
    .option_bytes = (uint32_t)sizeof(struct dal_option), .reserved_ = 0

/** How many bytes of a structure who uses one of its members needs, for needs_request_bytes
 *  and its like: `.needs_request_bytes = DAL_NEEDS(struct dal_backend_request, calls)`. */
#define DAL_NEEDS(structure, member) \
    ((uint32_t)(offsetof(structure, member) + sizeof(((structure *)0)->member)))

/**
 * An option of a backend by its position.
 *
 * @param backend  not NULL.
 * @param index    less than backend->option_count.
 * @return the option, valid as long as the backend, backend->option_bytes bytes of it.
 *         Thread-safe; may be called from inside a backend.
 */
DAL_INLINE_ const struct dal_option *dal_backend_option(const struct dal_backend *backend,
                                                        size_t index)
{
    const char *first = (const char *)(const void *)backend->options;

    return (const struct dal_option *)(const void *)(first + index * backend->option_bytes);
}

/**
 * Make a backend known, so that a spec can name it, the operator's included.
 *
 * @param backend  not copied; has to live for ever. Not NULL.
 * @return 0, also if it is registered already; DAL_ERR_INVALID if it is NULL or a member is
 *         missing or malformed, two options of one name and a minimum above its maximum
 *         included; DAL_ERR_ABI for a version, length, flag, type of option, number of options
 *         or need that the library does not know; DAL_ERR_TAKEN if another one has the name;
 * DAL_ERR_FULL after 64; DAL_ERR_MEMORY if an older, shorter one cannot be copied.
 *
 * Thread-safe; takes no lock; may be called from inside a backend. To be named by
 * DISPATCHALLOC_BACKEND it has to be registered before the first allocation; the call then
 * makes the allocator that the variable wants.
 */
DAL_API int dal_backend_register(const struct dal_backend *backend);

/**
 * Find a backend or layer by name: among those registered, those built in, and the
 * modules that are installed (see dispatchalloc/module.h), of which it opens one that was
 * not opened yet.
 *
 * @param name  a name, or the absolute path of a module; not NULL.
 * @return the backend, valid for ever, or NULL if there is none, or if it is a module that
 *         cannot be used; dal_spec_visit() tells why.
 *
 * Thread-safe. May open a library; not to be called from inside a backend.
 */
DAL_API const struct dal_backend *dal_backend_find(const char *name);

/**
 * Called once for each backend or layer that is registered or built in.
 *
 * @param backend  valid for ever.
 * @param data     what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_backend_visitor)(const struct dal_backend *backend, void *data);

/**
 * Walk through the backends and layers that are there without opening a module: those that
 * the program registered, in the order of their registration, then those built in.
 * dal_module_visit() of dispatchalloc/module.h walks through the installed modules.
 *
 * @param visit  not NULL. It may register backends, which may or may not be visited.
 * @param data   passed on to visit; may be NULL.
 * @return 0, or what visit returned.
 *
 * Thread-safe; takes no lock and allocates nothing. May be called from inside a backend.
 */
DAL_API int dal_backend_visit(dal_backend_visitor visit, void *data);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_BACKEND_H */
