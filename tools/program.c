/* SPDX-License-Identifier: MIT */
/* A program that is to be started under the interposer. See program.h. */
#define _GNU_SOURCE /* memmem */
#include "tools/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/tool.h"

/* ---- Finding ------------------------------------------------------------------------------ */

static int is_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static int refuse(const char *name, int error)
{
    (void)tool_complain("cannot run '%s': %s", name, strerror(error));
    return error == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_CANNOT_RUN;
}

static int find_given(const char *name, char path[PATH_MAX])
{
    if (strlen(name) >= PATH_MAX)
        return refuse(name, ENAMETOOLONG);
    memcpy(path, name, strlen(name) + 1);
    if (access(path, F_OK) != 0)
        return refuse(name, errno == ENOTDIR ? ENOENT : errno);
    if (!is_file(path) || access(path, X_OK) != 0)
        return refuse(name, EACCES);
    return 0;
}

int program_find(const char *name, char path[PATH_MAX])
{
    const char *list = getenv("PATH");
    int was_there = 0;

    if (strchr(name, '/'))
        return find_given(name, path);
    if (!list)
        list = "/usr/local/bin:/usr/bin:/bin";
    while (*name) {
        size_t length = strcspn(list, ":");
        int written = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, list, length ? "/" : "./",
                               name);

        if (written > 0 && written < PATH_MAX && is_file(path)) {
            if (access(path, X_OK) == 0)
                return 0;
            was_there = 1;
        }
        if (!list[length])
            break;
        list += length + 1;
    }
    return refuse(name, was_there ? EACCES : ENOENT);
}

/* ---- Looking at --------------------------------------------------------------------------- */

/* A file in memory, for reading. */
struct image {
    const unsigned char *bytes;
    size_t size;
};

static int map_image(const char *path, struct image *image)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    void *bytes = MAP_FAILED;

    if (file >= 0 && fstat(file, &status) == 0 && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (file >= 0)
        (void)close(file);
    if (bytes == MAP_FAILED)
        return 0;
    image->bytes = bytes;
    image->size = (size_t)status.st_size;
    return 1;
}

/* A part of the image that is wholly inside it, or NULL. */
static const void *part(const struct image *image, uint64_t offset, uint64_t bytes)
{
    if (offset > image->size || bytes > image->size - offset)
        return NULL;
    return image->bytes + offset;
}

static const ElfW(Phdr) *find_segment(const struct image *image, uint32_t type)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    const ElfW(Phdr) *segments =
        part(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);

    for (size_t i = 0; segments && i < header->e_phnum; i++) {
        if (segments[i].p_type == type)
            return &segments[i];
    }
    return NULL;
}

/* What is at an address of the running program, as it is in the file. */
static const void *at_address(const struct image *image, uint64_t address, uint64_t bytes)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    const ElfW(Phdr) *segments =
        part(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);

    for (size_t i = 0; segments && i < header->e_phnum; i++) {
        const ElfW(Phdr) *segment = &segments[i];

        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return part(image, segment->p_offset + (address - segment->p_vaddr), bytes);
    }
    return NULL;
}

/* Whether a name is among the dynamic symbols and libraries: every one of them is a string of
 * one table. */
static int names(const struct image *image, const char *name)
{
    const ElfW(Phdr) *segment = find_segment(image, PT_DYNAMIC);
    const ElfW(Dyn) *entries = segment ? part(image, segment->p_offset, segment->p_filesz) : NULL;
    const char *strings;
    uint64_t address = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; entries && i < segment->p_filesz / sizeof *entries; i++) {
        if (entries[i].d_tag == DT_STRTAB)
            address = entries[i].d_un.d_ptr;
        if (entries[i].d_tag == DT_STRSZ)
            bytes = entries[i].d_un.d_val;
    }
    strings = at_address(image, address, bytes);
    return strings && memmem(strings, bytes, name, strlen(name) + 1) != NULL;
}

static int cannot(const char *path, const char *why)
{
    (void)tool_complain("'%s' cannot be run with another allocator: %s", path, why);
    return TOOL_TROUBLE;
}

static int check_elf(const char *path, const struct image *image)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);

    if (!header || header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return cannot(path, "it is made for another kind of machine than the interposer");
    if (!find_segment(image, PT_INTERP))
        return cannot(path, "it is statically linked, so nothing can be put before its malloc");
    if (names(image, "__asan_init"))
        return cannot(path, "it is built with AddressSanitizer, which brings its own malloc");
    if (names(image, "__tsan_init"))
        return cannot(path, "it is built with ThreadSanitizer, which brings its own malloc");
    if (names(image, "__msan_init"))
        return cannot(path, "it is built with MemorySanitizer, which brings its own malloc");
    return 0;
}

static int gains_privileges(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return 0;
    return ((status.st_mode & S_ISUID) && status.st_uid != geteuid()) ||
           ((status.st_mode & S_ISGID) && status.st_gid != getegid());
}

/* The interpreter that "#!" names. Returns 0 if there is none. */
static int interpreter(const struct image *image, char path[PATH_MAX])
{
    const char *text = (const char *)image->bytes;
    size_t at = 2;
    size_t length = 0;

    if (image->size < 3 || memcmp(text, "#!", 2) != 0)
        return 0;
    while (at < image->size && (text[at] == ' ' || text[at] == '\t'))
        at++;
    while (at < image->size && length < PATH_MAX - 1 && !strchr(" \t\r\n", text[at]))
        path[length++] = text[at++];
    path[length] = '\0';
    return length > 0;
}

static int check_file(const char *path, int depth)
{
    struct image image;
    char script_of[PATH_MAX];
    int result = 0;

    if (gains_privileges(path))
        return cannot(path, "it is set-user-ID or set-group-ID, and the loader then ignores "
                            "LD_PRELOAD");
    /* One that can be executed and not read is not looked into. */
    if (!map_image(path, &image))
        return 0;
    if (interpreter(&image, script_of) && depth < 4)
        result = check_file(script_of, depth + 1);
    else if (image.size > SELFMAG && memcmp(image.bytes, ELFMAG, SELFMAG) == 0)
        result = check_elf(path, &image);
    (void)munmap((void *)(uintptr_t)image.bytes, image.size);
    return result;
}

int program_check(const char *path)
{
    return check_file(path, 0);
}

/* ---- Preparing ---------------------------------------------------------------------------- */

const char *program_interposer(void)
{
    const char *given = getenv("DISPATCHALLOC_INTERPOSER");

    return given && *given ? given : TOOL_INTERPOSER;
}

/* LD_PRELOAD as it grows. */
struct preload {
    char text[16 * 1024];
    size_t length;
    int is_full;
};

static int add_preload(struct preload *preload, const char *path)
{
    int written;

    if (strpbrk(path, ": \t")) {
        (void)tool_complain("'%s' cannot be preloaded: its name has a colon or a space", path);
        return TOOL_TROUBLE;
    }
    written = snprintf(preload->text + preload->length, sizeof preload->text - preload->length,
                       "%s%s", preload->length ? ":" : "", path);
    if (written < 0 || (size_t)written >= sizeof preload->text - preload->length) {
        (void)tool_complain("LD_PRELOAD would be too long");
        return TOOL_TROUBLE;
    }
    preload->length += (size_t)written;
    return 0;
}

/* A module has to be in the program from its start: it is looked up by the name of the item
 * that is being visited. */
struct module_search {
    const char *name;
    struct preload *preload;
};

static int add_module(const char *name, const char *path, void *data)
{
    struct module_search *search = data;
    char resolved[PATH_MAX];

    if (strcmp(name, search->name) != 0)
        return 0;
    return add_preload(search->preload, realpath(path, resolved) ? resolved : path) ? 2 : 1;
}

static int add_item(const struct dal_spec_item *item, void *data)
{
    struct module_search search = {item->backend->name, data};

    return dal_module_visit(add_module, &search) == 2 ? TOOL_TROUBLE : 0;
}

/* The path of a module that the spec names by it: what starts an item with a slash. */
static int add_paths(struct preload *preload, const char *spec)
{
    char path[PATH_MAX];
    char resolved[PATH_MAX];

    while (spec) {
        size_t length = strcspn(spec, "+:");

        if (*spec == '/' && length < sizeof path) {
            memcpy(path, spec, length);
            path[length] = '\0';
            if (add_preload(preload, realpath(path, resolved) ? resolved : path))
                return TOOL_TROUBLE;
        }
        spec = strchr(spec, '+');
        spec += spec != NULL;
    }
    return 0;
}

static int set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) == 0)
        return 0;
    (void)tool_complain("cannot set %s: %s", name, strerror(errno));
    return TOOL_TROUBLE;
}

int program_prepare(const char *spec, int verbose, int check)
{
    static struct preload preload;
    char message[1024];
    const char *before = getenv("LD_PRELOAD");
    int result;

    preload.length = 0;
    if (access(program_interposer(), R_OK) != 0)
        return (int)tool_complain("the interposer %s: %s", program_interposer(), strerror(errno));
    result = add_preload(&preload, program_interposer());
    if (!result && spec) {
        result = dal_spec_visit(spec, add_item, &preload, message, sizeof message);
        if (result < 0)
            return (int)tool_bad_spec(spec, message);
        if (!result)
            result = add_paths(&preload, spec);
    }
    if (!result && before && *before) {
        size_t used = preload.length;
        int written = snprintf(preload.text + used, sizeof preload.text - used, ":%s", before);

        if (written < 0 || (size_t)written >= sizeof preload.text - used)
            result = (int)tool_complain("LD_PRELOAD would be too long");
    }
    if (!result)
        result = set_variable("LD_PRELOAD", preload.text);
    if (!result && spec)
        result = set_variable("DISPATCHALLOC_MALLOC", spec);
    if (!result && !spec)
        (void)unsetenv("DISPATCHALLOC_MALLOC");
    if (!result && verbose)
        result = set_variable("DISPATCHALLOC_VERBOSE", "1");
    if (!result && check)
        result = set_variable("DISPATCHALLOC_CHECK", "1");
    return result;
}

int program_become(const char *path, char **arguments)
{
    (void)fflush(stdout);
    (void)execv(path, arguments);
    /* A script without "#!": the shell runs it, as execvp does. */
    if (errno == ENOEXEC)
        (void)execvp(path, arguments);
    return refuse(arguments[0], errno);
}
