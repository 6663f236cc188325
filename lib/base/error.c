/* SPDX-License-Identifier: MIT */
/* Error texts, and the end of a program that has no memory left. */
#include <config.h>

#include <dispatchalloc/error.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <dispatchalloc/version.h>

#include "os/os.h"

const char *dal_version(void)
{
    return DAL_VERSION_STRING;
}

uint32_t dal_version_number(void)
{
    return DAL_VERSION_NUMBER;
}

const char *dal_strerror(int error)
{
    switch (error) {
    case DAL_OK: return "success";
#define DAL_ERROR_CASE(name, number, text) \
    case DAL_ERR_##name: return text;
        DAL_ERRORS(DAL_ERROR_CASE)
#undef DAL_ERROR_CASE
    default: return "unknown error";
    }
}

/* Rust's words, without a prefix of ours: the line is the program's, not the library's. */
static void print_alloc_error(struct dal_layout layout)
{
    char line[80];
    int length = snprintf(line, sizeof line, "memory allocation of %" PRIuMAX " bytes failed\n",
                          (uintmax_t)layout.size);

    if (length > 0)
        dal_os_write_(line, (size_t)length);
}

/* Whoever sets a hook published what it needs before: release in set, acquire in use. */
static _Atomic(dal_alloc_error_hook) alloc_error_hook;

void dal_handle_alloc_error(struct dal_layout layout)
{
    dal_alloc_error_hook hook = atomic_load_explicit(&alloc_error_hook, memory_order_acquire);

    if (hook)
        hook(layout);
    else
        print_alloc_error(layout);
    abort();
}

dal_alloc_error_hook dal_alloc_error_hook_set(dal_alloc_error_hook hook)
{
    return atomic_exchange_explicit(&alloc_error_hook, hook, memory_order_acq_rel);
}
