/* SPDX-License-Identifier: MIT */
/*
 * A process that runs under the layer already: its files are found by what it has mapped, and by
 * them it is switched on and off. Nothing in it takes notice before its next sample. See profile.h.
 */
#include "tools/profile/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/profile/output.h"
#include "tools/status/status.h"

/* With all the sites and frames that the layer's options allow a file is no longer. */
#define RAW_BYTES_MAX (UINT64_C(2) << 30)

struct raw {
    void *bytes;
    size_t count;
};

static int take_raw(const struct status_bytes *from, void *data)
{
    struct raw *raw = data;
    int result = status_read(from, RAW_BYTES_MAX, &raw->bytes);

    raw->count = (size_t)from->count;
    if (result == TOOL_OK && profile_is_raw(raw->bytes, raw->count))
        return TOOL_OK;
    free(raw->bytes);
    raw->bytes = NULL;
    return result == TOOL_TROUBLE ? result : TOOL_FAILED;
}

int profile_load(const char *path, void **bytes, size_t *count)
{
    struct raw raw = {.bytes = NULL};
    int result = status_take_file(path, O_RDONLY, take_raw, &raw);

    *bytes = raw.bytes;
    *count = raw.count;
    return result;
}

/* ---- On and off ------------------------------------------------------------------------------ */

struct switching {
    void *bytes;
    size_t count;
    int is_on, result;
};

static void switch_bytes(void *data)
{
    struct switching *switching = data;

    switching->result =
        profile_is_raw(switching->bytes, switching->count) &&
                dal_profile_file_switch(switching->bytes, switching->count, switching->is_on) == 0
            ? TOOL_OK
            : TOOL_FAILED;
}

/* Where the file is gone its bytes are in memory that only the process writes to. One that becomes
 * shorter meanwhile is none of the layer's. */
static int switch_file(const struct status_bytes *from, void *data)
{
    struct switching *switching = data;

    switching->count = (size_t)from->count;
    switching->result = TOOL_FAILED;
    if (!from->status.st_ino || from->count == 0 || from->count > RAW_BYTES_MAX)
        return TOOL_FAILED;
    switching->bytes =
        mmap(NULL, switching->count, PROT_READ | PROT_WRITE, MAP_SHARED, from->file, 0);
    if (switching->bytes == MAP_FAILED)
        return TOOL_TROUBLE;
    (void)tool_survive("a file of the layer profile", switch_bytes, switching);
    (void)munmap(switching->bytes, switching->count);
    return switching->result;
}

/* ---- A process ------------------------------------------------------------------------------- */

/* What it has mapped that is the layer's. */
struct found {
    int count, switched, error;
    struct raw most; /* that with the most samples */
    char path[PATH_MAX];
};

static void keep_most(struct found *found, const struct raw *raw, const char *path)
{
    if (found->most.bytes &&
        profile_raw_number(raw->bytes, raw->count, "samples") <=
            profile_raw_number(found->most.bytes, found->most.count, "samples")) {
        free(raw->bytes);
        return;
    }
    free(found->most.bytes);
    found->most = *raw;
    (void)snprintf(found->path, sizeof found->path, "%s", path);
}

static void look_at(const struct profile_options *options, const struct status_mapped *mapped,
                    struct found *found)
{
    struct switching switching = {.is_on = options->is_on};
    struct raw raw = {.bytes = NULL};

    if (status_take_mapped(options->process, mapped, O_RDONLY, take_raw, &raw) != TOOL_OK)
        return;
    found->count++;
    keep_most(found, &raw, mapped->path);
    if (!options->is_on && !options->is_off)
        return;
    errno = 0;
    if (status_take_mapped(options->process, mapped, O_RDWR, switch_file, &switching) == TOOL_OK)
        found->switched++;
    else
        found->error = errno ? errno : ENOENT;
}

/* 0, or -1 with errno. */
static int find(const struct profile_options *options, struct found *found)
{
    FILE *maps = status_proc(options->process, "maps");
    struct status_mapped mapped;

    if (!maps)
        return -1;
    while (status_next_mapped(maps, &mapped))
        look_at(options, &mapped, found);
    (void)fclose(maps);
    return 0;
}

static int tell_switched(const struct profile_options *options, const struct found *found)
{
    char name[PROFILE_NAME_BYTES], every[PROFILE_BYTES_TEXT];

    if (!options->is_on && !options->is_off)
        return TOOL_OK;
    if (found->switched < found->count)
        return tool_complain("process %ld: %s: it cannot be switched: %s", options->process,
                             found->path, strerror(found->error));
    (void)profile_raw_process(found->most.bytes, found->most.count, name);
    if (options->is_on)
        tool_print("%ld (%s): one sample in %s from now on\n", options->process, name,
                   profile_bytes(profile_raw_number(found->most.bytes, found->most.count, "every"),
                                 every, sizeof every));
    else
        tool_print("%ld (%s): no samples from now on\n", options->process, name);
    return TOOL_OK;
}

/* Files that were asked for; the table where nothing else was. */
static int tell_profile(const struct profile_options *options, const struct found *found)
{
    struct profile profile;
    int status;

    if (options->output_count == 0 && (options->is_on || options->is_off))
        return TOOL_OK;
    status = profile_read(found->most.bytes, found->most.count, found->path, &profile);
    profile.is_running = 1;
    profile_end_at(&profile, profile_now());
    if (status == TOOL_OK)
        status = options->output_count ? profile_write_outputs(options, &profile)
                                       : profile_print_table(&profile);
    profile_free(&profile);
    return status;
}

int profile_attach(const struct profile_options *options)
{
    struct found found = {.count = 0};
    int status;

    if (find(options, &found) != 0)
        return tool_complain("process %ld: %s", options->process,
                             errno == ENOENT ? "no such process" : strerror(errno));
    if (!found.count) {
        (void)tool_complain("process %ld has no file of the layer profile: it does not run under "
                            "profile:file=PATH, or has taken no sample yet",
                            options->process);
        return TOOL_FAILED;
    }
    status = tell_switched(options, &found);
    if (status == TOOL_OK)
        status = tell_profile(options, &found);
    free(found.most.bytes);
    return status;
}
