/* SPDX-License-Identifier: MIT */
/* What the operator says by environment variables. The only reader of the environment. */
#ifndef DAL_ENVIRONMENT_H
#define DAL_ENVIRONMENT_H

#define DAL_ENV_BACKEND "DISPATCHALLOC_BACKEND"
#define DAL_ENV_STRICT "DISPATCHALLOC_STRICT"
#define DAL_ENV_VERBOSE "DISPATCHALLOC_VERBOSE"

struct dal_environment_ {
    const char *backend; /* NULL if unset or empty; to be copied before the program runs */
    int strict;          /* 1, 0, or -1 if unset */
    int verbose;         /* 1 or 0 */
};

/* Read the variables; all are unset in a process with raised privileges. A switch with a
 * value that is none is reported and counts as unset. */
void dal_environment_read_(struct dal_environment_ *environment);

#endif /* DAL_ENVIRONMENT_H */
