/* SPDX-License-Identifier: MIT */
/* A program that is to be started under the interposer. See program.h. */
#include "tools/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/shared/choice.h"
#include "tools/child.h"
#include "tools/program_image.h"
#include "tools/tool.h"

/* ---- Finding ------------------------------------------------------------------------------ */

static int is_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static int exit_status_of(int error)
{
    return error == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_CANNOT_RUN;
}

static int refuse(const char *name, int error)
{
    (void)tool_complain("cannot run '%s': %s", name, strerror(error));
    return exit_status_of(error);
}

static int locate_given(const char *name, char path[PATH_MAX])
{
    if (strlen(name) >= PATH_MAX)
        return ENAMETOOLONG;
    memcpy(path, name, strlen(name) + 1);
    if (access(path, F_OK) != 0)
        return errno == ENOTDIR ? ENOENT : errno;
    return !is_file(path) || access(path, X_OK) != 0 ? EACCES : 0;
}

int program_locate(const char *name, char path[PATH_MAX])
{
    const char *list = getenv("PATH");
    int was_there = 0;

    if (strchr(name, '/'))
        return locate_given(name, path);
    if (!list)
        list = "/usr/local/bin:/usr/bin:/bin";
    while (*name) {
        size_t length = strcspn(list, ":");
        int written =
            snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, list, length ? "/" : "./", name);

        if (written > 0 && written < PATH_MAX && access(path, F_OK) == 0) {
            if (is_file(path) && access(path, X_OK) == 0)
                return 0;
            was_there = 1;
        }
        if (!list[length])
            break;
        list += length + 1;
    }
    return was_there ? EACCES : ENOENT;
}

int program_find(const struct tool_command *command, char **program, char path[PATH_MAX])
{
    int error = program_locate(*program, path);
    char meant[256];

    if (error != ENOENT || !program_meant(command, program, meant, sizeof meant))
        return error ? refuse(*program, error) : 0;
    (void)tool_complain("cannot run '%s': %s%s (did you mean '%s'?)", *program, strerror(error),
                        strchr(*program, ' ') ? "; quotes make one word of it" : "", meant);
    return PROGRAM_NOT_FOUND;
}

/* ---- Preparing ---------------------------------------------------------------------------- */

/* Beside the library, whose link is followed to it; where it was installed if it is there only. */
static const char *installed_interposer(void)
{
    static const char name[] = "/libdispatchalloc-preload.so";
    static char path[PATH_MAX + sizeof name];
    char *slash = realpath(tool_library(), path) ? strrchr(path, '/') : NULL;

    if (slash)
        memcpy(slash, name, sizeof name);
    return slash && (access(path, F_OK) == 0 || access(TOOL_INTERPOSER, F_OK) != 0)
               ? path
               : TOOL_INTERPOSER;
}

const char *program_interposer(void)
{
    static const char *installed;
    const char *given = getenv("DISPATCHALLOC_INTERPOSER");

    if (given && *given)
        return given;
    if (!installed)
        installed = installed_interposer();
    return installed;
}

/* With any other value the interposer itself says that it is none. */
const char *program_switched_off(void)
{
    const char *given = getenv("DISPATCHALLOC_OFF");
    uint64_t is_on;

    return given && dal_switch_parse_(given, &is_on) && is_on ? given : NULL;
}

/* LD_PRELOAD as it grows, for a program. */
struct preload {
    const char *program;
    char text[16 * 1024];
    size_t length;
    int is_full;
};

static int add_preload(struct preload *preload, const char *path)
{
    int written;

    if (strpbrk(path, ": \t")) {
        (void)tool_complain("'%s' cannot be preloaded: its name has a colon or a space", path);
        return TOOL_TROUBLE;
    }
    written = snprintf(preload->text + preload->length, sizeof preload->text - preload->length,
                       "%s%s", preload->length ? ":" : "", path);
    if (written < 0 || (size_t)written >= sizeof preload->text - preload->length) {
        (void)tool_complain("LD_PRELOAD would be too long");
        return TOOL_TROUBLE;
    }
    preload->length += (size_t)written;
    return 0;
}

/* A module has to be in the program from its start. The spec has its path, or a name to look up. */
struct module_search {
    const char *name;
    struct preload *preload;
};

/* Whether a module of the spec is over the system's libjemalloc. */
static int is_over_jemalloc;

/* A module that calls the library comes back to itself where it is malloc. */
static int check_module(const char *path)
{
    struct dal_image_ image;
    char needed[64];
    int result = 0;

    if (!dal_image_map_(path, &image))
        return errno == ENOMEM ? tool_complain("there is not enough memory to look at %s", path)
                               : 0;
    if (dal_image_is_native_(&image)) {
        is_over_jemalloc |= image_names(&image, "libjemalloc.so.2");
        if (image_needs(&image, "dal_", needed, sizeof needed))
            result = tool_complain("module %s cannot serve a program's malloc: it calls %s() of "
                                   "libdispatchalloc, which would call it; child and calls of the "
                                   "request of create() are for that",
                                   path, needed);
    }
    dal_image_unmap_(&image);
    return result;
}

/* DIRECTORY/start/NAME.so, a module for programs that it is in from their start, if there is one
 * that nobody can write but who may write the other. */
static int find_for_start(const char *path, char found[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    struct stat module, directory, file;
    int directory_bytes = slash ? (int)(slash - path) : 0;
    int is_there;

    snprintf(found, PATH_MAX, "%.*s/start", directory_bytes, path);
    is_there = slash && strcmp(slash, "/jemalloc.so") == 0 && stat(path, &module) == 0 &&
               stat(found, &directory) == 0 &&
               snprintf(found, PATH_MAX, "%.*s/start%s", directory_bytes, path, slash) < PATH_MAX &&
               stat(found, &file) == 0;
    return is_there && directory.st_uid == module.st_uid && file.st_uid == module.st_uid &&
           !((directory.st_mode | file.st_mode) & (S_IWGRP | S_IWOTH));
}

static int add_path(struct preload *preload, const char *path)
{
    /* (Under a small limit of the stack there is no room for such.) */
    static char resolved[PATH_MAX], for_start[PATH_MAX], by_lib[PATH_MAX];
    int result = check_module(path);

    if (!realpath(path, resolved))
        snprintf(resolved, sizeof resolved, "%s", path);
    if (!result)
        result = program_check_module(preload->program, resolved);
    if (find_for_start(resolved, for_start) && !realpath(for_start, resolved))
        snprintf(resolved, sizeof resolved, "%s", for_start);
    return result ? result : add_preload(preload, program_preload_of(resolved, by_lib));
}

static int add_module(const char *name, const char *path, void *data)
{
    struct module_search *search = data;

    if (strcmp(name, search->name) != 0)
        return 0;
    return add_path(search->preload, path) ? 2 : 1;
}

static int add_item(const struct dal_spec_item *item, void *data)
{
    struct module_search search = {item->name, data};
    int result;

    if (item->name[0] == '/')
        result = add_path(data, item->name);
    else
        result = dal_module_visit(add_module, &search) == 2 ? TOOL_TROUBLE : 0;

    for (size_t i = 0; i < item->value_count && !result; i++) {
        const struct dal_option_value *value = dal_spec_item_value(item, i);

        if (tool_is_spec(value))
            result = dal_spec_visit(value->text, add_item, data, NULL, 0);
    }
    return result;
}

static int set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) == 0)
        return 0;
    (void)tool_complain("cannot set %s: %s", name, strerror(errno));
    return TOOL_TROUBLE;
}

/* What is in LD_PRELOAD stays, behind what was added. */
static int keep_preload(struct preload *preload, const char *before)
{
    while (before && *before) {
        size_t length = strcspn(before, ": ");
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%.*s", (int)length, before);
        if (length > 0 && !program_is_of_run(path) && add_preload(preload, path))
            return TOOL_TROUBLE;
        before += length + (before[length] != '\0');
    }
    return 0;
}

/* What lies beside the interposer is to come right behind it. why: whoever needs it; NULL if it may
 * be missing. */
static int insert_behind(const char *file, const char *why)
{
    static char preload[16 * 1024];
    char place[PATH_MAX], by_lib[PATH_MAX];
    const char *before = getenv("LD_PRELOAD");
    const char *slash = strrchr(program_interposer(), '/');
    size_t first = strcspn(before, ":");
    int directory = slash ? (int)(slash - program_interposer()) + 1 : 0;
    int written;

    snprintf(place, sizeof place, "%.*s%s", directory, program_interposer(), file);
    if (access(place, R_OK) != 0)
        return why ? tool_complain("%s %s: %s", why, place, strerror(errno)) : 0;
    written = snprintf(preload, sizeof preload, "%.*s:%s%s", (int)first, before,
                       program_preload_of(place, by_lib), before + first);
    if (written < 0 || (size_t)written >= sizeof preload)
        return tool_complain("LD_PRELOAD would be too long");
    return set_variable("LD_PRELOAD", preload);
}

/* Whether the layer `guard` is in a spec, or in one of an option. */
static int is_guarding(const struct dal_spec_item *item, void *data)
{
    int result = strcmp(item->backend->name, "guard") == 0;

    for (size_t i = 0; i < item->value_count && !result; i++) {
        const struct dal_option_value *value = dal_spec_item_value(item, i);

        if (tool_is_spec(value))
            result = dal_spec_visit(value->text, is_guarding, data, NULL, 0);
    }
    return result;
}

static int prepare_guard(const char *spec)
{
    return dal_spec_visit(spec, is_guarding, NULL, NULL, 0) > 0
               ? insert_behind("libdispatchalloc-guard.so",
                               "the handlers of signals that a program "
                               "installs under guard are served by")
               : 0;
}

int program_prepare(const char *path, const char *spec, int verbose)
{
    static struct preload preload;
    static char message[1024], by_lib[PATH_MAX];
    const char *before = getenv("LD_PRELOAD");
    int result;

    is_over_jemalloc = 0;
    preload.program = path;
    preload.length = 0;
    result = add_preload(&preload, program_preload_of(program_interposer(), by_lib));
    if (!result && spec) {
        result = dal_spec_visit(spec, add_item, &preload, message, sizeof message);
        if (result < 0)
            return tool_bad_spec(spec, message);
    }
    if (!result)
        result = keep_preload(&preload, before);
    if (!result)
        result = set_variable("LD_PRELOAD", preload.text);
    if (!result && spec)
        result = prepare_guard(spec);
    if (!result && spec)
        result = set_variable("DISPATCHALLOC_MALLOC", spec);
    if (!result && !spec)
        (void)unsetenv("DISPATCHALLOC_MALLOC");
    if (!result && verbose)
        result = set_variable("DISPATCHALLOC_VERBOSE", "1");
    return result;
}

static int is_other(const struct dal_spec_item *item, void *name)
{
    return strcmp(item->backend->name, name) != 0;
}

/* Whether all blocks are those of one backend, whoever is called for them. A layer would miss what
 * goes past it. */
static int is_alone(const char *name, const char *spec)
{
    return dal_spec_visit(spec, is_other, (void *)(uintptr_t)name, NULL, 0) == 0;
}

static int prepare_jemalloc(const char *path, int verbose)
{
    const char *spec = getenv("DISPATCHALLOC_MALLOC");
    static const char file[] = "libdispatchalloc-jemalloc.so";
    char why[PATH_MAX + 64];

    if (is_over_jemalloc && is_alone("jemalloc", spec))
        return 0;
    snprintf(why, sizeof why, "'%s' has libjemalloc, whose calls are served by", path);
    if (insert_behind(file, why))
        return TOOL_TROUBLE;
    if (verbose && is_over_jemalloc)
        (void)tool_complain("%s has jemalloc's own calls come to the layers too", file);
    else if (verbose)
        (void)tool_complain("'%s' has libjemalloc: %s serves the calls of that", path, file);
    return 0;
}

/* Once more after that, for which there may be no room. */
int program_fit(const char *path, const char *name, int verbose)
{
    struct program_probe found;
    int result = program_probe(path, &found);

    if (!result && found.has_jemalloc)
        result = prepare_jemalloc(name, verbose) || program_probe(path, &found) ? TOOL_TROUBLE : 0;
    return result;
}

int program_prepare_deepbind(void)
{
    return insert_behind("libdispatchalloc-deepbind.so", "--strip-deepbind is done by");
}

int program_prepare_deepbind_warning(const char *path)
{
    const char *spec = getenv("DISPATCHALLOC_MALLOC");

    return !is_alone("system", spec ? spec : "system") && program_opens(path)
               ? insert_behind("libdispatchalloc-deepbind-warn.so", NULL)
               : 0;
}

/* The kernel does not tell whether the program or what it is interpreted by cannot be had. */
static int refuse_program(const char *path, const char *name, int error)
{
    char interpreter[PATH_MAX];

    if ((error != ENOENT && error != EACCES) || !program_find_obstacle(path, interpreter))
        return refuse(name, error);
    (void)tool_complain("cannot run '%s': its interpreter '%s': %s", name, interpreter,
                        strerror(error));
    return exit_status_of(error);
}

/* One without "#!", as POSIX has execvp() start it. musl's does not. */
static void become_script(const char *path, char **arguments)
{
    static char shell[] = "/bin/sh";
    size_t count = 1;
    char **words;

    while (arguments[count])
        count++;
    words = malloc((count + 2) * sizeof *words);
    if (words) {
        words[0] = shell;
        words[1] = (char *)(uintptr_t)path;
        memcpy(words + 2, arguments + 1, count * sizeof *words);
        (void)execv(shell, words);
        free(words);
    }
    errno = ENOEXEC;
}

int program_become(const char *path, char **arguments)
{
    (void)fflush(stdout);
    child_give_ends_back();
    (void)execv(path, arguments);
    if (errno == ENOEXEC)
        become_script(path, arguments);
    return refuse_program(path, arguments[0], errno);
}
