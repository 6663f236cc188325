/* SPDX-License-Identifier: MIT */
/* What the operator says by environment variables. The only reader of the environment. */
#ifndef DAL_VARIABLES_H
#define DAL_VARIABLES_H

/* (The one that chooses the backend: base/product.h.) */
#define DAL_ENV_OFF         "DISPATCHALLOC_OFF"
#define DAL_ENV_STRICT      "DISPATCHALLOC_STRICT"
#define DAL_ENV_VERBOSE     "DISPATCHALLOC_VERBOSE"
#define DAL_ENV_MODULE_PATH "DISPATCHALLOC_MODULE_PATH"

struct dal_environment_ {
    const char *backend; /* NULL if unset or empty; to be copied before the program runs */
    int strict;          /* 1, 0, or -1 if unset */
    int verbose;         /* 1 or 0 */
    int off;             /* the same; where it is 1, verbose is all that was read besides */
};

/* Read the variables; all are unset in a process with raised privileges. A switch with a
 * value that is none is reported and counts as unset. */
void dal_environment_read_(struct dal_environment_ *environment);

/* The directories of DISPATCHALLOC_MODULE_PATH, separated by colons, as they are now; NULL
 * if unset. Not while another thread changes the environment. */
const char *dal_environment_module_path_(void);

#endif /* DAL_VARIABLES_H */
