/* SPDX-License-Identifier: MIT */
/* Programs of the other word size, which a program may be or start. LD_PRELOAD is one for all of
 * them. See program.h. */
#include "tools/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/program_image.h"
#include "tools/tool.h"

/* The machines of each word size, and where each has its loader for all programs. */
static const struct machine {
    unsigned number;
    const char *loader;
} machines[] = {{EM_X86_64, "/lib64/ld-linux-x86-64.so.2"}, {EM_386, "/lib/ld-linux.so.2"}};

/* Of a script's the one of its interpreter. */
static unsigned machine_of(const char *path)
{
    char file[PATH_MAX];
    struct dal_image_ image;
    ElfW(Ehdr) header = {.e_machine = EM_NONE};

    if (!image_map_loaded(path, file, &image))
        return EM_NONE;
    (void)dal_image_header_(&image, &header);
    dal_image_unmap_(&image);
    return header.e_machine;
}

/* 0: it is none of these machines. */
static int bits_of(unsigned machine)
{
    return machine == EM_X86_64 ? 64 : machine == EM_386 ? 32 : 0;
}

/* What $LIB stands for where the interposer is for, and for the other word size. */
static struct program_probe own, other;

/* The other machine, if it has programs here; else NULL. */
static const struct machine *find_other(void)
{
    static int is_asked;
    unsigned number = machine_of(program_interposer());
    const struct machine *at = &machines[number == machines[0].number];

    if ((number != machines[0].number && number != machines[1].number) ||
        access(at->loader, X_OK) != 0)
        return NULL;
    if (!is_asked) {
        is_asked = 1;
        program_probe_loader(at->loader, &other);
        program_probe_loader(machines[at == machines].loader, &own);
    }
    return at;
}

/* A path with something in the place of what $LIB stands for. Returns 0 if that is not in it. */
static int replace(const char *path, const char *by, char result[PATH_MAX])
{
    size_t length = strlen(own.lib);
    const char *found = NULL;

    for (const char *at = path; length && (at = strstr(at, own.lib)) != NULL; at++) {
        if (at > path && at[-1] == '/' && at[length] == '/')
            found = at;
    }
    return found && snprintf(result, PATH_MAX, "%.*s%s%s", (int)(found - path), path, by,
                             found + length) < PATH_MAX;
}

static int is_for_both(const char *path, const struct machine *machine)
{
    char place[PATH_MAX];

    return replace(path, other.lib, place) && machine_of(place) == machine->number;
}

int program_has_interposer_for(unsigned machine)
{
    const struct machine *found = find_other();

    return found && found->number == machine && is_for_both(program_interposer(), found);
}

const char *program_interposer_in(const char *program)
{
    static char place[PATH_MAX];
    unsigned machine = machine_of(program);

    return machine != machine_of(program_interposer()) && program_has_interposer_for(machine) &&
                   replace(program_interposer(), other.lib, place)
               ? place
               : program_interposer();
}

int program_check_module(const char *program, const char *module)
{
    const struct machine *machine = find_other();
    unsigned wanted = machine_of(program), found = machine_of(module);
    char place[PATH_MAX];
    int bits = bits_of(wanted), has_place;

    if (!bits || !bits_of(found) || wanted == found)
        return 0;
    has_place = machine && machine->number == wanted && replace(module, other.lib, place);
    if (has_place && machine_of(place) == wanted)
        return 0;
    return tool_complain("'%s' cannot be run with another allocator: it is for %d bits, and module "
                         "%s for %d%s%s",
                         program, bits, module, bits_of(found),
                         has_place ? "; it would have to be installed as well as " : "",
                         has_place ? place : "");
}

const char *program_preload_of(const char *path, char by_lib[PATH_MAX])
{
    const struct machine *machine = find_other();

    return machine && is_for_both(program_interposer(), machine) && is_for_both(path, machine) &&
                   replace(path, "$LIB", by_lib)
               ? by_lib
               : path;
}
