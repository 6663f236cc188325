/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/global.h
 * @brief Who serves the front, and who chose.
 *
 * Four may choose; a later one outranks an earlier one:
 *
 *   1. nobody: the system allocator serves;
 *   2. the build, with DAL_GLOBAL_ALLOCATOR(): a link choice;
 *   3. the program at start-up, with dal_global_set() or dal_global_set_spec();
 *   4. the operator, with DISPATCHALLOC_BACKEND, unless the program vetoed that with
 *      DAL_FORBID_ENVIRONMENT() or runs with raised privileges (AT_SECURE).
 *
 * DAL_GLOBAL_ALLOCATOR_FIXED() of dispatchalloc/fixed.h is a fixed choice, the build's last
 * word: it outranks all of them.
 *
 * The first allocation of the process seals the choice: nothing is ever swapped
 * under live blocks. A choice that cannot be carried out is never silent: one line
 * on standard error says what, where and what is known, and the next in line
 * serves; in strict mode the process aborts instead.
 */
#ifndef DISPATCHALLOC_GLOBAL_H
#define DISPATCHALLOC_GLOBAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/instance.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** Who chose the global allocator, in rising rank. */
enum dal_source {
    DAL_SOURCE_DEFAULT = 0,    /**< nobody: the system allocator */
    DAL_SOURCE_LINK = 1,       /**< DAL_GLOBAL_ALLOCATOR() */
    DAL_SOURCE_PROGRAM = 2,    /**< dal_global_set() and its siblings */
    DAL_SOURCE_ENVIRONMENT = 3 /**< DISPATCHALLOC_BACKEND */
};

/**
 * An instance that forwards every call to the global hook, for a library whose
 * interface takes an allocator.
 *
 * @return a handle that is valid for ever. It may be used before a choice was made;
 *         the first call through it seals the choice, as dal_alloc() does. Of its
 *         native bits only those of the four calls of the front are set.
 *
 * Thread-safe; may be called from inside a backend, which does not allocate through the
 * handle, no more than by dal_alloc().
 */
DAL_API const struct dal_instance *dal_global(void);

/**
 * Choose an allocator for the whole process, at start-up.
 *
 * @param allocator  copied, and what it lacks is derived; its ctx has to live for
 *                   ever. Not NULL.
 * @return 0 when the choice was recorded, also if the environment outranks it;
 *         DAL_ERR_SEALED after the first allocation, with a line on standard error
 *         that tells which one it was and who serves; DAL_ERR_INVALID, DAL_ERR_ABI
 *         or DAL_ERR_INCOMPLETE as dal_instance_init(); DAL_ERR_INVALID from inside
 *         create() of a backend; DAL_ERR_MEMORY; DAL_ERR_FULL or DAL_ERR_SYSTEM as
 *         dal_instance_create(). Each but DAL_ERR_SEALED aborts the process in strict
 *         mode.
 *
 * Thread-safe; not to be called from inside a backend. A second call before the first
 * allocation replaces the first's choice.
 */
DAL_API int dal_global_set(const struct dal_allocator *allocator);

/**
 * dal_global_set() with a name for messages and for dal_global_name().
 *
 * @param allocator  as for dal_global_set().
 * @param name       copied; NULL means "custom".
 * @return as dal_global_set().
 */
DAL_API int dal_global_set_named(const struct dal_allocator *allocator, const char *name);

/**
 * Choose by text, such as "arena" or "stats+arena:limit=1G".
 *
 * @param spec  see dispatchalloc/spec.h; without a backend, its layers wrap what
 *              would have served without this call. Not NULL.
 * @return as dal_global_set(), or DAL_ERR_SYNTAX, DAL_ERR_UNKNOWN, DAL_ERR_OPTION,
 *         DAL_ERR_MODULE, DAL_ERR_CREATE and others of the backend's own, with a line on
 *         standard error. Where the environment outranks it, it is checked and not started, so
 *         that what its create() would refuse is no error.
 *
 * Thread-safe. May open a module; not to be called from inside a backend.
 */
DAL_API int dal_global_set_spec(const char *spec);

/**
 * Make a bad choice fatal (or not): DISPATCHALLOC_STRICT by the program.
 *
 * @param strict  true for strict. The variable, where it is set, outranks this.
 *
 * Thread-safe; may be called from inside a backend. Has no effect on what was reported
 * before.
 */
DAL_API void dal_global_set_strict(bool strict);

/**
 * Name of the allocator that serves, or that would if the first allocation came now.
 *
 * @return such as "system" or "stats+arena"; valid until the next call that chooses,
 *         and for ever once sealed; never NULL. "unknown" while the library starts, which
 *         the create() of a backend may see.
 *
 * Does not seal. May be called from any thread and from inside a backend.
 */
DAL_API const char *dal_global_name(void);

/**
 * Who chose the allocator that dal_global_name() tells.
 *
 * @return the source; DAL_SOURCE_DEFAULT while the library starts.
 *
 * Does not seal. May be called from any thread and from inside a backend.
 */
DAL_API enum dal_source dal_global_source(void);

/**
 * Whether the choice is fixed: by the first allocation, or by DAL_GLOBAL_ALLOCATOR_FIXED().
 *
 * @return true if it is.
 *
 * Does not seal. May be called from any thread and from inside a backend.
 */
DAL_API bool dal_global_is_sealed(void);

/**
 * The instance that serves, for what wants to look at it (dal_stats_read() does).
 *
 * @return a handle that is valid for ever, or NULL before the choice is fixed. Its blocks
 *         are those of the front. Never to be destroyed.
 *
 * Does not seal. May be called from any thread and from inside a backend.
 */
DAL_API const struct dal_instance *dal_global_active(void);

/**
 * Explain the choice: who serves, who chose and from where, what was wrapped or outranked, what
 * was rejected and why, and which allocation sealed it. A line each.
 *
 * @param text        receives the explanation, always terminated; may be NULL if
 *                    text_bytes is 0.
 * @param text_bytes  size of text in bytes; what does not fit is left out.
 * @return bytes of the whole explanation without the terminator, as snprintf(3).
 *
 * Does not seal or allocate. May be called from any thread, and not from inside a backend,
 * since it asks the loader where the first allocation came from.
 */
DAL_API size_t dal_global_explain(char *text, size_t text_bytes);

/** A choice made by the build. Written by DAL_GLOBAL_ALLOCATOR(), not by hand. */
struct dal_link_choice {
    uint32_t abi;                          /**< DAL_ALLOCATOR_ABI */
    uint32_t size_bytes;                   /**< sizeof(struct dal_link_choice) */
    const struct dal_allocator *allocator; /**< the argument of the macro */
    const char *name;                      /**< the same as it is written there */
    const char *file;                      /**< where the macro stands */
    uint32_t line;                         /**< and in which line */
    uint32_t is_fixed; /**< 1 by DAL_GLOBAL_ALLOCATOR_FIXED() of dispatchalloc/fixed.h */
};

/* Looked up by the library through a weak reference, so that it is found before any
 * constructor runs; visible and used, so that neither -fvisibility=hidden, nor LTO,
 * nor --gc-sections loses it. */
DAL_API extern const struct dal_link_choice *const dal_link_choice_;
DAL_API extern const char *const dal_forbid_environment_;

/** Called by DAL_GLOBAL_ALLOCATOR() to report a second choice; not for other use. */
DAL_API void dal_link_choice_announce_(const struct dal_link_choice *choice);

/* A choice of the build, and the constructor that announces it. */
#define DAL_LINK_CHOICE_(allocator_address, allocator_name, is_fixed_, announce) \
    static const struct dal_link_choice dal_link_choice_here_ = {                \
        DAL_ALLOCATOR_ABI, (uint32_t)sizeof(struct dal_link_choice),             \
        allocator_address, allocator_name,                                       \
        __FILE__,          __LINE__,                                             \
        is_fixed_};                                                              \
    DAL_LINK_SYMBOL_ const struct dal_link_choice *const dal_link_choice_ =      \
        &dal_link_choice_here_;                                                  \
    DAL_ATTRIBUTE_((constructor)) static void dal_link_choice_constructor_(void) \
    {                                                                            \
        announce(&dal_link_choice_here_);                                        \
    }                                                                            \
    struct dal_link_choice /* takes the semicolon */

/**
 * Choose the allocator of the process when it is built, as Rust's
 * #[global_allocator]. At file scope, once a program, in the program itself or in a
 * library that it links:
 *
 *     static const struct dal_allocator pool = {
 *         DAL_ALLOCATOR_HEADER(&state), .alloc = pool_alloc, .dealloc = pool_dealloc
 *     };
 *     DAL_GLOBAL_ALLOCATOR(pool);
 *
 * It holds from the very first allocation on, also from a constructor that runs
 * before main. The operator may still override it by the environment. A second one
 * in the same link is an error of the linker; one in another object of the process
 * is reported on standard error and ignored. In a static archive that nothing else
 * pulls in, link with -Wl,-u,dal_link_choice_.
 *
 * @param allocator  the name of a struct dal_allocator with static storage.
 */
#define DAL_GLOBAL_ALLOCATOR(allocator) \
    DAL_LINK_CHOICE_(&(allocator), #allocator, 0, dal_link_choice_announce_)

/** Veto the environment: DISPATCHALLOC_BACKEND is ignored in this program, and one
 *  line says so if it was set. At file scope, once a program. */
#define DAL_FORBID_ENVIRONMENT()                                           \
    DAL_LINK_SYMBOL_ const char *const dal_forbid_environment_ = __FILE__; \
    struct dal_link_choice /* takes the semicolon */

DAL_END_DECLS_

#endif /* DISPATCHALLOC_GLOBAL_H */
