/* SPDX-License-Identifier: MIT */
/* The environment variables that an operator may set. */
#ifndef DAL_VARIABLE_NAMES_H
#define DAL_VARIABLE_NAMES_H

#define DAL_VARIABLE_PREFIX "DISPATCHALLOC_"

/* What follows that. */
#define DAL_VARIABLE_NAMES_ \
    "BACKEND", "MALLOC", "STRICT", "VERBOSE", "MODULE_PATH", "OFF", "INTERPOSER"

/* By the command, to itself: what the library says of variables was said before it started over. */
#define DAL_ENV_STARTED_OVER DAL_VARIABLE_PREFIX "STARTED_OVER"

#endif /* DAL_VARIABLE_NAMES_H */
