/* SPDX-License-Identifier: MIT */
/*
 * Calls without sizes on an instance whose blocks tell their sizes, for who has seen that it is
 * one: the malloc family over the hook (family.c), and the public calls (instance_unsized.c).
 */
#ifndef DAL_INSTANCE_UNSIZED_H
#define DAL_INSTANCE_UNSIZED_H

#include <dispatchalloc/instance.h>

#include "chain/slots.h"

void *dal_known_malloc_(const struct dal_instance *instance, size_t size);
void *dal_known_calloc_(const struct dal_instance *instance, size_t count, size_t size);
void *dal_known_realloc_(const struct dal_instance *instance, void *ptr, size_t size);
void *dal_known_memalign_(const struct dal_instance *instance, size_t align, size_t size);
void dal_known_free_(const struct dal_instance *instance, void *ptr);
size_t dal_known_usable_size_(const struct dal_instance *instance, const void *ptr);

#endif /* DAL_INSTANCE_UNSIZED_H */
