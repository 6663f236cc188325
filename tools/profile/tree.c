/* SPDX-License-Identifier: MIT */
/* Stacks as a tree, from their outermost frame on. What is one function and line to a reader is one
 * node, whatever its addresses. See output.h. */
#include "tools/profile/output.h"

#include <stdlib.h>
#include <string.h>

struct sorted {
    const struct profile *profile;
    uint32_t *frames; /* by their names */
    uint32_t *ranks;  /* of each frame: where in these the first is that looks like it */
    uint32_t *sites;  /* in the order of their stacks */
};

/* For qsort(). */
static const struct sorted *sorting;

static int compare(uint64_t one, uint64_t other)
{
    return (one > other) - (one < other);
}

static int by_look(const void *one, const void *other)
{
    const struct profile_frame *a = &sorting->profile->frames[*(const uint32_t *)one];
    const struct profile_frame *b = &sorting->profile->frames[*(const uint32_t *)other];
    int order = a->function == b->function ? 0
                                           : strcmp(profile_text(sorting->profile, a->function),
                                                    profile_text(sorting->profile, b->function));

    order = order ? order : compare(a->file, b->file);
    order = order ? order : compare(a->line, b->line);
    order = order ? order : compare(a->module, b->module);
    /* A place without a name is its address. */
    return order || a->function != PROFILE_NO_TEXT ? order : compare(a->address, b->address);
}

static uint32_t rank_at(const struct sorted *sorted, const struct profile_site *site,
                        uint32_t depth)
{
    return sorted->ranks[sorted->profile->stacks[site->stack + site->depth - 1 - depth]];
}

/* How many of the outermost frames are the same. */
static uint32_t shared_depth(const struct sorted *sorted, const struct profile_site *one,
                             const struct profile_site *other)
{
    uint32_t depth = 0;

    while (depth < one->depth && depth < other->depth &&
           rank_at(sorted, one, depth) == rank_at(sorted, other, depth))
        depth++;
    return depth;
}

static int by_stack(const void *one, const void *other)
{
    const struct profile_site *a = &sorting->profile->sites[*(const uint32_t *)one];
    const struct profile_site *b = &sorting->profile->sites[*(const uint32_t *)other];
    uint32_t depth = shared_depth(sorting, a, b);

    if (depth == a->depth || depth == b->depth)
        return compare(a->depth, b->depth);
    return compare(rank_at(sorting, a, depth), rank_at(sorting, b, depth));
}

static void sort_frames(struct sorted *sorted)
{
    uint32_t *frames = sorted->frames;

    for (uint32_t i = 0; i < sorted->profile->frame_count; i++)
        frames[i] = i;
    qsort(frames, sorted->profile->frame_count, sizeof *frames, by_look);
    for (uint32_t i = 0; i < sorted->profile->frame_count; i++) {
        int is_new = i == 0 || by_look(&frames[i - 1], &frames[i]) != 0;

        sorted->ranks[frames[i]] = is_new ? i : sorted->ranks[frames[i - 1]];
    }
}

static void sort_sites(struct sorted *sorted)
{
    for (uint32_t i = 0; i < sorted->profile->site_count; i++)
        sorted->sites[i] = i;
    qsort(sorted->sites, sorted->profile->site_count, sizeof *sorted->sites, by_stack);
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* The way from the root to the node that was added last is path[0..]. */
static void add_site(struct profile_tree *tree, const struct sorted *sorted, uint32_t *path,
                     size_t at)
{
    const struct profile_site *sites = sorted->profile->sites, *site = &sites[sorted->sites[at]];
    uint32_t depth = at ? shared_depth(sorted, site, &sites[sorted->sites[at - 1]]) : 0;
    struct profile_node *node;

    for (; depth < site->depth; depth++) {
        tree->nodes[tree->count] =
            (struct profile_node){path[depth], sorted->frames[rank_at(sorted, site, depth)],
                                  depth + 1, PROFILE_NO_ENDING};
        path[depth + 1] = (uint32_t)tree->count++;
    }
    node = &tree->nodes[path[depth]];
    if (node->ending == PROFILE_NO_ENDING)
        node->ending = (uint32_t)tree->ending_count++;
    tree->endings[node->ending].site = site;
    profile_values_add(&tree->endings[node->ending].values, &site->values);
}

/* At most: with all that is deeper than what it shares with the one before. */
static size_t count_nodes(const struct sorted *sorted, uint32_t *deepest)
{
    const struct profile_site *sites = sorted->profile->sites;
    size_t count = 1;

    *deepest = 0;
    for (size_t i = 0; i < sorted->profile->site_count; i++) {
        const struct profile_site *site = &sites[sorted->sites[i]];

        count += site->depth;
        count -= i ? shared_depth(sorted, site, &sites[sorted->sites[i - 1]]) : 0;
        *deepest = site->depth > *deepest ? site->depth : *deepest;
    }
    return count;
}

static int make_nodes(const struct sorted *sorted, struct profile_tree *tree)
{
    uint32_t deepest, *path;
    int is_ready;

    tree->nodes = calloc(count_nodes(sorted, &deepest), sizeof *tree->nodes);
    tree->endings = calloc(sorted->profile->site_count + 1, sizeof *tree->endings);
    path = calloc((size_t)deepest + 1, sizeof *path);
    is_ready = tree->nodes && tree->endings && path;
    if (is_ready) {
        tree->nodes[tree->count++] = (struct profile_node){0, 0, 0, PROFILE_NO_ENDING};
        for (size_t i = 0; i < sorted->profile->site_count; i++)
            add_site(tree, sorted, path, i);
    }
    free(path);
    return is_ready ? 0 : -1;
}

int profile_tree_make(const struct profile *profile, struct profile_tree *tree)
{
    struct sorted sorted = {
        .profile = profile,
        .frames = calloc(profile->frame_count + 1, sizeof *sorted.frames),
        .ranks = calloc(profile->frame_count + 1, sizeof *sorted.ranks),
        .sites = calloc(profile->site_count + 1, sizeof *sorted.sites),
    };
    int result = -1;

    *tree = (struct profile_tree){0};
    sorting = &sorted;
    if (sorted.frames && sorted.ranks && sorted.sites) {
        sort_frames(&sorted);
        sort_sites(&sorted);
        result = make_nodes(&sorted, tree);
    }
    free(sorted.frames);
    free(sorted.ranks);
    free(sorted.sites);
    return result;
}

void profile_tree_free(struct profile_tree *tree)
{
    free(tree->nodes);
    free(tree->endings);
}
