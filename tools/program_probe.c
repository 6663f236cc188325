/* SPDX-License-Identifier: MIT */
/*
 * What the loader maps of a program that is to be started: it goes on without a preload that it has
 * no room for. It tells, started as a program itself, as ldd(1) has it told. See program.h.
 */
#define _GNU_SOURCE /* pipe2, strdup */
#include "tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/program_image.h"
#include "tools/tool.h"

/* Add "-v 24576", as ulimit has it, if there is a limit. */
static size_t add_limit(char *text, size_t used, size_t bytes, const char *option,
                        const struct rlimit *limit)
{
    if (limit->rlim_cur == RLIM_INFINITY)
        return used;
    return used + (size_t)snprintf(text + used, bytes - used, "%s%s %llu", used ? " " : "", option,
                                   (unsigned long long)limit->rlim_cur / 1024);
}

/* The limits that keep memory from being mapped; NULL if there is none. */
static const char *limits_in_force(char *text, size_t bytes)
{
    struct rlimit addresses = {RLIM_INFINITY, RLIM_INFINITY}, data = addresses;
    size_t used;

    (void)getrlimit(RLIMIT_AS, &addresses);
    (void)getrlimit(RLIMIT_DATA, &data);
    used = add_limit(text, 0, bytes, "-v", &addresses);
    used = add_limit(text, used, bytes, "-d", &data);
    return used ? text : NULL;
}

/* The file that is loaded, a script's interpreter for one, the loader that it names, and why that
 * cannot load it. */
struct target {
    char file[PATH_MAX], loader[PATH_MAX], reason[1024];
};

static int find_loader(const char *path, struct target *target)
{
    struct dal_image_ image;
    int is_found;

    target->reason[0] = '\0';
    if (access(path, X_OK) != 0 || !image_map_loaded(path, target->file, &image))
        return 0;
    is_found = image_elf_interpreter(&image, target->loader);
    dal_image_unmap_(&image);
    /* Tools that lengthen the name move it to the end of the file. */
    if (!is_found && dal_image_map_(target->file, &image)) {
        is_found = image_elf_interpreter(&image, target->loader);
        dal_image_unmap_(&image);
    }
    return is_found;
}

/* What a program cannot be started for, in the words of the loader, without those around it. */
static void keep_reason(const char *line, char *reason, size_t bytes)
{
    static const char *const beginnings[] = {"error while loading shared libraries: ",
                                             "Error loading shared library " /* musl's */};

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        const char *start = strstr(line, beginnings[i]);

        if (!start)
            continue;
        start += strlen(beginnings[i]);
        snprintf(reason, bytes, "%.*s", (int)strcspn(start, "\n"), start);
    }
}

/* The loader's list of what it mapped, and what it says, read from its end of a pipe. */
static void read_list(int from, struct target *target, struct program_probe *found)
{
    FILE *list = fdopen(from, "r");
    const char *interposer =
        *target->file ? program_interposer_in(target->file) : program_interposer();
    char line[PATH_MAX + 64];
    size_t bytes = strlen(interposer);

    while (list && fgets(line, sizeof line, list)) {
        const char *start = line + strspn(line, " \t"), *arrow = strstr(start, " => ");
        const char *file = arrow ? arrow + 4 : start;

        keep_reason(line, target->reason, sizeof target->reason);
        (void)sscanf(line, "dl_dst_lib=\"%63[^\"]", found->lib);
        if (!strstr(start, " (0x"))
            continue;
        found->is_listed = 1;
        found->has_interposer |= strncmp(file, interposer, bytes) == 0 && file[bytes] == ' ';
        found->has_jemalloc |= strncmp(start, "libjemalloc.so.", 15) == 0;
    }
    if (list)
        (void)fclose(list);
    else
        (void)close(from);
}

/* The loader is started as a program: it says what it is asked for by an option, and starts
 * nothing.
 */
static void become_list(struct target *target, const char *option, int to)
{
    char *arguments[] = {target->loader, (char *)(uintptr_t)option, target->file, NULL};
    int null = open("/dev/null", O_RDWR);

    /* A new root may have no such file. */
    if ((null < 0 || dup2(null, 0) >= 0) && dup2(to, 1) >= 0 && dup2(to, 2) >= 0)
        (void)execv(target->loader, arguments);
    _exit(PROGRAM_CANNOT_RUN);
}

/* Nothing is found where that fails: then the program is started as it is. */
static void ask(struct target *target, const char *option, struct program_probe *found)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    /* Standard files that are closed are not to be the pipe's. */
    for (int i = 0; i < 2; i++) {
        int moved = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);

        (void)close(ends[i]);
        ends[i] = moved;
    }
    (void)fflush(stdout);
    child = fork();
    if (child == 0)
        become_list(target, option, ends[1]);
    (void)close(ends[1]);
    if (child > 0)
        read_list(ends[0], target, found);
    else
        (void)close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* What it would load. */
static void list(struct target *target, struct program_probe *found)
{
    ask(target, "--list", found);
}

void program_probe_loader(const char *loader, struct program_probe *found)
{
    static struct target target;

    memset(found, 0, sizeof *found);
    snprintf(target.loader, PATH_MAX, "%s", loader);
    ask(&target, "--list-diagnostics", found);
}

/* Whether the program could be loaded but for what is preloaded. The environment is as it was. */
static int is_loaded_alone(struct target *target)
{
    static const char name[] = "LD_PRELOAD";
    char *preload = strdup(getenv(name) ? getenv(name) : "");
    struct program_probe found = {0};
    struct target alone = *target;

    if (!preload || unsetenv(name) != 0)
        return 0;
    alone.reason[0] = '\0';
    list(&alone, &found);
    (void)setenv(name, preload, 1);
    free(preload);
    return found.is_listed && !*alone.reason;
}

int program_opens(const char *path)
{
    static struct target target;
    struct dal_image_ image;
    int result;

    if (!find_loader(path, &target) || !dal_image_map_(target.file, &image))
        return 0;
    result = image_takes(&image, "dlopen");
    dal_image_unmap_(&image);
    return result;
}

/* Of a path that a loader takes for another one, or that its list shows in two lines; else "". */
static const char *what_is_odd(const char *path)
{
    return strchr(path, '$')    ? ", whose path has a '$', which begins a variable of the loader's"
           : strchr(path, '\n') ? ", whose path has a line feed"
                                : "";
}

int program_probe(const char *path, struct program_probe *found)
{
    static struct target target;
    char text[128];
    const char *limits;

    memset(found, 0, sizeof *found);
    if (!find_loader(path, &target))
        return 0;
    list(&target, found);
    limits = limits_in_force(text, sizeof text);
    /* musl's loader lists what it has nevertheless. */
    if (*target.reason && is_loaded_alone(&target))
        return tool_complain("'%s' cannot be run with another allocator: of what is put before its "
                             "malloc the loader cannot load %s",
                             path, target.reason);
    if (found->has_interposer)
        return 0;
    /* What cannot be listed says itself what it lacks; under a limit that may be the room for it.
     */
    if (!found->is_listed && !limits)
        return 0;
    return tool_complain("'%s' cannot be run with another allocator: %s%s%sthe loader does not get "
                         "the interposer into it%s",
                         path, limits ? "under its limits (ulimit " : "", limits ? limits : "",
                         limits ? ") " : "", what_is_odd(program_interposer()));
}
