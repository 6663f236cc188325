/* SPDX-License-Identifier: MIT */
/* The list of what is built in. See builtin.h. */
#include <config.h>

#include "registry/builtin.h"

extern const struct dal_backend dal_backend_arena_;
extern const struct dal_backend dal_backend_debug_;
extern const struct dal_backend dal_backend_fail_;
extern const struct dal_backend dal_backend_fixed_arena_;
extern const struct dal_backend dal_backend_guard_;
extern const struct dal_backend dal_backend_limit_;
extern const struct dal_backend dal_backend_profile_;
extern const struct dal_backend dal_backend_stats_;
extern const struct dal_backend dal_backend_system_;

/* clang-format off */
const struct dal_backend *const dal_builtins_[] = {
    &dal_backend_system_,
    &dal_backend_arena_,
    &dal_backend_fixed_arena_,
    &dal_backend_stats_,
    &dal_backend_limit_,
    &dal_backend_fail_,
    &dal_backend_debug_,
    &dal_backend_guard_,
    &dal_backend_profile_,
    NULL,
};
/* clang-format on */
