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

/* The header of an ELF file, of whatever class; NULL if it is none. */
static inline const ElfW(Ehdr) *dal_image_elf_(const struct dal_image_ *image)
{
    const ElfW(Ehdr) *header = dal_image_part_(image, 0, sizeof *header);

    return header && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 ? header : NULL;
}

/* Whether it is an ELF file of our own class and byte order. */
static inline int dal_image_is_native_(const struct dal_image_ *image)
{
    const ElfW(Ehdr) *header = dal_image_elf_(image);

    return header && header->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
           header->e_ident[EI_DATA] ==
               (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

static inline const ElfW(Phdr) *dal_image_segments_(const struct dal_image_ *image, size_t *count)
{
    const ElfW(Ehdr) *header = dal_image_elf_(image);
    const ElfW(Phdr) *segments = NULL;

    if (header)
        segments = dal_image_part_(image, header->e_phoff, header->e_phnum * sizeof *segments);
    *count = segments ? header->e_phnum : 0;
    return segments;
}

static inline const ElfW(Shdr) *dal_image_sections_(const struct dal_image_ *image, size_t *count)
{
    const ElfW(Ehdr) *header = dal_image_elf_(image);
    const ElfW(Shdr) *sections = NULL;

    if (header)
        sections = dal_image_part_(image, header->e_shoff, header->e_shnum * sizeof *sections);
    *count = sections ? header->e_shnum : 0;
    return sections;
}

#endif /* DAL_IMAGE_H */
