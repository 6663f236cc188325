/* SPDX-License-Identifier: MIT */
/* Faults that show on a single thread, in allocators that wrap the system's. */
#include "tests/faulty/faulty.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/sanitizer.h"

/* What is taken for a size by those who take an int for one. */
#if SIZE_MAX > 0xffffffffu
typedef uint32_t half;
typedef int32_t signed_half;
#else
typedef uint16_t half;
typedef int16_t signed_half;
#endif

/* ---- No fault ------------------------------------------------------------------------------ */

void *good_alloc(size_t size, size_t align, void *ctx)
{
    const struct dal_alloc_slot *slot = &dal_system()->alloc;

    (void)ctx;
    return slot->call(size, align, slot->ctx);
}

void good_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc(dal_system(), ptr, size, align);
}

void *good_alloc_zeroed(size_t size, size_t align, void *ctx)
{
    const struct dal_alloc_slot *slot = &dal_system()->alloc_zeroed;

    (void)ctx;
    return slot->call(size, align, slot->ctx);
}

void *good_realloc(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    const struct dal_realloc_slot *slot = &dal_system()->realloc;

    (void)ctx;
    return slot->call(ptr, old_size, align, new_size, slot->ctx);
}

size_t good_usable_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ctx;
    return dal_instance_usable_size(dal_system(), ptr, size, align);
}

void good_dealloc_unsized(void *ptr, void *ctx)
{
    (void)ctx;
    dal_instance_dealloc_unsized(dal_system(), ptr);
}

const struct dal_allocator faultless_wrapper = {
    DAL_ALLOCATOR_HEADER(NULL),
    .alloc = good_alloc,
    .dealloc = good_dealloc,
    .alloc_zeroed = good_alloc_zeroed,
    .realloc = good_realloc,
    .usable_size = good_usable_size,
    .dealloc_unsized = good_dealloc_unsized,
};

/* An allocator of the slots named, the others derived; FAULTY has a good dealloc. */
#define ALLOCATOR(...) (&(const struct dal_allocator){DAL_ALLOCATOR_HEADER(NULL), __VA_ARGS__})
#define FAULTY(...)    ALLOCATOR(.dealloc = good_dealloc, __VA_ARGS__)

/* ---- alloc -------------------------------------------------------------------------- */

static void *never(size_t size, size_t align, void *ctx)
{
    (void)size;
    (void)align;
    (void)ctx;
    return NULL;
}

static void *now_and_then_null(size_t size, size_t align, void *ctx)
{
    static unsigned calls;

    return ++calls % 1000 == 0 ? NULL : good_alloc(size, align, ctx);
}

static void *ignore_align(size_t size, size_t align, void *ctx)
{
    (void)align;
    return good_alloc(size, 16, ctx);
}

static void *cap_align(size_t size, size_t align, void *ctx)
{
    return good_alloc(size, align < 4096 ? align : 4096, ctx);
}

static void *cut_align(size_t size, size_t align, void *ctx)
{
    half cut = (half)align;

    return good_alloc(size, cut ? cut : 1, ctx);
}

/* Every block has one of its own, too far on by half of what is natural. */
static void *natural_is_half(size_t size, size_t align, void *ctx)
{
    char *ptr = good_alloc(size + DAL_MIN_ALIGN / 2, 16, ctx);

    (void)align;
    return ptr && size >= 16 ? ptr + DAL_MIN_ALIGN / 2 : ptr;
}

static void dealloc_natural_is_half(void *ptr, size_t size, size_t align, void *ctx)
{
    uintptr_t address = (uintptr_t)ptr;

    good_dealloc((void *)(address - address % 16), size, align, ctx);
}

/* The fast path that looks at align <= 16 and forgets align <= size. */
static void *align_small_by_size(size_t size, size_t align, void *ctx)
{
    char *ptr = good_alloc(size + 8, align < 16 ? 16 : align, ctx);

    return size <= 8 && align <= 16 && ptr ? ptr + 8 : ptr;
}

static void dealloc_small_by_size(void *ptr, size_t size, size_t align, void *ctx)
{
    good_dealloc(size <= 8 && align <= 16 && ptr ? (char *)ptr - 8 : ptr, size, align, ctx);
}

static void *zero_is_null(size_t size, size_t align, void *ctx)
{
    return size ? good_alloc(size, align, ctx) : NULL;
}

static void *zero_is_one(size_t size, size_t align, void *ctx)
{
    return size ? good_alloc(size, align, ctx) : (void *)(uintptr_t)1;
}

static void dealloc_not_one(void *ptr, size_t size, size_t align, void *ctx)
{
    if (size)
        good_dealloc(ptr, size, align, ctx);
}

static void *cut_size(size_t size, size_t align, void *ctx)
{
    return good_alloc((half)size, align, ctx);
}

static void *leave(size_t size, size_t align, void *ctx)
{
    if (size == 100 && align == 16)
        exit(0);
    return good_alloc(size, align, ctx);
}

static void *stay(size_t size, size_t align, void *ctx)
{
    while (size == 100 && align == 16)
        pause();
    return good_alloc(size, align, ctx);
}

/* Blocks without a byte between them, never given back. */
static void *dense_alloc(size_t size, size_t align, void *ctx)
{
    static _Alignas(4096) unsigned char memory[32 << 20];
    static size_t used;
    size_t start = (used + align - 1) & ~(align - 1);

    (void)ctx;
    if (start > sizeof memory || size > sizeof memory - start)
        return NULL;
    used = start + size;
    return memory + start;
}

/* ---- dealloc ------------------------------------------------------------------------ */

/* A cache of one block that is not emptied when it serves. */
static void *cached;
static size_t cached_size;

static void keep(void *ptr, size_t size, size_t align, void *ctx)
{
    if (!ptr || size < 32) {
        good_dealloc(ptr, size, align, ctx);
        return;
    }
    cached = ptr;
    cached_size = size;
}

static void *serve_twice(size_t size, size_t align, void *ctx)
{
    if (cached && size <= cached_size && align <= 16 && size >= 32)
        return cached;
    return good_alloc(size, align, ctx);
}

static void look_before_block(void *ptr, size_t size, size_t align, void *ctx)
{
    volatile const char *header = (char *)ptr - 1;

    (void)*header;
    good_dealloc(ptr, size, align, ctx);
}

static void wipe_a_line(void *ptr, void *ctx)
{
    if (ptr)
        memset(ptr, 0xdd, 64);
    (void)ctx;
}

static void forget(void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)size;
    (void)align;
    (void)ctx;
}

static size_t repeat_size(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return size;
}

static size_t one_less(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return size - 1;
}

static size_t one_more(const void *ptr, size_t size, size_t align, void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return size + 1;
}

static int own_all(const void *ptr, void *ctx)
{
    (void)ptr;
    (void)ctx;
    return 1;
}

static int own_nothing(const void *ptr, void *ctx)
{
    (void)ptr;
    (void)ctx;
    return 0;
}

/* ---- alloc_zeroed and grow_zeroed --------------------------------------------------- */

static void *dirty_alloc(size_t size, size_t align, void *ctx)
{
    void *ptr = good_alloc(size, align, ctx);

    if (ptr)
        memset(ptr, 0xdd, size);
    return ptr;
}

static void *zero_words_only(size_t size, size_t align, void *ctx)
{
    void *ptr = dirty_alloc(size, align, ctx);

    if (ptr)
        memset(ptr, 0, size & ~(size_t)7);
    return ptr;
}

static void *zeroed_ignores_align(size_t size, size_t align, void *ctx)
{
    (void)align;
    return good_alloc_zeroed(size, 16, ctx);
}

static void *move(void *ptr, size_t old_size, size_t new_size, size_t new_align, size_t copied)
{
    void *moved = good_alloc(new_size, new_align, NULL);

    if (!moved)
        return NULL;
    if (ptr)
        memcpy(moved, ptr, copied);
    good_dealloc(ptr, old_size, 1, NULL);
    return moved;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void *relayout(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                      size_t new_align, void *ctx)
{
    (void)old_align;
    (void)ctx;
    return move(ptr, old_size, new_size, new_align, smaller(old_size, new_size));
}

/* ---- realloc, grow, shrink ---------------------------------------------------------- */

static void *lose_contents(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ctx;
    return move(ptr, old_size, new_size, align, 0);
}

static void *copy_a_page(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    size_t copied = smaller(old_size, new_size);

    (void)ctx;
    return move(ptr, old_size, new_size, align,
                new_size / 8 > old_size ? smaller(copied, 4096) : copied);
}

static void *lose_align(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)align;
    (void)ctx;
    return move(ptr, old_size, new_size, 16, smaller(old_size, new_size));
}

static void *null_stays_null(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    return ptr ? good_realloc(ptr, old_size, align, new_size, ctx) : NULL;
}

static void *zero_frees(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    if (ptr && new_size == 0) {
        good_dealloc(ptr, old_size, align, ctx);
        return NULL;
    }
    return good_realloc(ptr, old_size, align, new_size, ctx);
}

/* What bionic's limit once did. */
static void *free_on_failure(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    void *moved = good_realloc(ptr, old_size, align, new_size, ctx);

    if (!moved)
        good_dealloc(ptr, old_size, align, ctx);
    return moved;
}

static void *mark_on_failure(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    void *moved = good_realloc(ptr, old_size, align, new_size, ctx);

    if (!moved && ptr && old_size)
        ((char *)ptr)[old_size - 1] = 0;
    return moved;
}

static void *grow_loses_align(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                              size_t new_align, void *ctx)
{
    (void)new_align;
    (void)ctx;
    return move(ptr, old_size, new_size, old_align, old_size);
}

static void *shrink_loses_last(void *ptr, size_t old_size, size_t old_align, size_t new_size,
                               size_t new_align, void *ctx)
{
    (void)ctx;
    return move(ptr, old_size, new_size, new_align,
                old_align == new_align || new_size == 0 ? new_size : new_size - 1);
}

/* ---- resize_in_place ---------------------------------------------------------------- */

static int always_done(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ptr;
    (void)old_size;
    (void)align;
    (void)new_size;
    (void)ctx;
    return 0;
}

static int minus_one(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)always_done(ptr, old_size, align, new_size, ctx);
    return -1;
}

static int compare_int(void *ptr, size_t old_size, size_t align, size_t new_size, void *ctx)
{
    (void)ptr;
    (void)align;
    (void)ctx;
    return (signed_half)new_size <= (signed_half)old_size ? 0 : DAL_ERR_UNSUPPORTED;
}

const struct faulty faulty_wrappers[] = {
    /* alloc */
    {.name = "answers NULL to everything",
     .found_by = "serves_requests",
     .asked = "until NULL",
     .got = "0 bytes",
     .likely = "takes itself for full",
     .allocator = FAULTY(.alloc = never)},
    {.name = "answers NULL now and then",
     .found_by = "serves_requests",
     .got = "NULL, when",
     .likely = "a count or a limit of its own is wrong",
     .allocator = FAULTY(.alloc = now_and_then_null)},
    {.name = "knows no alignment above 16",
     .found_by = "alloc_is_aligned",
     .asked = "align 32)",
     .got = "aligned to 16",
     .likely = "alloc() does not look at the alignment",
     .allocator = FAULTY(.alloc = ignore_align)},
    {.name = "aligns small blocks by their size",
     .found_by = "alloc_is_aligned",
     .asked = "alloc(size 1, align 16)",
     .got = "aligned to 8",
     .allocator = ALLOCATOR(.alloc = align_small_by_size, .dealloc = dealloc_small_by_size)},
    {.name = "aligns to 4096 at most and does not say so",
     .found_by = "large_alignments",
     .asked = "align 8192)",
     .allocator = FAULTY(.alloc = cap_align)},
    /* Under a sanitizer the first that is tried above 32 bits is a larger one. */
    {.name = "keeps alignments in half their bits",
     .found_by = "absurd_alignments_are_refused",
     .asked = BY_BITS(CONFORMANCE_SANITIZED ? "align 1099511627776)" : "align 4294967296)",
                      "align 4194304)"),
     .allocator = FAULTY(.alloc = cut_align)},
    {.name = "keeps sizes in half their bits",
     .found_by = "absurd_sizes_are_null",
     .asked =
         BY_BITS("alloc(size 9223372036854775807, align 1)", "alloc(size 2147483647, align 1)"),
     .allocator = FAULTY(.alloc = cut_size)},
    {.name = "answers NULL for size 0",
     .found_by = "size_zero",
     .asked = "alloc(size 0, align 1)",
     .got = "NULL",
     .likely = "size 0 is taken for no request",
     .allocator = FAULTY(.alloc = zero_is_null)},
    {.name = "has one address for all blocks of size 0",
     .found_by = "size_zero",
     .asked = "alloc(size 0, align 2)",
     .got = "0x1, aligned to 1",
     .allocator = ALLOCATOR(.alloc = zero_is_one, .dealloc = dealloc_not_one)},
    {.name = "leaves the process",
     .found_by = "absurd_sizes_are_null",
     .asked = "alloc(size 100, align 16)",
     .got = "the process ended with status 0",
     .allocator = FAULTY(.alloc = leave)},
    {.name = "never comes back",
     .found_by = "absurd_sizes_are_null",
     .asked = "alloc(size 100, align 16)",
     .got = "it hangs",
     .allocator = FAULTY(.alloc = stay)},

    /* dealloc and what a block is */
    {.name = "serves a freed block twice",
     .found_by = "reuse_leaves_live_blocks",
     .asked = "a live block",
     .allocator = ALLOCATOR(.alloc = serve_twice, .dealloc = keep)},
    {.name = "looks for a header before NULL",
     .found_by = "dealloc_of_null_is_nothing",
     .asked = "dealloc(NULL",
     .got = "SIGSEGV",
     .likely = "NULL is taken for a block",
     .allocator = ALLOCATOR(.alloc = good_alloc, .dealloc = look_before_block)},
    {.name = "frees without a size more than the block",
     .found_by = "dealloc_unsized_frees",
     .asked = "a live block",
     .allocator =
         ALLOCATOR(.alloc = dense_alloc, .dealloc = forget, .dealloc_unsized = wipe_a_line)},
    {.name = "tells the usable size of a pointer as 0",
     .found_by = "dealloc_unsized_frees",
     .got = "0 for a block of size",
     .likely = "usable_size() goes by the size",
     .allocator = FAULTY(.alloc = good_alloc, .dealloc_unsized = good_dealloc_unsized,
                         .usable_size = repeat_size)},
    {.name = "tells less than the size",
     .found_by = "usable_size_is_usable",
     .asked = "usable_size(size 1, align 8)",
     .got = "0",
     .allocator = FAULTY(.alloc = good_alloc, .usable_size = one_less)},
    {.name = "tells more than it has",
     .found_by = "usable_size_is_usable",
     .asked = "after all usable bytes",
     .allocator = ALLOCATOR(.alloc = dense_alloc, .dealloc = forget, .usable_size = one_more)},
    {.name = "owns every address",
     .found_by = "owns_its_blocks_only",
     .got = "1 for NULL",
     .likely = "owns() does not look whether",
     .allocator = FAULTY(.alloc = good_alloc, .owns = own_all)},
    {.name = "owns no address",
     .found_by = "owns_its_blocks_only",
     .got = "0 for a live block",
     .likely = "owns() looks at some of its memory",
     .allocator = FAULTY(.alloc = good_alloc, .owns = own_nothing)},

    /* zeroed memory */
    {.name = "does not clear what was used before",
     .found_by = "zeroed_after_dirty",
     .asked = "alloc_zeroed(",
     .likely = "does not clear memory",
     .allocator = FAULTY(.alloc = good_alloc, .alloc_zeroed = good_alloc)},
    {.name = "clears whole words only",
     .found_by = "alloc_zeroed_is_zero",
     .asked = "alloc_zeroed(size 1, align 1)",
     .got = "byte 0 of 1 is 0xdd",
     .likely = "clears less than the size",
     .allocator = FAULTY(.alloc = good_alloc, .alloc_zeroed = zero_words_only)},
    {.name = "knows no alignment above 16 for zeroed blocks",
     .found_by = "alloc_zeroed_is_aligned",
     .asked = "alloc_zeroed(",
     .got = "aligned to",
     .likely = "alloc_zeroed() does not look at the alignment",
     .allocator = FAULTY(.alloc = good_alloc, .alloc_zeroed = zeroed_ignores_align)},
    {.name = "clears nothing when it grows",
     .found_by = "grow_zeroed_zeroes_the_rest",
     .asked = "grow_zeroed(",
     .likely = "does not clear what is new",
     .allocator = FAULTY(.alloc = dirty_alloc, .grow_zeroed = relayout)},

    /* realloc, grow, shrink */
    {.name = "loses the contents",
     .found_by = "realloc_keeps_contents",
     .asked = "realloc(size 1, align 2, to size 2)",
     .allocator = FAULTY(.alloc = good_alloc, .realloc = lose_contents)},
    {.name = "copies a page in long steps",
     .found_by = "realloc_takes_any_step",
     .asked = "realloc(",
     .got = "byte 4096 of",
     .allocator = FAULTY(.alloc = dirty_alloc, .realloc = copy_a_page)},
    {.name = "loses the alignment",
     .found_by = "realloc_keeps_alignment",
     .asked = "realloc(",
     .got = "aligned to",
     .likely = "the new block is not taken with the alignment",
     .allocator = FAULTY(.alloc = good_alloc, .realloc = lose_align)},
    {.name = "does not allocate for NULL",
     .found_by = "realloc_of_null_allocates",
     .asked = "realloc(NULL, 0, align 1, to size 0)",
     .got = "NULL",
     .likely = "size 0 is taken for no request",
     .allocator = FAULTY(.alloc = good_alloc, .realloc = null_stays_null)},
    {.name = "frees when the new size is 0",
     .found_by = "realloc_to_zero_and_back",
     .asked = "to size 0)",
     .got = "NULL",
     .likely = "or for free()",
     .allocator = FAULTY(.alloc = good_alloc, .realloc = zero_frees)},
    {.name = "frees the block when it fails",
     .found_by = "failed_resize_leaves_block",
     .asked = "realloc(",
     /* Not what it got: free() writes an address there, which may be what was, and then comes a
      * double free. */
     .allocator = FAULTY(.alloc = good_alloc, .realloc = free_on_failure)},
    {.name = "writes to the block before it fails",
     .found_by = "failed_resize_leaves_block",
     .asked = "realloc(",
     .allocator = FAULTY(.alloc = good_alloc, .realloc = mark_on_failure)},
    {.name = "grows to the old alignment",
     .found_by = "grow_takes_another_alignment",
     .asked = "grow(",
     .likely = "the new block is not taken with the alignment",
     .allocator = FAULTY(.alloc = good_alloc, .grow = grow_loses_align)},
    {.name = "loses the last byte when it shrinks",
     .found_by = "shrink_takes_another_alignment",
     .asked = "shrink(",
     .allocator = FAULTY(.alloc = dirty_alloc, .shrink = shrink_loses_last)},

    /* resize_in_place */
    {.name = "says that it has resized",
     .found_by = "resize_in_place_is_honest",
     .asked = "beside a block resized in place",
     .likely = "resize_in_place() says 0 without a look",
     .allocator =
         ALLOCATOR(.alloc = dense_alloc, .dealloc = forget, .resize_in_place = always_done)},
    {.name = "refuses with a number of its own",
     .found_by = "resize_in_place_is_honest",
     .asked = "resize_in_place(",
     .got = "-1",
     .allocator = FAULTY(.alloc = good_alloc, .resize_in_place = minus_one)},
    {.name = "compares half of sizes",
     .found_by = "resize_in_place_refuses_the_impossible",
     .asked = "resize_in_place(",
     .likely = "resize_in_place() says 0 without a look",
     .allocator = FAULTY(.alloc = good_alloc, .resize_in_place = compare_int)},
    {.name = "aligns natural layouts to half",
     .found_by = "alignments_mix",
     .asked = "alloc_natural(size ",
     .allocator = ALLOCATOR(.alloc = good_alloc, .alloc_natural = natural_is_half,
                            .dealloc = dealloc_natural_is_half)},
    {.name = NULL},
};
