/* SPDX-License-Identifier: MIT */
/*
 * The conformance kit: one suite that takes any allocator and checks the whole contract of
 * dispatchalloc/front.h and dispatchalloc/instance.h.
 *
 * It is linked into the `dispatchalloc` command (`verify`) and into the tests; it knows the
 * public headers only. A subject is an allocator with a way to make fresh instances of it:
 * one that never frees is given a new instance before it runs dry, so NULL is expected
 * exactly where the contract allows it. A case checks one promise. It runs in a process of
 * its own under a time limit and ends with its first failure, so an allocator that
 * crashes, hangs or corrupts memory fails the case and nothing else.
 *
 * Nothing here takes more than 64 MiB of memory from a subject at a time. Not thread-safe: to be
 * called while the process has one thread, for it forks. On Windows, where there is no fork, the
 * process of a case is the program run again with its arguments up to conformance_probe() of that
 * subject, which is known by its name: no other subject may have the same.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include <dispatchalloc.h>

struct kit;

/* What is to be checked. */
struct conformance_subject {
    const char *name;
    /* The text that makes it the global allocator, or NULL: the cases about the front of a
     * fresh process are skipped then. */
    const char *spec;
    /* Bytes that a fresh instance can serve at least, 0 to have that measured. */
    size_t capacity_bytes;
    /* Make a fresh instance: 0, or an error number with a message. */
    int (*create)(const struct conformance_subject *subject, const struct dal_instance **instance,
                  char *message, size_t message_bytes);
    void (*destroy)(const struct conformance_subject *subject, const struct dal_instance *instance);
    const void *data; /* for create and destroy */
};

/* A subject whose instances are made by dal_instance_create_spec(). spec is kept. */
struct conformance_subject conformance_subject_by_spec(const char *spec);

/* A subject whose instances are made by dal_instance_create() from one allocator that has no
 * state to be renewed. Both are kept. */
struct conformance_subject conformance_subject_by_allocator(const struct dal_allocator *allocator,
                                                            const char *name);

/* A promise of the contract. */
struct conformance_case {
    const char *name;    /* such as "realloc_keeps_contents" */
    const char *promise; /* one line */
    void (*run)(struct kit *kit);
};

/* All cases in the order in which they are run. The list ends with a NULL name. */
const struct conformance_case *conformance_cases(void);

/* The case of a name, or NULL. */
const struct conformance_case *conformance_case_find(const char *name);

enum conformance_verdict {
    CONFORMANCE_PASSED = 1,
    CONFORMANCE_FAILED = 2,
    CONFORMANCE_SKIPPED = 3
};

struct conformance_outcome {
    enum conformance_verdict verdict;
    /* What a failed case asked of the allocator, what it expected, and what it got. */
    char asked[256];
    char expected[256];
    char got[512];
    /* The mistake that is likely behind it, or "". */
    char likely[256];
    /* Why a case was skipped. */
    char reason[256];
};

/* What is known of a subject before the first case. */
struct conformance_profile {
    size_t capacity_bytes;    /* what a fresh instance served, at most CONFORMANCE_PROBE_BYTES */
    int limited;              /* 1 if it answered NULL before that */
    uint64_t native;          /* DAL_SLOT_ bits */
    size_t align_max;         /* largest alignment served, at most CONFORMANCE_ALIGN_PROBED */
    char name[256];           /* what the instance calls itself */
    unsigned timeout_seconds; /* for each step of a case */
    char trial_end[128];      /* how finding this out ended, if it did not by itself; else "" */
    const char
        *create_likely; /* not NULL: so did create(), and what is likely to be wrong with it */
};

/* As much is asked of a fresh instance to see where it ends. */
#define CONFORMANCE_PROBE_BYTES ((size_t)48 << 20)

#define CONFORMANCE_ALIGN_PROBED ((size_t)2 << 20)

/* An allocator that serves less and does not say so fails. */
#define CONFORMANCE_CAPACITY_MIN ((size_t)4096)

#define CONFORMANCE_TIMEOUT_SECONDS 60u

/*
 * Find out about a subject, in processes of their own.
 *
 * timeout_seconds: for this and for each step of a case, of which most have one; 0 means
 * CONFORMANCE_TIMEOUT_SECONDS. Returns 0, or what create() returned with its message. A subject
 * that crashes or hangs under the probe gets a profile too: the cases will tell.
 */
int conformance_probe(const struct conformance_subject *subject, unsigned timeout_seconds,
                      struct conformance_profile *profile, char *message, size_t message_bytes);

/* Run one case. The outcome is complete whatever the allocator does. Where create() did not come
 * back from the probe, nothing is run, and it is the same for every case. */
void conformance_run(const struct conformance_subject *subject,
                     const struct conformance_profile *profile,
                     const struct conformance_case *which, struct conformance_outcome *outcome);

/*
 * Run one case in this process, without a time limit, such as under a debugger. Does not return
 * but for DAL_ERR_MEMORY: once the case has passed, failed or been skipped it calls told, which
 * has to end the process; a crash or a hang is the process's own.
 */
int conformance_run_here(const struct conformance_subject *subject,
                         const struct conformance_profile *profile,
                         const struct conformance_case *which,
                         void (*told)(const struct conformance_outcome *outcome));

/* Such as "SIGSEGV"; of one that a faulty allocator is not ended by "a signal". Also in a handler.
 */
const char *conformance_signal_name(int number);

#ifndef _WIN32
/* The signals by which a crash ends, up to a 0. */
extern const int conformance_crashes[];
#endif

/*
 * To be called first thing in main() of every program that runs the kit: the cases about the
 * front run that program again with DISPATCHALLOC_BACKEND set.
 *
 * Returns the exit status to end main() with, or -1 in an ordinary run.
 */
int conformance_process_main(void);

/* What is set in such a run. */
#define CONFORMANCE_RUN_VARIABLE "DISPATCHALLOC_CONFORMANCE_RUN"

#endif /* CONFORMANCE_H */
