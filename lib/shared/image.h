/* SPDX-License-Identifier: MIT */
/*
 * A file in memory that may be an ELF file, for reading. Nothing in it is believed: what is not as
 * it should be counts as not there, and nothing outside the file is read. Nothing here allocates.
 */
#ifndef DAL_IMAGE_H
#define DAL_IMAGE_H

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct dal_image_ {
    const unsigned char *bytes;
    size_t size;
};

/* Returns 0 if it cannot be read, is empty or is no regular file. */
static inline int dal_image_map_(const char *path, struct dal_image_ *image)
{
    /* What is there may be a FIFO, which would wait for a writer. */
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
    *image = (struct dal_image_){bytes, (size_t)status.st_size};
    return 1;
}

static inline void dal_image_unmap_(const struct dal_image_ *image)
{
    (void)munmap((void *)(uintptr_t)image->bytes, image->size);
}

/* A part of the image that is wholly inside it, or NULL. */
static inline const void *dal_image_part_(const struct dal_image_ *image, uint64_t offset,
                                          uint64_t bytes)
{
    if (offset > image->size || bytes > image->size - offset)
        return NULL;
    return image->bytes + offset;
}

/* A structure of the file: copied, for it may lie at any address. Returns 0 if it is not inside. */
static inline int dal_image_read_(const struct dal_image_ *image, uint64_t offset, void *structure,
                                  size_t bytes)
{
    const void *part = dal_image_part_(image, offset, bytes);

    if (part)
        memcpy(structure, part, bytes);
    return part != NULL;
}

/* One of a table of structures. */
static inline int dal_image_entry_(const struct dal_image_ *image, uint64_t table, size_t at,
                                   void *structure, size_t bytes)
{
    return table <= image->size && dal_image_read_(image, table + at * bytes, structure, bytes);
}

/* The header of an ELF file, of whatever class. Returns 0 if it is none. */
static inline int dal_image_header_(const struct dal_image_ *image, ElfW(Ehdr) *header)
{
    return dal_image_read_(image, 0, header, sizeof *header) &&
           memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

/* Whether it is an ELF file of our own class and byte order. */
static inline int dal_image_is_native_(const struct dal_image_ *image)
{
    ElfW(Ehdr) header;

    return dal_image_header_(image, &header) &&
           header.e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
           header.e_ident[EI_DATA] ==
               (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

/* The segments of a file by number, from 0 on. Returns 0 behind the last one. */
static inline int dal_image_segment_(const struct dal_image_ *image, size_t at, ElfW(Phdr) *segment)
{
    ElfW(Ehdr) header;

    return dal_image_header_(image, &header) && header.e_phentsize == sizeof *segment &&
           at < header.e_phnum &&
           dal_image_entry_(image, header.e_phoff, at, segment, sizeof *segment);
}

/* The same for sections. */
static inline int dal_image_section_(const struct dal_image_ *image, size_t at, ElfW(Shdr) *section)
{
    ElfW(Ehdr) header;

    return dal_image_header_(image, &header) && header.e_shentsize == sizeof *section &&
           at < header.e_shnum &&
           dal_image_entry_(image, header.e_shoff, at, section, sizeof *section);
}

/* The first section of a type, of which a file has one: SHT_DYNSYM for example. */
static inline int dal_image_find_section_(const struct dal_image_ *image, uint32_t type,
                                          ElfW(Shdr) *section)
{
    for (size_t i = 0; dal_image_section_(image, i, section); i++) {
        if (section->sh_type == type)
            return 1;
    }
    return 0;
}

/* Whether all that the loader maps of it is there: of a file that was cut short it touches what is
 * not, which ends the process. */
static inline int dal_image_is_whole_(const struct dal_image_ *image)
{
    ElfW(Phdr) segment;

    for (size_t i = 0; dal_image_segment_(image, i, &segment); i++) {
        if (segment.p_type == PT_LOAD &&
            !dal_image_part_(image, segment.p_offset, segment.p_filesz))
            return 0;
    }
    return 1;
}

#endif /* DAL_IMAGE_H */
