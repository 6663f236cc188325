/* SPDX-License-Identifier: MIT */
/*
 * Wrong calls that the contract answers: the MISUSE sections of the manual, page by page.
 * Each case runs in a process of its own, so that its end, its exact words on standard
 * error, and a choice that nobody sealed before can be asserted.
 */
#include <config.h>

#include <check.h>
#include <dispatchalloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

/* ---- A case in a process of its own ---------------------------------------------------- */

#define CHILD_FAILED 99

/* Like ck_assert() in a child: libcheck's own would speak to the wrong process. */
#define REQUIRE(condition) require((condition), #condition, __LINE__)

static void require(int is_true, const char *condition, int line)
{
    if (is_true)
        return;
    printf("line %d: %s does not hold\n", line, condition);
    fflush(stdout);
    _exit(CHILD_FAILED);
}

static void read_all(int from, char *text, size_t bytes)
{
    size_t length = 0;
    ssize_t got;

    while (length < bytes - 1 && (got = read(from, text + length, bytes - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
}

/* Run a case: its wait(2) status, and what it wrote to standard error. */
static int run(void (*test_case)(void), char *text, size_t bytes)
{
    struct rlimit no_core = {0, 0};
    int ends[2];
    int status;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer may have taken it */
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        test_case();
        _exit(0);
    }
    (void)close(ends[1]);
    read_all(ends[0], text, bytes);
    (void)close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

/* It ends well, and says exactly this. */
static void expect(void (*test_case)(void), const char *words)
{
    char text[4096];
    int status = run(test_case, text, sizeof text);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x, said: %s", status,
                  text);
    ck_assert_str_eq(text, words);
}

/* It is ended by this signal, and says exactly this. */
static void expect_signal(void (*test_case)(void), int number, const char *words)
{
    char text[4096];
    int status = run(test_case, text, sizeof text);
    char *emulator_says = strstr(text, "qemu: uncaught target signal");

    if (emulator_says)
        *emulator_says = '\0';
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == number, "status %#x, said: %s", status,
                  text);
    ck_assert_str_eq(text, words);
}

#define LINE(words) "dispatchalloc: " words "\n"
#define STRICT_LINE LINE("strict mode: aborting")

/* ---- Allocators and backends to misuse -------------------------------------------------- */

static void *plain_alloc(size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_alloc(dal_system(), size, align);
}

static void plain_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static const struct dal_allocator plain = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = plain_alloc,
    .dealloc = plain_dealloc,
};
static const struct dal_allocator no_alloc = {
    DAL_ALLOCATOR_HEADER(NULL),
    .dealloc = plain_dealloc,
};
static const struct dal_allocator no_dealloc = {DAL_ALLOCATOR_HEADER(NULL), .alloc = plain_alloc};

static int plain_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = plain_alloc;
    allocator->dealloc = plain_dealloc;
    return 0;
}

static void *block_from_create;

static int greedy_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    block_from_create = dal_alloc(32, 8);
    dal_dealloc(block_from_create, 32, 8);
    block_from_create = block_from_create ? block_from_create : dal_alloc(16, 8);
    return plain_create(request, allocator);
}

static int choosing_result;

static int choosing_create(const struct dal_backend_request *request,
                           struct dal_allocator *allocator)
{
    choosing_result = dal_global_set(&plain);
    return plain_create(request, allocator);
}

static int positive_create(const struct dal_backend_request *request,
                           struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return 7;
}

static int silent_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return DAL_ERR_SYSTEM;
}

static int half_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->ctx = &choosing_result;
    allocator->alloc = plain_alloc;
    return 0;
}

static int half_layer_create(const struct dal_backend_request *request,
                             struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = plain_alloc;
    allocator->dealloc = plain_dealloc;
    return 0;
}

static int destroyed_count;

static void count_destroy(void *ctx)
{
    destroyed_count += ctx == &choosing_result;
}

#define BACKEND(name_, create_)                                                       \
    {                                                                                 \
        DAL_BACKEND_HEADER, .name = (name_), .version = "1", .summary = "for a test", \
                            .create = (create_), .destroy = count_destroy             \
    }

static const struct dal_backend greedy = BACKEND("greedy", greedy_create);
static const struct dal_backend choosing = BACKEND("choosing", choosing_create);
static const struct dal_backend positive = BACKEND("positive", positive_create);
static const struct dal_backend silent = BACKEND("silent", silent_create);
static const struct dal_backend half = BACKEND("half", half_create);
static const struct dal_backend half_layer = {
    DAL_BACKEND_HEADER,      .name = "half-layer",       .version = "1",
    .summary = "for a test", .flags = DAL_BACKEND_LAYER, .create = half_layer_create,
};

static const struct dal_instance *made(const struct dal_allocator *allocator)
{
    const struct dal_instance *instance = NULL;

    REQUIRE(dal_instance_create(allocator, NULL, &instance) == 0);
    return instance;
}

/* The result of making an instance of a backend; message receives why it failed. */
static int make_with(const struct dal_backend *backend, char *message, size_t message_bytes)
{
    const struct dal_instance *instance = NULL;
    int error;

    REQUIRE(dal_backend_register(backend) == 0);
    error = dal_instance_create_spec(backend->name, &instance, message, message_bytes);
    REQUIRE((error == 0) == (instance != NULL));
    return error;
}

/* ---- dal_alloc(3) ----------------------------------------------------------------------- */

static void dealloc_null(void)
{
    dal_dealloc(NULL, 8, 8);
    REQUIRE(!dal_global_is_sealed());
    dal_dealloc(dal_alloc(1, 1), 1, 1);
    dal_dealloc(NULL, 8, 8);
}

START_TEST(test_dealloc_of_null_does_nothing)
{
    expect(dealloc_null, "");
}
END_TEST

static void realloc_null(void)
{
    char *block = dal_realloc(NULL, 0, 8, 24);

    REQUIRE(block != NULL);
    memset(block, 1, 24);
    block = dal_realloc(block, 24, 8, 0);
    REQUIRE(block != NULL);
    dal_dealloc(block, 0, 8);
}

START_TEST(test_realloc_of_null_allocates_and_to_size_0_leaves_a_block)
{
    expect(realloc_null, "");
}
END_TEST

static void front_from_create(void)
{
    REQUIRE(make_with(&greedy, NULL, 0) == 0);
    REQUIRE(block_from_create == NULL);
    REQUIRE(!dal_global_is_sealed());
}

START_TEST(test_front_called_from_create_gives_null_and_one_line)
{
    expect(front_from_create,
           LINE("backend \"greedy\" calls dal_* from inside its create(), which fails; it has to "
                "use the child allocator of the request"));
}
END_TEST

static void front_from_create_when_sealed(void)
{
    dal_dealloc(dal_alloc(1, 1), 1, 1);
    REQUIRE(make_with(&greedy, NULL, 0) == 0);
    REQUIRE(block_from_create != NULL);
}

START_TEST(test_front_called_from_create_of_a_later_instance_is_served)
{
    expect(front_from_create_when_sealed, "");
}
END_TEST

/* ---- dal_instance(3) ---------------------------------------------------------------------- */

static void init_refuses(void)
{
    struct dal_instance_storage storage, before;
    struct dal_allocator other = plain;
    struct {
        struct dal_allocator known;
        void *unknown;
    } longer = {plain, NULL};

    memset(&storage, 0x5a, sizeof storage);
    before = storage;
    REQUIRE(dal_instance_init(NULL, &plain, "x") == DAL_ERR_INVALID);
    REQUIRE(dal_instance_init(&storage, NULL, "x") == DAL_ERR_INVALID);
    REQUIRE(dal_instance_init(&storage, &no_alloc, "x") == DAL_ERR_INCOMPLETE);
    REQUIRE(dal_instance_init(&storage, &no_dealloc, "x") == DAL_ERR_INCOMPLETE);
    other.abi++;
    REQUIRE(dal_instance_init(&storage, &other, "x") == DAL_ERR_ABI);
    other.abi--;
    other.size_bytes = offsetof(struct dal_allocator, dealloc);
    REQUIRE(dal_instance_init(&storage, &other, "x") == DAL_ERR_ABI);
    longer.known.size_bytes = sizeof longer;
    longer.unknown = &longer;
    REQUIRE(dal_instance_init(&storage, &longer.known, "x") == DAL_ERR_ABI);
    REQUIRE(memcmp(&storage, &before, sizeof storage) == 0);
    longer.unknown = NULL;
    REQUIRE(dal_instance_init(&storage, &longer.known, NULL) == 0);
    REQUIRE(strcmp(storage.instance.name, "custom") == 0);
}

START_TEST(test_init_refuses_with_a_number_and_leaves_storage_alone)
{
    expect(init_refuses, "");
}
END_TEST

static void create_refuses(void)
{
    const struct dal_instance *const untouched = dal_system();
    const struct dal_instance *instance = untouched;
    char message[256];

    REQUIRE(dal_instance_create(NULL, "x", &instance) == DAL_ERR_INVALID);
    REQUIRE(dal_instance_create(&plain, "x", NULL) == DAL_ERR_INVALID);
    REQUIRE(dal_instance_create(&no_alloc, "x", &instance) == DAL_ERR_INCOMPLETE);
    REQUIRE(dal_instance_create_spec(NULL, &instance, message, sizeof message) == DAL_ERR_INVALID);
    REQUIRE(strcmp(message, "the spec or the place for the instance is NULL") == 0);
    REQUIRE(dal_instance_create_spec("system", NULL, NULL, 0) == DAL_ERR_INVALID);
    REQUIRE(dal_instance_create_spec("sytsem", &instance, message, sizeof message) ==
            DAL_ERR_UNKNOWN);
    REQUIRE(
        strstr(message,
               "no backend or layer is called \"sytsem\" (did you mean \"system\"?); known: ") ==
        message);
    /* A message that is cut short, or not wanted, changes nothing else. */
    REQUIRE(dal_instance_create_spec("sytsem", &instance, message, 3) == DAL_ERR_UNKNOWN);
    REQUIRE(strcmp(message, "no") == 0);
    REQUIRE(dal_instance_create_spec("sytsem", &instance, NULL, 99) == DAL_ERR_UNKNOWN);
    REQUIRE(instance == untouched);
}

START_TEST(test_create_refuses_in_silence_and_leaves_the_handle_alone)
{
    expect(create_refuses, "");
}
END_TEST

static void write_to_instance(void)
{
    struct dal_instance *instance = (struct dal_instance *)(uintptr_t)made(&plain);

    instance->alloc.call = NULL;
}

START_TEST(test_writing_to_a_made_instance_is_a_segmentation_fault)
{
    expect_signal(write_to_instance, SIGSEGV, "");
}
END_TEST

static char not_a_block;

static void unsized_without_a_way(void)
{
    dal_instance_dealloc_unsized(made(&plain), NULL);
    dal_instance_dealloc_unsized(made(&plain), &not_a_block);
}

START_TEST(test_unsized_free_that_cannot_be_done_aborts)
{
    char words[160];

    (void)snprintf(words, sizeof words,
                   LINE("\"custom\" cannot free a block without its size (dealloc_unsized of %p)"),
                   (void *)&not_a_block);
    expect_signal(unsized_without_a_way, SIGABRT, words);
}
END_TEST

static void derived_answers(void)
{
    const struct dal_instance *instance = made(&plain);
    char *block = dal_instance_alloc(instance, 40, 8);

    REQUIRE(block != NULL);
    memset(block, 7, 40);
    REQUIRE(dal_instance_resize_in_place(instance, block, 40, 8, 41) == DAL_ERR_UNSUPPORTED);
    REQUIRE(dal_instance_resize_in_place(instance, block, 40, 8, 40) == 0);
    REQUIRE(dal_instance_owns(instance, block) == DAL_ERR_UNSUPPORTED);
    REQUIRE(dal_instance_usable_size(instance, block, 40, 8) == 40);
    REQUIRE(block[0] == 7 && block[39] == 7);
    dal_instance_dealloc(instance, block, 40, 8);
    dal_instance_destroy(instance);
}

START_TEST(test_what_an_allocator_cannot_do_is_answered_and_leaves_the_block)
{
    expect(derived_answers, "");
}
END_TEST

static void destroy_what_is_not_ours(void)
{
    struct dal_instance_storage storage;

    REQUIRE(dal_instance_init(&storage, &plain, NULL) == 0);
    REQUIRE(dal_global_set(&plain) == 0);
    dal_dealloc(dal_alloc(8, 8), 8, 8);
    REQUIRE(dal_global_active() != NULL);
    dal_instance_destroy(NULL);
    dal_instance_destroy(&storage.instance);
    dal_instance_destroy(dal_system());
    dal_instance_destroy(dal_global());
    dal_instance_destroy(dal_global_active());
    dal_instance_dealloc(&storage.instance, dal_instance_alloc(&storage.instance, 8, 8), 8, 8);
    dal_instance_dealloc(dal_system(), dal_instance_alloc(dal_system(), 8, 8), 8, 8);
    dal_instance_dealloc(dal_global(), dal_instance_alloc(dal_global(), 8, 8), 8, 8);
}

START_TEST(test_destroy_of_an_instance_that_is_nobodys_does_nothing)
{
    expect(destroy_what_is_not_ours, "");
}
END_TEST

static void ignore_fork(void *ctx)
{
    (void)ctx;
}

static void many_with_fork_functions(void)
{
    const struct dal_instance *instance = NULL, *last = NULL;
    struct dal_allocator forking = plain;

    forking.fork_prepare = ignore_fork;
    for (int i = 0; i < 63; i++)
        REQUIRE(dal_instance_create(&forking, NULL, &last) == 0);
    REQUIRE(dal_instance_create(&forking, NULL, &instance) == DAL_ERR_FULL);
    REQUIRE(dal_instance_create(&plain, NULL, &instance) == 0);
    dal_instance_destroy(last);
    REQUIRE(dal_instance_create(&forking, NULL, &instance) == 0);
}

START_TEST(test_a_64th_instance_with_fork_functions_is_refused)
{
    expect(many_with_fork_functions, "");
}
END_TEST

/* ---- dal_global(3) ------------------------------------------------------------------------ */

static void set_null(void)
{
    REQUIRE(dal_global_set(NULL) == DAL_ERR_INVALID);
    REQUIRE(dal_global_set_named(NULL, "mine") == DAL_ERR_INVALID);
    REQUIRE(dal_global_set_spec(NULL) == DAL_ERR_INVALID);
    REQUIRE(strcmp(dal_global_name(), "system") == 0);
    REQUIRE(dal_global_source() == DAL_SOURCE_DEFAULT);
}

START_TEST(test_set_of_null_is_refused_and_says_so)
{
    expect(set_null, LINE("dal_global_set(\"custom\"): the allocator is NULL")
                         LINE("dal_global_set(\"mine\"): the allocator is NULL")
                             LINE("dal_global_set_spec(NULL): the spec is NULL"));
}
END_TEST

static void set_incomplete(void)
{
    struct dal_allocator other = plain;
    char text[512];

    REQUIRE(dal_global_set_named(&no_dealloc, "mine") == DAL_ERR_INCOMPLETE);
    other.abi = 7;
    REQUIRE(dal_global_set(&other) == DAL_ERR_ABI);
    REQUIRE(strcmp(dal_global_name(), "system") == 0);
    /* The first refusal is kept. */
    (void)dal_global_explain(text, sizeof text);
    REQUIRE(strstr(text, "refused: dal_global_set(\"mine\"): it has no dealloc function\n") !=
            NULL);
}

START_TEST(test_set_of_what_cannot_serve_is_refused_and_kept)
{
    expect(set_incomplete,
           LINE("dal_global_set(\"mine\"): it has no dealloc function")
               LINE("dal_global_set(\"custom\"): its struct dal_allocator has version 7, "
                    "libdispatchalloc " PACKAGE_VERSION " knows 1"));
}
END_TEST

static void set_null_strictly(void)
{
    dal_global_set_strict(true);
    (void)dal_global_set(NULL);
}

START_TEST(test_refused_set_aborts_in_strict_mode)
{
    expect_signal(set_null_strictly, SIGABRT,
                  LINE("dal_global_set(\"custom\"): the allocator is NULL") STRICT_LINE);
}
END_TEST

static void set_bad_specs(void)
{
    REQUIRE(dal_global_set_spec("") == DAL_ERR_SYNTAX);
    REQUIRE(dal_global_set_spec("system+system") == DAL_ERR_SYNTAX);
    REQUIRE(dal_global_set_spec("system:x=1") == DAL_ERR_OPTION);
    REQUIRE(dal_global_set_spec("system") == 0);
}

START_TEST(test_set_of_a_bad_spec_is_refused_and_says_why)
{
    expect(set_bad_specs,
           LINE("dal_global_set_spec(\"\"): it is empty")
               LINE("dal_global_set_spec(\"system+system\"): \"system\" is a backend, not a layer, "
                    "and has to come last; a spec has one backend, behind its layers")
                   LINE("dal_global_set_spec(\"system:x=1\"): \"system\" has no option \"x\"; it "
                        "takes none"));
}
END_TEST

static void set_bad_spec_strictly(void)
{
    dal_global_set_strict(true);
    (void)dal_global_set_spec("system:x");
}

START_TEST(test_bad_spec_aborts_in_strict_mode)
{
    expect_signal(set_bad_spec_strictly, SIGABRT,
                  LINE("dal_global_set_spec(\"system:x\"): \"system\" takes options as key=value, "
                       "separated by commas, not \"x\"") STRICT_LINE);
}
END_TEST

static void set_late(void)
{
    /* Also in strict mode: the program's choice is not bad, it is late. */
    dal_global_set_strict(true);
    dal_dealloc(dal_alloc(24, 8), 24, 8);
    REQUIRE(dal_global_set_named(&plain, "mine") == DAL_ERR_SEALED);
    REQUIRE(dal_global_set_spec("system") == DAL_ERR_SEALED);
    REQUIRE(strcmp(dal_global_name(), "system") == 0);
}

START_TEST(test_late_set_is_refused_and_tells_the_first_allocation)
{
    static const char first[] =
        "dispatchalloc: dal_global_set(\"mine\") comes too late: \"system\" serves since an "
        "allocation of 24 bytes at alignment 8" SUITE_FROM;
    static const char second[] =
        "\ndispatchalloc: dal_global_set_spec(\"system\") comes too late: \"system\" serves since "
        "an allocation of 24 bytes at alignment 8" SUITE_FROM;
    char text[2048];
    int status = run(set_late, text, sizeof text);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x: %s", status, text);
    ck_assert_msg(strncmp(text, first, sizeof first - 1) == 0, "said: %s", text);
    ck_assert_msg(strstr(text, second) != NULL, "said: %s", text);
    ck_assert_msg(!*SUITE_FROM || strstr(text, "check_misuse"), "the call site is missing: %s",
                  text);
}
END_TEST

static void set_from_create(void)
{
    REQUIRE(make_with(&choosing, NULL, 0) == 0);
    REQUIRE(choosing_result == DAL_ERR_INVALID);
    REQUIRE(dal_global_source() == DAL_SOURCE_DEFAULT);
}

START_TEST(test_set_from_inside_create_is_refused)
{
    expect(set_from_create, LINE("dal_global_set(\"custom\"): called from inside create() of "
                                 "backend \"choosing\""));
}
END_TEST

static void explain_in_pieces(void)
{
    char all[1024], some[12];
    size_t length = dal_global_explain(NULL, 0);

    REQUIRE(length > sizeof some && length < sizeof all);
    REQUIRE(dal_global_explain(all, sizeof all) == length && strlen(all) == length);
    REQUIRE(dal_global_explain(some, sizeof some) == length);
    REQUIRE(strlen(some) == sizeof some - 1 && strncmp(all, some, sizeof some - 1) == 0);
    REQUIRE(!dal_global_is_sealed());
}

START_TEST(test_explanation_is_cut_where_the_room_ends)
{
    expect(explain_in_pieces, "");
}
END_TEST

/* ---- dal_backend(3) ----------------------------------------------------------------------- */

static int registered(struct dal_backend backend)
{
    static struct dal_backend kept[32];
    static size_t count;

    kept[count] = backend;
    return dal_backend_register(&kept[count++]);
}

static void register_refuses(void)
{
    static const struct dal_option bad_type = {.name = "x", .type = 9, .summary = "for a test"};
    static const struct dal_option no_summary = {.name = "x", .type = DAL_OPTION_TEXT};
    static const struct dal_option bad_default = {
        .name = "x",
        .type = DAL_OPTION_COUNT,
        .maximum = 3,
        .default_text = "4",
        .summary = "for a test",
    };
    static const struct dal_option twice[] = {
        {.name = "x", .type = DAL_OPTION_TEXT, .summary = "for a test"},
        {.name = "y", .type = DAL_OPTION_TEXT, .summary = "for a test"},
        {.name = "x", .type = DAL_OPTION_COUNT, .summary = "for a test"},
    };
    static const struct dal_option inverted = {
        .name = "x",
        .type = DAL_OPTION_BYTES,
        .minimum = 2,
        .maximum = 1,
        .summary = "for a test",
    };
    const struct dal_backend good = BACKEND("good", plain_create);
    struct dal_backend bad = good;

    REQUIRE(dal_backend_register(NULL) == DAL_ERR_INVALID);
    REQUIRE((bad.abi = 2, registered(bad)) == DAL_ERR_ABI);
    bad = good;
    REQUIRE((bad.size_bytes = 8, registered(bad)) == DAL_ERR_ABI);
    bad = good;
    REQUIRE((bad.name = NULL, registered(bad)) == DAL_ERR_INVALID);
    REQUIRE((bad.name = "", registered(bad)) == DAL_ERR_INVALID);
    REQUIRE((bad.name = "Good", registered(bad)) == DAL_ERR_INVALID);
    REQUIRE((bad.name = "go+od", registered(bad)) == DAL_ERR_INVALID);
    REQUIRE((bad.name = "a12345678901234567890123456789012", registered(bad)) == DAL_ERR_INVALID);
    REQUIRE((bad.name = "system", registered(bad)) == DAL_ERR_TAKEN);
    bad = good;
    REQUIRE((bad.create = NULL, registered(bad)) == DAL_ERR_INVALID);
    bad = good;
    REQUIRE((bad.version = NULL, registered(bad)) == DAL_ERR_INVALID);
    bad = good;
    REQUIRE((bad.summary = NULL, registered(bad)) == DAL_ERR_INVALID);
    bad = good;
    bad.option_count = 1;
    REQUIRE(registered(bad) == DAL_ERR_INVALID);
    REQUIRE((bad.options = &bad_type, registered(bad)) == DAL_ERR_ABI);
    REQUIRE((bad.options = &no_summary, registered(bad)) == DAL_ERR_INVALID);
    REQUIRE((bad.options = &bad_default, registered(bad)) == DAL_ERR_INVALID);
    REQUIRE((bad.options = &inverted, registered(bad)) == DAL_ERR_INVALID);
    bad.option_count = 3;
    REQUIRE((bad.options = twice, registered(bad)) == DAL_ERR_INVALID);
    bad.option_count = 2;
    REQUIRE((bad.name = "fine", registered(bad)) == 0);
    REQUIRE(dal_backend_find("good") == NULL);
}

START_TEST(test_register_refuses_what_is_malformed)
{
    expect(register_refuses, "");
}
END_TEST

static int count_backend(const struct dal_backend *backend, void *data)
{
    size_t *count = data;

    (void)backend;
    ++*count;
    return 0;
}

static size_t backend_count(void)
{
    size_t count = 0;

    (void)dal_backend_visit(count_backend, &count);
    return count;
}

static void register_twice(void)
{
    static const struct dal_backend same_name = BACKEND("greedy", plain_create);
    size_t count = backend_count();

    REQUIRE(dal_backend_register(&greedy) == 0);
    REQUIRE(dal_backend_register(&greedy) == 0);
    REQUIRE(dal_backend_register(&same_name) == DAL_ERR_TAKEN);
    REQUIRE(backend_count() == count + 1);
    REQUIRE(dal_backend_find("greedy") == &greedy);
}

START_TEST(test_a_name_is_given_once_and_the_same_backend_again_is_no_error)
{
    expect(register_twice, "");
}
END_TEST

static void register_too_many(void)
{
    static struct dal_backend backends[65];
    static char names[65][8];

    for (int i = 0; i < 65; i++) {
        backends[i] = greedy;
        (void)snprintf(names[i], sizeof names[i], "b%d", i);
        backends[i].name = names[i];
        REQUIRE(dal_backend_register(&backends[i]) == (i < 64 ? 0 : DAL_ERR_FULL));
    }
}

START_TEST(test_a_65th_backend_is_refused)
{
    expect(register_too_many, "");
}
END_TEST

static void register_late(void)
{
    const struct dal_instance *instance = NULL;

    dal_dealloc(dal_alloc(1, 1), 1, 1);
    REQUIRE(make_with(&greedy, NULL, 0) == 0);
    REQUIRE(dal_instance_create_spec("greedy", &instance, NULL, 0) == 0);
    REQUIRE(strcmp(dal_global_name(), "system") == 0);
}

START_TEST(test_a_backend_registered_late_still_makes_instances)
{
    expect(register_late, "");
}
END_TEST

static void create_goes_wrong(void)
{
    char message[256];

    REQUIRE(make_with(&positive, message, sizeof message) == DAL_ERR_CREATE);
    REQUIRE(strcmp(message, "\"positive\": the backend could not be started") == 0);
    REQUIRE(make_with(&silent, message, sizeof message) == DAL_ERR_SYSTEM);
    REQUIRE(strcmp(message, "\"silent\": the operating system refused") == 0);
    REQUIRE(destroyed_count == 0);
    REQUIRE(make_with(&half, message, sizeof message) == DAL_ERR_INCOMPLETE);
    REQUIRE(strcmp(message, "\"half\": it has no dealloc function") == 0);
    REQUIRE(destroyed_count == 1);
    REQUIRE(make_with(&half_layer, message, sizeof message) == DAL_ERR_INCOMPLETE);
    REQUIRE(strcmp(message, "\"half-layer\": it hooks alloc but not alloc_zeroed") == 0);
}

START_TEST(test_a_create_that_goes_wrong_is_named_with_the_reason)
{
    expect(create_goes_wrong, "");
}
END_TEST

/* ---- dal_spec_visit(3) -------------------------------------------------------------------- */

static int must_not_be_called(const struct dal_spec_item *item, void *data)
{
    (void)data;
    REQUIRE(item == NULL);
    return 0;
}

static int stop(const struct dal_spec_item *item, void *data)
{
    (void)item;
    ++*(int *)data;
    return 42;
}

static void visit_refuses(void)
{
    char message[256];
    char *longest = calloc(1, DAL_SPEC_BYTES_MAX + 2);
    int visits = 0;

    REQUIRE(longest != NULL);
    memset(longest, 'a', DAL_SPEC_BYTES_MAX + 1);
#define VISIT(text) dal_spec_visit(text, must_not_be_called, NULL, message, sizeof message)
    REQUIRE(VISIT(NULL) == DAL_ERR_INVALID && strcmp(message, "the spec is NULL") == 0);
    REQUIRE(VISIT("") == DAL_ERR_SYNTAX && strcmp(message, "it is empty") == 0);
    REQUIRE(VISIT(longest) == DAL_ERR_SYNTAX);
    REQUIRE(strcmp(message, "it is longer than 4095 bytes") == 0);
    REQUIRE(VISIT("+system") == DAL_ERR_SYNTAX &&
            strcmp(message, "item 1 has no name (did you mean \"system\"?)") == 0);
    REQUIRE(VISIT("system+") == DAL_ERR_SYNTAX &&
            strcmp(message, "item 2 has no name (did you mean \"system\"?)") == 0);
    REQUIRE(VISIT("system:a=%00") == DAL_ERR_SYNTAX);
    REQUIRE(VISIT("system:a=1,a=2") == DAL_ERR_SYNTAX);
    REQUIRE(strcmp(message, "\"system\" has the option \"a\" twice") == 0);
    REQUIRE(VISIT("a+b+c") == DAL_ERR_UNKNOWN);
    REQUIRE(VISIT("system:a=1") == DAL_ERR_OPTION);
    REQUIRE(dal_spec_visit("sys", NULL, NULL, NULL, 0) == DAL_ERR_UNKNOWN);
    REQUIRE(dal_spec_visit("system", NULL, NULL, message, sizeof message) == 0);
    REQUIRE(strcmp(message, "") == 0);
    REQUIRE(dal_spec_visit("system", stop, &visits, message, sizeof message) == 42);
    REQUIRE(visits == 1);
    free(longest);
}

START_TEST(test_a_bad_spec_is_not_visited)
{
    expect(visit_refuses, "");
}
END_TEST

START_TEST(test_visiting_modules_without_a_visitor_does_nothing)
{
    ck_assert_int_eq(dal_module_visit(NULL, NULL), 0);
}
END_TEST

/* ---- dal_handle_alloc_error(3), dal_strerror(3) -------------------------------------------- */

static void give_up(void)
{
    dal_handle_alloc_error((struct dal_layout){2, 2});
}

START_TEST(test_giving_up_prints_rusts_words_and_aborts)
{
    expect_signal(give_up, SIGABRT, "memory allocation of 2 bytes failed\n");
}
END_TEST

static void give_up_with_nonsense(void)
{
    dal_handle_alloc_error((struct dal_layout){UINT32_MAX, 3});
}

START_TEST(test_giving_up_accepts_an_invalid_layout)
{
    expect_signal(give_up_with_nonsense, SIGABRT, "memory allocation of 4294967295 bytes failed\n");
}
END_TEST

static void returning_hook(struct dal_layout layout)
{
    REQUIRE(layout.size == 2 && layout.align == 1);
    (void)!write(STDERR_FILENO, "hook\n", 5);
}

static void give_up_with_a_hook_that_returns(void)
{
    REQUIRE(dal_alloc_error_hook_set(returning_hook) == NULL);
    dal_handle_alloc_error((struct dal_layout){2, 1});
}

START_TEST(test_a_hook_that_returns_is_followed_by_abort)
{
    expect_signal(give_up_with_a_hook_that_returns, SIGABRT, "hook\n");
}
END_TEST

static jmp_buf out;

static void jumping_hook(struct dal_layout layout)
{
    (void)layout;
    longjmp(out, 1);
}

static void give_up_with_a_hook_that_jumps(void)
{
    (void)dal_alloc_error_hook_set(jumping_hook);
    if (setjmp(out) == 0)
        dal_handle_alloc_error((struct dal_layout){2, 1});
    REQUIRE(dal_alloc_error_hook_set(NULL) == jumping_hook);
    REQUIRE(dal_alloc_error_hook_set(NULL) == NULL);
    dal_dealloc(dal_alloc(8, 8), 8, 8);
}

START_TEST(test_a_hook_may_leave_by_longjmp)
{
    expect(give_up_with_a_hook_that_jumps, "");
}
END_TEST

START_TEST(test_strange_error_numbers_have_a_text)
{
    ck_assert_str_eq(dal_strerror(0), "success");
    ck_assert_str_eq(dal_strerror(DAL_ERR_SYSTEM), "the operating system refused");
    ck_assert_str_eq(dal_strerror(DAL_ERR_END_), "unknown error");
    ck_assert_str_eq(dal_strerror(12), "unknown error");
}
END_TEST

/* ------------------------------------------------------------------------------------------- */

static Suite *misuse_suite(void)
{
    const TTest *const tests[] = {
        test_dealloc_of_null_does_nothing,
        test_realloc_of_null_allocates_and_to_size_0_leaves_a_block,
        test_front_called_from_create_gives_null_and_one_line,
        test_front_called_from_create_of_a_later_instance_is_served,
        test_init_refuses_with_a_number_and_leaves_storage_alone,
        test_create_refuses_in_silence_and_leaves_the_handle_alone,
        test_writing_to_a_made_instance_is_a_segmentation_fault,
        test_unsized_free_that_cannot_be_done_aborts,
        test_what_an_allocator_cannot_do_is_answered_and_leaves_the_block,
        test_destroy_of_an_instance_that_is_nobodys_does_nothing,
        test_a_64th_instance_with_fork_functions_is_refused,
        test_set_of_null_is_refused_and_says_so,
        test_set_of_what_cannot_serve_is_refused_and_kept,
        test_refused_set_aborts_in_strict_mode,
        test_set_of_a_bad_spec_is_refused_and_says_why,
        test_bad_spec_aborts_in_strict_mode,
        test_late_set_is_refused_and_tells_the_first_allocation,
        test_set_from_inside_create_is_refused,
        test_explanation_is_cut_where_the_room_ends,
        test_register_refuses_what_is_malformed,
        test_a_name_is_given_once_and_the_same_backend_again_is_no_error,
        test_a_65th_backend_is_refused,
        test_a_backend_registered_late_still_makes_instances,
        test_a_create_that_goes_wrong_is_named_with_the_reason,
        test_a_bad_spec_is_not_visited,
        test_visiting_modules_without_a_visitor_does_nothing,
        test_giving_up_prints_rusts_words_and_aborts,
        test_giving_up_accepts_an_invalid_layout,
        test_a_hook_that_returns_is_followed_by_abort,
        test_a_hook_may_leave_by_longjmp,
        test_strange_error_numbers_have_a_text,
    };
    Suite *suite = suite_create("misuse");
    TCase *cases = tcase_create("manual");

    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        tcase_add_test(cases, tests[i]);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(misuse_suite());
}
