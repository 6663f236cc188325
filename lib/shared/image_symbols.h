/* SPDX-License-Identifier: MIT */
/*
 * What an ELF file says of its code: which function or variable an address belongs to, and which
 * build it is of. Of files of either class, in our own byte order; nothing here allocates.
 */
#ifndef DAL_IMAGE_SYMBOLS_H
#define DAL_IMAGE_SYMBOLS_H


#include "shared/image.h"

/* No file that was not made for the purpose has more; one that was may be as large as it likes, in
 * a hole. */
enum { DAL_IMAGE_SYMBOLS_MOST_ = 1 << 26, DAL_IMAGE_NOTE_BYTES_MOST_ = 1 << 20 };

static inline int dal_image_symbol_covers_(const ElfW(Sym) *symbol, uint64_t address)
{
    /* The types have the same numbers in both classes. */
    unsigned type = ELF32_ST_TYPE(symbol->st_info);

    return (type == STT_FUNC || type == STT_OBJECT) && symbol->st_shndx != SHN_UNDEF &&
           symbol->st_value <= address && address - symbol->st_value < symbol->st_size;
}

/* A text of a table of strings, as much of it as there is room for. */
static inline void dal_image_copy_text_(const struct dal_image_ *image, const ElfW(Shdr) *strings,
                                        uint64_t at, char *copy, size_t bytes)
{
    const char *text = dal_image_part_(image, strings->sh_offset, strings->sh_size);
    size_t room = bytes - 1, length;

    *copy = '\0';
    if (!text || at >= strings->sh_size)
        return;
    if (strings->sh_size - at < room)
        room = (size_t)(strings->sh_size - at);
    length = strnlen(text + at, room);
    memcpy(copy, text + at, length);
    copy[length] = '\0';
}

/* In the table of a type: SHT_SYMTAB, which strip(1) removes, or SHT_DYNSYM. Of several names for
 * one place the first that is not the file's own, as others know it. */
static inline int dal_image_symbol_in_(const struct dal_image_ *image, uint32_t type,
                                       uint64_t address, char *name, size_t bytes, uint64_t *offset)
{
    ElfW(Shdr) table, strings;
    ElfW(Sym) symbol;
    size_t one;
    int is_found = 0;

    if (!dal_image_find_section_(image, type, &table) ||
        !dal_image_section_(image, table.sh_link, &strings))
        return 0;
    one = dal_image_class_(image) == DAL_OTHER_CLASS_ ? sizeof(DAL_OTHER_(Sym)) : sizeof symbol;
    for (size_t n = 0; n < DAL_IMAGE_SYMBOLS_MOST_ && n < table.sh_size / one &&
                       dal_image_symbol_(image, table.sh_offset, n, 0, &symbol);
         n++) {
        int is_local = ELF32_ST_BIND(symbol.st_info) == STB_LOCAL;

        if (!dal_image_symbol_covers_(&symbol, address) || (is_found && is_local))
            continue;
        *offset = address - symbol.st_value;
        dal_image_copy_text_(image, &strings, symbol.st_name, name, bytes);
        is_found = 1;
        if (!is_local)
            break;
    }
    return is_found;
}

/* The symbol that covers an address of the file, cut where it does not fit, and how far the address
 * is from its start. Returns 0, with "", if there is none. */
static inline int dal_image_symbol_at_(const struct dal_image_ *image, uint64_t address, char *name,
                                       size_t bytes, uint64_t *offset)
{
    *name = '\0';
    return dal_image_symbol_in_(image, SHT_SYMTAB, address, name, bytes, offset) ||
           dal_image_symbol_in_(image, SHT_DYNSYM, address, name, bytes, offset);
}

/* Among the notes of a segment, each padded to a multiple of align. */
static inline int dal_image_build_id_in_(const unsigned char *at, uint64_t bytes, uint64_t align,
                                         char *digits, size_t room)
{
    static const char owner[] = "GNU", hexadecimal[] = "0123456789abcdef";
    ElfW(Nhdr) note;

    if (bytes > DAL_IMAGE_NOTE_BYTES_MOST_)
        bytes = DAL_IMAGE_NOTE_BYTES_MOST_;
    while (bytes >= sizeof note) {
        uint64_t start, whole;

        memcpy(&note, at, sizeof note);
        start = ((uint64_t)sizeof note + note.n_namesz + align - 1) / align * align;
        whole = (start + note.n_descsz + align - 1) / align * align;
        if (whole > bytes)
            return 0;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof owner &&
            memcmp(at + sizeof note, owner, sizeof owner) == 0 && 2 * note.n_descsz < room) {
            for (size_t i = 0; i < note.n_descsz; i++) {
                digits[2 * i] = hexadecimal[at[start + i] >> 4];
                digits[2 * i + 1] = hexadecimal[at[start + i] & 15];
            }
            digits[2 * note.n_descsz] = '\0';
            return 1;
        }
        at += whole;
        bytes -= whole;
    }
    return 0;
}

/* The build id of the file, in hexadecimal digits. Returns 0, with "", if it has none, or one that
 * there is no room for. */
static inline int dal_image_build_id_(const struct dal_image_ *image, char *digits, size_t room)
{
    ElfW(Phdr) segment;

    *digits = '\0';
    for (size_t i = 0; dal_image_segment_(image, i, &segment); i++) {
        const unsigned char *notes =
            segment.p_type == PT_NOTE ? dal_image_part_(image, segment.p_offset, segment.p_filesz)
                                      : NULL;

        if (notes && dal_image_build_id_in_(notes, segment.p_filesz, segment.p_align == 8 ? 8 : 4,
                                            digits, room))
            return 1;
    }
    return 0;
}

#endif /* DAL_IMAGE_SYMBOLS_H */
