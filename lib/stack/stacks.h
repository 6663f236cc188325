/* SPDX-License-Identifier: MIT */
/* The stacks of this process: the services of the same names (dispatchalloc/service.h). */
#ifndef DAL_STACKS_H
#define DAL_STACKS_H

#include <stddef.h>
#include <stdint.h>

int dal_stacks_prepare_(void);
uint32_t dal_stack_capture_(const void *from, unsigned frames);
size_t dal_stack_walk_(const void *from, const void **places, size_t count);
size_t dal_stack_places_at_(const void *context, const void **places, size_t count);
size_t dal_stack_places_(uint32_t stack, const void *const **places);

#endif /* DAL_STACKS_H */
