/* SPDX-License-Identifier: MIT */
/*
 * The conformance kit over one allocator while another one lives in the same process:
 *
 *     beside SPEC OTHER
 *
 * Whenever an instance of the first is made, so is one of the other, with blocks of all kinds;
 * when it is destroyed, they have to be as they were.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/conformance.h"

enum { BLOCKS = 300 };

static const char *other_spec;
static const struct dal_instance *other;
static unsigned char *blocks[BLOCKS];

static size_t size_of(int i)
{
    return (size_t)i * (size_t)i % 3001;
}

static size_t align_of(int i)
{
    return (size_t)1 << i % 13;
}

static int create(const struct conformance_subject *subject, const struct dal_instance **instance,
                  char *message, size_t message_bytes)
{
    int error = dal_instance_create_spec(other_spec, &other, message, message_bytes);

    if (error)
        return error;
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = dal_instance_alloc(other, size_of(i), align_of(i));
        if (!blocks[i])
            return DAL_ERR_MEMORY;
        memset(blocks[i], i & 0xff, size_of(i));
    }
    return dal_instance_create_spec(subject->spec, instance, message, message_bytes);
}

static void destroy(const struct conformance_subject *subject, const struct dal_instance *instance)
{
    (void)subject;
    dal_instance_destroy(instance);
    for (int i = 0; i < BLOCKS; i++) {
        for (size_t at = 0; at < size_of(i); at++) {
            if (blocks[i][at] != (i & 0xff))
                abort();
        }
        dal_instance_dealloc(other, blocks[i], size_of(i), align_of(i));
    }
    dal_instance_destroy(other);
}

static int run(const struct conformance_subject *subject, const struct conformance_profile *profile,
               const struct conformance_case *which)
{
    struct conformance_outcome outcome;

    conformance_run(subject, profile, which, &outcome);
    if (outcome.verdict != CONFORMANCE_FAILED)
        return 0;
    printf("%s beside %s: %s: asked %s; expected %s; got %s\n", subject->name, other_spec,
           which->name, outcome.asked, outcome.expected, outcome.got);
    return 1;
}

int main(int argc, char **argv)
{
    int status = conformance_process_main();
    struct conformance_subject subject;
    struct conformance_profile profile;
    char message[1024] = "";
    int failed = 0, count = 0;

    if (status >= 0)
        return status;
    if (argc != 3)
        return 2;
    subject = conformance_subject_by_spec(argv[1]);
    subject.create = create;
    subject.destroy = destroy;
    other_spec = argv[2];
    if (conformance_probe(&subject, 60, &profile, message, sizeof message) != 0) {
        printf("%s\n", message);
        return 2;
    }
    for (const struct conformance_case *c = conformance_cases(); c->name; c++, count++)
        failed += run(&subject, &profile, c);
    printf("%d of %d failed\n", failed, count);
    return failed != 0 || count < 30;
}
