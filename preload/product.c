/* SPDX-License-Identifier: MIT */
/* What makes the core the interposer. (The library: lib/choice/library.c.) */
#include <config.h>

#include <dlfcn.h>
#include <stddef.h>

#include "base/product.h"
#include "choice/link_choice.h"
#include "loaded.h"
#include "registry/dlopen.h"
#include "shared/note.h"

/* Of another type, since it is meant to be there beside the program's own library. */
DAL_NOTE_DEFINE_(note, DAL_NOTE_INTERPOSER, PACKAGE_VERSION);

/* The interposer is chosen apart from the front of the program. */
const struct dal_product_ dal_product_ = {&note, "DISPATCHALLOC_MALLOC", 1};

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

/* Without the loader, whose dlopen() allocates, and runs the constructors of a preloaded module and
 * its libraries before the program's: which most need to have run. */
static const struct dal_backend *const *find_loaded(const char *path)
{
    struct dal_loaded_ loaded;
    const struct dal_backend *const *descriptor = NULL;

    if (dal_loaded_find_(path, &loaded))
        descriptor = dal_loaded_symbol_(&loaded, "dal_module_");
    if (!descriptor || !*descriptor || (*descriptor)->abi != DAL_BACKEND_ABI ||
        !((*descriptor)->flags & DAL_BACKEND_NO_CONSTRUCTORS))
        return NULL;
    return descriptor;
}

/* The thread-local storage of a library that is opened later comes from malloc, which would be this
 * very library. */
int dal_module_open_(const char *path, const struct dal_backend *const **descriptor,
                     struct dal_text_ *why)
{
    void *object;

    *descriptor = find_loaded(path);
    if (*descriptor)
        return DAL_OK;
    object = dlopen(path, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    if (!object) {
        dal_text_add_(why,
                      "module %s has to be there from the start of the program: LD_PRELOAD it "
                      "behind the interposer, as `dispatchalloc run` does",
                      path);
        return DAL_ERR_MODULE;
    }
    *descriptor = dlsym(object, "dal_module_");
    return DAL_OK;
}
