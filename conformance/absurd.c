/* SPDX-License-Identifier: MIT */
/*
 * Layouts that are valid and that no machine can serve: where size + align + header wraps
 * around, a small block comes back for a huge request (CVE-2026-0861 was one of these).
 * An invalid layout is the caller's error and is not tried.
 */
#include "kit.h"

#include "sanitizer.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static size_t largest_size(size_t align)
{
    return (size_t)PTRDIFF_MAX - (align - 1);
}

static void absurd_sizes_are_null(struct kit *kit)
{
    struct kit_block block;

    kit_alloc(kit, &block, 100, 16);
    /* Of an alignment with which all of these sizes are valid. */
    for (size_t align = 1; align <= (size_t)1 << 29; align *= 2) {
        for (size_t less = 0; less <= 4096; less = less * 2 + 1) {
            kit_refuse_alloc(kit, largest_size(align) - less, align, false);
            kit_refuse_alloc(kit, largest_size(align) - less, align, true);
            kit_refuse_alloc(kit, KIT_SIZE_IMPOSSIBLE + less, align, less % 2);
        }
        for (size_t size = KIT_SIZE_IMPOSSIBLE; size <= (size_t)PTRDIFF_MAX / 2; size *= 2) {
            kit_refuse_alloc(kit, size, align, false);
            kit_refuse_alloc(kit, size + 1, align, true);
            kit_refuse_alloc(kit, size + size - align, align, false);
        }
    }
    kit_phase(kit, "after requests for absurd sizes");
    kit_check(kit, &block);
    kit_free(kit, &block);
    kit_renew(kit);
    kit_alloc(kit, &block, 100, 16);
    kit_free(kit, &block);
}

/* A sanitizer touches what it allocates, or its shadow: gigabytes of it, which take minutes. Of
 * valgrind's malloc an alignment above 16 MiB is the end. */
static bool may_be_tried(int bits)
{
    if (conformance_is_under_valgrind())
        return bits <= 24;
    return !CONFORMANCE_SANITIZED || bits <= 26 || bits >= 40;
}

/* NULL, or aligned memory: a system may have the address space for some of them. Only the
 * small sizes are asked for zeroed, so that nothing large is ever touched. */
static void absurd_alignments_are_refused(struct kit *kit)
{
    static const int bits[] = {22, 24, 26, 30, 31, 32, 40, 46, 47, 48, 52, 60, 61, 62, 63};
    struct kit_block block;

    kit_alloc(kit, &block, 100, 16);
    for (size_t i = 0; i < COUNT(bits) && bits[i] < (int)sizeof(size_t) * 8; i++) {
        size_t align = (size_t)1 << bits[i];
        size_t most = align > (size_t)PTRDIFF_MAX ? 0 : largest_size(align);

        if (!may_be_tried(bits[i]))
            continue;
        kit_refuse_alloc(kit, 0, align, false);
        kit_refuse_alloc(kit, 0, align, true);
        if (most == 0)
            continue;
        kit_refuse_alloc(kit, 1, align, false);
        kit_refuse_alloc(kit, 1, align, true);
        kit_refuse_alloc(kit, 5000, align, true);
        kit_refuse_alloc(kit, align < most ? align : most, align, false);
        if (most >= KIT_SIZE_IMPOSSIBLE)
            kit_refuse_alloc(kit, most, align, true);
    }
    kit_phase(kit, "after requests for absurd alignments");
    kit_check(kit, &block);
    kit_free(kit, &block);
}

const struct conformance_case kit_cases_absurd[] = {
    {"absurd_sizes_are_null", "sizes up to PTRDIFF_MAX are NULL, not wrapped around",
     absurd_sizes_are_null},
    {"absurd_alignments_are_refused", "alignments up to 2^63 are kept or refused",
     absurd_alignments_are_refused},
    {NULL, NULL, NULL},
};
