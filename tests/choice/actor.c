/* SPDX-License-Identifier: MIT */
/*
 * A program that does what its arguments say, in their order, so that a test can put any
 * sequence of choices, allocations and questions into a process of its own. Every answer
 * is one line on standard output.
 *
 * It is built four times: plain, ACTOR_LINK with a link-time choice, ACTOR_VETO with a veto,
 * and with both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dispatchalloc.h>

/* Allocations that each of the allocators here has served: what really was reached. */
static struct counter {
    const char *name;
    unsigned count;
} linked_calls = {"linked", 0}, custom_calls = {"custom", 0}, pool_calls = {"pool", 0},
  tally_calls = {"tally", 0};

static struct counter *const counters[] = {&tally_calls, &pool_calls, &custom_calls, &linked_calls};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Allocators that count and pass on --------------------------------------------------- */

static void *counting_alloc(size_t size, size_t align, void *ctx)
{
    ((struct counter *)ctx)->count++;
    return dal_instance_alloc(dal_system(), size, align);
}

static void counting_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static int prepared, continued, born;

static void count_prepare(void *ctx)
{
    (void)ctx;
    prepared++;
}

static void count_parent(void *ctx)
{
    (void)ctx;
    continued++;
}

static void count_child(void *ctx)
{
    (void)ctx;
    born++;
}

static const struct dal_allocator custom = {
    DAL_ALLOCATOR_HEADER(&custom_calls), .alloc = counting_alloc,     .dealloc = counting_dealloc,
    .fork_prepare = count_prepare,       .fork_parent = count_parent, .fork_child = count_child,
};
static const struct dal_allocator unfinished = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = counting_alloc,
};

#ifdef ACTOR_LINK
static const struct dal_allocator linked = {
    DAL_ALLOCATOR_HEADER(&linked_calls),
    .alloc = counting_alloc,
    .dealloc = counting_dealloc,
};
DAL_GLOBAL_ALLOCATOR(linked);
#endif
#ifdef ACTOR_VETO
DAL_FORBID_ENVIRONMENT();
#endif

/* ---- Backends ---------------------------------------------------------------------------- */

static int pool_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->ctx = &pool_calls;
    allocator->alloc = counting_alloc;
    allocator->dealloc = counting_dealloc;
    return 0;
}

/* The one layer here; a process may hold several, which share the counter. */
struct tally {
    const struct dal_instance *next;
};
static struct tally tallies[16];
static size_t tally_count;

static const struct dal_instance *next_of(void *ctx)
{
    return ((struct tally *)ctx)->next;
}

static void *tally_alloc(size_t size, size_t align, void *ctx)
{
    tally_calls.count++;
    return dal_instance_alloc(next_of(ctx), size, align);
}

static void *tally_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc_zeroed(next_of(ctx), size, align);
}

static void *tally_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return dal_instance_realloc(next_of(ctx), ptr, old_size, align, new_size);
}

static void *tally_grow(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                        size_t new_align, void *ctx)
{
    return dal_instance_grow(next_of(ctx), ptr, old_size, old_align, new_size, new_align);
}

static void *tally_shrink(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                          size_t new_align, void *ctx)
{
    return dal_instance_shrink(next_of(ctx), ptr, old_size, old_align, new_size, new_align);
}

static int tally_resize(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return dal_instance_resize_in_place(next_of(ctx), ptr, old_size, align, new_size);
}

static int tally_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    struct tally *tally;

    if (tally_count == COUNT_OF(tallies))
        return DAL_ERR_FULL;
    tally = &tallies[tally_count++];
    tally->next = request->child;
    allocator->ctx = tally;
    allocator->alloc = tally_alloc;
    allocator->alloc_zeroed = tally_alloc_zeroed;
    allocator->realloc = tally_realloc;
    allocator->grow = tally_grow;
    allocator->grow_zeroed = tally_grow;
    allocator->shrink = tally_shrink;
    allocator->resize_in_place = tally_resize;
    return 0;
}

static int sulky_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)allocator;
    return request->fail(request, DAL_ERR_CREATE, "no %s before %d o'clock", "coffee", 9);
}

static int mute_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return DAL_ERR_SYSTEM;
}

/* Neither 0 nor an error number of the library. */
static int odd_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return 7;
}

static int hollow_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return 0;
}

static void hollow_destroy(void *ctx)
{
    (void)ctx;
    puts("hollow destroyed");
}

/* Allocates through the front from inside create(), twice, and works nevertheless. */
static int greedy_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    void *first = dal_alloc(8, 8);
    void *second = dal_alloc_zeroed(8, 8);

    printf("greedy got %s and %s\n", first ? "a block" : "NULL", second ? "a block" : "NULL");
    return pool_create(request, allocator);
}

static const struct dal_option pool_options[] = {
    {"size", DAL_OPTION_BYTES, 0, 1, 1048576, "4K", NULL, "bytes of a block"},
    {"mode", DAL_OPTION_CHOICE, 0, 0, 0, "fast", "fast|small", "what matters more"},
};

#define BACKEND(name_, version_, flags_, create_)                                    \
    {                                                                                \
        DAL_BACKEND_HEADER, .name = name_, .version = version_, .summary = "a test", \
                            .flags = flags_, .create = create_                       \
    }

static const struct dal_backend pool = {
    DAL_BACKEND_HEADER,
    .name = "pool",
    .version = "1.2",
    .summary = "a pool",
    .option_count = COUNT_OF(pool_options),
    .options = pool_options,
    .create = pool_create,
};
static const struct dal_backend hollow = {
    DAL_BACKEND_HEADER,  .name = "hollow",        .version = "0",
    .summary = "a test", .create = hollow_create, .destroy = hollow_destroy,
};
static const struct dal_backend tally = BACKEND("tally", "0.3", DAL_BACKEND_LAYER, tally_create);
static const struct dal_backend sulky = BACKEND("sulky", "0", 0, sulky_create);
static const struct dal_backend mute = BACKEND("mute", "0", 0, mute_create);
static const struct dal_backend odd = BACKEND("odd", "0", 0, odd_create);
static const struct dal_backend greedy = BACKEND("greedy", "0", 0, greedy_create);

static const struct dal_backend *const backends[] = {&pool, &tally,  &sulky, &mute,
                                                     &odd,  &hollow, &greedy};

/* ---- What an argument does --------------------------------------------------------------- */

static void do_register(char **argument)
{
    for (size_t i = 0; i < COUNT_OF(backends); i++) {
        if (strcmp(backends[i]->name, argument[0]) == 0)
            printf("register %d\n", dal_backend_register(backends[i]));
    }
}

static void do_set(char **argument)
{
    (void)argument;
    printf("set %d\n", dal_global_set(&custom));
}

static void do_set_null(char **argument)
{
    (void)argument;
    printf("set %d\n", dal_global_set(NULL));
}

static void do_set_unfinished(char **argument)
{
    (void)argument;
    printf("set %d\n", dal_global_set(&unfinished));
}

static void do_named(char **argument)
{
    printf("named %d\n", dal_global_set_named(&custom, argument[0]));
}

static void do_spec(char **argument)
{
    printf("spec %d\n", dal_global_set_spec(argument[0]));
}

static void do_spec_null(char **argument)
{
    (void)argument;
    printf("spec %d\n", dal_global_set_spec(NULL));
}

static void do_strict(char **argument)
{
    dal_global_set_strict(atoi(argument[0]) != 0);
}

static void do_alloc(char **argument)
{
    size_t size = (size_t)atoi(argument[0]);
    size_t align = (size_t)atoi(argument[1]);
    void *ptr = dal_alloc(size, align);

    printf("alloc %s\n", ptr ? "done" : "NULL");
    dal_dealloc(ptr, size, align);
}

/* Calls that may come first but hold no block. */
static void do_dealloc_null(char **argument)
{
    (void)argument;
    dal_dealloc(NULL, 0, 1);
    puts("dealloc done");
}

static void do_realloc_null(char **argument)
{
    void *ptr = dal_realloc(NULL, 0, 8, (size_t)atoi(argument[0]));

    printf("realloc %s\n", ptr ? "done" : "NULL");
    dal_dealloc(ptr, (size_t)atoi(argument[0]), 8);
}

static void do_who(char **argument)
{
    static const char *const sources[] = {"default", "link", "program", "environment"};

    (void)argument;
    printf("%s by %s, %s\n", dal_global_name(), sources[dal_global_source()],
           dal_global_is_sealed() ? "sealed" : "open");
}

static void do_calls(char **argument)
{
    (void)argument;
    printf("calls");
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        if (counters[i]->count)
            printf(" %s=%u", counters[i]->name, counters[i]->count);
    }
    puts("");
}

static void do_active(char **argument)
{
    (void)argument;
    printf("active %s\n", dal_global_active() ? dal_global_active()->name : "NULL");
}

static void do_explain(char **argument)
{
    char text[8192];
    size_t length = dal_global_explain(text, sizeof text);

    (void)argument;
    printf("%s%s", text, length == strlen(text) ? "" : "(wrong length)\n");
}

static int print_known(const struct dal_backend *backend, void *data)
{
    const char **separator = data;

    printf("%s%s", *separator, backend->name);
    *separator = ", ";
    return 0;
}

static void do_known(char **argument)
{
    const char *separator = "";

    (void)argument;
    (void)dal_backend_visit(print_known, &separator);
    puts("");
}


/* How often the fork functions of the custom allocator are called. */
static void do_fork(char **argument)
{
    int status = 0;
    pid_t child = fork();

    (void)argument;
    if (child == 0)
        _exit(born);
    waitpid(child, &status, 0);
    printf("fork prepare=%d parent=%d child=%d\n", prepared, continued, WEXITSTATUS(status));
}

static const struct action {
    const char *name;
    int argument_count;
    void (*run)(char **argument);
} actions[] = {
    {"register", 1, do_register},
    {"set", 0, do_set},
    {"set-null", 0, do_set_null},
    {"set-unfinished", 0, do_set_unfinished},
    {"named", 1, do_named},
    {"spec", 1, do_spec},
    {"spec-null", 0, do_spec_null},
    {"strict", 1, do_strict},
    {"alloc", 2, do_alloc},
    {"dealloc-null", 0, do_dealloc_null},
    {"realloc-null", 1, do_realloc_null},
    {"who", 0, do_who},
    {"calls", 0, do_calls},
    {"active", 0, do_active},
    {"explain", 0, do_explain},
    {"known", 0, do_known},
    {"fork", 0, do_fork},
};

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    for (int i = 1; i < argc;) {
        const struct action *action = NULL;

        for (size_t j = 0; j < COUNT_OF(actions); j++) {
            if (strcmp(actions[j].name, argv[i]) == 0)
                action = &actions[j];
        }
        if (!action || i + action->argument_count >= argc) {
            fprintf(stderr, "actor: what is %s?\n", argv[i]);
            return 99;
        }
        action->run(&argv[i + 1]);
        i += 1 + action->argument_count;
    }
    return 0;
}
