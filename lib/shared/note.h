/* SPDX-License-Identifier: MIT */
/*
 * The ELF note by which a copy of the library is known, in the shared library or in whatever the
 * static one was linked into: its type says which copy it is, its descriptor the version.
 */
#ifndef DAL_NOTE_H
#define DAL_NOTE_H

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DAL_NOTE_OWNER "dispatchalloc"

enum { DAL_NOTE_LIBRARY = 1, DAL_NOTE_INTERPOSER = 2 };

struct dal_note_ {
    ElfW(Nhdr) header;
    char owner[16];
    char version[16];
};

/* clang-format off */
#define DAL_NOTE_DEFINE_(name, type, version_text)                              \
    __attribute__((section(".note.dispatchalloc"), used, aligned(4)))           \
    static const struct dal_note_ name = {                                      \
        {sizeof DAL_NOTE_OWNER, sizeof name.version, type}, DAL_NOTE_OWNER, version_text}
/* clang-format on */

/* Names and descriptors are padded to 4 bytes. */
static inline uint64_t dal_note_padded_(uint64_t bytes)
{
    return (bytes + 3) & ~(uint64_t)3;
}

/* The version of our note of a type, in up to *version_bytes bytes, among the notes of a segment;
 * NULL if it is not there. */
static inline const char *dal_note_find_(const char *at, uint64_t bytes, uint32_t type,
                                         size_t *version_bytes)
{
    ElfW(Nhdr) note;

    while (bytes >= sizeof note) {
        uint64_t version_at, whole;

        memcpy(&note, at, sizeof note);
        version_at = sizeof note + dal_note_padded_(note.n_namesz);
        whole = version_at + dal_note_padded_(note.n_descsz);
        if (whole > bytes)
            return NULL;
        if (note.n_type == type && note.n_namesz == sizeof DAL_NOTE_OWNER &&
            memcmp(at + sizeof note, DAL_NOTE_OWNER, sizeof DAL_NOTE_OWNER) == 0) {
            *version_bytes = note.n_descsz;
            return at + version_at;
        }
        at += whole;
        bytes -= whole;
    }
    return NULL;
}

#endif /* DAL_NOTE_H */
