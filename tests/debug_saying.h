/* SPDX-License-Identifier: MIT */
/* What the tests of the layer `debug` read: what it writes to standard error, with what differs
 * from run to run taken out. */
#ifndef TESTS_DEBUG_SAYING_H
#define TESTS_DEBUG_SAYING_H

#include <check.h>
#include <ctype.h>
#include <dispatchalloc.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layers/debug/debug.h"

enum { SAID_BYTES = 1 << 18 };

static struct {
    int file, standard_error;
    char raw[SAID_BYTES], text[SAID_BYTES];
} said;

/* What is opened for appending is written to whatever else descriptor 2 was. */
static inline void said_begin(void)
{
    char path[] = "/tmp/saidXXXXXX";
    int appended;

    fflush(stderr);
    said.standard_error = dup(2);
    said.file = mkstemp(path);
    appended = open(path, O_WRONLY | O_APPEND);
    if (said.file < 0 || appended < 0 || unlink(path) != 0 || dup2(appended, 2) < 0)
        abort();
    close(appended);
}

static inline const char *said_copy_number(const char *from, char **to)
{
    const char *what = strncmp(from, "0x", 2) == 0 ? "0xA" : "N";

    from += what[0] == '0' ? 2 : 0;
    while (isxdigit((unsigned char)*from))
        from++;
    *to += sprintf(*to, "%s", what);
    return from;
}

/* What an address is that belongs to no block, up to the ';' behind it. */
static inline int said_is_what(const char *text)
{
    static const char *const starts[] = {"in ", "on the stack", "not mapped", "no block "};

    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (strncmp(text, starts[i], strlen(starts[i])) == 0)
            return 1;
    }
    return 0;
}

/* Addresses are 0xA, what is there is WHAT, the process is N, and the frames of a stack are one
 * line with a '#'. */
static inline void said_normalise(void)
{
    const char *from = said.raw;
    char *to = said.text;
    int was_frame = 0;

    while (*from) {
        const char *end = strchr(from, '\n');
        int is_frame = strncmp(from, "    #", 5) == 0;

        end = end ? end + 1 : from + strlen(from);
        if (is_frame && !was_frame)
            to += sprintf(to, "    #\n");
        for (; from < end && !is_frame;) {
            if (strncmp(from, "0x", 2) == 0 && isxdigit((unsigned char)from[6])) {
                from = said_copy_number(from, &to);
            } else if (strncmp(from, "): ", 3) == 0 && said_is_what(from + 3)) {
                to += sprintf(to, "): WHAT");
                from = strchr(from, ';');
            } else if (from > said.raw && from[-1] == '[' && isdigit((unsigned char)*from)) {
                from = said_copy_number(from, &to);
            } else {
                *to++ = *from++;
            }
        }
        was_frame = is_frame;
        from = end;
    }
    *to = '\0';
}

static inline const char *said_end(void)
{
    ssize_t got;

    dup2(said.standard_error, 2);
    close(said.standard_error);
    got = read(said.file, said.raw, sizeof said.raw - 1);
    close(said.file);
    said.raw[got > 0 ? got : 0] = '\0';
    said_normalise();
    return said.text;
}

static inline const struct dal_instance *make(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

static inline struct debug_instance *debug_of(const struct dal_instance *instance)
{
    return instance->alloc.ctx;
}

/* Gives back with a call: by a jump it would come from the caller's place. */
static inline void release(const struct dal_instance *instance, void *ptr, size_t size,
                           size_t align)
{
    dal_instance_dealloc(instance, ptr, size, align);
    __asm__ volatile("");
}

/* Not the pointer itself: the compiler knows what must not be given back. */
static inline void *hidden(const void *ptr)
{
    void *volatile copy = (void *)(uintptr_t)ptr;

    return copy;
}

#endif /* TESTS_DEBUG_SAYING_H */
