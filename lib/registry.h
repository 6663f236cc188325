/* SPDX-License-Identifier: MIT */
/* The backends and layers that have a name. */
#ifndef DAL_REGISTRY_H
#define DAL_REGISTRY_H

#include <dispatchalloc/backend.h>

#include "text.h"

/* Say that no backend has this name: which one may be meant, and which there are. */
void dal_registry_explain_unknown_(const char *name, struct dal_text_ *why);

#endif /* DAL_REGISTRY_H */
