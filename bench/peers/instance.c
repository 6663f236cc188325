/* SPDX-License-Identifier: MIT */
/*
 * An instance of this library, made of the spec in BENCH_SPEC. The spec may name the layers
 * of layers.h, which exist for the benchmark alone.
 */
#include <stdio.h>
#include <stdlib.h>

#include <dispatchalloc.h>

#include "layers.h"

static const struct dal_instance *instance;

static void start(void)
{
    const char *spec = getenv("BENCH_SPEC");
    char message[512];

    if (bench_register_layers() != 0 || !spec) {
        fputs("BENCH_SPEC has to name an instance\n", stderr);
        exit(1);
    }
    if (dal_instance_create_spec(spec, &instance, message, sizeof message) != 0) {
        fprintf(stderr, "%s: %s\n", spec, message);
        exit(1);
    }
}

#define BENCH_START                    start
#define BENCH_ALLOC(size, align)       dal_instance_alloc(instance, size, align)
#define BENCH_FREE(block, size, align) dal_instance_dealloc(instance, block, size, align)
#define BENCH_ZEROED(size)             dal_instance_alloc_zeroed(instance, size, 8)
#define BENCH_REALLOC(block, old_size, size) \
    dal_instance_realloc(instance, block, old_size, 8, size)

#include "../harness/kernels.h"
