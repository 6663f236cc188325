/* SPDX-License-Identifier: MIT */
/* Whether a program can be served by the interposer, by a look at its file. See program.h. */
#define _GNU_SOURCE /* memmem */
#include "tools/program.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#ifdef TOOL_HAS_XATTR
# include <sys/xattr.h>
#endif
#include <unistd.h>

#include "tools/tool.h"

enum {
    /* The type of the note by which the interposer is known. */
    INTERPOSER_NOTE = 2,
    /* So many scripts may interpret one another. */
    SCRIPTS_MAX = 4,
    NATIVE_CLASS = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32,
    NATIVE_DATA = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB
};

/* A file in memory, for reading. */
struct image {
    const unsigned char *bytes;
    size_t size;
};

static int map_image(const char *path, struct image *image)
{
    /* What a script names may be a FIFO, which would wait for a writer. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    void *bytes = MAP_FAILED;

    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (file >= 0)
        (void)close(file);
    if (bytes == MAP_FAILED)
        return 0;
    image->bytes = bytes;
    image->size = (size_t)status.st_size;
    return 1;
}

static void unmap_image(const struct image *image)
{
    (void)munmap((void *)(uintptr_t)image->bytes, image->size);
}

/* A part of the image that is wholly inside it, or NULL. */
static const void *part(const struct image *image, uint64_t offset, uint64_t bytes)
{
    if (offset > image->size || bytes > image->size - offset)
        return NULL;
    return image->bytes + offset;
}

static const ElfW(Phdr) *find_segment(const struct image *image, uint32_t type)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    const ElfW(Phdr) *segments =
        part(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);

    for (size_t i = 0; segments && i < header->e_phnum; i++) {
        if (segments[i].p_type == type)
            return &segments[i];
    }
    return NULL;
}

/* What is at an address of the running program, as it is in the file. */
static const void *at_address(const struct image *image, uint64_t address, uint64_t bytes)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    const ElfW(Phdr) *segments =
        part(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);

    for (size_t i = 0; segments && i < header->e_phnum; i++) {
        const ElfW(Phdr) *segment = &segments[i];

        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            address - segment->p_vaddr < segment->p_filesz)
            return part(image, segment->p_offset + (address - segment->p_vaddr), bytes);
    }
    return NULL;
}

/* Whether a segment has the note that lib/compat/elf.c puts into the interposer. Names and
 * descriptors are padded to 4 bytes. */
static int has_note(const struct image *image, uint64_t at, uint64_t bytes)
{
    static const char owner[] = "dispatchalloc";
    const void *start;

    while (bytes >= sizeof(ElfW(Nhdr)) && (start = part(image, at, sizeof(ElfW(Nhdr)))) != NULL) {
        ElfW(Nhdr) note;
        uint64_t whole;
        const char *name;

        memcpy(&note, start, sizeof note);
        name = part(image, at + sizeof note, note.n_namesz);
        if (name && note.n_type == INTERPOSER_NOTE && note.n_namesz == sizeof owner &&
            memcmp(name, owner, sizeof owner) == 0)
            return 1;
        whole = sizeof note + (((uint64_t)note.n_namesz + 3) & ~(uint64_t)3) +
                (((uint64_t)note.n_descsz + 3) & ~(uint64_t)3);
        if (whole > bytes)
            return 0;
        at += whole;
        bytes -= whole;
    }
    return 0;
}

/* Whether a name is among the dynamic symbols and libraries: every one of them is a string of
 * one table. */
static int names(const struct image *image, const char *name)
{
    const ElfW(Phdr) *segment = find_segment(image, PT_DYNAMIC);
    const ElfW(Dyn) *entries = segment ? part(image, segment->p_offset, segment->p_filesz) : NULL;
    const char *strings;
    uint64_t address = 0;
    uint64_t bytes = 0;

    for (size_t i = 0; entries && i < segment->p_filesz / sizeof *entries; i++) {
        if (entries[i].d_tag == DT_STRTAB)
            address = entries[i].d_un.d_ptr;
        if (entries[i].d_tag == DT_STRSZ)
            bytes = entries[i].d_un.d_val;
    }
    strings = at_address(image, address, bytes);
    return strings && memmem(strings, bytes, name, strlen(name) + 1) != NULL;
}

/* Whether the file defines a symbol for others to find. By its sections, which a program with
 * dynamic symbols keeps even if it is stripped. */
static int defines(const struct image *image, const char *name)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    const ElfW(Shdr) *sections =
        part(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);

    for (size_t i = 0; sections && i < header->e_shnum; i++) {
        const ElfW(Sym) *symbols;
        const ElfW(Shdr) *strings;

        if (sections[i].sh_type != SHT_DYNSYM || sections[i].sh_link >= header->e_shnum)
            continue;
        symbols = part(image, sections[i].sh_offset, sections[i].sh_size);
        strings = &sections[sections[i].sh_link];
        for (size_t at = 0; symbols && at < sections[i].sh_size / sizeof *symbols; at++) {
            const char *text = part(image, strings->sh_offset + symbols[at].st_name, strlen(name) + 1);

            if (symbols[at].st_shndx != SHN_UNDEF && text && strcmp(text, name) == 0)
                return 1;
        }
    }
    return 0;
}

static int cannot(const char *path, const char *why)
{
    (void)tool_complain("'%s' cannot be run with another allocator: %s", path, why);
    return TOOL_TROUBLE;
}

/* Whether two files are for the same loader. */
static int are_alike(const ElfW(Ehdr) *one, const ElfW(Ehdr) *other)
{
    return one->e_ident[EI_CLASS] == other->e_ident[EI_CLASS] &&
           one->e_ident[EI_DATA] == other->e_ident[EI_DATA] && one->e_machine == other->e_machine;
}

static int is_native(const ElfW(Ehdr) *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == NATIVE_CLASS && header->e_ident[EI_DATA] == NATIVE_DATA;
}

/* One for a machine of another word size or byte order is not looked into. */
static int is_interposer(const struct image *image)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    const ElfW(Phdr) *segments;

    if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return 0;
    if (!is_native(header))
        return 1;
    segments = part(image, header->e_phoff, (uint64_t)header->e_phnum * sizeof *segments);
    for (size_t i = 0; segments && i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_NOTE &&
            has_note(image, segments[i].p_offset, segments[i].p_filesz))
            return 1;
    }
    return 0;
}

static int map_interposer(struct image *image)
{
    if (!map_image(program_interposer(), image))
        return 0;
    if (is_interposer(image))
        return 1;
    unmap_image(image);
    return 0;
}

int program_has_interposer(void)
{
    struct image image;

    if (!map_interposer(&image))
        return 0;
    unmap_image(&image);
    return 1;
}

static int suits_interposer(const ElfW(Ehdr) *header)
{
    const ElfW(Ehdr) *other;
    struct image interposer;
    int result;

    /* That there is none is told later. */
    if (!map_interposer(&interposer))
        return header->e_ident[EI_CLASS] == NATIVE_CLASS;
    other = part(&interposer, 0, sizeof *other);
    result = other && are_alike(header, other);
    unmap_image(&interposer);
    return result;
}

static int check_elf(const char *path, const struct image *image, int needs_malloc)
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);

    if (!header || !suits_interposer(header))
        return cannot(path, "it is made for another kind of machine than the interposer");
    if (!find_segment(image, PT_INTERP))
        return cannot(path, "it is statically linked, so nothing can be put before its malloc");
    if (names(image, "__asan_init"))
        return cannot(path, "it is built with AddressSanitizer, which brings its own malloc");
    if (names(image, "__tsan_init"))
        return cannot(path, "it is built with ThreadSanitizer, which brings its own malloc");
    if (names(image, "__msan_init"))
        return cannot(path, "it is built with MemorySanitizer, which brings its own malloc");
    /* gcc before version 8 had the program refer to nothing of its library. */
    if (names(image, "__lsan_init") || names(image, "liblsan.so.0"))
        return cannot(path, "it is built with LeakSanitizer, which brings its own malloc");
    if (needs_malloc && defines(image, "malloc"))
        return cannot(path, "it has a malloc of its own, which comes before any other");
    return 0;
}

static int gains_privileges(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return 0;
    return ((status.st_mode & S_ISUID) && status.st_uid != geteuid()) ||
           ((status.st_mode & S_ISGID) && status.st_gid != getegid());
}

/* Whether a program has capabilities(7) that it would start with. The kernel does not raise what
 * root has already. The attribute's bytes are in little-endian order: revision and flags, the
 * lower halves of what is permitted and of what may be inherited, the higher halves. What its
 * revision 3 gives is for the users of another namespace. */
static int gains_capabilities(const char *path)
{
#ifdef TOOL_HAS_XATTR
    enum { LOWER = 4, HIGHER = 12, REVISION = 3, EFFECTIVE = 1 };
    static const unsigned char none[4];
    unsigned char value[24];
    ssize_t bytes = getuid() ? getxattr(path, "security.capability", value, sizeof value) : 0;

    if (bytes < LOWER + 8 || value[REVISION] >= 3)
        return 0;
    return (value[0] & EFFECTIVE) || memcmp(value + LOWER, none, sizeof none) != 0 ||
           (bytes >= HIGHER + 8 && memcmp(value + HIGHER, none, sizeof none) != 0);
#else
    (void)path;
    return 0;
#endif
}

/* The interpreter that "#!" names, up to what ends it for the kernel: a carriage return does not.
 * Returns 0 if there is none. */
static int script_interpreter(const struct image *image, char path[PATH_MAX])
{
    const char *text = (const char *)image->bytes;
    size_t at = 2;
    size_t length = 0;

    if (image->size < 3 || memcmp(text, "#!", 2) != 0)
        return 0;
    while (at < image->size && (text[at] == ' ' || text[at] == '\t'))
        at++;
    while (at < image->size && length < PATH_MAX - 1 && !strchr(" \t\n", text[at]))
        path[length++] = text[at++];
    path[length] = '\0';
    return length > 0;
}

/* The loader that an ELF file names. Returns 0 if there is none. */
static int elf_interpreter(const struct image *image, char path[PATH_MAX])
{
    const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
    const ElfW(Phdr) *segment;
    const char *name;

    if (!header || !is_native(header))
        return 0;
    segment = find_segment(image, PT_INTERP);
    name = segment ? part(image, segment->p_offset, segment->p_filesz) : NULL;
    if (!name || segment->p_filesz == 0 || segment->p_filesz > PATH_MAX)
        return 0;
    memcpy(path, name, segment->p_filesz);
    path[segment->p_filesz - 1] = '\0';
    return 1;
}

int program_find_obstacle(const char *path, char interpreter[PATH_MAX])
{
    int depth;

    for (depth = 0; depth <= SCRIPTS_MAX; depth++) {
        struct image image;
        int is_there = map_image(path, &image);
        int has_one = is_there && (script_interpreter(&image, interpreter) ||
                                   elf_interpreter(&image, interpreter));

        if (is_there)
            unmap_image(&image);
        if (!has_one)
            return 0;
        if (access(interpreter, X_OK) != 0)
            return 1;
        path = interpreter;
    }
    return 0;
}

static int check_file(const char *path, int needs_malloc, int depth)
{
    struct image image;
    char script_of[PATH_MAX];
    int result = 0;

    if (gains_privileges(path))
        return cannot(path, "it is set-user-ID or set-group-ID, and the loader then ignores "
                            "LD_PRELOAD");
    if (gains_capabilities(path))
        return cannot(path, "it has file capabilities, and the loader then ignores LD_PRELOAD");
    /* One that can be executed and not read is not looked into. */
    if (!map_image(path, &image))
        return 0;
    if (script_interpreter(&image, script_of) && depth < SCRIPTS_MAX)
        result = check_file(script_of, needs_malloc, depth + 1);
    else if (image.size > SELFMAG && memcmp(image.bytes, ELFMAG, SELFMAG) == 0)
        result = check_elf(path, &image, needs_malloc);
    unmap_image(&image);
    return result;
}

int program_check(const char *path)
{
    return check_file(path, 1, 0);
}

int program_check_loading(const char *path)
{
    return check_file(path, 0, 0);
}
