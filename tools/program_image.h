/* SPDX-License-Identifier: MIT */
/*
 * A file that may be a program: what it is linked with, and who interprets it.
 *
 * The functions about ELF files are for those of the tool's own byte order, and of another's find
 * nothing of use.
 */
#ifndef TOOL_PROGRAM_IMAGE_H
#define TOOL_PROGRAM_IMAGE_H

#include <limits.h>
#include <stdint.h>

#include "lib/shared/image.h"

/* Whether there is a segment of a type, PT_INTERP for example. */
int image_has_segment(const struct dal_image_ *image, uint32_t type);

/* The version in our note of a type, in up to *bytes bytes; NULL if there is none. */
const char *image_note(const struct dal_image_ *image, uint32_t type, size_t *bytes);

/* Whether a name is among the dynamic symbols and libraries. */
int image_names(const struct dal_image_ *image, const char *name);

/* Whether it is linked -Bsymbolic, and so binds its own functions to itself. */
int image_is_symbolic(const struct dal_image_ *image);

/* Whether the file defines a symbol for others to find. */
int image_defines(const struct dal_image_ *image, const char *name);

/* Whether the file takes a symbol from elsewhere, and can not be without. */
int image_takes(const struct dal_image_ *image, const char *name);

/* Whether the file takes a symbol that begins so from elsewhere, and can not be without; with the
 * name of the first, as much of it as fits. */
int image_needs(const struct dal_image_ *image, const char *start, char *name, size_t name_bytes);

/* So many scripts may interpret one another: as many as Linux follows. */
enum { IMAGE_SCRIPTS_MAX = 5 };

/* The interpreter that "#!" names, or the shell. Returns 0 for an ELF file. */
int image_script_interpreter(const struct dal_image_ *image, char path[PATH_MAX]);

/*
 * The beginning of the file that is loaded for a program: its own, or where that is a script that
 * of what interprets it, which has to be one that can be executed. Its path comes into file. No
 * more room is taken than for the head of an ELF file: under a limit of addresses there may be
 * none. Returns 0 if there is none such; to be unmapped.
 */
int image_map_loaded(const char *path, char file[PATH_MAX], struct dal_image_ *image);

/* The loader that an ELF file names. Returns 0 if there is none. */
int image_elf_interpreter(const struct dal_image_ *image, char path[PATH_MAX]);

#endif /* TOOL_PROGRAM_IMAGE_H */
