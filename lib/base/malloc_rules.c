/* SPDX-License-Identifier: MIT */
/* What malloc and its kin do in C and POSIX. See malloc_rules.h. */
#include <config.h>

#include "base/malloc_rules.h"

int dal_malloc_product_(size_t count, size_t size, size_t *bytes)
{
    if (!__builtin_mul_overflow(count, size, bytes))
        return 1;
    errno = ENOMEM;
    return 0;
}

int dal_malloc_posix_memalign_(dal_memalign_function_ memalign, void **out, size_t align,
                               size_t size)
{
    int saved_errno = errno;
    void *ptr;

    if (!dal_malloc_is_power_of_two_(align) || align % sizeof(void *) != 0)
        return EINVAL;
    ptr = memalign(align, size);
    errno = saved_errno;
    if (!ptr)
        return ENOMEM;
    *out = ptr;
    return 0;
}

void *dal_malloc_aligned_alloc_(dal_memalign_function_ memalign, size_t align, size_t size)
{
    return dal_malloc_is_power_of_two_(align) ? memalign(align, size) : dal_malloc_fail_(EINVAL);
}
