/* SPDX-License-Identifier: MIT */
/* dlopen() of a file that loader.c found and trusts. See dlopen.h. */
#include <config.h>

#include "registry/dlopen.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <dispatchalloc/error.h>

#if HAVE_DL_ITERATE_PHDR
# include "shared/image.h"
#endif

static int explain(const char *path, struct dal_text_ *why)
{
    const char *message = dlerror();

    dal_text_add_(why, "module %s cannot be opened: %s", path,
                  message ? message : "no reason given");
    if (message && strstr(message, "static TLS"))
        dal_text_add_(why, "; starting the program with "
                           "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096 makes room");
    /* musl */
    if (message && strstr(message, "initial-exec TLS"))
        dal_text_add_(why, "; it would have to be there from the start of the program, as by "
                           "LD_PRELOAD");
    return DAL_ERR_MODULE;
}

/* One that is no ELF file is the loader's to refuse. */
static int is_cut_short(const char *path)
{
#if HAVE_DL_ITERATE_PHDR
    struct dal_image_ image;
    int saved_errno = errno;
    int result = 0;

    if (dal_image_map_(path, &image)) {
        result = dal_image_is_native_(&image) && !dal_image_is_whole_(&image);
        dal_image_unmap_(&image);
    }
    errno = saved_errno;
    return result;
#else
    (void)path;
    return 0;
#endif
}

/* RTLD_NOW, so that a missing symbol is found here and not in an allocation; RTLD_LOCAL, so
 * that a module's malloc does not become the program's; RTLD_NODELETE, since allocators have
 * code that runs when a thread ends. Never RTLD_DEEPBIND: AddressSanitizer does not bear it. */
int dal_module_open_(const char *path, const struct dal_backend *const **descriptor,
                     struct dal_text_ *why)
{
    void *object;

    if (is_cut_short(path))
        return dal_fail_(why, DAL_ERR_MODULE,
                         "module %s cannot be opened: the file has been cut short", path);
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!object)
        return explain(path, why);
    *descriptor = dlsym(object, "dal_module_");
    return DAL_OK;
}
