/* SPDX-License-Identifier: MIT */
/* What symbol tables say of a place: that of the file, or, where it was stripped, of its debug
 * file. See symbolize.h. */
#include "tools/symbolize/symbolize.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/shared/image_symbols.h"

struct tables {
    struct dal_image_ images[2];
    int count;
};

static void add(struct tables *tables, int file)
{
    struct dal_image_ *image = &tables->images[tables->count];

    if (file < 0)
        return;
    if (dal_image_map_open_(file, SIZE_MAX, image) && dal_image_is_readable_(image))
        tables->count++;
    (void)close(file);
}

static void *open_tables(int file, const char *path, const char *build_id)
{
    struct tables *tables = calloc(1, sizeof *tables);

    (void)path;
    if (!tables) {
        if (file >= 0)
            (void)close(file);
        return NULL;
    }
    add(tables, file);
    add(tables, *build_id ? modules_open_debug_file(build_id) : -1);
    return tables;
}

/* What strip(1) leaves is what is exported: of the debug file there is more to be had. */
static int find_in(const struct tables *tables, uint32_t type, uint64_t offset, char *name)
{
    uint64_t unused;

    for (int i = 0; i < tables->count; i++) {
        if (dal_image_symbol_in_(&tables->images[i], type, offset, name, SYMBOL_BYTES_MAX, &unused))
            return 1;
    }
    return 0;
}

static void visit_tables(void *opened, uint64_t offset, place_visitor visit, void *data)
{
    const struct tables *tables = opened;
    char name[SYMBOL_BYTES_MAX];

    if (find_in(tables, SHT_SYMTAB, offset, name) || find_in(tables, SHT_DYNSYM, offset, name))
        visit(&(struct place){.function = name}, data);
}

static void close_tables(void *opened)
{
    struct tables *tables = opened;

    for (int i = 0; i < tables->count; i++)
        dal_image_unmap_(&tables->images[i]);
    free(tables);
}

const struct reader symbols_reader = {open_tables, visit_tables, close_tables};
