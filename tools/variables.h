/* SPDX-License-Identifier: MIT */
/* Environment variables that have no say, as far as the library does not tell of them. */
#ifndef TOOL_VARIABLES_H
#define TOOL_VARIABLES_H

/* Take away switches that are none: the library has told of them as the tool started, and would do
 * so again in each process that the tool starts. First of all. */
void variables_forget_told(void);

/* Say which variables are nearly called as those of the library. */
void variables_tell_near(void);

/* Say which directories of DISPATCHALLOC_MODULE_PATH are not looked in; once. */
void variables_tell_relative(void);

#endif /* TOOL_VARIABLES_H */
