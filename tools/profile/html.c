/* SPDX-License-Identifier: MIT */
/*
 * A page for any browser, in one file: page.html with page.js, and what they show as JSON. See
 * output.h.
 *
 * The tree is written by columns, since a browser reads numbers faster than objects. What is there
 * many times is there as a number.
 */
#include "tools/profile/output.h"

#include <inttypes.h>
#include <stddef.h>

#include "tools/profile/page.inc"

static void write_lines(const char *const *lines, FILE *to)
{
    for (; *lines; lines++)
        fputs(*lines, to);
}

static const char *comma(size_t i)
{
    return i ? "," : "";
}

static void write_head(const struct profile *profile, FILE *to)
{
    struct profile_values all = profile_total(profile);

    fprintf(to, "{\"command\":");
    tool_write_json(to, profile_text(profile, profile->command));
    fprintf(to,
            ",\"interval\":%" PRIu64 ",\"start\":%" PRIu64 ",\"duration\":%" PRIu64
            ",\"peak\":%" PRIu64 ",\"samples\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64
            "],\"chance\":%" PRIu64 ",\"hasEnd\":%s,\"hasTemporary\":%s,\n\"points\":[",
            profile->interval_bytes, profile->start_ns, profile->duration_ns, profile->peak_ns,
            all.peak_samples, all.live_samples, all.allocated_samples, profile_peak_chance(profile),
            profile->has_end ? "true" : "false", profile->has_temporary ? "true" : "false");
    for (size_t i = 0; i < profile->point_count; i++)
        fprintf(to, "%s[%" PRIu64 ",%" PRIu64 "]", comma(i), profile->points[i].time_ns,
                profile->points[i].live_bytes);
    fprintf(to, "],\n\"texts\":[");
    for (size_t i = 0; i < profile->text_count; i++) {
        fprintf(to, "%s", comma(i));
        tool_write_json(to, profile->texts[i]);
    }
}

/* [FUNCTION, FILE, LINE], numbers of texts, or a text where the function is not known. */
static void write_frames(const struct profile *profile, FILE *to)
{
    char text[PATH_MAX];

    fprintf(to, "],\n\"frames\":[");
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];

        fprintf(to, "%s[", comma(i));
        if (frame->function != PROFILE_NO_TEXT)
            fprintf(to, "%" PRIu32, frame->function);
        else
            tool_write_json(to, profile_frame_name(profile, frame, text, sizeof text));
        fprintf(to, ",%" PRIu32 ",%" PRIu32 "]", frame->file, frame->line);
    }
}

/* How far back the parent of each node is, and its frame. */
static void write_nodes(const struct profile_tree *tree, FILE *to)
{
    fprintf(to, "],\n\"parents\":[");
    for (size_t i = 0; i < tree->count; i++)
        fprintf(to, "%s%zu", comma(i), i - tree->nodes[i].parent);
    fprintf(to, "],\n\"nodes\":[");
    for (size_t i = 0; i < tree->count; i++)
        fprintf(to, "%s%" PRIu32, comma(i), tree->nodes[i].frame);
}

/* A node where stacks end, the frame that is their place (-1: none), and seven values: page.js has
 * their names. */
static void write_ending(const struct profile *profile, size_t node,
                         const struct profile_ending *ending, FILE *to)
{
    const struct profile_frame *place = profile_place_of(profile, ending->site);
    const struct profile_values *values = &ending->values;

    fprintf(to,
            "%zu,%td,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
            ",%" PRIu64,
            node, place ? place - profile->frames : -1, values->peak_bytes, values->peak_blocks,
            values->live_bytes, values->live_blocks, values->allocated_bytes,
            values->allocated_blocks, values->temporary_blocks);
}

static void write_values(const struct profile *profile, const struct profile_tree *tree, FILE *to)
{
    size_t written = 0;

    fprintf(to, "],\n\"values\":[");
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].ending == PROFILE_NO_ENDING)
            continue;
        fprintf(to, "%s", comma(written++));
        write_ending(profile, i, &tree->endings[tree->nodes[i].ending], to);
    }
    fprintf(to, "]}\n");
}

int profile_write_html(const struct profile *profile, FILE *to)
{
    struct profile_tree tree;
    int result = profile_tree_make(profile, &tree);

    if (result == 0) {
        write_lines(page_start, to);
        write_head(profile, to);
        write_frames(profile, to);
        write_nodes(&tree, to);
        write_values(profile, &tree, to);
        write_lines(page_end, to);
    }
    profile_tree_free(&tree);
    return result;
}
