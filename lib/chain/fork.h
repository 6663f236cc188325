/* SPDX-License-Identifier: MIT */
/* Calling the fork functions of instances around fork(2). */
#ifndef DAL_FORK_H
#define DAL_FORK_H

#include <dispatchalloc/instance.h>

/* Most instances with fork functions that can live at a time. */
#define DAL_FORK_MAX 63

/* Call the fork functions of an instance, and of the nested stacks tied to it, around every
 * fork from now on, if there are any. Returns 0, DAL_ERR_FULL or DAL_ERR_SYSTEM. */
int dal_fork_watch_(const struct dal_instance *instance);

/* Stop that. Waits for forks that have prepared it, so that it may be destroyed; but not in a fork
 * handler, after which none of its functions is called. */
void dal_fork_unwatch_(const struct dal_instance *instance);

#endif /* DAL_FORK_H */
