/* SPDX-License-Identifier: MIT */
/*
 * Writes eight bytes at places of the interposer, each in a child: offsets from where it is loaded,
 * the arguments. Prints those that could be written.
 */
#define _GNU_SOURCE
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int find(struct dl_phdr_info *object, size_t size, void *data)
{
    (void)size;
    if (!strstr(object->dlpi_name, "libdispatchalloc-preload"))
        return 0;
    *(uintptr_t *)data = object->dlpi_addr;
    return 1;
}

int main(int argc, char **argv)
{
    uintptr_t base = 0;
    int found = 0;

    if (!dl_iterate_phdr(find, &base))
        return 2;
    for (int i = 1; i < argc; i++) {
        uintptr_t *place = (uintptr_t *)(base + strtoul(argv[i], NULL, 16));
        pid_t child = fork();
        int status = 0;

        if (child == 0) {
            *(volatile uintptr_t *)place = *place;
            _exit(0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child)
            return 3;
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSEGV) {
            printf("%s\n", argv[i]);
            found = 1;
        }
    }
    return found;
}
