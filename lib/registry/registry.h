/* SPDX-License-Identifier: MIT */
/* The backends and layers that have a name. */
#ifndef DAL_REGISTRY_H
#define DAL_REGISTRY_H

#include <dispatchalloc/backend.h>

#include "base/text.h"

/* Make a backend known: what dal_backend_register() does, but for the consequences. */
int dal_registry_add_(const struct dal_backend *backend);

/* Find a backend by name, opening a module if need be. NULL, with *error and the reason in
 * why, if there is none or it cannot be used; the reason calls it what was wanted, "layer" or
 * "backend or layer". */
const struct dal_backend *dal_registry_find_(const char *name, const char *wanted, int *error,
                                             struct dal_text_ *why);

/* One that is registered or built in; opens nothing. */
const struct dal_backend *dal_registry_find_known_(const char *name);

/* Whether one is known, or is a module by its name. Opens nothing. */
int dal_registry_is_there_(const char *name);

/* Whether a word can be the name of a backend. NULL is none. */
int dal_registry_name_is_good_(const char *word);

/* Whether finding may open a module in this thread. Not while an allocation starts the
 * library: it may run in a constructor, under the loader's lock, or be waited for there. */
void dal_registry_forbid_opening_(int forbid);

/* Bring a descriptor of any known version to ours. Returns 0 with *accepted, which may be
 * backend itself and otherwise lives for ever; or an error with the reason in why. */
int dal_registry_accept_(const struct dal_backend *backend, const struct dal_backend **accepted,
                         struct dal_text_ *why);

#endif /* DAL_REGISTRY_H */
