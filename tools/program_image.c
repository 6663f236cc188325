/* SPDX-License-Identifier: MIT */
/* Reading a file that may be a program. See program_image.h. */
#define _GNU_SOURCE /* memmem */
#include "tools/program_image.h"

#include <stdio.h>
#include <string.h>

#include "lib/shared/note.h"

static const ElfW(Phdr) *find_segment(const struct dal_image_ *image, uint32_t type)
{
    size_t count;
    const ElfW(Phdr) *segments = dal_image_segments_(image, &count);

    for (size_t i = 0; i < count; i++) {
        if (segments[i].p_type == type)
            return &segments[i];
    }
    return NULL;
}

int image_has_segment(const struct dal_image_ *image, uint32_t type)
{
    return find_segment(image, type) != NULL;
}

/* What is at an address of the running program, as it is in the file. */
static const void *at_address(const struct dal_image_ *image, uint64_t address, uint64_t bytes)
{
    size_t count;
    const ElfW(Phdr) *segments = dal_image_segments_(image, &count);

    for (size_t i = 0; i < count; i++) {
        const ElfW(Phdr) *segment = &segments[i];

        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return dal_image_part_(image, segment->p_offset + (address - segment->p_vaddr), bytes);
    }
    return NULL;
}

const char *image_note(const struct dal_image_ *image, uint32_t type, size_t *bytes)
{
    size_t count;
    const ElfW(Phdr) *segments = dal_image_segments_(image, &count);
    const char *found = NULL;

    for (size_t i = 0; i < count && !found; i++) {
        const char *notes =
            segments[i].p_type != PT_NOTE
                ? NULL
                : dal_image_part_(image, segments[i].p_offset, segments[i].p_filesz);

        if (notes)
            found = dal_note_find_(notes, segments[i].p_filesz, type, bytes);
    }
    return found;
}

/* The entries of the dynamic section, up to where the segment ends. */
static const ElfW(Dyn) *dynamic_of(const struct dal_image_ *image, size_t *count)
{
    const ElfW(Phdr) *segment = find_segment(image, PT_DYNAMIC);
    const ElfW(Dyn) *entries =
        segment ? dal_image_part_(image, segment->p_offset, segment->p_filesz) : NULL;

    *count = entries ? segment->p_filesz / sizeof *entries : 0;
    return entries;
}

/* Every name is a string of one table. */
int image_names(const struct dal_image_ *image, const char *name)
{
    size_t count;
    const ElfW(Dyn) *entries = dynamic_of(image, &count);
    const char *strings;
    uint64_t address = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (entries[i].d_tag == DT_STRTAB)
            address = entries[i].d_un.d_ptr;
        if (entries[i].d_tag == DT_STRSZ)
            bytes = entries[i].d_un.d_val;
    }
    strings = at_address(image, address, bytes);
    return strings && memmem(strings, bytes, name, strlen(name) + 1) != NULL;
}

int image_is_symbolic(const struct dal_image_ *image)
{
    size_t count;
    const ElfW(Dyn) *entries = dynamic_of(image, &count);

    for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++) {
        if (entries[i].d_tag == DT_SYMBOLIC ||
            (entries[i].d_tag == DT_FLAGS && (entries[i].d_un.d_val & DF_SYMBOLIC)))
            return 1;
    }
    return 0;
}

/* The name of the first dynamic symbol that is defined, or not, and whose name begins so. By the
 * sections, which a program with dynamic symbols keeps even if it is stripped. */
static const char *find_symbol(const struct dal_image_ *image, int is_defined, const char *start,
                               size_t start_bytes)
{
    size_t count;
    const ElfW(Shdr) *sections = dal_image_sections_(image, &count);

    for (size_t i = 0; i < count; i++) {
        const ElfW(Sym) *symbols;
        const ElfW(Shdr) *strings;

        if (sections[i].sh_type != SHT_DYNSYM || sections[i].sh_link >= count)
            continue;
        symbols = dal_image_part_(image, sections[i].sh_offset, sections[i].sh_size);
        strings = &sections[sections[i].sh_link];
        for (size_t at = 0; symbols && at < sections[i].sh_size / sizeof *symbols; at++) {
            const char *text =
                dal_image_part_(image, strings->sh_offset + symbols[at].st_name, start_bytes);

            /* In the same bits in both classes. */
            if (ELF32_ST_BIND(symbols[at].st_info) == STB_WEAK && !is_defined)
                continue;
            if ((symbols[at].st_shndx != SHN_UNDEF) == is_defined && text &&
                memcmp(text, start, start_bytes) == 0)
                return text;
        }
    }
    return NULL;
}

int image_defines(const struct dal_image_ *image, const char *name)
{
    return find_symbol(image, 1, name, strlen(name) + 1) != NULL;
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

/* Up to what ends it for the kernel: a carriage return does not. */
int image_script_interpreter(const struct dal_image_ *image, char path[PATH_MAX])
{
    const char *text = (const char *)image->bytes;
    size_t at = 2;
    size_t length = 0;

    if (image->size < 3 || memcmp(text, "#!", 2) != 0)
        return 0;
    while (at < image->size && (text[at] == ' ' || text[at] == '\t'))
        at++;
    while (at < image->size && length < PATH_MAX - 1 && !strchr(" \t\n", text[at]))
        path[length++] = text[at++];
    path[length] = '\0';
    return length > 0;
}

int image_elf_interpreter(const struct dal_image_ *image, char path[PATH_MAX])
{
    const ElfW(Phdr) *segment = dal_image_is_native_(image) ? find_segment(image, PT_INTERP) : NULL;
    const char *name =
        segment ? dal_image_part_(image, segment->p_offset, segment->p_filesz) : NULL;

    if (!name || segment->p_filesz == 0 || segment->p_filesz > PATH_MAX)
        return 0;
    memcpy(path, name, segment->p_filesz);
    path[segment->p_filesz - 1] = '\0';
    return 1;
}
