/* SPDX-License-Identifier: MIT */
/* Room for modules with much thread-local storage. See tool.h. */
#include "tools/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/shared/variable_names.h"
#include "tools/child.h"
#include "tools/program_environment.h"

static char **own_arguments;
static pid_t own_process;

void tool_room_set_up(int argc, char **argv)
{
    own_process = getpid();
    (void)unsetenv(DAL_ENV_STARTED_OVER);
    own_arguments = malloc(((size_t)argc + 1) * sizeof *own_arguments);
    /* Who reads the arguments changes them. */
    if (own_arguments)
        memcpy(own_arguments, argv, ((size_t)argc + 1) * sizeof *own_arguments);
}

/* dlopen(3) has no other way to say it. */
int tool_room_is_missing(const char *message)
{
    const char *tunables = getenv("GLIBC_TUNABLES");

    return strstr(message, "static TLS") != NULL &&
           !(tunables && strstr(tunables, "optional_static_tls"));
}

/* Returns what was in the way. before: the tunables so far, or NULL. */
static int start_over(const char *before)
{
    static const char tunable[] = "glibc.rtld.optional_static_tls=8192";
    char value[4096];
    int length = snprintf(value, sizeof value, "%s%s%s", before ? before : "",
                          before && *before ? ":" : "", tunable);
    int error;

    if (length < 0 || (size_t)length >= sizeof value)
        return E2BIG;
    if (setenv("GLIBC_TUNABLES", value, 1) != 0 || setenv(DAL_ENV_STARTED_OVER, "1", 1) != 0)
        return errno;
    child_give_ends_back();
    (void)execv("/proc/self/exe", own_arguments);
    error = errno;
    child_keep_ends();
    return error;
}

void tool_make_room(const char *message)
{
    const char *found = getenv("GLIBC_TUNABLES");
    char *before;
    int error = ENOMEM;

    if (!tool_room_is_missing(message) || getpid() != own_process)
        return;
    before = found ? strdup(found) : NULL;
    if (own_arguments && (before || !found)) {
        error = start_over(before);
        (void)(before ? setenv("GLIBC_TUNABLES", before, 1) : unsetenv("GLIBC_TUNABLES"));
        (void)unsetenv(DAL_ENV_STARTED_OVER);
    }
    free(before);
    errno = error;
}

int tool_check_spec(const char *spec, char *message, size_t bytes)
{
    int error;

    tool_look_at(spec);
    error = dal_spec_visit(spec, NULL, NULL, message, bytes);
    if (error < 0)
        tool_make_room(message);
    tool_look_at(NULL);
    return error;
}

void tool_make_room_for(char *const *specs, int count)
{
    for (int i = 0; i < count; i++) {
        char reason[1024];

        (void)environment_look(specs[i], reason, sizeof reason);
    }
}
