/* SPDX-License-Identifier: MIT */
/* dispatchalloc status: what was read, kept for who shows it together or sets it side by side. */
#include "tools/status/status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int status_list_add(struct status_list *list, struct status_counters *counters)
{
    struct status_counters *more = realloc(list->all, (list->count + 1) * sizeof *more);

    if (!more)
        return tool_complain("not enough memory");
    list->all = more;
    list->all[list->count++] = *counters;
    counters->data = NULL;
    return TOOL_OK;
}

void status_list_clear(struct status_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        status_close(&list->all[i]);
    free(list->all);
    *list = (struct status_list){NULL, 0};
}

/* What is said of a process that has ended meanwhile would go over the screen. */
int status_collect_quietly(int (*collect)(struct status_list *list), struct status_list *list)
{
    int errors = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), result;

    if (nowhere >= 0 && errors >= 0)
        (void)dup2(nowhere, STDERR_FILENO);
    result = collect(list);
    if (nowhere >= 0 && errors >= 0)
        (void)dup2(errors, STDERR_FILENO);
    if (nowhere >= 0)
        close(nowhere);
    if (errors >= 0)
        close(errors);
    return result;
}

/* ---- The difference of two ---------------------------------------------------------------- */

struct difference {
    const struct status_counters *before;
    status_change_visitor visit;
    void *data;
    const char *key;
    uint64_t value; /* of the one before */
};

static int find_key(const char *key, uint64_t value, void *data)
{
    struct difference *difference = data;

    if (strcmp(key, difference->key) != 0)
        return 0;
    difference->value = value;
    return 1;
}

static int visit_key(const char *key, uint64_t value, void *data)
{
    struct difference *difference = data;

    difference->key = key;
    difference->value = 0;
    (void)dal_stats_file_visit(difference->before->data, difference->before->bytes, find_key,
                               difference);
    if (value != difference->value)
        difference->visit(key, (int64_t)(value - difference->value), difference->data);
    return 0;
}

void status_visit_changes(const struct status_counters *before, const struct status_counters *after,
                          status_change_visitor visit, void *data)
{
    struct difference difference = {before, visit, data, NULL, 0};

    (void)dal_stats_file_visit(after->data, after->bytes, visit_key, &difference);
}
