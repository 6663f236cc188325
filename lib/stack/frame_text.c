/* SPDX-License-Identifier: MIT */
/* See frame_text.h. By files of the system: dladdr(3) would wait for the loader's lock, and knows
 * exported names alone. */
#include <config.h>

#include "stack/frame_text.h"

#include <inttypes.h>
#include <string.h>

#include <dispatchalloc/service.h>

#include "base/text.h"
#include "os/frames.h"
#ifdef HAVE_DL_ITERATE_PHDR
# include "os/mapping.h"
# include "shared/image.h"
# include "shared/image_symbols.h"
# include "stack/symbol.h"

static void add_place(struct dal_text_ *text, const char *call)
{
    struct dal_os_mapping_ mapping;
    struct dal_symbol_ symbol;
    int found = dal_os_mapping_(call, &mapping, NULL);

    if (found < 0)
        return;
    /* Other memory may have come to where a library was. */
    if (found == 0 || !strchr(mapping.rights, 'x')) {
        dal_text_add_(text, " (no code is there now)");
        return;
    }
    if (!dal_symbol_find_(&mapping, call, &symbol)) {
        dal_text_add_(text, " (%s)", mapping.name[0] ? mapping.name : "code made at run time");
        return;
    }
    dal_text_add_(text, symbol.name[0] ? " in %s" : " ", symbol.name);
    dal_text_add_(text, " (%s+0x%" PRIxPTR ")", mapping.name, symbol.link_address);
    if (symbol.build_id[0])
        dal_text_add_(text, " (BuildId: %s)", symbol.build_id);
}
#else
static void add_place(struct dal_text_ *text, const char *call)
{
    (void)text;
    (void)call;
}
#endif

#if DAL_OS_HAS_FRAMES_
/* What of an object is read for its head: less than the pages that it begins with. */
enum { HEAD_BYTES = 1024 };

static int is_readable_memory(const struct dal_os_object_ *object, uintptr_t start, size_t bytes)
{
    const uintptr_t pages = ~(uintptr_t)(DAL_OS_PAGE_BYTES_LEAST_ - 1);

    return bytes > 0 && start >= object->start && start < object->end &&
           bytes <= object->end - start && bytes <= DAL_OS_PAGE_BYTES_LEAST_ &&
           dal_os_is_readable_(start) &&
           ((start & pages) == ((start + bytes - 1) & pages) ||
            dal_os_is_readable_(start + bytes - 1));
}

/* Whether memory lies in the page of an object's head, which could be read. */
static int is_in_head(const struct dal_os_object_ *object, uintptr_t start, size_t bytes)
{
    return start - object->start < DAL_OS_PAGE_BYTES_LEAST_ &&
           bytes <= DAL_OS_PAGE_BYTES_LEAST_ - (start - object->start);
}

/* A segment of notes that the loader has mapped. */
struct notes {
    const unsigned char *start;
    size_t bytes, align;
};

/* The first of an object from the segment *at on, which becomes the one behind it; begins with 0.
 * Returns 0 if there is none. What lies in the page of the head is not asked for again: each time
 * is a system call. */
static int find_notes(const struct dal_os_object_ *object, size_t *at, struct notes *notes)
{
    struct dal_image_ head = {(const unsigned char *)object->start, HEAD_BYTES};
    ElfW(Phdr) segment;

    if (*at == 0 && !is_readable_memory(object, object->start, HEAD_BYTES))
        return 0;
    while (dal_image_segment_(&head, (*at)++, &segment)) {
        uintptr_t start = object->moved_by + segment.p_vaddr;

        if (segment.p_type == PT_NOTE && (is_in_head(object, start, segment.p_memsz) ||
                                          is_readable_memory(object, start, segment.p_memsz))) {
            *notes = (struct notes){(const unsigned char *)start, segment.p_memsz,
                                    segment.p_align == 8 ? 8 : 4};
            return 1;
        }
    }
    return 0;
}

static void find_build_id(const struct dal_os_object_ *object, char *build_id, size_t room)
{
    struct notes notes;

    for (size_t at = 0; !build_id[0] && find_notes(object, &at, &notes);)
        (void)dal_image_build_id_in_(notes.start, notes.bytes, notes.align, build_id, room);
}

/* More of what a number stands for. */
static uint64_t mix(uint64_t number, const void *more, size_t bytes)
{
    uint64_t part;

    for (size_t at = 0; at < bytes; at += sizeof part) {
        part = 0;
        memcpy(&part, (const char *)more + at, bytes - at < sizeof part ? bytes - at : sizeof part);
        number = (number ^ part) * UINT64_C(0x9e3779b97f4a7c15);
        number ^= number >> 29;
    }
    return number;
}

int dal_frame_code_(const void *place, struct dal_frame_code *code)
{
    uintptr_t call = (uintptr_t)place - 1;
    struct dal_os_object_ object;
    struct notes notes;

    if (!dal_os_object_at_(call, &object))
        return 0;
    code->offset = call - object.moved_by;
    code->identity = mix(object.moved_by, object.file, strlen(object.file));
    code->identity = mix(code->identity, &object.start, sizeof object.start);
    code->identity = mix(code->identity, &object.end, sizeof object.end);
    for (size_t at = 0; find_notes(&object, &at, &notes);)
        code->identity = mix(code->identity, notes.start, notes.bytes);
    code->identity += code->identity == 0;
    return 1;
}

static void add_file(struct dal_text_ *text, const char *file)
{
    size_t room = text->length < text->bytes ? text->bytes - text->length - 1 : 0;

    if (file[0])
        dal_text_add_(text, "%s", file);
    else
        dal_text_cut_(text, text->length + dal_os_program_file_(text->data + text->length, room));
}

static void add_place_in_memory(struct dal_text_ *text, const char *call)
{
    char build_id[2 * 32 + 1] = "";
    struct dal_os_object_ object;

    if (!dal_os_object_at_((uintptr_t)call, &object))
        return;
    dal_text_add_(text, " (");
    add_file(text, object.file);
    dal_text_add_(text, "+0x%" PRIxPTR ")", (uintptr_t)call - object.moved_by);
    find_build_id(&object, build_id, sizeof build_id);
    if (build_id[0])
        dal_text_add_(text, " (BuildId: %s)", build_id);
}
#else
int dal_frame_code_(const void *place, struct dal_frame_code *code)
{
    (void)place;
    (void)code;
    return 0;
}

static void add_place_in_memory(struct dal_text_ *text, const char *call)
{
    (void)text;
    (void)call;
}
#endif

/* The call, which is before what it returns to: that may be another line of the source, or another
 * function. */
static size_t write_frame(unsigned number, const void *place, char *text, size_t bytes,
                          void (*add)(struct dal_text_ *text, const char *call))
{
    struct dal_text_ line = dal_text_over_(text, bytes);
    const char *call = (const char *)place - 1;

    dal_text_add_(&line, "    #%u 0x%" PRIxPTR, number, (uintptr_t)call);
    add(&line, call);
    dal_text_clean_(&line, 0);
    dal_text_add_(&line, "\n");
    return line.length;
}

size_t dal_frame_text_(unsigned number, const void *place, char *text, size_t bytes)
{
    return write_frame(number, place, text, bytes, add_place);
}

size_t dal_frame_place_text_(unsigned number, const void *place, char *text, size_t bytes)
{
    return write_frame(number, place, text, bytes, add_place_in_memory);
}

#if DAL_OS_HAS_REGISTERS_
size_t dal_registers_text_(const void *context, char *text, size_t bytes)
{
    struct dal_text_ line = dal_text_over_(text, bytes);
    struct dal_os_registers_ registers;

    dal_os_context_registers_(context, &registers);
    dal_text_add_(&line, "  registers: pc 0x%" PRIxPTR ", sp 0x%" PRIxPTR ", fp 0x%" PRIxPTR "\n",
                  registers.place, registers.stack, registers.pointer);
    return line.length;
}
#else
size_t dal_registers_text_(const void *context, char *text, size_t bytes)
{
    (void)context;
    if (bytes > 0)
        text[0] = '\0';
    return 0;
}
#endif
