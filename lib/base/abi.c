/* SPDX-License-Identifier: MIT */
/* Structures that start with a version and a size, from code of another age. */
#include <config.h>

#include "base/abi.h"

#include <inttypes.h>
#include <string.h>

#include <dispatchalloc/error.h>

static int tail_is_zero(const void *structure, size_t from, size_t to)
{
    const unsigned char *bytes = structure;

    for (size_t i = from; i < to; i++) {
        if (bytes[i] != 0)
            return 0;
    }
    return 1;
}

int dal_abi_check_(const char *name, uint32_t abi, uint32_t known, struct dal_text_ *why)
{
    if (abi == known)
        return DAL_OK;
    return dal_fail_(why, DAL_ERR_ABI,
                     "its %s has version %" PRIu32 ", libdispatchalloc " PACKAGE_VERSION
                     " knows %" PRIu32,
                     name, abi, known);
}

int dal_size_check_(const char *name, const void *structure, size_t size_bytes, size_t least,
                    size_t known, struct dal_text_ *why)
{
    int is_odd = size_bytes < known && size_bytes % sizeof(void *) != 0;

    if (size_bytes >= least && !is_odd && tail_is_zero(structure, known, size_bytes))
        return DAL_OK;
    dal_text_add_(why, "its %s has %zu bytes, libdispatchalloc " PACKAGE_VERSION " knows %zu", name,
                  size_bytes, known);
    if (size_bytes < least)
        dal_text_add_(why, " and needs %zu", least);
    else if (is_odd)
        dal_text_add_(why, ", and a shorter one has a multiple of %zu", sizeof(void *));
    else
        dal_text_add_(why, " and the rest is not zero");
    return DAL_ERR_ABI;
}

int dal_structure_copy_(const char *name, const void *structure, size_t size_bytes, size_t least,
                        void *ours, size_t known, struct dal_text_ *why)
{
    int error = dal_size_check_(name, structure, size_bytes, least, known, why);

    if (error)
        return error;
    memset(ours, 0, known);
    memcpy(ours, structure, size_bytes < known ? size_bytes : known);
    return DAL_OK;
}
