/* SPDX-License-Identifier: MIT */
/* The files that lines name. A file is used if it has the build id that the line says; else what
 * has it among the debug files. See symbolize.h. */
#include "tools/symbolize/symbolize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/shared/image_symbols.h"

/* So many are kept open: their debug files may be large. */
enum { MODULES_MAX = 64 };

struct module {
    char *path;
    char build_id[BUILD_ID_BYTES_MAX];
    void *opened; /* NULL: nothing is known of it */
};

static struct module modules[MODULES_MAX];
static int module_count;

const char *modules_directories;
int modules_by_symbols, modules_are_quiet;

static const struct reader *reader(void)
{
#ifdef TOOL_HAS_LIBDW
    if (!modules_by_symbols && dwarf_is_there())
        return &dwarf_reader;
#endif
    return &symbols_reader;
}

/* ---- Directories of debug files ------------------------------------------------------------ */

/* Add a directory as an absolute path, since libdw takes a relative one from where a program is. */
static int add_directory(char **list, const char *name, size_t length)
{
    size_t before = *list ? strlen(*list) + 1 : 0;
    char path[PATH_MAX], found[PATH_MAX], *more;

    (void)snprintf(path, sizeof path, "%.*s", (int)length, name);
    if (!realpath(path, found)) {
        (void)tool_complain("no debug files from %s: %s", path, strerror(errno));
        return TOOL_OK;
    }
    more = realloc(*list, before + strlen(found) + 1);
    if (!more)
        return tool_complain("not enough memory");
    if (before)
        more[before - 1] = ':';
    (void)strcpy(more + before, found);
    *list = more;
    return TOOL_OK;
}

int modules_take_directories(const char *text)
{
    static char *list;
    int status = TOOL_OK;

    while (*text && status == TOOL_OK) {
        size_t length = strcspn(text, ":");

        if (length > 0)
            status = add_directory(&list, text, length);
        text += length + (text[length] == ':');
    }
    modules_directories = list;
    return status;
}

/* ---- Files --------------------------------------------------------------------------------- */

/* The build id of an open ELF file. Returns 0 if it is no ELF file. */
static int read_build_id(int file, char build_id[BUILD_ID_BYTES_MAX])
{
    struct dal_image_ image;
    int is_elf;

    if (!dal_image_map_open_(file, SIZE_MAX, &image))
        return 0;
    is_elf = dal_image_is_readable_(&image);
    *build_id = '\0';
    if (is_elf)
        (void)dal_image_build_id_(&image, build_id, BUILD_ID_BYTES_MAX);
    dal_image_unmap_(&image);
    return is_elf;
}

static void tell_other_build(const char *path, const char *found, const char *wanted)
{
    if (!modules_are_quiet)
        (void)tool_complain("%s is not used: its build id is %s, and not %s", path,
                            *found ? found : "none", wanted);
}

/* Open a file that has a build id, whichever where none is wanted; -1. */
static int open_checked(const char *path, const char *wanted, int is_told)
{
    char found[BUILD_ID_BYTES_MAX];
    int file = dal_image_open_(path);
    int is_elf = file >= 0 && read_build_id(file, found);

    if (is_elf && (!*wanted || strcmp(found, wanted) == 0))
        return file;
    if (is_elf && is_told)
        tell_other_build(path, found, wanted);
    if (file >= 0)
        (void)close(file);
    return -1;
}

static int open_in(const char *directory, size_t length, const char *build_id)
{
    char path[PATH_MAX];
    int written = snprintf(path, sizeof path, "%.*s/.build-id/%.2s/%s.debug", (int)length,
                           directory, build_id, build_id + 2);

    return *directory == '/' && written > 0 && (size_t)written < sizeof path
               ? open_checked(path, build_id, 0)
               : -1;
}

int modules_open_debug_file(const char *build_id)
{
    static const char usual[] = "/usr/lib/debug";
    int file = -1;

    if (strlen(build_id) < 4)
        return -1;
    for (const char *at = modules_directories; at && *at && file < 0;) {
        size_t length = strcspn(at, ":");

        file = open_in(at, length, build_id);
        at += length + (at[length] == ':');
    }
    return file >= 0 ? file : open_in(usual, sizeof usual - 1, build_id);
}

/* ---- What is open -------------------------------------------------------------------------- */

static struct module *find_module(const struct frame *frame)
{
    for (int i = 0; i < module_count; i++) {
        if (strcmp(modules[i].path, frame->module) == 0 &&
            strcmp(modules[i].build_id, frame->build_id) == 0)
            return &modules[i];
    }
    return NULL;
}

static struct module *open_module(const struct frame *frame)
{
    char *path = strdup(frame->module);
    struct module *module;
    int file;

    if (!path)
        return NULL;
    if (module_count == MODULES_MAX)
        modules_close();
    module = &modules[module_count++];
    module->path = path;
    memcpy(module->build_id, frame->build_id, sizeof module->build_id);
    module->opened = NULL;
    file = open_checked(path, frame->build_id, 1);
    module->opened =
        file >= 0 || *frame->build_id ? reader()->open(file, path, module->build_id) : NULL;
    return module;
}

struct visit {
    const struct frame *frame;
    place_visitor visit;
    void *data;
};

static void look(void *data)
{
    const struct visit *visit = data;
    struct module *module = find_module(visit->frame);

    if (!module)
        module = open_module(visit->frame);
    if (module && module->opened)
        reader()->visit(module->opened, visit->frame->offset, visit->visit, visit->data);
}

/* A file that is mapped may become shorter, as one does that is linked anew: nothing is known of it
 * from then on, and what was opened stays. */
void modules_visit(const struct frame *frame, place_visitor visit, void *data)
{
    struct visit all = {frame, visit, data};
    const char *end = tool_survive(frame->module, look, &all);
    struct module *module = end ? find_module(frame) : NULL;

    if (module)
        module->opened = NULL;
    if (end && !modules_are_quiet)
        (void)tool_complain("%s is not used: looking at it was ended by %s", frame->module, end);
}

/* ---- Code ---------------------------------------------------------------------------------- */

struct code_visit {
    const struct frame *frame;
    struct module_code *code;
    int is_found;
};

static int find_code(const struct dal_image_ *image, uint64_t address, struct module_code *code)
{
    ElfW(Phdr) segment;

    for (size_t i = 0; dal_image_segment_(image, i, &segment); i++) {
        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
            address - segment.p_vaddr < segment.p_memsz) {
            *code = (struct module_code){segment.p_vaddr, segment.p_vaddr + segment.p_memsz,
                                         segment.p_offset};
            return 1;
        }
    }
    return 0;
}

static void look_for_code(void *data)
{
    struct code_visit *visit = data;
    int file = open_checked(visit->frame->module, visit->frame->build_id, 0);
    struct dal_image_ image;

    if (file >= 0 && dal_image_map_open_(file, SIZE_MAX, &image)) {
        visit->is_found = find_code(&image, visit->frame->offset, visit->code);
        dal_image_unmap_(&image);
    }
    if (file >= 0)
        (void)close(file);
}

int modules_find_code(const struct frame *frame, struct module_code *code)
{
    struct code_visit visit = {frame, code, 0};

    return !tool_survive(frame->module, look_for_code, &visit) && visit.is_found;
}

void modules_close(void)
{
    while (module_count > 0) {
        struct module *module = &modules[--module_count];

        if (module->opened)
            reader()->close(module->opened);
        free(module->path);
    }
}
