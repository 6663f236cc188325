/* SPDX-License-Identifier: MIT */
/* A program in C that opens a plug-in in another language (plugin.go, plugin.rs), calls it from
 * several threads, and frees what it gives: HOST PLUGIN ROUNDS. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The arguments of the process, as the plug-in has them; the caller frees it. */
typedef char *arguments_function(void);
/* A sum that depends on the number of rounds alone; visit is called once a round. */
typedef unsigned long work_function(long rounds, void (*visit)(char *block, size_t size));

static work_function *work;
static long rounds;

/* A block that the plug-in allocated and the program grows and frees. */
static void visit(char *block, size_t size)
{
    char *grown = realloc(block, 2 * size + 1);

    if (!grown)
        abort();
    memset(grown + size, 1, size + 1);
    free(grown);
}

static void *thread(void *sum)
{
    *(unsigned long *)sum = work(rounds, visit);
    return NULL;
}

int main(int argc, char **argv)
{
    void *plugin = argc >= 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    arguments_function *arguments;
    pthread_t threads[4];
    unsigned long sums[4];

    if (!plugin) {
        puts(argc >= 3 ? dlerror() : "HOST PLUGIN ROUNDS");
        return 1;
    }
    arguments = (arguments_function *)dlsym(plugin, "plugin_arguments");
    work = (work_function *)dlsym(plugin, "plugin_work");
    rounds = strtol(argv[2], NULL, 10);
    for (int i = 0; i < 2; i++) {
        char *text = arguments();
        puts(text);
        free(text);
    }
    printf("%lu\n", work(rounds, visit));
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, thread, &sums[i]) != 0)
            return 1;
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        printf("%lu\n", sums[i]);
    }
    return 0;
}
