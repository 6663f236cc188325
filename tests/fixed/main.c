/* SPDX-License-Identifier: MIT */
/*
 * A program with a fixed allocator, CHOICE of the header HEADER: tells who serves and what became
 * of a choice of its own, and moves blocks between all the ways to allocate. The pairs of
 * other.c, another file, are compared by tests/fixed.sh in what they were compiled to.
 */
#include <dispatchalloc.h>
#include <stdio.h>
#include <string.h>

#include HEADER
/* What CHOICE stands for is the name that is told. */
#define FIX(allocator) DAL_GLOBAL_ALLOCATOR_FIXED(allocator)
FIX(CHOICE);

#ifdef __cplusplus
extern "C" {
#endif
void *other_alloc(size_t size, size_t align);
void other_dealloc(void *ptr, size_t size, size_t align);
void other_pair(void);
void other_direct(void);
#ifdef __cplusplus
}
#endif

/* A block of each way is given back by another. */
static int blocks_are_the_same(void)
{
    const struct dal_instance *global = dal_global();
    char *a = (char *)dal_alloc(100, 8);
    char *b = (char *)other_alloc(100, 8);
    char *c = (char *)dal_instance_alloc(global, 100, 64);
    char *d = (char *)dal_alloc_zeroed(5000, 4096);
    int good = a && b && c && d && (size_t)c % 64 == 0 && (size_t)d % 4096 == 0;

    for (size_t i = 0; good && i < 5000; i++)
        good = d[i] == 0;
    if (!good)
        return 0;
    memset(a, 1, 100);
    a = (char *)dal_realloc(a, 100, 8, 100000);
    good = a && a[99] == 1;
    other_dealloc(a, 100000, 8);
    dal_instance_dealloc(global, b, 100, 8);
    dal_dealloc(c, 100, 64);
    dal_dealloc(d, 5000, 4096);
    dal_dealloc(NULL, 1, 1);
    dal_unsized_free(dal_unsized_malloc(1000));
    dal_string_delete(dal_strdup("text"));
    return good;
}

int main(void)
{
    int error = dal_global_set_spec("arena");

    other_pair();
    other_direct();
    printf("%s source %d sealed %d set %s, blocks %s\n", dal_global_name(),
           (int)dal_global_source(), dal_global_is_sealed(),
           error == DAL_ERR_SEALED ? "refused" : "recorded",
           blocks_are_the_same() ? "fine" : "BAD");
    return 0;
}
