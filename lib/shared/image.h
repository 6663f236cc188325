/* SPDX-License-Identifier: MIT */
/*
 * A file in memory that may be an ELF file, for reading. Nothing in it is believed: what is not as
 * it should be counts as not there, and nothing outside the file is read. Nothing here allocates.
 */
#ifndef DAL_IMAGE_H
#define DAL_IMAGE_H

#include <elf.h>
#include <errno.h>
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

/* A regular file for reading; -1 if it is none, or cannot be opened: with errno, or 0 where there
 * is none. */
static inline int dal_image_open_(const char *path)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    struct stat status;
    int file;

    /* What is there may be a device, which does something when it is opened: rewinds, or counts as
     * alive from then on. */
    if (stat(path, &status) != 0)
        return -1;
    errno = 0;
    file = S_ISREG(status.st_mode) ? open(path, flags) : -1;
    if (file < 0)
        return -1;
    /* It may have become something else. */
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
        return file;
    (void)close(file);
    return -1;
}

/* The beginning of an open file, so many bytes at most: what is behind them counts as not there.
 * Returns 0 if it cannot be read or is empty. */
static inline int dal_image_map_open_(int file, size_t most, struct dal_image_ *image)
{
    struct stat status;
    void *bytes;

    if (fstat(file, &status) != 0 || status.st_size <= 0)
        return 0;
    if ((uint64_t)status.st_size < most)
        most = (size_t)status.st_size;
    bytes = mmap(NULL, most, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        return 0;
    *image = (struct dal_image_){bytes, most};
    return 1;
}

/* The same of a regular file by its path. */
static inline int dal_image_map_start_(const char *path, size_t most, struct dal_image_ *image)
{
    int file = dal_image_open_(path);
    int is_mapped = file >= 0 && dal_image_map_open_(file, most, image);

    if (file >= 0)
        (void)close(file);
    return is_mapped;
}

static inline int dal_image_map_(const char *path, struct dal_image_ *image)
{
    return dal_image_map_start_(path, SIZE_MAX, image);
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

/*
 * Structures of an ELF file are read as those of our own class, whichever it has itself. In 32 bits
 * what is beyond of another class counts as not there.
 */
#if __SIZEOF_POINTER__ == 8
# define DAL_OTHER_(type) Elf32_##type
# define DAL_OTHER_CLASS_ ELFCLASS32
#else
# define DAL_OTHER_(type) Elf64_##type
# define DAL_OTHER_CLASS_ ELFCLASS64
#endif

#define DAL_IMAGE_EHDR_(X) \
    X(e_type) X(e_machine) X(e_phoff) X(e_shoff) X(e_phentsize) X(e_phnum) X(e_shentsize) X(e_shnum)
#define DAL_IMAGE_PHDR_(X) \
    X(p_type) X(p_flags) X(p_offset) X(p_vaddr) X(p_filesz) X(p_memsz) X(p_align)
#define DAL_IMAGE_SHDR_(X) X(sh_type) X(sh_offset) X(sh_size) X(sh_link) X(sh_entsize)
#define DAL_IMAGE_SYM_(X)  X(st_name) X(st_info) X(st_shndx) X(st_value) X(st_size)
#define DAL_IMAGE_DYN_(X)  X(d_tag) X(d_un.d_val)

#define DAL_IMAGE_TAKE_(member)                                      \
    structure->member = (__typeof__(structure->member))other.member; \
    if ((uint64_t)structure->member != (uint64_t)other.member)       \
        return 0;

/* One of a table of structures, or the only one there is: by its number, the place of the table,
 * and what the file says a structure takes there, 0 where it does not say. */
#define DAL_IMAGE_READER_(name, type, fields)                                                      \
    static inline int name(const struct dal_image_ *image, uint64_t table, size_t at, size_t told, \
                           ElfW(type) *structure)                                                  \
    {                                                                                              \
        DAL_OTHER_(type) other;                                                                    \
                                                                                                   \
        if (dal_image_class_(image) != DAL_OTHER_CLASS_)                                           \
            return (!told || told == sizeof *structure) &&                                         \
                   dal_image_entry_(image, table, at, structure, sizeof *structure);               \
        if ((told && told != sizeof other) ||                                                      \
            !dal_image_entry_(image, table, at, &other, sizeof other))                             \
            return 0;                                                                              \
        fields(DAL_IMAGE_TAKE_) return 1;                                                          \
    }

/* 0 if it is no ELF file. */
static inline int dal_image_class_(const struct dal_image_ *image)
{
    const unsigned char *ident = dal_image_part_(image, 0, EI_NIDENT);

    return ident && memcmp(ident, ELFMAG, SELFMAG) == 0 ? ident[EI_CLASS] : 0;
}

DAL_IMAGE_READER_(dal_image_read_header_, Ehdr, DAL_IMAGE_EHDR_)
DAL_IMAGE_READER_(dal_image_read_segment_, Phdr, DAL_IMAGE_PHDR_)
DAL_IMAGE_READER_(dal_image_read_section_, Shdr, DAL_IMAGE_SHDR_)
DAL_IMAGE_READER_(dal_image_symbol_, Sym, DAL_IMAGE_SYM_)
DAL_IMAGE_READER_(dal_image_dynamic_, Dyn, DAL_IMAGE_DYN_)

/* The header of an ELF file. Returns 0 if it is none. */
static inline int dal_image_header_(const struct dal_image_ *image, ElfW(Ehdr) *header)
{
    if (!dal_image_class_(image) || !dal_image_read_header_(image, 0, 0, 0, header))
        return 0;
    memcpy(header->e_ident, image->bytes, EI_NIDENT);
    return 1;
}

/* Whether it is an ELF file of our own byte order, of whatever class. */
static inline int dal_image_is_readable_(const struct dal_image_ *image)
{
    return dal_image_class_(image) &&
           image->bytes[EI_DATA] ==
               (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

/* Whether it is an ELF file of our own class and byte order. */
static inline int dal_image_is_native_(const struct dal_image_ *image)
{
    return dal_image_is_readable_(image) && dal_image_class_(image) != DAL_OTHER_CLASS_;
}

/* The segments of a file by number, from 0 on. Returns 0 behind the last one. */
static inline int dal_image_segment_(const struct dal_image_ *image, size_t at, ElfW(Phdr) *segment)
{
    ElfW(Ehdr) header;

    return dal_image_header_(image, &header) && at < header.e_phnum &&
           dal_image_read_segment_(image, header.e_phoff, at, header.e_phentsize, segment);
}

/* The same for sections. */
static inline int dal_image_section_(const struct dal_image_ *image, size_t at, ElfW(Shdr) *section)
{
    ElfW(Ehdr) header;

    return dal_image_header_(image, &header) && at < header.e_shnum &&
           dal_image_read_section_(image, header.e_shoff, at, header.e_shentsize, section);
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
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    size_t i;

    for (i = 0; dal_image_segment_(image, i, &segment); i++) {
        if (segment.p_type == PT_LOAD &&
            !dal_image_part_(image, segment.p_offset, segment.p_filesz))
            return 0;
    }
    return dal_image_header_(image, &header) && i == header.e_phnum;
}

#endif /* DAL_IMAGE_H */
