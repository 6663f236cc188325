/* SPDX-License-Identifier: MIT */
/* When the interposer leaves a process to who would serve it without. */
#ifndef DAL_PRELOAD_ASIDE_H
#define DAL_PRELOAD_ASIDE_H

/*
 * Whether DISPATCHALLOC_OFF is on, or the program makes blocks by jemalloc's own calls without what
 * serves those: `dispatchalloc run` preloads it for the program that it starts, but not for what a
 * shell starts then. That is said, and in strict mode the end.
 */
int dal_steps_aside_(void);

#endif /* DAL_PRELOAD_ASIDE_H */
