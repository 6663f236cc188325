/* SPDX-License-Identifier: MIT */
/*
 * How a file begins that the library maps to be read from outside (dal_services.file_map): with
 * lines of text that say who made it, so that a person can read them too.
 *
 *     dispatchalloc file, open:   process 4711, started 827364, namespace 402653, file 17 on 23
 *     program: /usr/bin/name
 *     command: name argument ...
 *
 * "open:  " becomes "closed:" when the process gives it up, but not when it ends. A process is that
 * of the file if all numbers are its own: what it is called in its namespace, and when it was
 * started in ticks of the kernel's; that it has executed another program since, its maps tell. What
 * has another number than the file was made with, or is on another device, is a copy.
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

/* A process, from start to end. 0 where the system does not tell. */
struct dal_process_ {
    long number;
    uint64_t started, name_space;
};

struct dal_file_head_ {
    char text[DAL_FILE_HEAD_BYTES];
};

/* The first line. */
struct dal_file_origin_ {
    struct dal_process_ maker;
    uint64_t file, device; /* as stat(2) has them; file is 0 where nobody says */
};

/* Read it, of a file that is open or not: 1 if it is one of ours. */
static inline int dal_file_head_parse_(const char *text, struct dal_file_origin_ *origin,
                                       int *is_open)
{
    const char *state = text + sizeof DAL_FILE_TITLE - 1;

    *origin = (struct dal_file_origin_){.file = 0};
    if (strncmp(text, DAL_FILE_TITLE, sizeof DAL_FILE_TITLE - 1) != 0)
        return 0;
    *is_open = strncmp(state, DAL_FILE_OPEN, sizeof DAL_FILE_OPEN - 1) == 0;
    return strlen(state) > sizeof DAL_FILE_OPEN &&
           sscanf(state + sizeof DAL_FILE_OPEN - 1,
                  " process %ld, started %" SCNu64 ", namespace %" SCNu64 ", file %" SCNu64
                  " on %" SCNu64,
                  &origin->maker.number, &origin->maker.started, &origin->maker.name_space,
                  &origin->file, &origin->device) >= 3;
}

/* Write it: how long it is. */
static inline int dal_file_head_write_(char *text, size_t bytes,
                                       const struct dal_file_origin_ *origin)
{
    return snprintf(text, bytes,
                    DAL_FILE_TITLE DAL_FILE_OPEN " process %ld, started %" PRIu64
                                                 ", namespace %" PRIu64 ", file %" PRIu64
                                                 " on %" PRIu64 "\n",
                    origin->maker.number, origin->maker.started, origin->maker.name_space,
                    origin->file, origin->device);
}

/* Put the path of a file of a process together: "%p" is its number, "%%" is '%', and any other '%'
 * is itself. Returns how long it is, or -1 if it does not fit, with a little room behind it. */
static inline int dal_file_path_expand_(const char *path, long process, char *expanded,
                                        size_t bytes)
{
    size_t length = 0;

    for (; *path && length < bytes - 24; path++) {
        if (path[0] == '%' && path[1] == 'p') {
            length += (size_t)snprintf(expanded + length, 24, "%ld", process);
            path++;
        } else {
            path += path[0] == '%' && path[1] == '%';
            expanded[length++] = *path;
        }
    }
    expanded[length] = '\0';
    return *path ? -1 : (int)length;
}

/* The process does not write to it any more. */
static inline void dal_file_head_close_(void *pages)
{
    memcpy((char *)pages + sizeof DAL_FILE_TITLE - 1, DAL_FILE_CLOSED, sizeof DAL_FILE_CLOSED - 1);
}

/* When a process was started, by the text of its /proc/PID/stat: the 20th word behind its name,
 * which may have blanks and parentheses. 0 if that is not there. */
static inline uint64_t dal_process_started_(const char *stat)
{
    const char *at = strrchr(stat, ')');
    uint64_t started = 0;

    if (at && (strncmp(at, ") Z", 3) == 0 || strncmp(at, ") X", 3) == 0))
        return 0;
    for (int word = 0; at && word < 20; word++) {
        at = strchr(at, ' ');
        at += at != NULL;
    }
    return at && sscanf(at, "%" SCNu64, &started) == 1 ? started : 0;
}

#endif /* DAL_FILE_HEAD_H */
