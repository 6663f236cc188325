/* SPDX-License-Identifier: MIT */
/*
 * Counters in a file, as the JVM has them in its hsperfdata: threads count there as they do
 * elsewhere, and others read it while the process runs or after it has ended, however it did. The
 * service that maps it says what it is good for; here is what stands in it.
 */
#include <string.h>
#include <unistd.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/global.h>

#include "stats.h"

static struct stats_file *map(struct stats_instance *instance, const char **reason)
{
    return instance->services->file_map(instance->path[0] ? instance->path : NULL,
                                        instance->file_bytes, instance->file, reason);
}

static void complain(const struct stats_instance *instance, const char *reason)
{
    instance->services->line("stats: cannot write to %s: %s",
                             instance->path[0] ? instance->path : "$XDG_RUNTIME_DIR/dispatchalloc",
                             reason);
}

/* The child of a fork may have left the directory that a path is relative to. */
static void make_absolute(struct stats_instance *instance)
{
    char given[sizeof instance->path];
    const char *path = instance->path;

    if (!*path || *path == '/' || *path == '\\' || path[1] == ':')
        return;
    memcpy(given, path, sizeof given);
    if (!getcwd(instance->path, sizeof instance->path - strlen(given) - 1)) {
        memcpy(instance->path, given, sizeof given);
        return;
    }
    (void)strcat(strcat(instance->path, "/"), given);
}

/* A reader who finds the form finds the rest. */
static void fill(struct stats_instance *instance)
{
    struct stats_file *file = instance->file;

    (void)instance->services->process_name(file->process, sizeof file->process);
    file->shared_bytes = sizeof file->shared;
    file->part_bytes = sizeof file->parts[0];
    file->part_count = STATS_FILE_PARTS;
    atomic_store_explicit(&file->form, STATS_FORM, memory_order_release);
}

void dal_stats_file_open_(struct stats_instance *instance)
{
    size_t page = instance->services->page_bytes();
    const char *reason;

    make_absolute(instance);
    instance->file_bytes = (sizeof *instance->file + page - 1) / page * page;
    instance->file = map(instance, &reason);
    if (!instance->file) {
        complain(instance, reason);
        return;
    }
    memcpy(&instance->file->shared, &instance->own, sizeof instance->own);
    instance->shared = &instance->file->shared;
    instance->services->thread_record_place(&instance->record, instance->file->parts,
                                            sizeof instance->file->parts);
    fill(instance);
}

void dal_stats_file_close_(struct stats_instance *instance)
{
    instance->services->file_unmap(instance->file, instance->file_bytes);
}

void dal_stats_file_describe_(struct stats_instance *instance)
{
    char *chosen = instance->file->chosen;
    char *first_call;

    if (atomic_exchange_explicit(&instance->is_described, 1, memory_order_relaxed) ||
        dal_stats_layer_of_(NULL) != instance)
        return;
    (void)dal_global_explain(chosen, sizeof instance->file->chosen);
    /* Which is being noted at this moment. */
    first_call = strstr(chosen, "sealed by: ");
    if (first_call)
        *first_call = '\0';
}

/* ---- Around fork(2)
 * ------------------------------------------------------------------------------ */

static int fill_again(void *part, void *unused)
{
    (void)unused;
    dal_stats_fill_(part);
    return 0;
}

/* Up to the last part that is used: a filled one has closed words. */
static size_t used_bytes(const struct stats_file *file)
{
    size_t count = 0;

    while (count < STATS_FILE_PARTS &&
           atomic_load_explicit(&file->parts[count].recent_made[STATS_CLASSES - 1],
                                memory_order_relaxed))
        count++;
    return offsetof(struct stats_file, parts) + count * sizeof file->parts[0];
}

/* The child is to have the counts of this moment: the file goes on to be the parent's. */
void dal_stats_fork_prepare_(void *ctx)
{
    struct stats_instance *instance = ctx;

    instance->snapshot = instance->services->pages_map(instance->file_bytes);
    if (instance->snapshot)
        memcpy(instance->snapshot, instance->file, used_bytes(instance->file));
    instance->calls->fork_prepare(instance->next);
}

static void forget(struct stats_instance *instance)
{
    instance->services->pages_unmap(instance->snapshot, instance->file_bytes);
    instance->snapshot = NULL;
}

void dal_stats_fork_parent_(void *ctx)
{
    struct stats_instance *instance = ctx;

    instance->calls->fork_parent(instance->next);
    forget(instance);
}

/* The new file takes the place of the parent's in memory, where the parts of threads are known to
 * be. Where none can be made that place is memory like any other. */
void dal_stats_fork_child_(void *ctx)
{
    struct stats_instance *instance = ctx;
    const struct stats_file *before = instance->snapshot;
    const char *reason;

    instance->calls->fork_child(instance->next);
    if (!map(instance, &reason))
        complain(instance, reason);
    if (before)
        memcpy((char *)instance->file + sizeof before->head + sizeof before->report,
               (const char *)before + sizeof before->head + sizeof before->report,
               used_bytes(before) - sizeof before->head - sizeof before->report);
    else
        (void)instance->services->thread_record_visit(&instance->record, fill_again, NULL);
    fill(instance);
    forget(instance);
}

/* ---- Reading one -------------------------------------------------------------------------------
 */

static size_t copy_text(const char *text, size_t most, char *buffer, size_t bytes)
{
    size_t length = strnlen(text, most);
    size_t fitting = length < bytes ? length : bytes - 1;

    if (bytes > 0) {
        memcpy(buffer, text, fitting);
        buffer[fitting] = '\0';
    }
    return length;
}

int dal_stats_file_text(const void *file, size_t bytes, const char *key, char *buffer,
                        size_t buffer_bytes)
{
    const struct stats_file *counters = file;
    struct stats_sum sum;
    int error = key ? dal_stats_sum_file_(file, bytes, &sum) : DAL_ERR_INVALID;

    if (error)
        return error;
    if (strcmp(key, "head") == 0)
        (void)copy_text(counters->head, sizeof counters->head, buffer, buffer_bytes);
    else if (strcmp(key, "name") == 0)
        (void)copy_text(counters->shared.name, sizeof counters->shared.name, buffer, buffer_bytes);
    else if (strcmp(key, "label") == 0)
        (void)copy_text(counters->shared.label, sizeof counters->shared.label, buffer,
                        buffer_bytes);
    else if (strcmp(key, "explanation") == 0)
        (void)copy_text(counters->chosen, sizeof counters->chosen, buffer, buffer_bytes);
    else
        return DAL_ERR_UNKNOWN;
    return DAL_OK;
}
