/* SPDX-License-Identifier: MIT */
/* Which function or variable of a file an address belongs to. See symbol.h. */
#include <config.h>

#include "stack/symbol.h"

#include <errno.h>

#include "shared/image.h"

/* Where an address of the process was linked at. A mapping tells what place of the file its
 * start is; what a segment has beyond the file follows it in memory. */
static int find_link_address(const struct dal_image_ *image, const struct dal_os_mapping_ *mapping,
                             uintptr_t address, uintptr_t *link_address)
{
    ElfW(Phdr) segment;

    for (size_t i = 0; dal_image_segment_(image, i, &segment); i++) {
        uintptr_t place;

        if (segment.p_type != PT_LOAD ||
            mapping->offset + (mapping->end - mapping->start) <= segment.p_offset)
            continue;
        place = segment.p_vaddr + (address - mapping->start) + mapping->offset - segment.p_offset;
        if (place >= segment.p_vaddr && place - segment.p_vaddr < segment.p_memsz) {
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

static void copy_name(const struct dal_image_ *image, const ElfW(Shdr) *strings, uint64_t at,
                      struct dal_symbol_ *symbol)
{
    const char *text = dal_image_part_(image, strings->sh_offset, strings->sh_size);

    if (text && at < strings->sh_size) {
        size_t room = sizeof symbol->name - 1;
        size_t length = strnlen(
            text + at, strings->sh_size - at < room ? (size_t)(strings->sh_size - at) : room);

        memcpy(symbol->name, text + at, length);
        symbol->name[length] = '\0';
    }
}

/* In the table of a type: SHT_SYMTAB, which strip(1) removes, or SHT_DYNSYM. */
static int find_in(const struct dal_image_ *image, uint32_t type, struct dal_symbol_ *symbol)
{
    ElfW(Shdr) table, strings;
    ElfW(Sym) known;

    if (!dal_image_find_section_(image, type, &table) ||
        !dal_image_section_(image, table.sh_link, &strings))
        return 0;
    for (size_t n = 0; n < table.sh_size / sizeof known &&
                       dal_image_entry_(image, table.sh_offset, n, &known, sizeof known);
         n++) {
        if (!covers(&known, symbol->link_address))
            continue;
        symbol->offset = symbol->link_address - known.st_value;
        copy_name(image, &strings, known.st_name, symbol);
        return 1;
    }
    return 0;
}

void dal_symbol_build_id_(const unsigned char *at, uint64_t bytes, uint64_t align, char *build_id,
                          size_t room)
{
    static const char owner[] = "GNU", digits[] = "0123456789abcdef";
    ElfW(Nhdr) note;

    while (bytes >= sizeof note) {
        uint64_t start, whole;

        memcpy(&note, at, sizeof note);
        start = (sizeof note + note.n_namesz + align - 1) / align * align;
        whole = (start + note.n_descsz + align - 1) / align * align;
        if (whole > bytes)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof owner &&
            memcmp(at + sizeof note, owner, sizeof owner) == 0 && 2 * note.n_descsz < room) {
            for (size_t i = 0; i < note.n_descsz; i++) {
                build_id[2 * i] = digits[at[start + i] >> 4];
                build_id[2 * i + 1] = digits[at[start + i] & 15];
            }
            build_id[2 * note.n_descsz] = '\0';
            return;
        }
        at += whole;
        bytes -= whole;
    }
}

static void read_build_id(const struct dal_image_ *image, struct dal_symbol_ *symbol)
{
    ElfW(Phdr) segment;

    for (size_t i = 0; !symbol->build_id[0] && dal_image_segment_(image, i, &segment); i++) {
        const unsigned char *notes =
            segment.p_type == PT_NOTE ? dal_image_part_(image, segment.p_offset, segment.p_filesz)
                                      : NULL;

        if (notes)
            dal_symbol_build_id_(notes, segment.p_filesz, segment.p_align == 8 ? 8 : 4,
                                 symbol->build_id, sizeof symbol->build_id);
    }
}

int dal_symbol_find_(const struct dal_os_mapping_ *mapping, const void *address,
                     struct dal_symbol_ *symbol)
{
    struct dal_image_ image;
    int saved_errno = errno;
    int found = 0;

    symbol->name[0] = symbol->build_id[0] = '\0';
    if (mapping->name[0] == '/' && dal_image_map_(mapping->name, &image)) {
        found = dal_image_is_native_(&image) &&
                find_link_address(&image, mapping, (uintptr_t)address, &symbol->link_address);
        if (found && !find_in(&image, SHT_SYMTAB, symbol))
            (void)find_in(&image, SHT_DYNSYM, symbol);
        if (found)
            read_build_id(&image, symbol);
        dal_image_unmap_(&image);
    }
    errno = saved_errno;
    return found;
}
