/* SPDX-License-Identifier: MIT */
/* Which function or variable of a file an address belongs to. See symbol.h. */
#include <config.h>

#include "elf_symbol.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file in memory. Nothing in it is believed. */
struct image {
    const unsigned char *bytes;
    size_t size;
};

static int open_image(const char *path, struct image *image)
{
    /* What is there by now may be a FIFO, which would wait for a writer. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    void *bytes = MAP_FAILED;

    if (file < 0)
        return 0;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    (void)close(file);
    if (bytes == MAP_FAILED)
        return 0;
    *image = (struct image){bytes, (size_t)status.st_size};
    return 1;
}

/* `count` things of a size that are wholly inside, or NULL. */
static const void *part(const struct image *image, uint64_t offset, uint64_t count, size_t size)
{
    if (offset > image->size || count > (image->size - offset) / size)
        return NULL;
    return image->bytes + offset;
}

static const ElfW(Ehdr) *header_of(const struct image *image)
{
    const ElfW(Ehdr) *header = part(image, 0, 1, sizeof *header);

    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
        return NULL;
    return header;
}

/* Where an address of the process was linked at. A mapping tells what place of the file its
 * start is; what a segment has beyond the file follows it in memory. */
static int find_link_address(const struct image *image, const struct dal_os_mapping_ *mapping,
                             uintptr_t address, uintptr_t *link_address)
{
    const ElfW(Ehdr) *header = header_of(image);
    const ElfW(Phdr) *segments =
        header ? part(image, header->e_phoff, header->e_phnum, sizeof *segments) : NULL;

    for (size_t i = 0; segments && i < header->e_phnum; i++) {
        const ElfW(Phdr) *segment = &segments[i];
        uintptr_t place;

        if (segment->p_type != PT_LOAD || mapping->offset + (mapping->end - mapping->start) <=
                                              segment->p_offset)
            continue;
        place = segment->p_vaddr + (address - mapping->start) + mapping->offset - segment->p_offset;
        if (place >= segment->p_vaddr && place - segment->p_vaddr < segment->p_memsz) {
            *link_address = place;
            return 1;
        }
    }
    return 0;
}

static int covers(const ElfW(Sym) *symbol, uintptr_t address)
{
    /* The types have the same numbers in both classes. */
    unsigned type = ELF32_ST_TYPE(symbol->st_info);

    return (type == STT_FUNC || type == STT_OBJECT) && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_value <= address && address - symbol->st_value < symbol->st_size;
}

static void copy_name(const struct image *image, const ElfW(Shdr) *strings, uint64_t at,
                      struct dal_symbol_ *symbol)
{
    const char *text = part(image, strings->sh_offset, strings->sh_size, 1);

    if (text && at < strings->sh_size)
        (void)snprintf(symbol->name, sizeof symbol->name, "%.*s",
                       (int)strnlen(text + at, strings->sh_size - at < 256
                                                   ? (size_t)(strings->sh_size - at) : 256),
                       text + at);
}

/* In the tables of one type: SHT_SYMTAB, which strip(1) removes, or SHT_DYNSYM. */
static int find_in(const struct image *image, uint32_t type, struct dal_symbol_ *symbol)
{
    const ElfW(Ehdr) *header = header_of(image);
    const ElfW(Shdr) *sections = part(image, header->e_shoff, header->e_shnum, sizeof *sections);

    for (size_t i = 0; sections && i < header->e_shnum; i++) {
        uint64_t count = sections[i].sh_size / sizeof(ElfW(Sym));
        const ElfW(Sym) *symbols = part(image, sections[i].sh_offset, count, sizeof *symbols);

        if (sections[i].sh_type != type || !symbols || sections[i].sh_link >= header->e_shnum)
            continue;
        for (uint64_t n = 0; n < count; n++) {
            if (!covers(&symbols[n], symbol->link_address))
                continue;
            symbol->offset = symbol->link_address - symbols[n].st_value;
            copy_name(image, &sections[sections[i].sh_link], symbols[n].st_name, symbol);
            return 1;
        }
    }
    return 0;
}

int dal_symbol_find_(const struct dal_os_mapping_ *mapping, const void *address,
                     struct dal_symbol_ *symbol)
{
    struct image image;
    int saved_errno = errno;
    int found = 0;

    symbol->name[0] = '\0';
    if (mapping->name[0] == '/' && open_image(mapping->name, &image)) {
        found = find_link_address(&image, mapping, (uintptr_t)address, &symbol->link_address);
        if (found && !find_in(&image, SHT_SYMTAB, symbol))
            (void)find_in(&image, SHT_DYNSYM, symbol);
        (void)munmap((void *)(uintptr_t)image.bytes, image.size);
    }
    errno = saved_errno;
    return found;
}
