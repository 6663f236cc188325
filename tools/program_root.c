/* SPDX-License-Identifier: MIT */
/* A program that chroot(8) starts, which finds other files than the command does. See program.h. */
#define _GNU_SOURCE /* chroot */
#include "tools/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/tool.h"

/* The loader goes on without it, and says so for each program. */
static int check_preloads(const char *root)
{
    const char *at = getenv("LD_PRELOAD");

    while (at && *at) {
        size_t length = strcspn(at, ": ");
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%.*s", (int)length, at);
        if (*path == '/' && !strchr(path, '$') && access(path, R_OK) != 0)
            return tool_complain("below '%s', where chroot starts its program, there is no %s: %s",
                                 root, path, strerror(errno));
        at += length + (at[length] != '\0');
    }
    return 0;
}

/* Does not return. What chroot itself cannot do it will say. */
static void be_child(const char *root, const char *name)
{
    struct program_probe found;
    char path[PATH_MAX];
    int result;

    if (chroot(root) != 0 || chdir("/") != 0)
        _exit(0);
    result = check_preloads(root);
    if (!result && program_locate(name, path) == 0)
        result = program_probe(path, &found);
    _exit(result);
}

/* "chroot [--OPTION[=VALUE]]... ROOT [PROGRAM]..." */
int program_check_root(char **program)
{
    const char *slash = strrchr(*program, '/');
    const char *shell = getenv("SHELL");
    int status = 0;
    pid_t child;

    if (strcmp(slash ? slash + 1 : *program, "chroot") != 0)
        return 0;
    do
        program++;
    while (*program && strncmp(*program, "--", 2) == 0);
    if (!*program)
        return 0;
    child = fork();
    if (child == 0)
        be_child(program[0], program[1] ? program[1] : shell && *shell ? shell : "/bin/sh");
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) ? TOOL_TROUBLE : 0;
}
