/* SPDX-License-Identifier: MIT */
/*
 * A program that uses every structure of the interface which may grow, or which programs have
 * room for. What it prints is the same with every version of the headers and of the library.
 * It wants the modules `pool` and `layer` where modules are looked for. With NEXT it looks at what
 * only the next version has, where it is said to be there.
 */
#include "own.h"

#include <inttypes.h>
#include <stdio.h>

#include "guarded.h"

static void check(const char *what, int good)
{
    printf("%s: %s\n", what, good ? "good" : "BAD");
}

/* ---- In memory of the program's -------------------------------------------------------------- */

static int blocks_work(const struct dal_instance *instance)
{
    char *ptr = dal_instance_alloc(instance, 10, 8);

    if (!ptr)
        return 0;
    memset(ptr, 7, 10);
    ptr = dal_instance_grow_zeroed(instance, ptr, 10, 8, 5000, 8);
    if (!ptr || ptr[9] != 7 || ptr[10] != 0 || ptr[4999] != 0)
        return 0;
    ptr = dal_instance_shrink(instance, ptr, 5000, 8, 100, 8);
    if (!ptr || ptr[9] != 7 || dal_instance_usable_size(instance, ptr, 100, 8) < 100)
        return 0;
    ptr = dal_instance_realloc(instance, ptr, 100, 8, 20000);
    if (!ptr || ptr[9] != 7 || dal_instance_owns(instance, ptr) == 0)
        return 0;
    dal_instance_dealloc(instance, ptr, 20000, 8);
    return 1;
}

static void use_arena(void)
{
    GUARDED(struct dal_arena) arena;
    GUARDED(struct dal_arena_stats) stats;
    GUARDED(struct dal_arena_checkpoint) checkpoint;
    GUARDED(struct dal_arena_options) options;
    struct dal_arena *made = NULL;
    char buffer[600];

    GUARD(&arena);
    GUARD(&stats);
    GUARD(&checkpoint);
    GUARD(&options);
    memset(&options.inner, 0, sizeof options.inner);
    options.inner.child = dal_system();
    options.inner.buffer = buffer;
    options.inner.buffer_bytes = sizeof buffer;
    options.inner.limit_bytes = 1 << 20;
    check("dal_arena_init", dal_arena_init(&arena.inner, &options.inner) == 0);
    check("a block of the buffer", dal_arena_alloc(&arena.inner, 100, 1) != NULL);
    checkpoint.inner = dal_arena_checkpoint_take(&arena.inner);
    check("an arena as an instance", blocks_work(dal_arena_instance(&arena.inner)));
    check("its name", strcmp(dal_arena_instance(&arena.inner)->name, "arena") == 0);
    check("rewound", dal_arena_rewind(&arena.inner, checkpoint.inner, DAL_ARENA_FREE) == 0);
    (void)dal_arena_stats_read(&arena.inner, &stats.inner);
    check("its statistics", stats.inner.used_bytes == 104 && stats.inner.limit_bytes == 1 << 20 &&
                                stats.inner.chunk_count == 1);
    check("the limit", dal_arena_alloc(&arena.inner, 2 << 20, 8) == NULL);
    dal_arena_destroy(&arena.inner);
    check("dal_arena_create",
          dal_arena_create(&options.inner, &made) == 0 && blocks_work(dal_arena_instance(made)));
    dal_arena_destroy(made);
    check("nothing around them is overwritten", GUARD_HOLDS(&arena) && GUARD_HOLDS(&stats) &&
                                                    GUARD_HOLDS(&checkpoint) &&
                                                    GUARD_HOLDS(&options));
}

static void use_storage(void)
{
    GUARDED(struct dal_instance_storage) storage;
    GUARDED(struct dal_fixed_arena) fixed;
    static char memory[4096];

    GUARD(&storage);
    GUARD(&fixed);
    check("dal_instance_init", dal_instance_init(&storage.inner, &own, "mine") == 0);
    check("an instance in its storage", blocks_work(&storage.inner.instance));
    check("what is native",
          storage.inner.instance.native == (DAL_SLOT_ALLOC | DAL_SLOT_DEALLOC |
                                            DAL_SLOT_USABLE_SIZE | DAL_SLOT_DEALLOC_UNSIZED));
    fixed.inner = (struct dal_fixed_arena)DAL_FIXED_ARENA_INIT(memory, sizeof memory);
    check("a fixed arena", dal_fixed_arena_alloc(&fixed.inner, 100, 64) != NULL);
    check("nothing around them is overwritten", GUARD_HOLDS(&storage) && GUARD_HOLDS(&fixed));
}

static void use_statistics(void)
{
    GUARDED(struct dal_stats) stats;
    const struct dal_instance *instance = NULL;
    void *ptr;

    GUARD(&stats);
    stats.inner = (struct dal_stats)DAL_STATS_INIT;
    check("an instance of a spec",
          dal_instance_create_spec("stats:print=off+system", &instance, NULL, 0) == 0);
    ptr = dal_instance_alloc(instance, 1000, 8);
    check("dal_stats_read", dal_stats_read(instance, &stats.inner) == 0);
    check("what it read", stats.inner.live_blocks == 1 && stats.inner.live_bytes == 1000);
    dal_instance_dealloc(instance, ptr, 1000, 8);
    dal_instance_destroy(instance);
    check("nothing around it is overwritten", GUARD_HOLDS(&stats));
}

static int copy(const struct dal_instance *instance, void *ctx)
{
    void *ptr = dal_instance_alloc(instance, 10, 1);

    (void)ctx;
    dal_instance_dealloc(instance, ptr, 10, 1);
    return !ptr;
}

static void use_failures(void)
{
    GUARDED(struct dal_fail_report) report;

    GUARD(&report);
    report.inner = (struct dal_fail_report)DAL_FAIL_REPORT_INIT;
    check("dal_fail_each", dal_fail_each(copy, NULL, &report.inner) == 0);
    check("what it reports", report.inner.call_count == 1 && report.inner.run_count == 3);
    check("nothing around it is overwritten", GUARD_HOLDS(&report));
}

/* ---- What the library shows ------------------------------------------------------------------ */

#ifdef NEXT
# define HAS_GROWN(structure, bytes, pointer) \
     ((bytes) >= DAL_NEEDS(struct structure, grown) && (pointer)->grown)
#else
# define HAS_GROWN(structure, bytes, pointer) 0
#endif

static int print_item(const struct dal_spec_item *item, void *data)
{
    (void)data;
    printf("item %s:", item->backend->name);
    for (size_t i = 0; i < item->value_count; i++) {
        const struct dal_option_value *value = dal_spec_item_value(item, i);

        if (HAS_GROWN(dal_option_value, item->value_bytes, value))
            printf(" BAD");
        printf(" %s=%s (%" PRIu64 ", %s, %s)", value->key, value->text ? value->text : "none",
               value->number, value->given ? "given" : "default",
               value->option ? value->option->summary : "its own");
    }
    printf("\n");
    return 0;
}

static int create_own(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    if (dal_request_value(request, 1)->number != 9)
        return request->fail(request, DAL_ERR_CREATE, "last is %s",
                             dal_request_value(request, 1)->text);
    *allocator = own;
    return 0;
}

static const struct dal_option own_options[] = {
    {"first", DAL_OPTION_COUNT, 0, 0, 99, "1", NULL, "the first"},
    {"last", DAL_OPTION_COUNT, 0, 0, 99, "2", NULL, "the last"},
};

static const struct dal_backend own_backend = {
    DAL_BACKEND_HEADER, .name = "own",          .version = "1",       .summary = "of the program",
    .option_count = 2,  .options = own_options, .create = create_own,
};

static void use_backends(void)
{
    static const char spec[] = "layer:size=2K,other=x+pool:mode=b,last=7";
    const struct dal_instance *instance = NULL;
    const struct dal_backend *pool = dal_backend_find("pool");
    char message[256];

    for (size_t i = 0; pool && i < pool->option_count; i++) {
        const struct dal_option *option = dal_backend_option(pool, i);

        printf("pool has %s, %s%s\n", option->name, option->summary,
               HAS_GROWN(dal_option, pool->option_bytes, option) ? ", BAD" : "");
    }
    check("what the backend is said to have",
          pool && !HAS_GROWN(dal_backend, pool->size_bytes, pool));
    printf("%d %s\n", dal_spec_visit(spec, print_item, NULL, message, sizeof message), message);
    printf("%d ", dal_instance_create_spec(spec, &instance, message, sizeof message));
    printf("%s\n", message);
    check("a layer over a backend", instance && blocks_work(instance));
    dal_instance_destroy(instance);
    check("a backend of the program", dal_backend_register(&own_backend) == 0);
    printf("%d ", dal_instance_create_spec("layer+own", &instance, message, sizeof message));
    printf("%s\n", message);
    printf("%d ", dal_instance_create_spec("layer+own:last=9", &instance, message, sizeof message));
    printf("%s\n", message);
    check("a layer over it", instance && blocks_work(instance));
    dal_instance_destroy(instance);
}

/* ---- The front ------------------------------------------------------------------------------- */

static void use_front(void)
{
    int *number;
    char *text;
    int before;

    printf("set: %d\n", dal_global_set_named(&own, "own"));
    printf("who serves: %s\n", dal_global_name());
    check("dal_global", blocks_work(dal_global()) && own_calls > 0);
    number = dal_new(int);
    text = dal_strdup("text");
    check("typed", number && text && strcmp(text, "text") == 0);
    dal_delete(int, number);
    dal_string_delete(text);
    dal_dealloc_layout(dal_alloc_layout(dal_layout_unchecked(48, 16)),
                       dal_layout_unchecked(48, 16));
    before = own_calls;
    text = dal_unsized_malloc(100);
    check("the malloc family", text && own_calls > before && dal_unsized_usable_size(text) >= 100);
    text = dal_unsized_realloc(text, 10000);
    dal_unsized_free(text);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* the layer writes to standard error */
    use_arena();
    use_storage();
    use_statistics();
    use_failures();
    use_backends();
    use_front();
    return 0;
}
