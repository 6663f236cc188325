/* SPDX-License-Identifier: MIT */
/*
 * Specs as values: a layer that sends large blocks to an allocator of its own, which the library
 * makes of the spec in parentheses, destroys, and calls around fork.
 */
#include <config.h>

#include <check.h>
#include <dispatchalloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chain/fork.h"
#include "chain/stack.h"
#include "suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- What happens, in order ------------------------------------------------------------- */

/* "+id" created, "-id" destroyed, "(id" prepared for a fork, ")id" and "*id" after it in the
 * parent and the child. */
static char events[512];

static void note(char what, const char *id)
{
    size_t length = strlen(events);

    ck_assert_uint_lt(length + strlen(id) + 2, sizeof events);
    events[length] = what;
    strcpy(events + length + 1, id);
}

struct node {
    const char *id;
    const struct dal_instance *child;
    const struct dal_instance *to;
    const struct dal_malloc_family *child_family;
    size_t live;
    int is_layer;
};

static struct node nodes[256];
static size_t node_count;

static struct node *node_of(const char *id)
{
    for (size_t i = node_count; i-- > 0;) {
        if (strcmp(nodes[i].id, id) == 0)
            return &nodes[i];
    }
    ck_abort_msg("\"%s\" was not made", id);
    return NULL;
}

/* ---- Allocators ------------------------------------------------------------------------- */

#define LARGE 1024

static void *leaf_alloc(size_t size, size_t align, void *ctx)
{
    struct node *node = ctx;

    node->live++;
    return dal_instance_alloc(node->child, size, align);
}

static void leaf_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    struct node *node = ctx;

    node->live--;
    dal_instance_dealloc(node->child, ptr, size, align);
}

static const struct dal_instance *target(const struct node *node, size_t size)
{
    return node->to && size >= LARGE ? node->to : node->child;
}

static void *split_alloc(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc(target(ctx, size), size, align);
}

static void split_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_instance_dealloc(target(ctx, size), ptr, size, align);
}

static void *split_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc_zeroed(target(ctx, size), size, align);
}

static void *split_relayout(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                            size_t new_align, void *ctx)
{
    void *block = split_alloc(new_size, new_align, ctx);

    if (!block)
        return NULL;
    memcpy(block, ptr, old_size < new_size ? old_size : new_size);
    split_dealloc(ptr, old_size, old_align, ctx);
    return block;
}

static void *split_grow_zeroed(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                               size_t new_align, void *ctx)
{
    char *block = split_relayout(ptr, old_size, old_align, new_size, new_align, ctx);

    if (block)
        memset(block + old_size, 0, new_size - old_size);
    return block;
}

static void *split_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return split_relayout(ptr, old_size, align, new_size, align, ctx);
}

static int split_resize_in_place(void *ptr, size_t old_size, size_t align, size_t new_size,
                                 void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return new_size == old_size ? DAL_OK : DAL_ERR_UNSUPPORTED;
}

/* A layer passes its own to the next one, as layers do. */
static void prepare(void *ctx)
{
    const struct node *node = ctx;

    note('(', node->id);
    if (node->is_layer)
        dal_instance_fork_prepare(node->child);
}

static void parent(void *ctx)
{
    const struct node *node = ctx;

    if (node->is_layer)
        dal_instance_fork_parent(node->child);
    note(')', node->id);
}

static void child(void *ctx)
{
    const struct node *node = ctx;

    if (node->is_layer)
        dal_instance_fork_child(node->child);
    note('*', node->id);
}

/* ---- Backends --------------------------------------------------------------------------- */

static const char *text_of(const struct dal_backend_request *request, const char *key)
{
    return request->find(request, key)->text;
}

/* fail=early is a create() that fails, fail=late one whose allocator the library refuses,
 * fail=front one that calls the front. */
static int create(const struct dal_backend_request *request, struct dal_allocator *allocator,
                  int is_layer)
{
    const char *fail = text_of(request, "fail");
    struct node *node = &nodes[node_count];

    ck_assert_uint_lt(node_count, COUNT_OF(nodes));
    if (strcmp(fail, "early") == 0)
        return (request->fail)(request, DAL_ERR_SYSTEM, "no, says %s", text_of(request, "id"));
    if (strcmp(fail, "front") == 0)
        ck_assert_ptr_null(dal_alloc(8, 8));
    node_count++;
    *node = (struct node){
        .id = text_of(request, "id"),
        .child = request->child,
        .child_family = request->child_family,
        .is_layer = is_layer,
    };
    note('+', node->id);
    allocator->ctx = node;
    if (request->find(request, "fork")->number) {
        allocator->fork_prepare = prepare;
        allocator->fork_parent = parent;
        allocator->fork_child = child;
    }
    if (strcmp(fail, "late") == 0)
        allocator->abi = 99;
    return DAL_OK;
}

static int create_leaf(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    allocator->alloc = leaf_alloc;
    allocator->dealloc = leaf_dealloc;
    return create(request, allocator, 0);
}

static int create_split(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    const struct dal_option_value *to = request->find(request, "to");
    int error = create(request, allocator, 1);

    ck_assert((to->text != NULL) == (to->instance != NULL));
    ck_assert_ptr_null(request->find(request, "id")->instance);
    if (error)
        return error;
    ((struct node *)allocator->ctx)->to = to->instance;
    allocator->alloc = split_alloc;
    allocator->dealloc = split_dealloc;
    allocator->alloc_zeroed = split_alloc_zeroed;
    allocator->realloc = split_realloc;
    allocator->grow = split_relayout;
    allocator->grow_zeroed = split_grow_zeroed;
    allocator->shrink = split_relayout;
    allocator->resize_in_place = split_resize_in_place;
    return DAL_OK;
}

static void destroy(void *ctx)
{
    const struct node *node = ctx;

    ck_assert_uint_eq(node->live, 0);
    note('-', node->id);
}

#define COMMON_OPTIONS                                                                    \
    {"id", DAL_OPTION_TEXT, 0, 0, 0, "x", NULL, "name in the events"},                    \
        {"fail", DAL_OPTION_CHOICE, 0, 0, 0, "no", "no|early|late|front", "how to fail"}, \
    {                                                                                     \
        "fork", DAL_OPTION_SWITCH, 0, 0, 0, "off", NULL, "whether to have fork functions" \
    }

static const struct dal_option leaf_options[] = {COMMON_OPTIONS};
static const struct dal_option split_options[] = {
    COMMON_OPTIONS,
    {"to", DAL_OPTION_SPEC, 0, 0, 0, NULL, NULL, "where large blocks come from"},
    {"or", DAL_OPTION_SPEC, 0, 0, 0, NULL, NULL, "another one"},
};
static const struct dal_option ready_options[] = {
    COMMON_OPTIONS,
    {"to", DAL_OPTION_SPEC, 0, 0, 0, "(leaf:id=d)", NULL, "where large blocks come from"},
};

#define BACKEND(name_, flags_, options_, create_)                                                \
    {                                                                                            \
        DAL_BACKEND_HEADER, .name = name_, .version = "1", .summary = "a test", .flags = flags_, \
                            .option_count = COUNT_OF(options_), .options = options_,             \
                            .create = create_, .destroy = destroy                                \
    }

static const struct dal_backend backends[] = {
    BACKEND("leaf", 0, leaf_options, create_leaf),
    BACKEND("split", DAL_BACKEND_LAYER, split_options, create_split),
    BACKEND("ready", DAL_BACKEND_LAYER, ready_options, create_split),
};

static void set_up(void)
{
    for (size_t i = 0; i < COUNT_OF(backends); i++)
        ck_assert_int_eq(dal_backend_register(&backends[i]), 0);
}

static const struct dal_instance *make(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

/* ---- Tests ------------------------------------------------------------------------------ */

START_TEST(test_blocks_come_from_both)
{
    const struct dal_instance *split = make("split:to=(leaf:id=l)+leaf:id=s");
    void *small = dal_instance_alloc(split, 16, 8);
    void *large = dal_instance_alloc(split, LARGE, 8);

    ck_assert_uint_eq(node_of("s")->live, 1);
    ck_assert_uint_eq(node_of("l")->live, 1);
    memset(small, 7, 16);
    small = dal_instance_realloc(split, small, 16, 8, LARGE);
    ck_assert_ptr_nonnull(small);
    ck_assert_int_eq(((char *)small)[15], 7);
    ck_assert_uint_eq(node_of("s")->live, 0);
    ck_assert_uint_eq(node_of("l")->live, 2);
    dal_instance_dealloc(split, small, LARGE, 8);
    dal_instance_dealloc(split, large, LARGE, 8);
    ck_assert_str_eq(split->name, "split+leaf");
    ck_assert_str_eq(node_of("x")->to->name, "leaf");
    dal_instance_destroy(split);
}
END_TEST

START_TEST(test_layers_alone_in_parentheses_wrap_the_system_allocator)
{
    const struct dal_instance *split = make("split:id=o,to=(split:id=i)+leaf:id=l");

    ck_assert_ptr_eq(node_of("i")->child, dal_system());
    ck_assert_str_eq(node_of("o")->to->name, "split+system");
    dal_instance_destroy(split);
}
END_TEST

START_TEST(test_who_serves_is_told_with_its_parentheses)
{
    char text[2048];

    ck_assert_int_eq(dal_global_set_spec("split:id=o,to=(split:id=i,to=(leaf:id=k))+leaf:id=l"), 0);
    (void)dal_global_explain(text, sizeof text);
    ck_assert_msg(strstr(text, "serves: split 1 to=(split 1 to=(leaf 1) + system " PACKAGE_VERSION
                               ") + leaf 1") != NULL,
                  "%s", text);
}
END_TEST

/* The program may not destroy what the library owns. */
START_TEST(test_a_nested_instance_is_no_handle)
{
    const struct dal_instance *split = make("split:to=(leaf:id=l)+leaf:id=s");

    events[0] = '\0';
    dal_instance_destroy(node_of("x")->to);
    ck_assert_str_eq(events, "");
    dal_instance_destroy(split);
}
END_TEST

/* The name of a base may be of any length, and takes no room from those of nested ones. */
START_TEST(test_a_long_name_below_leaves_room_for_the_nested_names)
{
    static char name[1500];
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    const struct dal_allocator allocator = {
        DAL_ALLOCATOR_HEADER(&nodes[0]),
        .alloc = leaf_alloc,
        .dealloc = leaf_dealloc,
    };
    struct dal_instance_storage base;
    struct dal_stack_ *stack;

    memset(name, 'b', sizeof name - 1);
    ck_assert_int_eq(dal_instance_init(&base, &allocator, name), 0);
    ck_assert_int_eq(dal_stack_create_("split:id=a,to=(split:id=n,to=(leaf)+ready:id=r+leaf)",
                                       &base.instance, DAL_STACK_OF_LIBRARY, &stack, &nowhere),
                     0);
    ck_assert_uint_eq(strlen(stack->tables[0].head.name), strlen("split+") + DAL_STACK_BASE_BYTES_);
    ck_assert_str_eq(node_of("a")->to->name, "split+ready+leaf");
    ck_assert_str_eq(node_of("n")->to->name, "leaf");
    ck_assert_str_eq(node_of("r")->to->name, "leaf");
    dal_stack_destroy_(stack, 0);
}
END_TEST

/* Only what may come to serve malloc has a use for the family of what is below. */
START_TEST(test_a_layer_in_parentheses_is_offered_no_family)
{
    const char spec[] = "split:id=a,to=(split:id=n+system)+system";
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    const struct dal_instance *of_program;
    struct dal_stack_ *stack;

    ck_assert_int_eq(dal_stack_create_(spec, dal_system(), DAL_STACK_OF_LIBRARY, &stack, &nowhere),
                     0);
    ck_assert_ptr_nonnull(node_of("a")->child_family);
    ck_assert_ptr_null(node_of("n")->child_family);
    dal_stack_destroy_(stack, 0);
    of_program = make(spec);
    ck_assert_ptr_null(node_of("a")->child_family);
    ck_assert_ptr_null(node_of("n")->child_family);
    dal_instance_destroy(of_program);
}
END_TEST

/* Nested ones before their owners, and in the opposite order at the end. */
static const struct {
    const char *spec, *made, *destroyed;
} orders[] = {
    {"split:id=a+leaf:id=b", "+b+a", "-a-b"},
    {"split:id=a,to=(leaf:id=n)+leaf:id=b", "+b+n+a", "-a-n-b"},
    {"split:id=a,to=(split:id=n+leaf:id=m)+leaf:id=b", "+b+m+n+a", "-a-n-m-b"},
    {"split:id=a,to=(leaf:id=n),or=(leaf:id=o)+leaf:id=b", "+b+n+o+a", "-a-o-n-b"},
    {"split:id=a,to=(split:id=n,to=(split:id=m,to=(split:id=k,to=(leaf:id=i)))+leaf:id=j)+leaf:id=b",
     "+b+j+i+k+m+n+a", "-a-n-m-k-i-j-b"},
    {"split:id=a+split:id=c,to=(leaf:id=n)+leaf:id=b", "+b+n+c+a", "-a-c-n-b"},
    {"ready:id=r", "+d+r", "-r-d"},
    {"ready:id=r,to=(leaf:id=e)", "+e+r", "-r-e"},
    {"split:id=a,to=(ready:id=r)", "+d+r+a", "-a-r-d"},
};

START_TEST(test_a_nested_stack_outlives_its_owner)
{
    const struct dal_instance *instance = make(orders[_i].spec);

    ck_assert_str_eq(events, orders[_i].made);
    events[0] = '\0';
    dal_instance_destroy(instance);
    ck_assert_str_eq(events, orders[_i].destroyed);
}
END_TEST

/* Whatever fails, what was made before is destroyed, and nothing else. */
static const struct {
    const char *spec;
    int error;
    const char *message, *events;
} failures[] = {
    {"split:id=a,to=(leaf:id=n,fail=early)+leaf:id=b", DAL_ERR_SYSTEM,
     "option \"to\" of \"split\": \"leaf\": no, says n", "+b-b"},
    {"split:id=a,to=(split:id=m,fail=early+leaf:id=n)+leaf:id=b", DAL_ERR_SYSTEM,
     "option \"to\" of \"split\": \"split\": no, says m", "+b+n-n-b"},
    {"split:id=a,to=(leaf:id=n,fail=late)+leaf:id=b", DAL_ERR_ABI,
     "option \"to\" of \"split\": \"leaf\": its struct dal_allocator has version 99, "
     "libdispatchalloc " PACKAGE_VERSION " knows 1",
     "+b+n-n-b"},
    {"split:id=a,to=(leaf:id=n),fail=early+leaf:id=b", DAL_ERR_SYSTEM, "\"split\": no, says a",
     "+b+n-n-b"},
    {"split:id=a,to=(leaf:id=n),fail=late+leaf:id=b", DAL_ERR_ABI,
     "\"split\": its struct dal_allocator has version 99, libdispatchalloc " PACKAGE_VERSION
     " knows 1",
     "+b+n+a-a-n-b"},
    {"split:id=a,to=(leaf:id=n),or=(leaf:id=o,fail=early)+leaf:id=b", DAL_ERR_SYSTEM,
     "option \"or\" of \"split\": \"leaf\": no, says o", "+b+n-n-b"},
    {"split:id=z,fail=early+split:id=a,to=(leaf:id=n)+leaf:id=b", DAL_ERR_SYSTEM,
     "\"split\": no, says z", "+b+n+a-a-n-b"},
    {"split:id=a,to=(split:id=m,to=(leaf:id=n),fail=early)+leaf:id=b", DAL_ERR_SYSTEM,
     "option \"to\" of \"split\": \"split\": no, says m", "+b+n-n-b"},
    /* Names and options are checked before anything is made. */
    {"split:id=a,to=(leaf:id=n),fail=bad+leaf:id=b", DAL_ERR_OPTION,
     "option \"fail\" of \"split\" cannot be \"bad\"; accepted is one of no|early|late|front", ""},
    {"split:to=leaf+leaf", DAL_ERR_OPTION,
     "option \"to\" of \"split\" cannot be \"leaf\"; accepted is a spec in parentheses, as in to=(leaf)",
     ""},
    {"split:id=a,to=(leef)+leaf:id=b", DAL_ERR_UNKNOWN, NULL, ""},
};

START_TEST(test_a_failure_leaves_nothing_behind)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_int_eq(
        dal_instance_create_spec(failures[_i].spec, &instance, message, sizeof message),
        failures[_i].error);
    ck_assert_ptr_null(instance);
    if (failures[_i].message)
        ck_assert_str_eq(message, failures[_i].message);
    ck_assert_str_eq(events, failures[_i].events);
}
END_TEST

/* ---- Fork ------------------------------------------------------------------------------- */

static void expect_fork(const char *in_parent, const char *in_child)
{
    pid_t process;
    int status;

    events[0] = '\0';
    process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0)
        _exit(strcmp(events, in_child) == 0 ? 0 : 1);
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    ck_assert_str_eq(events, in_parent);
    ck_assert_msg(status == 0, "the child was called otherwise");
}

static const struct {
    const char *spec, *in_parent, *in_child;
} forks[] = {
    {"split:id=a,fork=on,to=(leaf:id=n,fork=on)+leaf:id=b,fork=on", "(a(b(n)n)b)a", "(a(b(n*n*b*a"},
    /* Only the nested one has fork functions. */
    {"split:id=a,to=(leaf:id=n,fork=on)+leaf:id=b", "(n)n", "(n*n"},
    {"split:id=a,fork=on,to=(leaf:id=n)+leaf:id=b", "(a)a", "(a*a"},
    {"split:id=a,fork=on,to=(split:id=n,fork=on,to=(leaf:id=m,fork=on)),or=(leaf:id=o,fork=on)",
     "(a(n(o(m)m)o)n)a", "(a(n(o(m*m*o*n*a"},
    {"split:id=a,fork=on,to=(split:id=n,to=(leaf:id=m,fork=on))", "(a(m)m)a", "(a(m*m*a"},
    {"split:id=a,fork=on+split:id=c,fork=on,to=(leaf:id=n,fork=on)+leaf:id=b,fork=on",
     "(a(c(b(n)n)b)c)a", "(a(c(b(n*n*b*c*a"},
};

START_TEST(test_an_owner_is_quiet_before_its_nested_stack)
{
    const struct dal_instance *instance = make(forks[_i].spec);

    expect_fork(forks[_i].in_parent, forks[_i].in_child);
    dal_instance_destroy(instance);
    expect_fork("", "");
}
END_TEST

/* The place of a destroyed instance, before others, changes nothing. */
START_TEST(test_a_place_that_is_used_again_keeps_the_order)
{
    const struct dal_instance *first = make("leaf:id=f,fork=on");
    const struct dal_instance *second = make("leaf:id=s,fork=on");
    const struct dal_instance *split;

    dal_instance_destroy(first);
    split = make("split:id=a,fork=on,to=(leaf:id=n,fork=on)");
    expect_fork("(s(a(n)n)a)s", "(s(a(n*n*a*s");
    dal_instance_destroy(split);
    dal_instance_destroy(second);
}
END_TEST

/* A stack of the library wraps one of the program, whose nested stack it knows nothing of. */
START_TEST(test_the_nested_stack_of_a_wrapped_one_is_called_once)
{
    const struct dal_instance *base = make("split:id=a,fork=on,to=(leaf:id=n,fork=on)");
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    struct dal_stack_ *stack;

    ck_assert_int_eq(dal_stack_create_("split:id=w,fork=on,to=(leaf:id=m,fork=on)", base,
                                       DAL_STACK_OF_LIBRARY, &stack, &nowhere),
                     0);
    expect_fork("(w(a(m(n)n)m)a)w", "(w(a(m(n*n*m*a*w");
    dal_stack_destroy_(stack, 0);
    expect_fork("(a(n)n)a", "(a(n*n*a");
    dal_instance_destroy(base);
}
END_TEST

/* However many nested ones it has, a stack takes one place. */
START_TEST(test_nested_stacks_take_no_places_of_their_own)
{
    static const char spec[] =
        "split:fork=on,to=(leaf:id=n,fork=on),or=(split:to=(leaf:fork=on)+leaf:fork=on)";
    const struct dal_instance *instances[DAL_FORK_MAX];
    const struct dal_instance *more = NULL;
    char message[256];

    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        node_count = 0;
        events[0] = '\0';
        instances[i] = make(spec);
    }
    events[0] = '\0';
    ck_assert_int_eq(dal_instance_create_spec(spec, &more, message, sizeof message), DAL_ERR_FULL);
    ck_assert_str_eq(events, "+n+x+x+x+x-x-x-x-x-n");
    for (size_t i = 0; i < DAL_FORK_MAX; i++) {
        events[0] = '\0';
        dal_instance_destroy(instances[i]);
    }
}
END_TEST

/* ---- A call of the front from inside create() ---------------------------------------------- */

/* What was written to standard error while a spec was made, for which it is a pipe. */
static void expect_line(const char *spec, const char *line)
{
    const struct dal_instance *instance = NULL;
    char text[512] = "", message[256];
    int ends[2], error_output = dup(STDERR_FILENO);
    ssize_t length;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    (void)dal_instance_create_spec(spec, &instance, message, sizeof message);
    dup2(error_output, STDERR_FILENO);
    close(ends[1]);
    length = read(ends[0], text, sizeof text - 1);
    ck_assert_int_ge((int)length, 0);
    ck_assert_msg(strstr(text, line) != NULL, "%s", text);
    dal_instance_destroy(instance);
}

START_TEST(test_a_call_from_inside_create_names_the_nested_backend)
{
    expect_line("split:to=(leaf:fail=front)",
                "backend \"leaf\" calls dal_* from inside its create()");
}
END_TEST

START_TEST(test_a_call_from_inside_create_names_the_owner_after_its_nested_one)
{
    expect_line("split:fail=front,to=(leaf)",
                "backend \"split\" calls dal_* from inside its create()");
}
END_TEST

/* ---- Registering --------------------------------------------------------------------------- */

static const struct {
    const char *text;
    int error;
} defaults[] = {
    {NULL, DAL_OK},
    {"(leaf)", DAL_OK},
    {"(split:to=(leaf)+leaf)", DAL_OK},
    /* Who knows what will be registered by then? */
    {"(nosuch)", DAL_OK},
    {"", DAL_ERR_INVALID},
    {"leaf", DAL_ERR_INVALID},
    {"(leaf", DAL_ERR_INVALID},
    {"leaf)", DAL_ERR_INVALID},
    {"(leaf)x", DAL_ERR_INVALID},
    {"(leaf)+leaf", DAL_ERR_INVALID},
    {"(leaf),to=(leaf)", DAL_ERR_INVALID},
    {"(le af)", DAL_ERR_INVALID},
    {"((leaf))", DAL_ERR_INVALID},
};

START_TEST(test_a_default_has_to_stand_in_parentheses)
{
    struct dal_option option = {
        .name = "to",
        .type = DAL_OPTION_SPEC,
        .summary = "a spec",
        .default_text = defaults[_i].text,
    };
    struct dal_backend backend = backends[0];

    backend.name = "tried";
    backend.options = &option;
    backend.option_count = 1;
    ck_assert_int_eq(dal_backend_register(&backend), defaults[_i].error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spec_value");
    TCase *cases = tcase_create("cases");

    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_test(cases, test_blocks_come_from_both);
    tcase_add_test(cases, test_layers_alone_in_parentheses_wrap_the_system_allocator);
    tcase_add_test(cases, test_who_serves_is_told_with_its_parentheses);
    tcase_add_test(cases, test_a_nested_instance_is_no_handle);
    tcase_add_test(cases, test_a_long_name_below_leaves_room_for_the_nested_names);
    tcase_add_test(cases, test_a_layer_in_parentheses_is_offered_no_family);
    tcase_add_loop_test(cases, test_a_nested_stack_outlives_its_owner, 0, (int)COUNT_OF(orders));
    tcase_add_loop_test(cases, test_a_failure_leaves_nothing_behind, 0, (int)COUNT_OF(failures));
    tcase_add_loop_test(cases, test_an_owner_is_quiet_before_its_nested_stack, 0,
                        (int)COUNT_OF(forks));
    tcase_add_test(cases, test_a_place_that_is_used_again_keeps_the_order);
    tcase_add_test(cases, test_the_nested_stack_of_a_wrapped_one_is_called_once);
    tcase_add_test(cases, test_nested_stacks_take_no_places_of_their_own);
    tcase_add_test(cases, test_a_call_from_inside_create_names_the_nested_backend);
    tcase_add_test(cases, test_a_call_from_inside_create_names_the_owner_after_its_nested_one);
    tcase_add_loop_test(cases, test_a_default_has_to_stand_in_parentheses, 0,
                        (int)COUNT_OF(defaults));
    suite_add_tcase(suite, cases);
    return suite_run(suite);
}
