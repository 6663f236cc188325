/* SPDX-License-Identifier: MIT */
#ifndef DISPATCHALLOC_TYPED_H
#define DISPATCHALLOC_TYPED_H

#include <dispatchalloc/instance.h>

#endif /* DISPATCHALLOC_TYPED_H */
