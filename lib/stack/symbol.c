/* SPDX-License-Identifier: MIT */
/* Which function or variable of a file an address belongs to. See symbol.h. */
#include <config.h>

#include "stack/symbol.h"

#include <errno.h>

#include "shared/image_symbols.h"

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
        if (found) {
            uint64_t offset = 0;

            (void)dal_image_symbol_at_(&image, symbol->link_address, symbol->name,
                                       sizeof symbol->name, &offset);
            symbol->offset = (uintptr_t)offset;
            (void)dal_image_build_id_(&image, symbol->build_id, sizeof symbol->build_id);
        }
        dal_image_unmap_(&image);
    }
    errno = saved_errno;
    return found;
}
