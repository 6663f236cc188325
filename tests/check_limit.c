/* SPDX-License-Identifier: MIT */
/* The layer `limit` in one thread: the bound is exact, and what is refused leaves all as it was. */
#include "limit_under.h"

#include "suite.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

#define assert_live(instance, bytes) ck_assert_uint_eq(value_of(instance, "live_bytes"), bytes)

static void *alloc(const struct dal_instance *instance, size_t size)
{
    void *block = dal_instance_alloc(instance, size, 8);

    ck_assert_ptr_nonnull(block);
    return block;
}

static void refuses(const struct dal_instance *instance, size_t size)
{
    errno = 0;
    ck_assert_ptr_null(dal_instance_alloc(instance, size, 8));
    ck_assert_int_eq(errno, ENOMEM);
    errno = 0;
    ck_assert_ptr_null(dal_instance_alloc_zeroed(instance, size, 8));
    ck_assert_int_eq(errno, ENOMEM);
}

/* ---- The bound ---------------------------------------------------------------------------------
 */

static const uint64_t bounds[] = {1, 2, 63, 64, 1000, 4096, 100000, 1 << 20, (10 << 20) + 1};

START_TEST(test_all_of_the_bound_can_be_had_and_not_a_byte_more)
{
    const struct dal_instance *instance = make_limit(bounds[_i]);
    struct taken *list = NULL;

    for (int round = 0; round < 3; round++) {
        for (size_t first = 1 << 17; first >= 16; first /= 16) {
            if (bounds[_i] / first > 10000)
                continue;
            ck_assert_uint_eq(take_all(instance, first, &list), bounds[_i]);
            assert_live(instance, bounds[_i]);
            refuses(instance, 1);
            give_all_back(instance, &list);
            assert_live(instance, 0);
        }
    }
    ck_assert_int_eq(atomic_load(&under_live), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_what_is_given_back_can_be_had_at_once)
{
    const struct dal_instance *instance = make_limit(100000);
    void *blocks[100];

    for (int i = 0; i < 100; i++)
        blocks[i] = alloc(instance, 1000);
    for (int i = 0; i < 100; i++) {
        refuses(instance, 1);
        dal_instance_dealloc(instance, blocks[i], 1000, 8);
        refuses(instance, 1001);
        blocks[i] = alloc(instance, 1000);
    }
    ck_assert_uint_eq(value_of(instance, "refusals"), 400);
    for (int i = 0; i < 100; i++)
        dal_instance_dealloc(instance, blocks[i], 1000, 8);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_sizes_that_no_block_has_are_refused)
{
    const struct dal_instance *instance = make_limit(MIB);
    void *empty;

    for (int round = 0; round < 2; round++) {
        refuses(instance, MIB + 1);
        refuses(instance, PTRDIFF_MAX);
        refuses(instance, SIZE_MAX);
        refuses(instance, SIZE_MAX - 1000);
        assert_live(instance, 0);
        dal_instance_dealloc(instance, alloc(instance, 100), 100, 8);
    }
    /* An empty block takes nothing. */
    dal_instance_dealloc(instance, alloc(instance, MIB), MIB, 8);
    empty = alloc(instance, 0);
    assert_live(instance, 0);
    dal_instance_dealloc(instance, empty, 0, 8);
    dal_instance_dealloc(instance, NULL, 100, 8);
    assert_live(instance, 0);
    dal_instance_destroy(instance);
}
END_TEST

/* Beyond the 60th a thread does not find its part the short way. */
START_TEST(test_many_instances_hold_each_its_own)
{
    enum { COUNT = 70 };
    const struct dal_instance *instances[COUNT];
    struct taken *lists[COUNT] = {NULL};

    atomic_store(&under_most, INT64_MAX);
    for (int i = 0; i < COUNT; i++)
        instances[i] = make("limit:bytes=10000+under");
    for (int i = 0; i < COUNT; i++)
        ck_assert_uint_eq(take_all(instances[i], 1000, &lists[i]), 10000);
    for (int i = 0; i < COUNT; i++) {
        give_all_back(instances[i], &lists[i]);
        assert_live(instances[i], 0);
        dal_instance_destroy(instances[i]);
    }
}
END_TEST

/* ---- Failures ----------------------------------------------------------------------------------
 */

static void fill(void *block, size_t size)
{
    memset(block, 0xa5, size);
}

static void assert_filled(const void *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ck_assert_uint_eq(((const unsigned char *)block)[i], 0xa5);
}

enum resizing { REALLOC, GROW, GROW_ZEROED, SHRINK, IN_PLACE, RESIZINGS };

/* NULL if it failed. */
static void *resize(enum resizing how, const struct dal_instance *instance, void *block,
                    size_t old_size, size_t new_size)
{
    switch (how) {
    case REALLOC: return dal_instance_realloc(instance, block, old_size, 8, new_size);
    case GROW: return dal_instance_grow(instance, block, old_size, 8, new_size, 8);
    case GROW_ZEROED: return dal_instance_grow_zeroed(instance, block, old_size, 8, new_size, 8);
    case SHRINK: return dal_instance_shrink(instance, block, old_size, 8, new_size, 8);
    default:
        return dal_instance_resize_in_place(instance, block, old_size, 8, new_size) == 0 ? block
                                                                                         : NULL;
    }
}

START_TEST(test_refused_resize_leaves_block_intact)
{
    enum resizing how = (enum resizing)_i;
    const struct dal_instance *instance = make_limit(5000);
    void *block = alloc(instance, 3000);

    fill(block, 3000);
    errno = 0;
    ck_assert_ptr_null(resize(how, instance, block, 3000, 5001));
    if (how != IN_PLACE)
        ck_assert_int_eq(errno, ENOMEM);
    assert_filled(block, 3000);
    assert_live(instance, 3000);
    /* And to the byte. */
    block = resize(how, instance, block, 3000, how == IN_PLACE ? UNDER_ROOM : 5000);
    ck_assert_ptr_nonnull(block);
    assert_filled(block, 3000);
    if (how == IN_PLACE) {
        assert_live(instance, UNDER_ROOM);
        refuses(instance, 5001 - UNDER_ROOM);
        dal_instance_dealloc(instance, block, UNDER_ROOM, 8);
    } else {
        refuses(instance, 1);
        dal_instance_dealloc(instance, block, 5000, 8);
    }
    assert_live(instance, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_failure_of_what_is_wrapped_takes_nothing)
{
    const struct dal_instance *instance = make_limit(5000);
    void *block = alloc(instance, 3000);

    fill(block, 3000);
    under_fails = 1;
    ck_assert_ptr_null(dal_instance_alloc(instance, 1000, 8));
    ck_assert_ptr_null(dal_instance_alloc(instance, 1000, 4096));
    ck_assert_ptr_null(dal_instance_alloc_zeroed(instance, 1000, 8));
    for (int how = 0; how < RESIZINGS; how++) {
        if (how != SHRINK)
            ck_assert_ptr_null(resize((enum resizing)how, instance, block, 3000, 4000));
        if (how != GROW && how != GROW_ZEROED)
            ck_assert_ptr_null(resize((enum resizing)how, instance, block, 3000, 1000));
        assert_live(instance, 3000);
    }
    under_fails = 0;
    assert_filled(block, 3000);
    dal_instance_dealloc(instance, alloc(instance, 2000), 2000, 8);
    dal_instance_dealloc(instance, block, 3000, 8);
    ck_assert_uint_eq(value_of(instance, "refusals"), 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_smaller_block_makes_room)
{
    static const enum resizing ways[] = {REALLOC, SHRINK, IN_PLACE};
    const struct dal_instance *instance = make_limit(5000);
    void *block = alloc(instance, 5000);

    block = resize(ways[_i], instance, block, 5000, 1500);
    ck_assert_ptr_nonnull(block);
    assert_live(instance, 1500);
    dal_instance_dealloc(instance, alloc(instance, 3500), 3500, 8);
    refuses(instance, 3501);
    dal_instance_dealloc(instance, block, 1500, 8);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- soft= -------------------------------------------------------------------------------------
 */

struct heard {
    struct dal_limit_listener listener; /* first */
    const struct dal_instance *instance;
    void *cache; /* of 50000 bytes, which are given back */
    unsigned count;
    uint64_t live, soft;
};

static void hear(struct dal_limit_listener *listener, uint64_t live_bytes, uint64_t soft_bytes)
{
    struct heard *heard = (struct heard *)listener;

    heard->count++;
    heard->live = live_bytes;
    heard->soft = soft_bytes;
    if (heard->cache) {
        dal_instance_dealloc(heard->instance, heard->cache, 50000, 8);
        heard->cache = NULL;
        dal_instance_dealloc(heard->instance, dal_instance_alloc(heard->instance, 10, 8), 10, 8);
    }
}

START_TEST(test_soft_is_told_once_until_an_eighth_is_given_back)
{
    static const char *const specs[] = {"limit:soft=100000+under",
                                        "limit:soft=100000,bytes=1M+under"};
    const struct dal_instance *instance = make(specs[_i]);
    struct heard heard = {.listener = {.crossed = hear}};
    void *blocks[100], *one, *more;

    atomic_store(&under_most, INT64_MAX);
    ck_assert_int_eq(dal_limit_on_soft(instance, &heard.listener), 0);
    for (int i = 0; i < 100; i++)
        blocks[i] = alloc(instance, 1000);
    ck_assert_uint_eq(heard.count, 0);
    one = alloc(instance, 1);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_uint_eq(heard.live, 100001);
    ck_assert_uint_eq(heard.soft, 100000);
    more = alloc(instance, 300000);
    dal_instance_dealloc(instance, more, 300000, 8);
    dal_instance_dealloc(instance, one, 1, 8);
    one = alloc(instance, 1);
    ck_assert_uint_eq(heard.count, 1);
    /* 88001 are left, then 83001: with what a thread may keep that is less than 87500. */
    for (int i = 0; i < 12; i++)
        dal_instance_dealloc(instance, blocks[i], 1000, 8);
    more = alloc(instance, 12000);
    ck_assert_uint_eq(heard.count, 1);
    dal_instance_dealloc(instance, more, 12000, 8);
    for (int i = 12; i < 17; i++)
        dal_instance_dealloc(instance, blocks[i], 1000, 8);
    more = alloc(instance, 16999);
    ck_assert_uint_eq(heard.count, 1);
    dal_instance_dealloc(instance, more, 16999, 8);
    more = alloc(instance, 17000);
    ck_assert_uint_eq(heard.count, 2);
    ck_assert_uint_eq(heard.live, 100001);
    ck_assert_uint_eq(value_of(instance, "soft_crossings"), 2);
    ck_assert_uint_eq(value_of(instance, "refusals"), 0);
    /* Nobody is told any more. */
    ck_assert_int_eq(dal_limit_on_soft(instance, NULL), 0);
    dal_instance_dealloc(instance, more, 17000, 8);
    dal_instance_dealloc(instance, alloc(instance, 50000), 50000, 8);
    ck_assert_uint_eq(heard.count, 2);
    ck_assert_uint_eq(value_of(instance, "soft_crossings"), 3);
    dal_instance_dealloc(instance, one, 1, 8);
    for (int i = 17; i < 100; i++)
        dal_instance_dealloc(instance, blocks[i], 1000, 8);
    assert_live(instance, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_listener_may_allocate_and_give_back)
{
    const struct dal_instance *instance = make("limit:soft=100000,bytes=120000+under");
    struct heard heard = {.listener = {.crossed = hear}, .instance = instance};
    void *block;

    atomic_store(&under_most, 120000);
    ck_assert_int_eq(dal_limit_on_soft(instance, &heard.listener), 0);
    heard.cache = alloc(instance, 50000);
    block = alloc(instance, 60000);
    ck_assert_uint_eq(heard.count, 1);
    ck_assert_uint_eq(heard.live, 110000);
    ck_assert_ptr_null(heard.cache);
    assert_live(instance, 60000);
    dal_instance_dealloc(instance, block, 60000, 8);
    dal_instance_destroy(instance);
}
END_TEST

/* What the listener frees itself is not what soft is told of again for, while the call goes on. */
struct busy {
    struct dal_limit_listener listener; /* first */
    const struct dal_instance *instance;
    unsigned count;
};

static void be_busy(struct dal_limit_listener *listener, uint64_t live_bytes, uint64_t soft_bytes)
{
    struct busy *busy = (struct busy *)listener;

    (void)live_bytes;
    (void)soft_bytes;
    ck_assert_uint_le(++busy->count, 3);
    dal_instance_dealloc(busy->instance, alloc(busy->instance, 4000), 4000, 8);
}

START_TEST(test_listener_may_use_a_buffer)
{
    const struct dal_instance *instance = make("limit:soft=100000+under");
    struct busy busy = {.listener = {.crossed = be_busy}, .instance = instance};
    void *live, *block;

    atomic_store(&under_most, INT64_MAX);
    ck_assert_int_eq(dal_limit_on_soft(instance, &busy.listener), 0);
    live = alloc(instance, 50000);
    block = alloc(instance, 60000);
    ck_assert_uint_eq(busy.count, 1);
    assert_live(instance, 110000);
    dal_instance_dealloc(instance, block, 60000, 8);
    dal_instance_dealloc(instance, live, 50000, 8);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_refused_call_is_not_told_as_soft)
{
    const struct dal_instance *instance = make("limit:soft=3000,bytes=4000+under");
    void *block = alloc(instance, 3000);

    atomic_store(&under_most, 4000);
    refuses(instance, 1001);
    ck_assert_uint_eq(value_of(instance, "soft_crossings"), 0);
    dal_instance_dealloc(instance, alloc(instance, 1000), 1000, 8);
    ck_assert_uint_eq(value_of(instance, "soft_crossings"), 1);
    dal_instance_dealloc(instance, block, 3000, 8);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Specs -------------------------------------------------------------------------------------
 */

static const struct {
    const char *spec, *message;
} refused[] = {
    {"limit+system", "\"limit\": neither option \"bytes\" nor \"soft\" is given; accepted is "
                     "bytes=SIZE, the most that may be live, soft=SIZE, which is only told of, "
                     "or both"},
    {"limit:bytes=1M,soft=2M+system",
     "\"limit\": option \"soft\" cannot be \"2M\", which is more than bytes=1M; accepted is a "
     "number of bytes up to that"},
    {"limit:bytes=0+system", "*"},
    {"limit:bytes=lots+system", "*"},
    {"limit:byte=1M+system", "*"},
};

START_TEST(test_options_that_make_no_sense_are_refused)
{
    const struct dal_instance *instance = NULL;
    char message[512];

    ck_assert_int_eq(dal_instance_create_spec(refused[_i].spec, &instance, message, sizeof message),
                     DAL_ERR_OPTION);
    ck_assert_ptr_null(instance);
    if (*refused[_i].message != '*')
        ck_assert_str_eq(message, refused[_i].message);
    ck_assert_uint_gt(strlen(message), 0);
}
END_TEST

START_TEST(test_layers_stand_in_any_order)
{
    static const char *const specs[] = {
        "limit:bytes=10000+under",
        "stats:print=off+limit:bytes=10000+under",
        "limit:bytes=10000+stats:print=off+under",
        "limit:bytes=1M+limit:bytes=10000+under",
        "limit:bytes=10000+limit:bytes=1M+under",
        "stats:print=off+limit:bytes=10000+stats:print=off+under",
    };
    const struct dal_instance *instance;
    struct taken *list = NULL;

    atomic_store(&under_most, 10000);
    instance = make(specs[_i]);
    for (int round = 0; round < 3; round++) {
        ck_assert_uint_eq(take_all(instance, 1000, &list), 10000);
        give_all_back(instance, &list);
        ck_assert_int_eq(atomic_load(&under_live), 0);
    }
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_reading)
{
    const struct dal_instance *instance = make("limit:bytes=1M,soft=64K+under");
    const struct dal_instance *bare = make("under"), *hard = make("limit:bytes=1M+under"),
                              *soft = make("limit:soft=1M+under");
    struct dal_limit_listener listener = {.crossed = hear};
    uint64_t value = 7;

    ck_assert_uint_eq(value_of(instance, "bytes"), MIB);
    ck_assert_uint_eq(value_of(instance, "soft_bytes"), 64 * KIB);
    ck_assert_uint_eq(value_of(hard, "soft_bytes"), 0);
    ck_assert_uint_eq(value_of(soft, "bytes"), 0);
    ck_assert_int_eq(dal_limit_get(instance, "byte", &value), DAL_ERR_UNKNOWN);
    ck_assert_int_eq(dal_limit_get(instance, NULL, &value), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_limit_get(instance, "bytes", NULL), DAL_ERR_INVALID);
    ck_assert_int_eq(dal_limit_get(bare, "bytes", &value), DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_limit_get(NULL, "bytes", &value), DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_limit_on_soft(bare, &listener), DAL_ERR_UNSUPPORTED);
    ck_assert_int_eq(dal_limit_on_soft(hard, &listener), DAL_ERR_UNSUPPORTED);
    ck_assert_uint_eq(value, 7);
    dal_instance_destroy(instance);
    dal_instance_destroy(bare);
    dal_instance_destroy(hard);
    dal_instance_destroy(soft);
}
END_TEST

START_TEST(test_front_is_held_and_read)
{
    void *block;

    ck_assert_int_eq(dal_global_set_spec("limit:bytes=10000+system"), 0);
    block = dal_alloc(4000, 8);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(value_of(NULL, "live_bytes"), 4000);
    ck_assert_uint_eq(value_of(dal_global(), "bytes"), 10000);
    ck_assert_ptr_null(dal_alloc(6001, 8));
    dal_dealloc(block, 4000, 8);
    ck_assert_uint_eq(value_of(NULL, "live_bytes"), 0);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("limit");
    TCase *bound = tcase_create("bound"), *soft = tcase_create("soft"),
          *specs = tcase_create("specs");

    tcase_add_loop_test(bound, test_all_of_the_bound_can_be_had_and_not_a_byte_more, 0,
                        sizeof bounds / sizeof *bounds);
    tcase_add_test(bound, test_what_is_given_back_can_be_had_at_once);
    tcase_add_test(bound, test_sizes_that_no_block_has_are_refused);
    tcase_add_test(bound, test_many_instances_hold_each_its_own);
    tcase_add_loop_test(bound, test_refused_resize_leaves_block_intact, REALLOC, SHRINK);
    tcase_add_loop_test(bound, test_refused_resize_leaves_block_intact, IN_PLACE, RESIZINGS);
    tcase_add_test(bound, test_failure_of_what_is_wrapped_takes_nothing);
    tcase_add_loop_test(bound, test_smaller_block_makes_room, 0, 3);
    suite_add_tcase(suite, bound);
    tcase_add_loop_test(soft, test_soft_is_told_once_until_an_eighth_is_given_back, 0, 2);
    tcase_add_test(soft, test_listener_may_allocate_and_give_back);
    tcase_add_test(soft, test_listener_may_use_a_buffer);
    tcase_add_test(soft, test_refused_call_is_not_told_as_soft);
    suite_add_tcase(suite, soft);
    tcase_add_loop_test(specs, test_options_that_make_no_sense_are_refused, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_loop_test(specs, test_layers_stand_in_any_order, 0, 6);
    tcase_add_test(specs, test_reading);
    tcase_add_test(specs, test_front_is_held_and_read);
    suite_add_tcase(suite, specs);
    return suite;
}

int main(void)
{
    return suite_run(make_suite());
}
