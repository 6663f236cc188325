/* SPDX-License-Identifier: MIT */
/*
 * How a file begins that the library maps to be read from outside (dal_services.file_map): with
 * lines of text that say who made it, so that a person can read them too.
 *
 *     dispatchalloc file, open:   process 4711, 0123456789abcdef
 *     program: /usr/bin/name
 *     command: name argument ...
 *
 * "open:  " becomes "closed:" when the process gives it up, but not when it ends. The number in
 * hexadecimal differs from program to program that a process executes.
 */
#ifndef DAL_FILE_HEAD_H
#define DAL_FILE_HEAD_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <dispatchalloc/service.h>

#define DAL_FILE_TITLE  "dispatchalloc file, "
#define DAL_FILE_OPEN   "open:  "
#define DAL_FILE_CLOSED "closed:"

struct dal_file_head_ {
    char text[DAL_FILE_HEAD_BYTES];
};

/* Read the first line: 1 if it is that of an open file. */
static inline int dal_file_head_parse_(const char *text, long *process, uint64_t *chance)
{
    return sscanf(text, DAL_FILE_TITLE DAL_FILE_OPEN " process %ld, %16" SCNx64, process, chance) ==
           2;
}

/* The process does not write to it any more. */
static inline void dal_file_head_close_(void *pages)
{
    memcpy((char *)pages + sizeof DAL_FILE_TITLE - 1, DAL_FILE_CLOSED, sizeof DAL_FILE_CLOSED - 1);
}

#endif /* DAL_FILE_HEAD_H */
