/* SPDX-License-Identifier: MIT */
/* A flame graph as a picture, of the bytes at the peak: the outermost frame is at the bottom. There
 * is no script in it, and a text that comes up for each frame. See output.h. */
#include "tools/profile/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 1200, ROW = 18, MARGIN = 10, HEAD = 44, LETTER = 7 };

/* What is narrower than half of a pixel is not drawn. */
#define NARROWEST 0.5

struct picture {
    const struct profile *profile;
    const struct profile_tree *tree;
    uint64_t *totals; /* of each node and what is above it */
    double *left;     /* where each begins */
    double *used;     /* up to where its children have come */
    uint32_t deepest; /* of what is drawn */
    FILE *to;
};

static double scale(const struct picture *picture)
{
    return (WIDTH - 2 * MARGIN) / (double)(picture->totals[0] ? picture->totals[0] : 1);
}

static double width_of(const struct picture *picture, size_t node)
{
    return (double)picture->totals[node] * scale(picture);
}

/* Parents stand before their children: from the last on, all is there when it is added. */
static void add_up(struct picture *picture)
{
    const struct profile_tree *tree = picture->tree;

    for (size_t i = tree->count; i-- > 0;) {
        const struct profile_node *node = &tree->nodes[i];

        if (node->ending != PROFILE_NO_ENDING)
            picture->totals[i] += tree->endings[node->ending].values.peak_bytes;
        if (i > 0)
            picture->totals[node->parent] += picture->totals[i];
    }
}

static void lay_out(struct picture *picture)
{
    picture->left[0] = picture->used[0] = MARGIN;
    for (size_t i = 1; i < picture->tree->count; i++) {
        const struct profile_node *node = &picture->tree->nodes[i];

        picture->left[i] = picture->used[i] = picture->used[node->parent];
        picture->used[node->parent] += width_of(picture, i);
        if (width_of(picture, i) >= NARROWEST && node->depth > picture->deepest)
            picture->deepest = node->depth;
    }
}

/* Warm, and the same for a function wherever it stands. */
static unsigned hue(uint32_t function)
{
    return function * 2654435761U >> 24 & 31;
}

/* As much of a name as there is room for, whole characters of UTF-8. */
static void write_label(const struct picture *picture, const char *name, double width)
{
    char text[WIDTH / LETTER + 4];
    size_t room = (size_t)(width / LETTER), length = strlen(name);

    if (room < 3)
        return;
    length = length > room ? room : length;
    while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
        length--;
    (void)snprintf(text, sizeof text, "%.*s", (int)length, name);
    tool_write_xml(picture->to, text);
}

static void write_frame(const struct picture *picture, size_t number)
{
    const struct profile_node *node = &picture->tree->nodes[number];
    const struct profile_frame *frame = number ? &picture->profile->frames[node->frame] : NULL;
    char text[PATH_MAX], bytes[PROFILE_BYTES_TEXT];
    const char *name =
        frame ? profile_frame_name(picture->profile, frame, text, sizeof text) : "all";
    unsigned top = HEAD + (picture->deepest - node->depth) * ROW;
    double width = width_of(picture, number);

    fprintf(picture->to, "<g><title>");
    tool_write_xml(picture->to, name);
    if (frame && frame->file != PROFILE_NO_TEXT) {
        fprintf(picture->to, " ");
        tool_write_xml(picture->to, profile_text(picture->profile, frame->file));
        fprintf(picture->to, ":%" PRIu32, frame->line);
    }
    fprintf(picture->to, ": %s, %.2f%%</title>",
            profile_bytes(picture->totals[number], bytes, sizeof bytes),
            100 * width / (WIDTH - 2 * MARGIN));
    fprintf(picture->to,
            "<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" fill=\"hsl(%u,80%%,68%%)\"/>"
            "<text x=\"%.1f\" y=\"%u\">",
            picture->left[number], top, width, ROW - 1, 15 + hue(frame ? frame->function : 0),
            picture->left[number] + 3, top + 13);
    write_label(picture, name, width - 6);
    fprintf(picture->to, "</text></g>\n");
}

static void write_picture(const struct picture *picture)
{
    unsigned height = HEAD + (picture->deepest + 1) * ROW + MARGIN;
    char bytes[PROFILE_BYTES_TEXT];

    fprintf(picture->to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
            "height=\"%u\" font-family=\"monospace\" font-size=\"11\">\n"
            "<style>:root { color-scheme: light dark; background: #fff }\n"
            "@media (prefers-color-scheme: dark) { :root { background: #18181b }\n"
            "    .head { fill: #e8e8e8 } g rect { filter: brightness(0.85) } }</style>\n"
            "<text class=\"head\" x=\"%d\" y=\"24\" font-size=\"14\">",
            WIDTH, height, WIDTH, height, MARGIN);
    tool_write_xml(picture->to, profile_text(picture->profile, picture->profile->command));
    fprintf(picture->to, ": %s at the peak</text>\n",
            profile_bytes(picture->totals[0], bytes, sizeof bytes));
    for (size_t i = 0; i < picture->tree->count; i++) {
        if (i == 0 || width_of(picture, i) >= NARROWEST)
            write_frame(picture, i);
    }
    fprintf(picture->to, "</svg>\n");
}

int profile_write_svg(const struct profile *profile, FILE *to)
{
    struct profile_tree tree;
    struct picture picture = {.profile = profile, .tree = &tree, .to = to};
    int result = profile_tree_make(profile, &tree);

    if (result == 0) {
        picture.totals = calloc(tree.count, sizeof *picture.totals);
        picture.left = calloc(tree.count, sizeof *picture.left);
        picture.used = calloc(tree.count, sizeof *picture.used);
        result = picture.totals && picture.left && picture.used ? 0 : -1;
    }
    if (result == 0) {
        add_up(&picture);
        lay_out(&picture);
        write_picture(&picture);
    }
    free(picture.totals);
    free(picture.left);
    free(picture.used);
    profile_tree_free(&tree);
    return result;
}
