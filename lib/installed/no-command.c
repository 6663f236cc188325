/* SPDX-License-Identifier: MIT */
/* A system on which the command does nothing for other processes. See command.h. */
#include <config.h>

#include "installed/command.h"

#include <dispatchalloc/error.h>

#include "os/os.h"

int dal_command_prepare_(void)
{
    return DAL_ERR_UNSUPPORTED;
}

void dal_report_(const char *text, size_t bytes, uint32_t resolve)
{
    (void)resolve;
    dal_os_write_(text, bytes);
}

int dal_leaks_find_(struct dal_leak_lists *lists, const void *stack, const char **reason)
{
    (void)lists;
    (void)stack;
    *reason = "there is no way to do that on this system";
    return DAL_ERR_UNSUPPORTED;
}
