/* SPDX-License-Identifier: MIT */
/*
 * What the command `dispatchalloc` does for a process that asks: it resolves the frames of a
 * report, and searches for what nothing points to. A process that cannot have it, or is not to,
 * goes on without. The services of the same names (dispatchalloc/service.h).
 */
#ifndef DAL_INSTALLED_COMMAND_H
#define DAL_INSTALLED_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/service.h>

int dal_command_prepare_(void);
void dal_report_(const char *text, size_t bytes, uint32_t resolve);
int dal_leaks_find_(struct dal_leak_lists *lists, const void *stack, const char **reason);

#endif /* DAL_INSTALLED_COMMAND_H */
