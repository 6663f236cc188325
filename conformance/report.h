/* SPDX-License-Identifier: MIT */
/*
 * The page that a case shares with the process that runs it: what is being asked of the
 * allocator, and the verdict. It has to be readable after the case has crashed at any point.
 */
#ifndef CONFORMANCE_REPORT_H
#define CONFORMANCE_REPORT_H

#include <stdatomic.h>

#include "kit.h"

struct kit_report {
    /* Taken by the first thread that ends the case; only that one writes what follows. */
    atomic_int taken;
    /* 0 until the case has ended by itself. Stored last (release), read after waitpid(). */
    atomic_int verdict;
    struct conformance_outcome outcome;
    const char *likely, *likely_hang; /* constants, or NULL */
    char item[64];                    /* what is run over a child of the kit's, or "" */
    char asked[64];                   /* the case that is run, or what is found out */
    unsigned seconds;                 /* the time limit now */
    _Atomic(uint64_t) ends_at;        /* when that is over, where the parent looks after it */
    void (*told)(const struct conformance_outcome *outcome); /* conformance_run_here(), or NULL */

    /* Of the case itself first, then of its threads. */
    struct kit_note notes[1 + KIT_THREADS];
    atomic_uint thread_count; /* at work now */

    /* What conformance_probe() found. */
    int create_error;
    int is_probed; /* the probe has come to its end */
    char message[1024];
    struct conformance_profile profile;
};

/* Words for what a note says, such as "alloc(size 64, align 16)". */
void kit_note_describe(const struct kit_note *note, char *text, size_t text_bytes);

/* What stands in the report beside the outcome, into a failed one. */
void kit_conclude(const struct kit_report *report, struct conformance_outcome *outcome);

/* Store the verdict and end the process. Only after kit_take(). */
_Noreturn void kit_end(const struct kit *kit, enum conformance_verdict verdict);

/* Take the report for this thread; any other thread that comes here waits for the end. */
void kit_take(const struct kit *kit);

/* End the case after so many seconds from now. */
void kit_limit_time(const struct kit *kit, unsigned seconds);

#endif /* CONFORMANCE_REPORT_H */
