/* SPDX-License-Identifier: MIT */
/* Whether a program can be served by the interposer, by a look at its file. See program.h. */
#include "tools/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#ifdef __linux__
# include <sys/prctl.h>
#endif
#include <sys/stat.h>
#ifdef TOOL_HAS_XATTR
# include <sys/xattr.h>
#endif
#include <unistd.h>

#include "lib/shared/note.h"
#include "tools/program_image.h"
#include "tools/tool.h"

static int cannot(const char *path, const char *why)
{
    (void)tool_complain("'%s' cannot be run with another allocator: %s", path, why);
    return TOOL_TROUBLE;
}

/* Whether two files are for the same kind of machine. */
static int are_alike(const ElfW(Ehdr) *one, const ElfW(Ehdr) *other)
{
    return one->e_ident[EI_CLASS] == other->e_ident[EI_CLASS] &&
           one->e_ident[EI_DATA] == other->e_ident[EI_DATA] && one->e_machine == other->e_machine;
}

/* The version that its note has, in up to *bytes bytes; NULL if it is not the interposer. */
static const char *version_of(const struct dal_image_ *image, size_t *bytes)
{
    return image_note(image, DAL_NOTE_INTERPOSER, bytes);
}

/* What is looked at in the interposer's file, once. */
struct interposer {
    int error; /* of reading the file; 0 for one that is not the interposer */
    int is_there;
    ElfW(Ehdr) header;
    int is_native; /* one for another kind of machine is not looked into */
    int is_whole, is_for_glibc;
    char version[64];
};

static void look_at(const struct dal_image_ *image, struct interposer *interposer)
{
    size_t bytes = 0;
    const char *version;

    interposer->is_native = dal_image_is_native_(image);
    version = interposer->is_native ? version_of(image, &bytes) : NULL;
    interposer->is_there =
        dal_image_header_(image, &interposer->header) && (version || !interposer->is_native);
    interposer->is_whole = dal_image_is_whole_(image);
    interposer->is_for_glibc = image_names(image, "libc.so.6");
    if (bytes >= sizeof interposer->version)
        bytes = sizeof interposer->version - 1;
    snprintf(interposer->version, sizeof interposer->version, "%.*s", (int)bytes,
             version ? version : "");
}

static const struct interposer *find_interposer(void)
{
    static struct interposer interposer;
    static int is_looked_at;
    struct dal_image_ image;

    if (is_looked_at)
        return &interposer;
    is_looked_at = 1;
    if (dal_image_map_(program_interposer(), &image)) {
        look_at(&image, &interposer);
        dal_image_unmap_(&image);
    } else {
        interposer.error = errno;
    }
    return &interposer;
}

int program_check_interposer(void)
{
    const char *path = program_interposer();
    const struct interposer *interposer = find_interposer();

    if (interposer->error)
        return tool_complain("the interposer %s: %s", path, strerror(interposer->error));
    if (!interposer->is_there)
        return tool_complain("'%s' is not the interposer, libdispatchalloc-preload.so", path);
    if (interposer->is_native && !interposer->is_whole)
        return tool_complain("the interposer %s: the file has been cut short", path);
    return interposer->is_native
               ? tool_check_version(path, interposer->version, strlen(interposer->version))
               : 0;
}

/* By its loader, which musl has its C library in, and which may be the program itself. */
static int is_for_musl(const char *path, const struct dal_image_ *image)
{
    char loader[PATH_MAX];
    const char *name = image_elf_interpreter(image, loader) ? loader : path;

    return strncmp(tool_file_name(name), "ld-musl-", 8) == 0;
}

static int word_bits(const ElfW(Ehdr) *header)
{
    return header->e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64;
}

/* Why the interposer cannot be loaded into a program; NULL if it can, or if another one that is
 * found by $LIB takes its place, and can. */
static const char *why_unsuited(const char *path, const struct dal_image_ *image)
{
    static char why[PATH_MAX + 128];
    const struct interposer *interposer = find_interposer();
    ElfW(Ehdr) own;

    /* That there is none is told elsewhere. */
    if (!interposer->is_there)
        return NULL;
    if (!dal_image_header_(image, &own) || (word_bits(&own) == word_bits(&interposer->header) &&
                                            !are_alike(&own, &interposer->header)))
        return "it is made for another kind of machine than the interposer";
    if (word_bits(&own) != word_bits(&interposer->header) &&
        !program_has_interposer_for(own.e_machine)) {
        snprintf(why, sizeof why,
                 "it is for %d bits, and the interposer %s for %d; DISPATCHALLOC_INTERPOSER names "
                 "another",
                 word_bits(&own), program_interposer(), word_bits(&interposer->header));
        return why;
    }
    if (is_for_musl(path, image) && interposer->is_for_glibc)
        return "its C library is musl, and the interposer is built for the GNU C library";
    if (image_names(image, "libc.so.6") && interposer->is_whole && !interposer->is_for_glibc)
        return "its C library is the GNU C library, and the interposer is built for another";
    return NULL;
}

/* One that is started by name loads its program as ever: debuggers find them by this. musl's is the
 * C library as well. */
static int is_loader(const struct dal_image_ *image)
{
    return image_defines(image, "_r_debug") || image_defines(image, "_dl_debug_addr");
}

static int check_elf(const char *path, const struct dal_image_ *image, int needs_malloc)
{
    static const char cut_short[] = "the file has been cut short";
    ElfW(Ehdr) header;
    const char *why;

    if (!dal_image_header_(image, &header))
        return cannot(path, cut_short);
    why = why_unsuited(path, image);
    if (why) {
        (void)cannot(path, why);
        return PROGRAM_UNSUITED;
    }
    /* One of another byte order than the tool's is not looked into. */
    if (!dal_image_is_readable_(image))
        return 0;
    if (!dal_image_is_whole_(image))
        return cannot(path, cut_short);
    if (!image_has_segment(image, PT_INTERP) && !is_loader(image))
        return cannot(path, "it is statically linked, so nothing can be put before its malloc");
    if (image_names(image, "__asan_init"))
        return cannot(path, "it is built with AddressSanitizer, which brings its own malloc");
    if (image_names(image, "__tsan_init"))
        return cannot(path, "it is built with ThreadSanitizer, which brings its own malloc");
    if (image_names(image, "__msan_init"))
        return cannot(path, "it is built with MemorySanitizer, which brings its own malloc");
    /* gcc before version 8 had the program refer to nothing of its library. */
    if (image_names(image, "__lsan_init") || image_names(image, "liblsan.so.0"))
        return cannot(path, "it is built with LeakSanitizer, which brings its own malloc");
    if (needs_malloc && image_defines(image, "malloc") && !is_loader(image))
        return cannot(path, "it has a malloc of its own, which comes before any other");
    return 0;
}

static int gains_privileges(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return 0;
#ifdef PR_GET_NO_NEW_PRIVS
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return 0;
#endif
    /* (Without the right to execute, the second one says something about locks.) */
    return ((status.st_mode & S_ISUID) && status.st_uid != geteuid()) ||
           ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) && status.st_gid != getegid());
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

int program_find_obstacle(const char *path, char interpreter[PATH_MAX])
{
    int depth;

    for (depth = 0; depth <= IMAGE_SCRIPTS_MAX; depth++) {
        struct dal_image_ image;
        int is_there = dal_image_map_(path, &image);
        int has_one = is_there && (image_script_interpreter(&image, interpreter) ||
                                   image_elf_interpreter(&image, interpreter));

        if (is_there)
            dal_image_unmap_(&image);
        if (!has_one)
            return 0;
        if (access(interpreter, X_OK) != 0)
            return 1;
        path = interpreter;
    }
    return 0;
}

/* What a loader that is started by name takes a word with. */
static int takes_word(const char *option)
{
    static const char *const names[] = {
        "--library-path",         "--inhibit-rpath",    "--audit", "--preload", "--argv0",
        "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(option, names[i]) == 0)
            return 1;
    }
    return 0;
}

/* The program that a loader is started with; NULL if it is no loader, or starts none. */
static const char *find_loaded(const char *path, char **words)
{
    struct dal_image_ image;
    int is_one = 0;

    if (dal_image_map_(path, &image)) {
        is_one = dal_image_is_readable_(&image) && !image_has_segment(&image, PT_INTERP) &&
                 is_loader(&image);
        dal_image_unmap_(&image);
    }
    for (words++; is_one && *words && strncmp(*words, "--", 2) == 0; words++) {
        if (takes_word(*words) && words[1])
            words++;
    }
    return is_one ? *words : NULL;
}

/* Whether the kernel raises the rights of a program, for which the loader ignores LD_PRELOAD. It
 * does not of a script. */
static int check_rights(const char *path)
{
    if (gains_privileges(path))
        return cannot(path, "it is set-user-ID or set-group-ID, and the loader then ignores "
                            "LD_PRELOAD");
    if (gains_capabilities(path))
        return cannot(path, "it has file capabilities, and the loader then ignores LD_PRELOAD");
    return 0;
}

static int check_image(const char *path, const struct dal_image_ *image, int needs_malloc)
{
    int result = check_rights(path);

    return !result && image->size >= SELFMAG && memcmp(image->bytes, ELFMAG, SELFMAG) == 0
               ? check_elf(path, image, needs_malloc)
               : result;
}

/* One that can be executed and not read is not looked into; why one cannot be executed is told
 * later. */
static int check_file(const char *path, int needs_malloc, int depth)
{
    struct dal_image_ image;
    char script_of[PATH_MAX];
    int result;

    if (access(path, X_OK) != 0)
        return check_rights(path);
    if (!dal_image_map_(path, &image))
        return errno == ENOMEM ? tool_complain("there is not enough memory to look at '%s'", path)
                               : check_rights(path);
    result = image_script_interpreter(&image, script_of) && depth < IMAGE_SCRIPTS_MAX
                 ? check_file(script_of, needs_malloc, depth + 1)
                 : check_image(path, &image, needs_malloc);
    dal_image_unmap_(&image);
    return result;
}

int program_check(const char *path, char **words)
{
    const char *loaded = find_loaded(path, words);

    return check_file(path, 1, 0) || (loaded && check_file(loaded, 1, 0)) ? TOOL_TROUBLE : 0;
}

int program_check_loading(const char *path)
{
    return check_file(path, 0, 0);
}
