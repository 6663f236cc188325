/* SPDX-License-Identifier: MIT */
/*
 * The layer `limit` in many threads: never over the bound, which the allocator under it sees to by
 * itself, and nothing that is free is kept from who asks for it; after forks as well.
 */
#define _GNU_SOURCE             /* _Fork() */
#define UNDER_ROOM  ((size_t)0) /* the system is not what is tested */
#include "limit_under.h"

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/sanitizer.h"
#include "suite.h"

#if defined __GLIBC__ && defined __GLIBC_PREREQ
# if __GLIBC_PREREQ(2, 34)
#  define HAS__FORK 1
# endif
#endif
#ifndef HAS__FORK
# define HAS__FORK 0
# define _Fork     fork
#endif

enum { THREADS = 8 };

struct crew {
    const struct dal_instance *instance;
    pthread_t threads[THREADS];
    pthread_barrier_t barrier; /* of all, and who made them */
    _Atomic(int) is_over;
    size_t share; /* a thread has no more than that, and is never refused */
    _Atomic(uint64_t) refused;
};

static void start(struct crew *crew, const struct dal_instance *instance, void *(*work)(void *))
{
    crew->instance = instance;
    atomic_store(&crew->is_over, 0);
    ck_assert_int_eq(pthread_barrier_init(&crew->barrier, NULL, THREADS + 1), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&crew->threads[i], NULL, work, crew), 0);
}

static void end(struct crew *crew)
{
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(crew->threads[i], NULL), 0);
    ck_assert_int_eq(pthread_barrier_destroy(&crew->barrier), 0);
}

static void meet(struct crew *crew)
{
    (void)pthread_barrier_wait(&crew->barrier);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static _Atomic(uint32_t) seeds;

/* ---- At random ---------------------------------------------------------------------------------
 */

enum { PLACES = 32 };

struct place {
    void *block;
    size_t size;
};

static void give_back(struct crew *crew, struct place *place)
{
    dal_instance_dealloc(crew->instance, place->block, place->size, 8);
    *place = (struct place){NULL, 0};
}

/* One of the places becomes a block of another size, or none. */
static void change(struct crew *crew, struct place *place, size_t size, uint32_t how)
{
    void *block;

    if (place->block && how % 3 == 0) {
        give_back(crew, place);
        return;
    }
    if (place->block && how % 3 == 1)
        block = dal_instance_realloc(crew->instance, place->block, place->size, 8, size);
    else if (place->block)
        return;
    else
        block = dal_instance_alloc(crew->instance, size, 8);
    if (block)
        *place = (struct place){block, size};
    else
        atomic_fetch_add(&crew->refused, 1);
}

static void *at_random(void *data)
{
    struct crew *crew = data;
    uint32_t state = atomic_fetch_add(&seeds, 1) * 7919 + suite_fuzz_seed();
    struct place places[PLACES] = {{NULL, 0}};
    int rounds = suite_race_runs(4000);

    for (int i = 0; i < rounds; i++) {
        uint32_t random = next_random(&state);
        size_t size = random % 64 == 0 ? random / 64 % 60000 : random % 3000;

        change(crew, &places[next_random(&state) % PLACES], size, next_random(&state));
    }
    for (int i = 0; i < PLACES; i++)
        give_back(crew, &places[i]);
    return NULL;
}

START_TEST(test_bound_is_never_exceeded)
{
    static const uint64_t bounds[] = {5000, 100000, 1 << 20, 64 << 20};
    const struct dal_instance *instance = make_limit(bounds[_i]);
    struct taken *list = NULL;
    struct crew crew = {.share = 0};

    start(&crew, instance, at_random);
    end(&crew);
    ck_assert_uint_eq(value_of(instance, "live_bytes"), 0);
    ck_assert_int_eq(atomic_load(&under_live), 0);
    /* Of the least one thread by itself has too little. */
    ck_assert(_i > 0 || atomic_load(&crew.refused) > 0);
    ck_assert_uint_eq(value_of(instance, "refusals"), atomic_load(&crew.refused));
    ck_assert_uint_eq(take_all(instance, 1 << 16, &list), bounds[_i]);
    give_all_back(instance, &list);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Shares ------------------------------------------------------------------------------------
 */

/* All that a thread has comes to its share again and again, so that all of the bound is used. */
static void *up_to_the_share(void *data)
{
    struct crew *crew = data;
    uint32_t state = atomic_fetch_add(&seeds, 1) * 7919 + suite_fuzz_seed();
    struct place places[PLACES];
    int rounds = suite_race_runs(300);

    for (int i = 0; i < rounds; i++) {
        size_t rest = crew->share;
        int count = 0;

        while (rest > 0) {
            size_t size = 1 + next_random(&state) % (crew->share / 8);

            if (size > rest || count == PLACES - 1)
                size = rest;
            places[count] = (struct place){dal_instance_alloc(crew->instance, size, 8), size};
            if (!places[count].block)
                atomic_fetch_add(&crew->refused, 1);
            else
                rest -= size;
            count += places[count].block != NULL;
        }
        while (count > 0)
            give_back(crew, &places[--count]);
    }
    return NULL;
}

START_TEST(test_who_keeps_to_a_share_is_never_refused)
{
    static const size_t shares[] = {64, 1000, 100000, 1 << 20};
    const struct dal_instance *instance = make_limit(THREADS * shares[_i]);
    struct crew crew = {.share = shares[_i]};

    start(&crew, instance, up_to_the_share);
    end(&crew);
    ck_assert_uint_eq(atomic_load(&crew.refused), 0);
    ck_assert_uint_eq(value_of(instance, "refusals"), 0);
    ck_assert_uint_eq(value_of(instance, "live_bytes"), 0);
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Reservations of threads that do nothing ---------------------------------------------------
 */

enum { IDLE_BYTES = 16 << 20 };

/* Leaves as much reserved as a thread may have. */
static void reserve(struct crew *crew)
{
    void *blocks[100];

    for (int i = 0; i < 100; i++)
        blocks[i] = dal_instance_alloc(crew->instance, 1000, 8);
    for (int i = 0; i < 100; i++)
        dal_instance_dealloc(crew->instance, blocks[i], 1000, 8);
}

static void *idle(void *data)
{
    struct crew *crew = data;

    reserve(crew);
    meet(crew);
    meet(crew);
    return NULL;
}

static void *end_soon(void *data)
{
    reserve(data);
    return NULL;
}

START_TEST(test_one_thread_gets_what_others_have_reserved)
{
    const struct dal_instance *instance = make_limit(IDLE_BYTES);
    struct taken *list = NULL;
    struct crew crew = {.share = 0};
    int are_idle = _i == 0;

    start(&crew, instance, are_idle ? idle : end_soon);
    if (are_idle)
        meet(&crew);
    else
        end(&crew);
    ck_assert_uint_eq(value_of(instance, "live_bytes"), 0);
    ck_assert_uint_eq(take_all(instance, IDLE_BYTES / 3, &list), IDLE_BYTES);
    ck_assert_ptr_null(dal_instance_alloc(instance, 1, 1));
    give_all_back(instance, &list);
    /* In one piece. */
    reserve(&crew);
    list = NULL;
    ck_assert_uint_eq(take_all(instance, IDLE_BYTES, &list), IDLE_BYTES);
    give_all_back(instance, &list);
    if (are_idle) {
        meet(&crew);
        end(&crew);
    }
    dal_instance_destroy(instance);
}
END_TEST

/* ---- soft= -------------------------------------------------------------------------------------
 */

static void *allocate_share(void *data)
{
    struct crew *crew = data;
    void *blocks[100];

    meet(crew);
    for (int i = 0; i < 100; i++)
        blocks[i] = dal_instance_alloc(crew->instance, 1000, 8);
    meet(crew);
    meet(crew);
    for (int i = 0; i < 100; i++)
        dal_instance_dealloc(crew->instance, blocks[i], 1000, 8);
    return NULL;
}

static void *have_little(void *data)
{
    struct crew *crew = data;

    meet(crew);
    while (!atomic_load(&crew->is_over))
        dal_instance_dealloc(crew->instance, dal_instance_alloc(crew->instance, 64, 8), 64, 8);
    return NULL;
}

/* What others reserve while soft lies in the way of it is not counted against the bound. */
START_TEST(test_all_that_is_free_can_be_had_past_soft)
{
    const struct dal_instance *instance = make("limit:bytes=2M,soft=1M+under");
    size_t size = (2 << 20) - THREADS * 64;
    int rounds = suite_race_runs(3000), refused = 0;
    struct crew crew = {.share = 0};

    atomic_store(&under_most, 2 << 20);
    start(&crew, instance, have_little);
    meet(&crew);
    for (int i = 0; i < rounds; i++) {
        void *block = dal_instance_alloc(instance, size, 8);

        refused += !block;
        dal_instance_dealloc(instance, block, size, 8);
    }
    atomic_store(&crew.is_over, 1);
    end(&crew);
    ck_assert_int_eq(refused, 0);
    dal_instance_destroy(instance);
}
END_TEST

START_TEST(test_threads_cross_soft_once)
{
    /* At the last byte of all, or nearly at the end, or never. */
    static const char *const specs[] = {"limit:soft=799999+under", "limit:soft=700000+under",
                                        "limit:soft=800000+under"};
    static const unsigned told[] = {1, 1, 0};
    const struct dal_instance *instance = make(specs[_i]);
    struct crew crew = {.share = 0};

    atomic_store(&under_most, INT64_MAX);
    for (unsigned round = 1; round <= 10; round++) {
        start(&crew, instance, allocate_share);
        meet(&crew);
        meet(&crew);
        ck_assert_uint_eq(value_of(instance, "soft_crossings"), round * told[_i]);
        ck_assert_uint_eq(value_of(instance, "live_bytes"), 800000);
        meet(&crew);
        end(&crew);
    }
    dal_instance_destroy(instance);
}
END_TEST

/* ---- Forks -------------------------------------------------------------------------------------
 */

static int status_of(pid_t child)
{
    int status = -1;

    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static pid_t do_fork(int is_bare)
{
    return is_bare ? _Fork() : fork();
}

/* In a child, whose memory is as that of the others was in the middle of what they did: no malloc.
 * All there is, in blocks that nobody gives back. */
static uint64_t take_without_list(const struct dal_instance *instance)
{
    uint64_t sum = 0;

    for (size_t size = 1 << 16; size > 0;) {
        if (dal_instance_alloc(instance, size, 1))
            sum += size;
        else
            size /= 2;
    }
    return sum;
}

/* The parent has 100000 bytes, and its threads have reserved some. */
START_TEST(test_child_starts_at_what_is_live_in_its_parent)
{
    const struct dal_instance *instance = make("limit:bytes=4M+stats:print=off+arena");
    void *block = dal_instance_alloc(instance, 100000, 8);
    struct crew crew = {.share = 0};
    pid_t child;

    start(&crew, instance, idle);
    meet(&crew);
    reserve(&crew);
    child = do_fork(_i);
    if (child == 0) {
        if (value_of(instance, "live_bytes") != 100000)
            _exit(1);
        if (take_without_list(instance) != (4 << 20) - 100000)
            _exit(2);
        if (value_of(instance, "live_bytes") != 4 << 20)
            _exit(3);
        dal_instance_dealloc(instance, block, 100000, 8);
        _exit(take_without_list(instance) == 100000 ? 0 : 4);
    }
    ck_assert_int_eq(status_of(child), 0);
    ck_assert_uint_eq(value_of(instance, "live_bytes"), 100000);
    meet(&crew);
    end(&crew);
    dal_instance_dealloc(instance, block, 100000, 8);
    dal_instance_destroy(instance);
}
END_TEST

enum { CHURN_BYTES = 8 << 20, CHURN_BLOCK = 2000 };

/* Of every thread one block at a time. */
static void *churn(void *data)
{
    struct crew *crew = data;
    uint32_t state = atomic_fetch_add(&seeds, 1);

    meet(crew);
    while (!atomic_load(&crew->is_over)) {
        size_t size = 1 + next_random(&state) % CHURN_BLOCK;
        void *block = dal_instance_alloc(crew->instance, size, 8);

        dal_instance_dealloc(crew->instance, block, size, 8);
    }
    return NULL;
}

/* Threads that come and go meanwhile. */
static void *churn_threads(void *data)
{
    struct crew *crew = data;

    meet(crew);
    while (!atomic_load(&crew->is_over)) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, end_soon, crew) != 0 || pthread_join(thread, NULL) != 0)
            abort();
    }
    return NULL;
}

/* The mock: addresses, and no memory, so that no lock can be held in the child. */
static void *mock_alloc(size_t size, size_t align, void *ctx)
{
    static char block[1];

    (void)size;
    (void)align;
    (void)ctx;
    return block;
}

static void mock_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)size;
    (void)align;
    (void)ctx;
}

static int mock_create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    (void)request;
    allocator->alloc = mock_alloc;
    allocator->dealloc = mock_dealloc;
    return 0;
}

static const struct dal_backend mock = {
    DAL_BACKEND_HEADER,    .name = "mock", .version = "1", .summary = "gives any address",
    .create = mock_create,
};

START_TEST(test_forks_under_churn_leave_the_child_a_right_budget)
{
    void *(*work)(void *) = _i / 2 ? churn_threads : churn;
    const struct dal_instance *instance;
    struct crew crew = {.share = 0};
    int runs = suite_race_runs(20);
    uint64_t in_hand = THREADS * (uint64_t)(_i / 2 ? 100 * 1000 : CHURN_BLOCK);

    ck_assert_int_eq(dal_backend_register(&mock), 0);
    instance = make("limit:bytes=8M+mock");
    ck_assert_ptr_nonnull(dal_instance_alloc(instance, 1000000, 8));
    start(&crew, instance, work);
    meet(&crew);
    for (int i = 0; i < runs; i++) {
        pid_t child = do_fork(_i % 2);

        if (child == 0) {
            uint64_t got = take_without_list(instance);

            /* What a thread was just moving may be lost, a grain or two each. */
            if (got > CHURN_BYTES - 1000000)
                _exit(1);
            if (got < CHURN_BYTES - 1000000 - in_hand - THREADS * UINT64_C(2 * 65536))
                _exit(2);
            _exit(dal_instance_alloc(instance, 1, 1) ? 3 : 0);
        }
        ck_assert_int_eq(status_of(child), 0);
    }
    atomic_store(&crew.is_over, 1);
    end(&crew);
    ck_assert_uint_eq(value_of(instance, "live_bytes"), 1000000);
    ck_assert_uint_eq(take_without_list(instance), CHURN_BYTES - 1000000);
    dal_instance_destroy(instance);
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("limit_races");
    TCase *threads = tcase_create("threads"), *forks = tcase_create("forks");

    tcase_add_loop_test(threads, test_bound_is_never_exceeded, 0, 4);
    tcase_add_loop_test(threads, test_who_keeps_to_a_share_is_never_refused, 0, 4);
    tcase_add_loop_test(threads, test_one_thread_gets_what_others_have_reserved, 0, 2);
    tcase_add_test(threads, test_all_that_is_free_can_be_had_past_soft);
    tcase_add_loop_test(threads, test_threads_cross_soft_once, 0, 3);
    suite_add_tcase(suite, threads);
    tcase_add_loop_test(forks, test_child_starts_at_what_is_live_in_its_parent, 0, 1 + HAS__FORK);
    /* ThreadSanitizer counts threads that the child does not have. */
    if (!CONFORMANCE_SANITIZED)
        tcase_add_loop_test(forks, test_forks_under_churn_leave_the_child_a_right_budget, 0, 4);
    suite_add_tcase(suite, forks);
    return suite;
}

int main(void)
{
    return suite_run(make_suite());
}
