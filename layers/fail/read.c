/* SPDX-License-Identifier: MIT */
/* Reading a record, of another process or of one that has ended. Whoever wrote it may have written
 * anything. */
#include <stdio.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "fail.h"

/* 0 with how many stacks it has, or a negative error number. The number is read once: who writes
 * the record may change it. */
static int check(const struct fail_file *file, size_t bytes, uint64_t *stack_count)
{
    if (!file || bytes < sizeof *file || (uintptr_t)file % _Alignof(struct fail_file) != 0)
        return DAL_ERR_INVALID;
    *stack_count = *(const volatile uint64_t *)&file->stack_count;
    if (atomic_load_explicit(&file->form, memory_order_acquire) != FAIL_FORM ||
        file->stack_bytes != sizeof file->stacks[0] ||
        *stack_count > (bytes - sizeof *file) / sizeof file->stacks[0])
        return DAL_ERR_ABI;
    return DAL_OK;
}

static uint64_t load(const _Atomic(uint64_t) *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static uint64_t stacks_of(const struct fail_file *file, uint64_t stack_count)
{
    uint64_t count = 0;

    for (uint64_t i = 0; i < stack_count; i++)
        count += load(&file->stacks[i].calls) != 0;
    return count;
}

int dal_fail_file_get(const void *file, size_t bytes, const char *key, uint64_t *value)
{
    const struct fail_file *record = file;
    uint64_t stack_count = 0;
    int error = key && value ? check(record, bytes, &stack_count) : DAL_ERR_INVALID;
    /* Pairs with the release when all of the call that failed is there. */
    uint64_t nth = error ? 0 : atomic_load_explicit(&record->nth, memory_order_acquire);

    if (error)
        return error;
    if (strcmp(key, "calls") == 0)
        *value = load(&record->calls);
    else if (strcmp(key, "stacks") == 0)
        *value = stacks_of(record, stack_count);
    else if (strcmp(key, "lost") == 0)
        *value = load(&record->lost);
    else if (strcmp(key, "ended") == 0)
        *value = load(&record->ended);
    else if (strcmp(key, "nth") == 0)
        *value = nth;
    else if (strcmp(key, "size") == 0)
        *value = nth ? record->size : 0;
    else if (strcmp(key, "live_blocks") == 0)
        *value = nth ? record->live_blocks : 0;
    else if (strcmp(key, "live_bytes") == 0)
        *value = nth ? record->live_bytes : 0;
    else
        return DAL_ERR_UNKNOWN;
    return DAL_OK;
}

static void copy_text(const char *text, size_t most, char *buffer, size_t bytes)
{
    (void)snprintf(buffer, bytes, "%.*s", (int)strnlen(text, most), text);
}

int dal_fail_file_text(const void *file, size_t bytes, const char *key, char *buffer,
                       size_t buffer_bytes)
{
    const struct fail_file *record = file;
    uint64_t stack_count;
    int error = key && buffer ? check(record, bytes, &stack_count) : DAL_ERR_INVALID;

    if (error)
        return error;
    if (strcmp(key, "head") == 0)
        copy_text(record->head, sizeof record->head, buffer, buffer_bytes);
    else if (strcmp(key, "process") == 0)
        copy_text(record->process, sizeof record->process, buffer, buffer_bytes);
    else if (strcmp(key, "stack") == 0)
        copy_text(record->stack,
                  atomic_load_explicit(&record->nth, memory_order_acquire) ? sizeof record->stack
                                                                           : 0,
                  buffer, buffer_bytes);
    else
        return DAL_ERR_UNKNOWN;
    return DAL_OK;
}

int dal_fail_file_visit(const void *file, size_t bytes, dal_fail_stack_visitor visit, void *data)
{
    const struct fail_file *record = file;
    uint64_t stack_count = 0;
    int result = visit ? check(record, bytes, &stack_count) : DAL_ERR_INVALID;

    for (uint64_t i = 0; !result && i < stack_count; i++) {
        const struct fail_stack *place = &record->stacks[i];
        const struct dal_fail_stack stack = {sizeof stack, 0, load(&place->first),
                                             load(&place->last), load(&place->calls)};

        if (stack.calls)
            result = visit(&stack, data);
    }
    return result;
}
