/* SPDX-License-Identifier: MIT */
/*
 * A file that may be a program, for reading: what it is linked with, and who interprets it. What
 * is not as it should be counts as not there; nothing outside the file is read.
 *
 * The functions about ELF files are for those of the tool's own class and byte order, and of
 * another's find nothing of use.
 */
#ifndef TOOL_PROGRAM_IMAGE_H
#define TOOL_PROGRAM_IMAGE_H

#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

/* The file in memory. */
struct image {
    const unsigned char *bytes;
    size_t size;
};

/* Returns 0 if it cannot be read, is empty or is no regular file. */
int image_map(const char *path, struct image *image);
void image_unmap(const struct image *image);

/* A part of the image that is wholly inside it, or NULL. */
const void *image_part(const struct image *image, uint64_t offset, uint64_t bytes);

/* The header of an ELF file, of whatever class; NULL if it is none. */
const ElfW(Ehdr) *image_elf(const struct image *image);

/* Whether it is an ELF file of the tool's class and byte order. */
int image_is_native(const struct image *image);

/* Whether there is a segment of a type, PT_INTERP for example. */
int image_has_segment(const struct image *image, uint32_t type);

/* What the note of an owner says; NULL if there is none. */
const void *image_note(const struct image *image, const char *owner, uint32_t type, size_t *bytes);

/* Whether a name is among the dynamic symbols and libraries. */
int image_names(const struct image *image, const char *name);

/* Whether it is linked -Bsymbolic, and so binds its own functions to itself. */
int image_is_symbolic(const struct image *image);

/* Whether the file defines a symbol for others to find. */
int image_defines(const struct image *image, const char *name);

/* The interpreter that "#!" names. Returns 0 if there is none. */
int image_script_interpreter(const struct image *image, char path[PATH_MAX]);

/* The loader that an ELF file names. Returns 0 if there is none. */
int image_elf_interpreter(const struct image *image, char path[PATH_MAX]);

#endif /* TOOL_PROGRAM_IMAGE_H */
