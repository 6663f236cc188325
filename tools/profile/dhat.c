/* SPDX-License-Identifier: MIT */
/*
 * What valgrind's DHAT writes, version 2 of its form, for its viewer dh_view.html. Where lifetimes
 * are not known neither is what DHAT shows with them: it takes both by one "bklt". See output.h.
 */
#include "tools/profile/output.h"

#include <inttypes.h>

/* The time below which a block is said to have lived shortly; DHAT's is in instructions. */
enum { SHORT_LIFE_NS = 100000 };

static uint64_t more(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static void write_head(const struct profile *profile, FILE *to)
{
    fprintf(to,
            "{\"dhatFileVersion\":2\n,\"mode\":\"heap\",\"verb\":\"Allocated\"\n"
            ",\"bklt\":%s,\"bkacc\":false\n,\"tu\":\"ns\",\"Mtu\":\"ms\"\n",
            profile->has_lifetimes ? "true" : "false");
    if (profile->has_lifetimes)
        fprintf(to, ",\"tuth\":%d\n,\"tg\":%" PRIu64 "\n", SHORT_LIFE_NS, profile->peak_ns);
    fprintf(to, ",\"cmd\":");
    tool_write_json(to, profile_text(profile, profile->command));
    fprintf(to, ",\"pid\":%" PRIu64 "\n,\"te\":%" PRIu64 "\n", profile->process,
            profile->duration_ns);
}

/* The largest block has no less. */
static uint64_t mean_bytes(const struct profile_values *values)
{
    return values->allocated_blocks ? values->allocated_bytes / values->allocated_blocks : 0;
}

/* A site's most at once is known of the peak of all and of the end: it was no less than that, nor
 * than one block of it. How long blocks have lived that are live is not known, and a sum without
 * them would have a leak be told of as what lives shortly: the viewer says NaN without one. */
static void write_lifetimes(const struct profile_values *values, FILE *to)
{
    uint64_t most_bytes = more(values->peak_bytes, values->live_bytes);
    uint64_t most_blocks = more(values->peak_blocks, values->live_blocks);

    if (values->live_blocks == 0)
        fprintf(to, ",\"tl\":%" PRIu64, values->lifetime_ns);
    fprintf(to,
            ",\"mb\":%" PRIu64 ",\"mbk\":%" PRIu64 ",\"gb\":%" PRIu64 ",\"gbk\":%" PRIu64
            ",\"eb\":%" PRIu64 ",\"ebk\":%" PRIu64,
            more(most_bytes, mean_bytes(values)), more(most_blocks, values->allocated_blocks > 0),
            values->peak_bytes, values->peak_blocks, values->live_bytes, values->live_blocks);
}

/* The first of "ftbl" is DHAT's root: frames are counted on from it. */
static void write_site(const struct profile *profile, const struct profile_site *site, FILE *to)
{
    fprintf(to, "{\"tb\":%" PRIu64 ",\"tbk\":%" PRIu64, site->values.allocated_bytes,
            site->values.allocated_blocks);
    if (profile->has_lifetimes)
        write_lifetimes(&site->values, to);
    fprintf(to, ",\"fs\":[");
    for (uint32_t i = 0; i < site->depth; i++)
        fprintf(to, "%s%" PRIu32, i ? "," : "", profile->stacks[site->stack + i] + 1);
    fprintf(to, "]}\n");
}

/* "(FILE:LINE)", or "(in MODULE)" where there is no more to say. */
static void describe_place(const struct profile *profile, const struct profile_frame *frame,
                           char *text, size_t bytes)
{
    const char *file = profile_text(profile, frame->file);
    int has_module = frame->module < profile->module_count;

    if (*file && frame->line)
        (void)snprintf(text, bytes, "(%s:%" PRIu32 ")", file, frame->line);
    else if (*file)
        (void)snprintf(text, bytes, "(%s)", file);
    else
        (void)snprintf(text, bytes, "(in %s)",
                       has_module ? profile_text(profile, profile->modules[frame->module].path)
                                  : "???");
}

/* "0xADDRESS: FUNCTION (FILE:LINE)", as valgrind says it. Names of any length are cut. */
static void write_frame(const struct profile *profile, const struct profile_frame *frame, FILE *to)
{
    char name[PATH_MAX], place[PATH_MAX + 32], text[4 * PATH_MAX];

    describe_place(profile, frame, place, sizeof place);
    (void)snprintf(text, sizeof text, "0x%" PRIX64 ": %.*s %s", frame->address, 2 * PATH_MAX,
                   profile_frame_name(profile, frame, name, sizeof name), place);
    tool_write_json(to, text);
}

int profile_write_dhat(const struct profile *profile, FILE *to)
{
    write_head(profile, to);
    fprintf(to, ",\"pps\":\n");
    for (size_t i = 0; i < profile->site_count; i++) {
        putc(i ? ',' : '[', to);
        write_site(profile, &profile->sites[i], to);
    }
    fprintf(to, "%s]\n,\"ftbl\":\n[\"[root]\"\n", profile->site_count ? "" : "[");
    for (size_t i = 0; i < profile->frame_count; i++) {
        putc(',', to);
        write_frame(profile, &profile->frames[i], to);
        putc('\n', to);
    }
    fprintf(to, "]}\n");
    return 0;
}
