/* SPDX-License-Identifier: MIT */
/*
 * Choices that race, before the first allocation. DISPATCHALLOC_BACKEND=over names a layer that the
 * program registers; "ground" is what the program chooses. The argument says what happens:
 *
 *   replace  a thread is inside create() of the layer, over the program's choice, while that is
 *            replaced, twice
 *   fork     the same, in a child that is forked then, and has no such thread
 *   read     a thread reads the name of a choice that is replaced meanwhile
 *
 * Exits 0 if no instance was used after its end, or ended twice, or not at all.
 */
#include <string.h>

#include <dispatchalloc.h>

#include "middle.h"

enum { GROUNDS = 16 };

/* ---- A backend that notices who comes too late ----------------------------------------------- */

struct ground {
    atomic_int has_ended;
};
static struct ground grounds[GROUNDS];
static atomic_int grounds_made, grounds_ended, came_too_late;

static void *ground_alloc(size_t size, size_t align, void *ctx)
{
    atomic_fetch_add(&came_too_late, atomic_load(&((struct ground *)ctx)->has_ended));
    return dal_instance_alloc(dal_system(), size, align);
}

static void ground_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    atomic_fetch_add(&came_too_late, atomic_load(&((struct ground *)ctx)->has_ended));
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

static int ground_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    int number = atomic_fetch_add(&grounds_made, 1);

    if (number >= GROUNDS)
        return request->fail(request, DAL_ERR_MEMORY, "that is enough");
    allocator->ctx = &grounds[number];
    allocator->alloc = ground_alloc;
    allocator->dealloc = ground_dealloc;
    return 0;
}

static void ground_destroy(void *ctx)
{
    atomic_fetch_add(&came_too_late, atomic_exchange(&((struct ground *)ctx)->has_ended, 1));
    atomic_fetch_add(&grounds_ended, 1);
}

static const struct dal_backend ground = {
    DAL_BACKEND_HEADER,      .name = "ground",        .version = "1",
    .summary = "for a test", .create = ground_create, .destroy = ground_destroy,
};

/* ---- A layer that takes its memory from what it wraps ---------------------------------------- */

struct over {
    const struct dal_instance *child;
};
static atomic_int overs_made, overs_ended;

static int over_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    struct over *over;

    stop_in_the_middle();
    over = dal_instance_alloc(request->child, sizeof *over, DAL_ALIGNOF_(struct over));
    if (!over)
        return DAL_ERR_MEMORY;
    over->child = request->child;
    allocator->ctx = over;
    atomic_fetch_add(&overs_made, 1);
    return 0;
}

static void over_destroy(void *ctx)
{
    struct over *over = ctx;

    atomic_fetch_add(&overs_ended, 1);
    dal_instance_dealloc(over->child, over, sizeof *over, DAL_ALIGNOF_(struct over));
}

static const struct dal_backend over = {
    DAL_BACKEND_HEADER,         .name = "over",        .version = "1",
    .summary = "for a test",    .create = over_create, .destroy = over_destroy,
    .flags = DAL_BACKEND_LAYER,
};

/* ---- replace and fork ------------------------------------------------------------------------ */

static void *register_over(void *unused)
{
    REQUIRE(dal_backend_register(&over) == 0);
    return unused;
}

/* The last choice serves, under the layer; left is how many others could not end. */
static void check_last_choice(int left)
{
    void *block = dal_alloc(64, 16);

    REQUIRE(block != NULL);
    dal_dealloc(block, 64, 16);
    REQUIRE(strcmp(dal_global_name(), "over+ground") == 0);
    REQUIRE(dal_global_source() == DAL_SOURCE_ENVIRONMENT);
    REQUIRE(atomic_load(&came_too_late) == 0);
    REQUIRE(atomic_load(&grounds_made) == atomic_load(&grounds_ended) + 1 + left);
    REQUIRE(atomic_load(&overs_made) == atomic_load(&overs_ended) + 1);
}

static void choose_again(void)
{
    REQUIRE(dal_global_set_spec("ground") == 0);
    REQUIRE(dal_global_set_spec("ground") == 0);
}

/* What the lost thread had in hand stays as it is. */
static void choose_again_in_a_child(void)
{
    choose_again();
    check_last_choice(1);
}

static void replace_under_create(int is_forking)
{
    pthread_t thread;

    REQUIRE(dal_backend_register(&ground) == 0);
    REQUIRE(dal_global_set_spec("ground") == 0);
    thread = go_to_the_middle(register_over);
    if (is_forking)
        in_a_child(choose_again_in_a_child);
    else
        choose_again();
    go_on(thread);
    check_last_choice(0);
}

/* ---- read ------------------------------------------------------------------------------------ */

static void *read_name(void *unused)
{
    const char *name = dal_global_name();

    stop_in_the_middle();
    REQUIRE(strcmp(name, "ground") == 0);
    return unused;
}

static void replace_what_is_read(void)
{
    pthread_t thread;

    REQUIRE(dal_backend_register(&ground) == 0);
    REQUIRE(dal_global_set_spec("ground") == 0);
    thread = go_to_the_middle(read_name);
    choose_again();
    REQUIRE(dal_backend_register(&over) == 0);
    go_on(thread);
    check_last_choice(0);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    be_patient();
    if (strcmp(mode, "replace") == 0)
        replace_under_create(0);
    else if (strcmp(mode, "fork") == 0)
        replace_under_create(1);
    else if (strcmp(mode, "read") == 0)
        replace_what_is_read();
    else
        return 99;
    return failures != 0;
}
