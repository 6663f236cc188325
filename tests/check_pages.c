/* SPDX-License-Identifier: MIT */
/*
 * Huge pages and pages that are present before they are touched, in the arenas. What the
 * system really did is looked up: page faults by getrusage, huge pages in /proc/self/smaps.
 */
#include <config.h>

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <dispatchalloc.h>

#include "os/os.h"
#include "counting.h"
#include "over_child.h"

#include "conformance/sanitizer.h"
#include "suite.h"

#define MIB ((size_t)1 << 20)

enum { PIECE = 4096, PIECES = 2048 }; /* 8 MiB in all */

static const struct dal_instance *make(const char *spec)
{
    const struct dal_instance *instance = NULL;
    char message[300];

    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

static long faults_so_far(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* Page faults of writing to memory, and of nothing else. */
static long faults_of_touching(void *memory, size_t bytes)
{
    long before = faults_so_far();

    for (size_t i = 0; i < bytes; i += PIECE)
        ((volatile char *)memory)[i] = 1;
    return faults_so_far() - before;
}

/* The same of all blocks that are PIECE bytes each, as they come. */
static long faults_of_blocks(const struct dal_instance *instance)
{
    long faults = 0;

    for (int i = 0; i < PIECES; i++) {
        char *block = dal_instance_alloc(instance, PIECE, 16);

        ck_assert_ptr_nonnull(block);
        faults += faults_of_touching(block, PIECE);
    }
    return faults;
}

/* ---- /proc/self/smaps ---------------------------------------------------------------- */

struct mapping {
    size_t huge_kib;
    int is_advised;
    int is_denied;
};

/* What the system says of the memory at an address: 1, or 0 if it does not. */
static int look_up(const void *address, struct mapping *mapping)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    int is_it = 0, found = 0;

    memset(mapping, 0, sizeof *mapping);
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long start, end;

        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            is_it = (uintptr_t)address >= start && (uintptr_t)address < end;
        if (!is_it)
            continue;
        (void)sscanf(line, "AnonHugePages: %zu kB", &mapping->huge_kib);
        if (strncmp(line, "VmFlags:", 8) == 0) {
            mapping->is_advised = strstr(line, " hg") != NULL;
            mapping->is_denied = strstr(line, " nh") != NULL;
            found = 1;
        }
    }
    if (maps)
        fclose(maps);
    return found;
}

/* Whether a huge page can be had at this moment: memory may be too fragmented for one. */
static int gets_huge_page(void)
{
    size_t huge = dal_os_huge_page_bytes_();
    char *memory = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *page = memory + (huge - (uintptr_t)memory % huge) % huge;
    struct mapping mapping;
    int gets;

    ck_assert_ptr_ne(memory, MAP_FAILED);
    dal_os_wish_(page, huge, DAL_PAGES_HUGE);
    *(volatile char *)page = 1;
    gets = !look_up(page, &mapping) || mapping.huge_kib >= huge / 1024;
    munmap(memory, 2 * huge);
    return gets;
}

/* Whether this system gives huge pages to those who ask; says why if not. */
static int has_huge_pages(void)
{
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    char text[64] = "";

    if (file) {
        (void)!fgets(text, sizeof text, file);
        fclose(file);
    }
    if (strstr(text, "[always]") || strstr(text, "[madvise]")) {
        if (dal_os_huge_page_bytes_() > 4 * MIB || gets_huge_page())
            return 1;
        puts("skipped: no huge page is free at this moment");
        return 0;
    }
    printf("skipped: no huge pages on request (transparent_hugepage/enabled: %s)\n",
           text[0] ? text : "not there");
    return 0;
}

/* ---- Presence ------------------------------------------------------------------------ */

/* Without huge pages, so that the number of faults is known on every system. */
START_TEST(test_prefault_takes_the_faults_out_of_first_touches)
{
    const struct dal_instance *plain = make("arena:huge_pages=never");
    const struct dal_instance *ready = make("arena:huge_pages=never,prefault=on");

    ck_assert_int_ge(faults_of_blocks(plain), PIECES / 2);
    ck_assert_int_le(faults_of_blocks(ready), PIECES / 50);
    (void)dal_instance_destroy(plain);
    (void)dal_instance_destroy(ready);
}
END_TEST

START_TEST(test_prefault_holds_for_large_blocks_that_are_allocated_zeroed_and_resized)
{
    const struct dal_instance *arena = make("arena:huge_pages=never,prefault=on");
    char *block = dal_instance_alloc(arena, 8 * MIB, 16);
    char *zeroed = dal_instance_alloc_zeroed(arena, 8 * MIB, 64);
    size_t nonzero = 0;

    ck_assert(block && zeroed);
    /* libcheck reports every assertion to its parent: one for all. */
    for (size_t i = 0; i < 8 * MIB; i++)
        nonzero += zeroed[i] != 0;
    ck_assert_uint_eq(nonzero, 0);
    ck_assert_int_le(faults_of_touching(block, 8 * MIB), 20);
    ck_assert_int_le(faults_of_touching(zeroed, 8 * MIB), 20);
    block = dal_instance_realloc(arena, block, 8 * MIB, 16, 16 * MIB);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_le(faults_of_touching(block, 16 * MIB), 20);
    (void)dal_instance_destroy(arena);
}
END_TEST

START_TEST(test_prefault_in_a_handle)
{
    const struct dal_arena_options options = {.flags = DAL_ARENA_PREFAULT};
    struct dal_arena arena;
    char *large;

    ck_assert_int_eq(dal_arena_init(&arena, &options), 0);
    ck_assert_int_le(faults_of_blocks(dal_arena_instance(&arena)), PIECES / 50);
    large = dal_arena_alloc(&arena, 8 * MIB, 16);
    ck_assert_ptr_nonnull(large);
    ck_assert_int_le(faults_of_touching(large, 8 * MIB), 20);
    large = dal_arena_realloc(&arena, large, 8 * MIB, 16, 16 * MIB);
    ck_assert_ptr_nonnull(large);
    ck_assert_int_le(faults_of_touching(large, 16 * MIB), 20);
    dal_arena_destroy(&arena);
}
END_TEST

START_TEST(test_prefault_in_a_fixed_arena)
{
    const struct dal_instance *plain = make("fixed-arena:capacity=16M,huge_pages=never");
    const struct dal_instance *ready =
        make("fixed-arena:capacity=16M,huge_pages=never,prefault=on");

    ck_assert_int_ge(faults_of_blocks(plain), PIECES / 2);
    ck_assert_int_le(faults_of_blocks(ready), PIECES / 50);
    (void)dal_instance_destroy(plain);
    (void)dal_instance_destroy(ready);
}
END_TEST

/* What serves where the system has no call for it. */
START_TEST(test_touching_makes_pages_present_and_changes_nothing)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    memory[page - 1] = 'a';
    memory[page] = 'b';
    dal_os_touch_(memory + 100, 8 * MIB - 200, page);
    ck_assert(memory[page - 1] == 'a' && memory[page] == 'b' && memory[0] == 0);
    ck_assert_int_le(faults_of_touching(memory, 8 * MIB), 20);
    munmap(memory, 8 * MIB);
    dal_os_touch_(memory, 0, page); /* no byte, no touch: this would crash */
}
END_TEST

/* ---- Huge pages ------------------------------------------------------------------------ */

static void check_huge(const void *memory, size_t least_kib)
{
    struct mapping mapping;

    if (!look_up(memory, &mapping)) {
        puts("skipped: no VmFlags in /proc/self/smaps");
        return;
    }
    ck_assert(mapping.is_advised && !mapping.is_denied);
    ck_assert_uint_ge(mapping.huge_kib, least_kib);
}

START_TEST(test_chunks_of_an_arena_lie_in_huge_pages)
{
    size_t huge = dal_os_huge_page_bytes_();
    const struct dal_instance *arena;
    char *block;
    long faults;

    if (!has_huge_pages() || huge > 4 * MIB)
        return;
    arena = make("arena:huge_pages=advise");
    block = dal_instance_alloc(arena, 16, 16);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_le((uintptr_t)block % huge, 64); /* behind its header */
    *block = 1;
    check_huge(block, huge / 1024);
    faults = faults_of_blocks(arena);
    ck_assert_int_le(faults, PIECES / 10);
    (void)dal_instance_destroy(arena);
}
END_TEST

START_TEST(test_large_blocks_of_an_arena_have_huge_pages_inside)
{
    size_t huge = dal_os_huge_page_bytes_();
    const struct dal_instance *arena;
    char *block;

    if (!has_huge_pages() || huge > 4 * MIB)
        return;
    arena = make("arena:huge_pages=advise,prefault=on");
    block = dal_instance_alloc(arena, 4 * huge, 16);
    ck_assert_ptr_nonnull(block);
    check_huge(block + 2 * huge, 3 * huge / 1024);
    block = dal_instance_realloc(arena, block, 4 * huge, 16, 8 * huge);
    ck_assert_ptr_nonnull(block);
    ck_assert_int_le(faults_of_touching(block, 8 * huge), 20);
    (void)dal_instance_destroy(arena);
}
END_TEST

START_TEST(test_huge_pages_in_a_handle)
{
    const struct dal_arena_options options = {.flags = DAL_ARENA_HUGE_PAGES};
    size_t huge = dal_os_huge_page_bytes_();
    struct dal_arena arena;
    struct dal_arena_stats stats;
    char *block;

    if (!has_huge_pages() || huge > 4 * MIB)
        return;
    ck_assert_int_eq(dal_arena_init(&arena, &options), 0);
    block = dal_arena_alloc(&arena, 64, 8);
    ck_assert_ptr_nonnull(block);
    *block = 1;
    dal_arena_stats_read(&arena, &stats);
    ck_assert_uint_eq(stats.reserved_bytes, huge);
    check_huge(block, huge / 1024);
    ck_assert_int_le(faults_of_blocks(dal_arena_instance(&arena)), PIECES / 10);
    dal_arena_destroy(&arena);
}
END_TEST

START_TEST(test_huge_chunks_keep_to_the_largest_that_was_chosen)
{
    size_t huge = dal_os_huge_page_bytes_();
    const struct dal_arena_options options[] = {
        {.flags = DAL_ARENA_HUGE_PAGES, .chunk_bytes_max = huge + huge / 2},
        {.flags = DAL_ARENA_HUGE_PAGES,
         .chunk_bytes = huge + 4096,
         .chunk_bytes_max = 2 * huge - 8},
    };

    if (huge == 0 || huge > 4 * MIB)
        return;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        struct dal_arena arena;
        struct dal_arena_stats stats;
        size_t reserved_bytes = 0;

        ck_assert_int_eq(dal_arena_init(&arena, &options[i]), 0);
        for (size_t bytes = 0; bytes < 5 * huge; bytes += PIECE) {
            ck_assert_ptr_nonnull(dal_arena_alloc(&arena, PIECE, 16));
            dal_arena_stats_read(&arena, &stats);
            ck_assert_uint_le(stats.reserved_bytes - reserved_bytes, options[i].chunk_bytes_max);
            ck_assert_uint_eq(stats.reserved_bytes % huge, 0);
            reserved_bytes = stats.reserved_bytes;
        }
        dal_arena_destroy(&arena);
    }
}
END_TEST

START_TEST(test_huge_pages_in_a_fixed_arena)
{
    size_t huge = dal_os_huge_page_bytes_();
    const struct dal_instance *arena;
    const char *block;

    if (!has_huge_pages() || huge > 4 * MIB)
        return;
    arena = make("fixed-arena:capacity=16M,huge_pages=advise");
    ck_assert_int_le(faults_of_blocks(arena), PIECES / 10);
    block = dal_instance_alloc(arena, 16, 16);
    ck_assert_ptr_nonnull(block);
    check_huge(block, 4096);
    (void)dal_instance_destroy(arena);
}
END_TEST

START_TEST(test_never_is_an_advice_as_well)
{
    const struct dal_instance *arena;
    struct mapping mapping;
    char *block;

    if (!has_huge_pages())
        return;
    arena = make("arena:huge_pages=never");
    block = dal_instance_alloc(arena, 16 * MIB, 16);
    ck_assert_ptr_nonnull(block);
    (void)faults_of_touching(block, 16 * MIB);
    if (look_up(block + 8 * MIB, &mapping)) {
        ck_assert(mapping.is_denied && !mapping.is_advised);
        ck_assert_uint_eq(mapping.huge_kib, 0);
    }
    (void)dal_instance_destroy(arena);
}
END_TEST

START_TEST(test_sizes_that_hold_no_huge_page_are_refused)
{
    const struct {
        const char *spec, *says;
    } bad[] = {
        {"arena:huge_pages=advise,chunk=64K", "chunk=64K is no multiple of a huge page"},
        {"arena:huge_pages=advise,limit=64K", "limit=64K is less than one chunk"},
        {"fixed-arena:huge_pages=advise", "capacity=128K is less than a huge page"},
        {"fixed-arena:huge_pages=yes", "default|advise|never"},
    };
    const struct dal_arena_options options = {
        .flags = DAL_ARENA_HUGE_PAGES,
        .chunk_bytes_max = 65536,
    };
    const struct dal_instance *instance = NULL;
    struct dal_arena arena;
    char message[300];

    if (dal_os_huge_page_bytes_() == 0)
        return;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(dal_instance_create_spec(bad[i].spec, &instance, message, sizeof message),
                         DAL_ERR_OPTION);
        ck_assert_msg(strstr(message, bad[i].says) != NULL, "%s: %s", bad[i].spec, message);
    }
    ck_assert_int_eq(dal_arena_init(&arena, &options), DAL_ERR_INVALID);
}
END_TEST

/* ---- Over a child that keeps the books --------------------------------------------------- */

static struct counting child;

/* Sizes up to several huge pages, so that chunks and blocks with memory of their own come by
 * with every alignment; counting.h aborts if one goes back with another. */
static void work(const struct dal_instance *arena)
{
    size_t huge = dal_os_huge_page_bytes_() > 0 ? dal_os_huge_page_bytes_() : 2 * MIB;
    const size_t sizes[] = {100, huge / 8, huge / 2, huge - 48, huge, 2 * huge - 48, 3 * huge};
    size_t count = sizeof sizes / sizeof sizes[0];

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            char *block = dal_instance_alloc_zeroed(arena, sizes[i], 16);

            ck_assert_ptr_nonnull(block);
            ck_assert(block[0] == 0 && block[sizes[i] - 1] == 0);
            block[0] = 'x';
            block[sizes[i] - 1] = 'y';
            block = dal_instance_realloc(arena, block, sizes[i], 16, sizes[j]);
            ck_assert_ptr_nonnull(block);
            ck_assert(block[0] == 'x' && (sizes[j] < sizes[i] || block[sizes[i] - 1] == 'y'));
            dal_instance_dealloc(arena, block, sizes[j], 16);
        }
    }
    for (int i = 0; i < 40000; i++)
        ck_assert_ptr_nonnull(dal_instance_alloc(arena, 256, 8));
}

enum { ADVISE = 1 }; /* the second choice of huge_pages= */

START_TEST(test_everything_goes_back_to_a_child_as_it_was_taken)
{
    size_t chunk = dal_os_huge_page_bytes_() > 0 ? dal_os_huge_page_bytes_() : 2 * MIB;
    const struct dal_arena_options options = {
        .child = counting_init(&child),
        .flags = DAL_ARENA_HUGE_PAGES | DAL_ARENA_PREFAULT,
    };
    struct over_child over;
    struct dal_arena arena;

    if (chunk > 4 * MIB)
        return;
    ck_assert_int_eq(over_child_make(&over, "arena", &child.storage.instance, "chunk", (int)chunk,
                                     "huge_pages", ADVISE, "prefault", 1, NULL),
                     0);
    work(&over.storage.instance);
    over_child_destroy(&over);
    ck_assert_int_eq(over_child_make(&over, "arena", &child.storage.instance, "chunk", (int)chunk,
                                     "limit", (int)(chunk * 3 + 4096), "huge_pages", ADVISE, NULL),
                     0);
    while (dal_instance_alloc(&over.storage.instance, 256, 8))
        continue;
    over_child_destroy(&over);
    ck_assert_int_eq(dal_arena_init(&arena, &options), 0);
    work(dal_arena_instance(&arena));
    dal_arena_reset(&arena, DAL_ARENA_KEEP);
    work(dal_arena_instance(&arena));
    dal_arena_destroy(&arena);
    ck_assert_int_eq(over_child_make(&over, "fixed-arena", &child.storage.instance, "capacity",
                                     (int)(4 * chunk + 100), "huge_pages", ADVISE, "prefault", 1,
                                     NULL),
                     0);
    ck_assert_ptr_nonnull(dal_instance_alloc(&over.storage.instance, 4 * chunk, 4096));
    over_child_destroy(&over);
    ck_assert_uint_eq(atomic_load(&child.live_blocks), 0);
    ck_assert_uint_eq(atomic_load(&child.live_bytes), 0);
}
END_TEST

int main(void)
{
#if CONFORMANCE_SANITIZED
    puts("skipped: a sanitizer's memory and its page faults are others");
    return 77;
#endif
    Suite *suite = suite_create("pages");
    TCase *cases = tcase_create("cases");

    tcase_add_test(cases, test_prefault_takes_the_faults_out_of_first_touches);
    tcase_add_test(cases,
                   test_prefault_holds_for_large_blocks_that_are_allocated_zeroed_and_resized);
    tcase_add_test(cases, test_prefault_in_a_handle);
    tcase_add_test(cases, test_prefault_in_a_fixed_arena);
    tcase_add_test(cases, test_touching_makes_pages_present_and_changes_nothing);
    tcase_add_test(cases, test_chunks_of_an_arena_lie_in_huge_pages);
    tcase_add_test(cases, test_large_blocks_of_an_arena_have_huge_pages_inside);
    tcase_add_test(cases, test_huge_pages_in_a_handle);
    tcase_add_test(cases, test_huge_chunks_keep_to_the_largest_that_was_chosen);
    tcase_add_test(cases, test_huge_pages_in_a_fixed_arena);
    tcase_add_test(cases, test_never_is_an_advice_as_well);
    tcase_add_test(cases, test_sizes_that_hold_no_huge_page_are_refused);
    tcase_add_test(cases, test_everything_goes_back_to_a_child_as_it_was_taken);
    suite_add_tcase(suite, cases);
    return suite_run(suite);
}
