/* SPDX-License-Identifier: MIT */
/* Files that are no whole ELF files, or forged ones: nothing outside them is read, and what is not
 * as it should be is not believed. lib/shared/image.h and who stands on it. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, mkstemp */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dispatchalloc.h>

#include "stack/symbol.h"
#include "../tools/program_image.h"
#include "shared/note.h"
#include "suite.h"

enum { MUTATIONS = 600, CUTS = 150 };

static unsigned char *program; /* this one, as it is in its file */
static size_t program_bytes;

static void set_up(void)
{
    struct dal_image_ image;

    ck_assert(dal_image_map_("/proc/self/exe", &image));
    program_bytes = image.size;
    program = malloc(program_bytes);
    memcpy(program, image.bytes, program_bytes);
    dal_image_unmap_(&image);
}

static void tear_down(void)
{
    free(program);
}

/* So that it ends where nothing is, and begins at any address. Unmapped by unplace(). */
static struct dal_image_ place(const void *bytes, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (size + page - 1) / page * page;
    unsigned char *start =
        mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *at = start + room - size;

    ck_assert_ptr_ne(start, MAP_FAILED);
    ck_assert_int_eq(mprotect(start + room, page, PROT_NONE), 0);
    memcpy(at, bytes, size);
    return (struct dal_image_){at, size};
}

static void unplace(const struct dal_image_ *image)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)image->bytes & ~(uintptr_t)(page - 1);

    munmap((void *)start, ((uintptr_t)image->bytes + image->size - start) + page);
}

static void ask_all(const struct dal_image_ *image)
{
    char text[PATH_MAX];
    size_t bytes;
    const char *note;

    (void)image_has_segment(image, PT_INTERP);
    for (uint32_t type = DAL_NOTE_LIBRARY; type <= DAL_NOTE_INTERPOSER; type++) {
        note = image_note(image, type, &bytes);
        ck_assert(!note || strnlen(note, bytes) <= bytes);
    }
    (void)image_names(image, "libc.so.6");
    (void)image_is_symbolic(image);
    (void)image_defines(image, "malloc");
    (void)image_needs(image, "dal_", text, 64);
    (void)image_needs(image, "", text, sizeof text);
    (void)image_script_interpreter(image, text);
    (void)image_elf_interpreter(image, text);
    (void)dal_image_is_whole_(image);
}

/* What a fault report asks, which goes by a file's name. */
static void ask_file(const void *bytes, size_t size)
{
    struct dal_os_mapping_ mapping = {.start = 0x10000, .end = 0x40000, .rights = "r-xp"};
    struct dal_symbol_ symbol;
    int file;

    strcpy(mapping.name, "/tmp/check_image.XXXXXX");
    file = mkstemp(mapping.name);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, bytes, size), (ssize_t)size);
    for (uintptr_t at = mapping.start; at < mapping.end; at += 0x1010)
        (void)dal_symbol_find_(&mapping, (const void *)at, &symbol);
    close(file);
    unlink(mapping.name);
}

START_TEST(test_files_that_end_early_are_not_read_beyond)
{
    for (size_t i = 0; i < CUTS; i++) {
        size_t size = i < 70 ? i + 1 : program_bytes / CUTS * i;
        struct dal_image_ image = place(program, size);

        ask_all(&image);
        unplace(&image);
        if (i % 10 == 0)
            ask_file(program, size);
    }
}
END_TEST

/* A generator of its own: the same numbers everywhere. */
static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* In the header, the segments, the sections, the dynamic section, or anywhere. */
static size_t some_place(uint32_t *state)
{
    const struct dal_image_ image = {program, program_bytes};
    ElfW(Ehdr) header;
    ElfW(Phdr) segment = {.p_offset = 0};

    ck_assert(dal_image_header_(&image, &header));
    for (size_t i = 0; dal_image_segment_(&image, i, &segment) && segment.p_type != PT_DYNAMIC; i++)
        continue;
    switch (next(state) % 5) {
    case 0: return next(state) % sizeof header;
    case 1: return header.e_phoff + next(state) % (header.e_phnum * sizeof(ElfW(Phdr)));
    case 2: return header.e_shoff + next(state) % (header.e_shnum * sizeof(ElfW(Shdr)));
    case 3: return segment.p_offset + next(state) % segment.p_filesz;
    default: return next(state) % program_bytes;
    }
}

START_TEST(test_forged_files_are_not_read_beyond)
{
    static const uint64_t values[] = {0,          1,          0xff,          0x7fffffff,
                                      0xffffffff, UINT64_MAX, UINT64_MAX / 2};
    uint32_t state = suite_fuzz_seed();

    for (int i = suite_fuzz_rounds(MUTATIONS); i > 0; i--) {
        struct dal_image_ image = place(program, program_bytes);
        unsigned char *bytes = (unsigned char *)(uintptr_t)image.bytes;

        for (uint32_t changes = 1 + next(&state) % 3; changes > 0; changes--) {
            size_t at = some_place(&state);
            uint64_t value =
                next(&state) % 2 ? values[next(&state) % 7] : program_bytes - next(&state) % 64;
            size_t width = (size_t)1 << next(&state) % 4;

            if (at <= program_bytes - width)
                memcpy(bytes + at, &value, width);
        }
        ask_all(&image);
        if (i % 20 == 0)
            ask_file(image.bytes, image.size);
        unplace(&image);
    }
}
END_TEST

/* A file with nothing but our note, and a segment that loads it. */
struct noted {
    ElfW(Ehdr) header;
    ElfW(Phdr) segments[2];
    struct dal_note_ note;
};

static struct noted make_noted(void)
{
    struct noted file = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                               sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32},
                   .e_phoff = offsetof(struct noted, segments),
                   .e_phentsize = sizeof(ElfW(Phdr)),
                   .e_phnum = 2},
        .segments = {{.p_type = PT_LOAD, .p_vaddr = 0x1000, .p_filesz = sizeof file},
                     {.p_type = PT_NOTE,
                      .p_offset = offsetof(struct noted, note),
                      .p_vaddr = 0x1000 + offsetof(struct noted, note),
                      .p_filesz = sizeof file.note}},
        .note = {{sizeof DAL_NOTE_OWNER, sizeof file.note.version, DAL_NOTE_INTERPOSER},
                 DAL_NOTE_OWNER,
                 "1.2.3"},
    };
    return file;
}

static const char *version_in(const struct noted *file, size_t *bytes)
{
    const struct dal_image_ image = {(const unsigned char *)file, sizeof *file};

    return image_note(&image, DAL_NOTE_INTERPOSER, bytes);
}

START_TEST(test_a_note_is_believed_only_where_it_is_loaded)
{
    struct noted file = make_noted();
    size_t bytes = 0;

    ck_assert_str_eq(version_in(&file, &bytes), "1.2.3");
    ck_assert_uint_eq(bytes, sizeof file.note.version);
    file.segments[0].p_filesz = offsetof(struct noted, note) + sizeof file.note - 1;
    ck_assert_ptr_null(version_in(&file, &bytes));
    file = make_noted();
    file.segments[0].p_type = PT_NULL;
    ck_assert_ptr_null(version_in(&file, &bytes));
    file = make_noted();
    file.segments[1].p_vaddr -= 0x1000;
    ck_assert_ptr_null(version_in(&file, &bytes));
    file = make_noted();
    file.note.header.n_descsz = UINT32_MAX;
    ck_assert_ptr_null(version_in(&file, &bytes));
    file = make_noted();
    file.header.e_phentsize = 1;
    ck_assert_ptr_null(version_in(&file, &bytes));
}
END_TEST

/* In a process it would be read where nothing is mapped, by a constructor. */
START_TEST(test_a_note_that_leads_nowhere_does_no_harm_in_a_process)
{
    char path[] = "/tmp/check_image.XXXXXX";
    const struct dal_image_ image = {program, program_bytes};
    ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    int file = mkstemp(path), status = -1;

    ck_assert(dal_image_header_(&image, &header));
    for (size_t i = 0; dal_image_segment_(&image, i, &segment); i++) {
        segment.p_vaddr += 0x40000000;
        /* glibc itself reads those that are aligned as pointers are. */
        if (segment.p_type == PT_NOTE && segment.p_align < sizeof(void *))
            memcpy(program + header.e_phoff + i * sizeof segment, &segment, sizeof segment);
    }
    ck_assert_int_eq(write(file, program, program_bytes), (ssize_t)program_bytes);
    ck_assert_int_eq(fchmod(file, 0700), 0);
    close(file);
    if (fork() == 0) {
        execl(path, path, "forged", (char *)NULL);
        _exit(1);
    }
    (void)wait(&status);
    unlink(path);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("image");
    TCase *forged = tcase_create("forged");

    /* The library is in it, and has started. */
    dal_dealloc(dal_alloc(1, 1), 1, 1);
    if (argc > 1 && strcmp(argv[1], "forged") == 0)
        _exit(0);
    tcase_add_checked_fixture(forged, set_up, tear_down);
    tcase_add_test(forged, test_files_that_end_early_are_not_read_beyond);
    tcase_add_test(forged, test_forged_files_are_not_read_beyond);
    tcase_add_test(forged, test_a_note_is_believed_only_where_it_is_loaded);
    tcase_add_test(forged, test_a_note_that_leads_nowhere_does_no_harm_in_a_process);
    suite_add_tcase(suite, forged);
    return suite_run(suite);
}
