/* SPDX-License-Identifier: MIT */
/* Reading a file that may be a program. See program_image.h. */
#define _GNU_SOURCE /* memmem */
#include "tools/program_image.h"

#include <stdio.h>
#include <string.h>

#include "lib/shared/note.h"

static int find_segment(const struct dal_image_ *image, uint32_t type, ElfW(Phdr) *segment)
{
    for (size_t i = 0; dal_image_segment_(image, i, segment); i++) {
        if (segment->p_type == type)
            return 1;
    }
    return 0;
}

int image_has_segment(const struct dal_image_ *image, uint32_t type)
{
    ElfW(Phdr) segment;

    return find_segment(image, type, &segment);
}

/* What is at an address of the running program, as it is in the file; NULL if it is not loaded from
 * there. */
static const void *at_address(const struct dal_image_ *image, uint64_t address, uint64_t bytes)
{
    ElfW(Phdr) segment;

    for (size_t i = 0; dal_image_segment_(image, i, &segment); i++) {
        uint64_t offset = address - segment.p_vaddr;

        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && offset < segment.p_filesz &&
            bytes <= segment.p_filesz - offset && segment.p_offset <= image->size)
            return dal_image_part_(image, segment.p_offset + offset, bytes);
    }
    return NULL;
}

/* Notes that are not loaded are none of the running program's. */
const char *image_note(const struct dal_image_ *image, uint32_t type, size_t *bytes)
{
    ElfW(Phdr) segment;
    const char *found = NULL;

    for (size_t i = 0; !found && dal_image_segment_(image, i, &segment); i++) {
        const char *notes =
            segment.p_type == PT_NOTE ? at_address(image, segment.p_vaddr, segment.p_filesz) : NULL;

        if (notes)
            found = dal_note_find_(notes, segment.p_filesz, type, bytes);
    }
    return found;
}

/* The dynamic section: where its entries are in the file, and how many there may be. */
struct dynamic {
    uint64_t offset;
    size_t count;
};

static struct dynamic find_dynamic(const struct dal_image_ *image)
{
    size_t bytes =
        dal_image_class_(image) == DAL_OTHER_CLASS_ ? sizeof(DAL_OTHER_(Dyn)) : sizeof(ElfW(Dyn));
    ElfW(Phdr) segment;

    if (!find_segment(image, PT_DYNAMIC, &segment))
        return (struct dynamic){0, 0};
    return (struct dynamic){segment.p_offset, (size_t)(segment.p_filesz / bytes)};
}

/* An entry by its number, up to the last, or to where the segment ends. */
static int dynamic_entry(const struct dal_image_ *image, const struct dynamic *dynamic, size_t at,
                         ElfW(Dyn) *entry)
{
    return at < dynamic->count && dal_image_dynamic_(image, dynamic->offset, at, 0, entry) &&
           entry->d_tag != DT_NULL;
}

/* Every name is a string of one table. */
int image_names(const struct dal_image_ *image, const char *name)
{
    const struct dynamic dynamic = find_dynamic(image);
    ElfW(Dyn) entry;
    const char *strings;
    uint64_t address = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; dynamic_entry(image, &dynamic, i, &entry); i++) {
        if (entry.d_tag == DT_STRTAB)
            address = entry.d_un.d_ptr;
        if (entry.d_tag == DT_STRSZ)
            bytes = entry.d_un.d_val;
    }
    strings = at_address(image, address, bytes);
    return strings && memmem(strings, (size_t)bytes, name, strlen(name) + 1) != NULL;
}

int image_is_symbolic(const struct dal_image_ *image)
{
    const struct dynamic dynamic = find_dynamic(image);
    ElfW(Dyn) entry;

    for (size_t i = 0; dynamic_entry(image, &dynamic, i, &entry); i++) {
        if (entry.d_tag == DT_SYMBOLIC ||
            (entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_SYMBOLIC)))
            return 1;
    }
    return 0;
}

/* The name of the first dynamic symbol that is defined, or not, and whose name begins so. By the
 * sections, which a program with dynamic symbols keeps even if it is stripped. */
static const char *find_symbol(const struct dal_image_ *image, int is_defined, const char *start,
                               size_t start_bytes)
{
    ElfW(Shdr) table, strings;
    ElfW(Sym) symbol;

    if (!dal_image_find_section_(image, SHT_DYNSYM, &table) ||
        !dal_image_section_(image, table.sh_link, &strings) || strings.sh_offset > image->size)
        return NULL;
    for (size_t at = 0;
         table.sh_entsize && at < table.sh_size / table.sh_entsize &&
         dal_image_symbol_(image, table.sh_offset, at, (size_t)table.sh_entsize, &symbol);
         at++) {
        const char *text = dal_image_part_(image, strings.sh_offset + symbol.st_name, start_bytes);

        /* In the same bits in both classes. */
        if (ELF32_ST_BIND(symbol.st_info) == STB_WEAK && !is_defined)
            continue;
        if ((symbol.st_shndx != SHN_UNDEF) == is_defined && text &&
            memcmp(text, start, start_bytes) == 0)
            return text;
    }
    return NULL;
}

int image_defines(const struct dal_image_ *image, const char *name)
{
    return find_symbol(image, 1, name, strlen(name) + 1) != NULL;
}

int image_takes(const struct dal_image_ *image, const char *name)
{
    return find_symbol(image, 0, name, strlen(name) + 1) != NULL;
}

int image_needs(const struct dal_image_ *image, const char *start, char *name, size_t name_bytes)
{
    const char *found = find_symbol(image, 0, start, strlen(start));
    size_t length = 0;

    while (found && length + 1 < name_bytes &&
           (const unsigned char *)found + length < image->bytes + image->size && found[length])
        length++;
    if (found)
        snprintf(name, name_bytes, "%.*s", (int)length, found);
    return found != NULL;
}

/* Up to what ends it for the kernel: a carriage return does not. Where nothing is named execvp()
 * has the shell read the file. */
int image_script_interpreter(const struct dal_image_ *image, char path[PATH_MAX])
{
    const char *text = (const char *)image->bytes;
    size_t at = 2;
    size_t length = 0;

    if (image->size >= SELFMAG && memcmp(text, ELFMAG, SELFMAG) == 0)
        return 0;
    if (image->size < 3 || memcmp(text, "#!", 2) != 0)
        at = image->size;
    while (at < image->size && (text[at] == ' ' || text[at] == '\t'))
        at++;
    while (at < image->size && length < PATH_MAX - 1 && !strchr(" \t\n", text[at]))
        path[length++] = text[at++];
    path[length] = '\0';
    if (!length)
        strcpy(path, "/bin/sh");
    return 1;
}

int image_map_loaded(const char *path, char file[PATH_MAX], struct dal_image_ *image)
{
    enum { HEAD = 4096 };

    snprintf(file, PATH_MAX, "%s", path);
    for (int depth = 0; depth <= IMAGE_SCRIPTS_MAX; depth++) {
        char interpreter[PATH_MAX];
        int is_script;

        if ((depth > 0 && access(file, X_OK) != 0) || !dal_image_map_start_(file, HEAD, image))
            return 0;
        is_script = image_script_interpreter(image, interpreter);
        if (!is_script)
            return 1;
        dal_image_unmap_(image);
        memcpy(file, interpreter, PATH_MAX);
    }
    return 0;
}

int image_elf_interpreter(const struct dal_image_ *image, char path[PATH_MAX])
{
    ElfW(Phdr) segment;

    if (!dal_image_is_readable_(image) || !find_segment(image, PT_INTERP, &segment) ||
        segment.p_filesz == 0 || segment.p_filesz > PATH_MAX ||
        !dal_image_read_(image, segment.p_offset, path, segment.p_filesz))
        return 0;
    path[segment.p_filesz - 1] = '\0';
    return 1;
}
