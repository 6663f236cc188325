/* SPDX-License-Identifier: MIT */
/* What makes the core the interposer. (The library: lib/choice/library.c.) */
#include <config.h>

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/product.h"
#include "choice/link_choice.h"
#include "interposer.h"
#include "libc.h"
#include "loaded.h"
#include "registry/dlopen.h"
#include "shared/note.h"
#include "spec/spec.h"

#include "../backends/early_module.h"

/* Of another type, since it is meant to be there beside the program's own library. */
DAL_NOTE_DEFINE_(note, DAL_NOTE_INTERPOSER, PACKAGE_VERSION);

/* The interposer is chosen apart from the front of the program. */
const struct dal_product_ dal_product_ = {&note, "DISPATCHALLOC_MALLOC", 1, 1};

/* ---- The build of the program has no say: what it chose for its front is not for its malloc -- */

const struct dal_link_choice *dal_link_choice_found_(void)
{
    return NULL;
}

const char *dal_link_choice_macro_(const struct dal_link_choice *choice)
{
    (void)choice;
    return "";
}

const char *dal_environment_veto_(void)
{
    return NULL;
}

/* ---- Modules: only what the loader mapped at the start of the program ------------------------ */

/* The jemalloc for the start of programs, which `dispatchalloc run` preloads in the place of the
 * module; bound by the loader if it is there. */
extern const struct dal_backend *const dal_module_jemalloc_start_ __attribute__((weak));

static void *open_loaded(const char *path)
{
    dal_libc_initialise_();
    return dlopen(path, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

static void construct(const void *in_module)
{
    Dl_info module;

    if (dladdr(in_module, &module))
        (void)open_loaded(module.dli_fname);
}

static struct dal_early_module_ *waiting[DAL_SPEC_ITEMS_MAX];
static size_t waiting_count;

void dal_preload_construct_(void)
{
    while (waiting_count > 0)
        construct(waiting[--waiting_count]);
}

/* Without the loader, whose dlopen() allocates, and runs the constructors of a preloaded module and
 * its libraries before the program's: a module that needs those asks for them, or knows nothing of
 * all this. */
static const struct dal_backend *const *find_early(const struct dal_loaded_ *loaded)
{
    struct dal_early_module_ *module = dal_loaded_symbol_(loaded, "dal_module_early_");

    if (!module)
        return NULL;
    module->construct = construct;
    if (module->wants_constructors && waiting_count < DAL_SPEC_ITEMS_MAX)
        waiting[waiting_count++] = module;
    return dal_loaded_symbol_(loaded, "dal_module_");
}

/* The thread-local storage of a library that is opened later comes from malloc, which would be this
 * very library. */
int dal_module_open_(const char *path, const struct dal_backend *const **descriptor,
                     struct dal_text_ *why)
{
    static const char jemalloc[] = "/jemalloc.so";
    size_t length = strlen(path), tail = sizeof jemalloc - 1;
    struct dal_loaded_ loaded;
    int is_known = dal_loaded_find_(path, &loaded);
    const char *needed = is_known ? dal_loaded_needs_(&loaded, "dal_") : NULL;
    void *object;

    if (!is_known && &dal_module_jemalloc_start_ && length > tail &&
        strcmp(path + length - tail, jemalloc) == 0) {
        *descriptor = &dal_module_jemalloc_start_;
        return DAL_OK;
    }
    if (needed)
        return dal_fail_(
            why, DAL_ERR_MODULE,
            "module %s cannot serve malloc: it calls %s() of libdispatchalloc, which would "
            "call it; child and calls of the request are for that",
            path, needed);
    *descriptor = is_known ? find_early(&loaded) : NULL;
    if (*descriptor)
        return DAL_OK;
    object = open_loaded(path);
    if (!object)
        return dal_fail_(why, DAL_ERR_MODULE,
                         "module %s has to be there from the start of the program: LD_PRELOAD it "
                         "behind the interposer, as `dispatchalloc run` does",
                         path);
    *descriptor = dlsym(object, "dal_module_");
    return DAL_OK;
}
