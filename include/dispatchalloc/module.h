/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/module.h
 * @brief Backends in files of their own, opened when a spec names them.
 *
 * A module is a shared object that exports one descriptor, by DAL_MODULE(). It is opened
 * by the name of its backend, as NAME.so in the absolute directories that
 * DISPATCHALLOC_MODULE_PATH lists (separated by colons) and then in the directory that was
 * fixed when the library was built; or by an absolute path that a spec gives as the name.
 * Nothing else is ever opened.
 *
 * The path is resolved by realpath(3), and the module is refused if it, its directory or
 * an ancestor could be changed by anyone but root and the effective user: one that another
 * user owns, that everybody may write, or that a group other than the effective one may
 * write. A directory further up that is sticky, such as /tmp, is fine.
 *
 * A module that the environment names is opened in the constructor of the library, one
 * that a call names within that call; never by an allocation. It is never closed.
 */
#ifndef DISPATCHALLOC_MODULE_H
#define DISPATCHALLOC_MODULE_H

#include <dispatchalloc/backend.h>
#include <dispatchalloc/macros.h>

DAL_BEGIN_DECLS_

/** The one symbol of a module, written by DAL_MODULE(). */
DAL_API extern const struct dal_backend *const dal_module_;

/**
 * Make a shared object a module, at file scope, once:
 *
 *     static const struct dal_backend pool = { DAL_BACKEND_HEADER, .name = "pool", ... };
 *     DAL_MODULE(pool);
 *
 * The file has to be called after the backend: pool.so.
 *
 * @param backend  the name of a struct dal_backend with static storage.
 */
#define DAL_MODULE(backend) \
    DAL_LINK_SYMBOL_ const struct dal_backend *const dal_module_ = &(backend)

/**
 * Called once for each module file that a spec could name.
 *
 * @param name  the name of the backend, from the file's name; valid during the call.
 * @param path  the absolute path of the file; valid during the call.
 * @param data  what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_module_visitor)(const char *name, const char *path, void *data);

/**
 * Walk through the module files that are installed. None is opened: dal_backend_find()
 * does that.
 *
 * @param visit  not NULL. A name that a program registered or that is built in is left
 *               out, and so is a file that one of the same name precedes.
 * @param data   passed on to visit; may be NULL.
 * @return 0, or what visit returned.
 *
 * Thread-safe. May allocate from malloc(3); not to be called from inside a backend.
 */
DAL_API int dal_module_visit(dal_module_visitor visit, void *data);

DAL_END_DECLS_

#endif /* DISPATCHALLOC_MODULE_H */
