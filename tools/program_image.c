/* SPDX-License-Identifier: MIT */
/* Reading a file that may be a program. See program_image.h. */
#define _GNU_SOURCE /* memmem */
#include "tools/program_image.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NATIVE_CLASS = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32,
    NATIVE_DATA = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB
};

int image_map(const char *path, struct image *image)
{
    /* What a script names may be a FIFO, which would wait for a writer. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    void *bytes = MAP_FAILED;

    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (file >= 0)
        (void)close(file);
    if (bytes == MAP_FAILED)
        return 0;
    image->bytes = bytes;
    image->size = (size_t)status.st_size;
    return 1;
}

void image_unmap(const struct image *image)
{
    (void)munmap((void *)(uintptr_t)image->bytes, image->size);
}

const void *image_part(const struct image *image, uint64_t offset, uint64_t bytes)
{
    if (offset > image->size || bytes > image->size - offset)
        return NULL;
    return image->bytes + offset;
}

const ElfW(Ehdr) *image_elf(const struct image *image)
{
    const ElfW(Ehdr) *header = image_part(image, 0, sizeof *header);

    return header && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 ? header : NULL;
}

int image_is_native(const struct image *image)
{
    const ElfW(Ehdr) *header = image_elf(image);

    return header && header->e_ident[EI_CLASS] == NATIVE_CLASS &&
           header->e_ident[EI_DATA] == NATIVE_DATA;
}

static const ElfW(Phdr) *segments_of(const struct image *image, size_t *count)
{
    const ElfW(Ehdr) *header = image_elf(image);
    const ElfW(Phdr) *segments = NULL;

    if (header)
        segments =
            image_part(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);
    *count = segments ? header->e_phnum : 0;
    return segments;
}

static const ElfW(Phdr) *find_segment(const struct image *image, uint32_t type)
{
    size_t count;
    const ElfW(Phdr) *segments = segments_of(image, &count);

    for (size_t i = 0; i < count; i++) {
        if (segments[i].p_type == type)
            return &segments[i];
    }
    return NULL;
}

int image_has_segment(const struct image *image, uint32_t type)
{
    return find_segment(image, type) != NULL;
}

/* What is at an address of the running program, as it is in the file. */
static const void *at_address(const struct image *image, uint64_t address, uint64_t bytes)
{
    size_t count;
    const ElfW(Phdr) *segments = segments_of(image, &count);

    for (size_t i = 0; i < count; i++) {
        const ElfW(Phdr) *segment = &segments[i];

        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return image_part(image, segment->p_offset + (address - segment->p_vaddr), bytes);
    }
    return NULL;
}

static uint64_t padded(uint64_t bytes)
{
    return (bytes + 3) & ~(uint64_t)3;
}

static const void *find_among_notes(const struct image *image, const ElfW(Phdr) *segment,
                                    const char *owner, uint32_t type, size_t *bytes)
{
    uint64_t at = segment->p_offset;
    uint64_t left = segment->p_filesz;
    const void *start;
    ElfW(Nhdr) note;

    while (left >= sizeof note && (start = image_part(image, at, sizeof note)) != NULL) {
        const char *name;
        uint64_t whole;

        memcpy(&note, start, sizeof note);
        name = image_part(image, at + sizeof note, note.n_namesz);
        if (name && note.n_type == type && note.n_namesz == strlen(owner) + 1 &&
            memcmp(name, owner, note.n_namesz) == 0) {
            *bytes = note.n_descsz;
            return image_part(image, at + sizeof note + padded(note.n_namesz), note.n_descsz);
        }
        whole = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
        if (whole > left)
            return NULL;
        at += whole;
        left -= whole;
    }
    return NULL;
}

const void *image_note(const struct image *image, const char *owner, uint32_t type, size_t *bytes)
{
    size_t count;
    const ElfW(Phdr) *segments = segments_of(image, &count);
    const void *found = NULL;

    for (size_t i = 0; i < count && !found; i++) {
        if (segments[i].p_type == PT_NOTE)
            found = find_among_notes(image, &segments[i], owner, type, bytes);
    }
    return found;
}

/* The entries of the dynamic section, up to where the segment ends. */
static const ElfW(Dyn) *dynamic_of(const struct image *image, size_t *count)
{
    const ElfW(Phdr) *segment = find_segment(image, PT_DYNAMIC);
    const ElfW(Dyn) *entries =
        segment ? image_part(image, segment->p_offset, segment->p_filesz) : NULL;

    *count = entries ? segment->p_filesz / sizeof *entries : 0;
    return entries;
}

/* Every name is a string of one table. */
int image_names(const struct image *image, const char *name)
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

int image_is_symbolic(const struct image *image)
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

/* By the sections, which a program with dynamic symbols keeps even if it is stripped. */
int image_defines(const struct image *image, const char *name)
{
    const ElfW(Ehdr) *header = image_elf(image);
    const ElfW(Shdr) *sections = NULL;

    if (header)
        sections =
            image_part(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
    for (size_t i = 0; sections && i < header->e_shnum; i++) {
        const ElfW(Sym) *symbols;
        const ElfW(Shdr) *strings;

        if (sections[i].sh_type != SHT_DYNSYM || sections[i].sh_link >= header->e_shnum)
            continue;
        symbols = image_part(image, sections[i].sh_offset, sections[i].sh_size);
        strings = &sections[sections[i].sh_link];
        for (size_t at = 0; symbols && at < sections[i].sh_size / sizeof *symbols; at++) {
            const char *text =
                image_part(image, strings->sh_offset + symbols[at].st_name, strlen(name) + 1);

            if (symbols[at].st_shndx != SHN_UNDEF && text && strcmp(text, name) == 0)
                return 1;
        }
    }
    return 0;
}

/* Up to what ends it for the kernel: a carriage return does not. */
int image_script_interpreter(const struct image *image, char path[PATH_MAX])
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

int image_elf_interpreter(const struct image *image, char path[PATH_MAX])
{
    const ElfW(Phdr) *segment = image_is_native(image) ? find_segment(image, PT_INTERP) : NULL;
    const char *name = segment ? image_part(image, segment->p_offset, segment->p_filesz) : NULL;

    if (!name || segment->p_filesz == 0 || segment->p_filesz > PATH_MAX)
        return 0;
    memcpy(path, name, segment->p_filesz);
    path[segment->p_filesz - 1] = '\0';
    return 1;
}
