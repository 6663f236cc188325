/* SPDX-License-Identifier: MIT */
/*
 * A program in C that opens plug-ins in C++, each for itself alone, and then runs them in turn: see
 * exhaust.cpp. With -l first, while another thread is in a callback of dl_iterate_phdr(), which
 * holds a lock of the loader's. With -t FUNCTION first, has one of jump.cpp fail in that function,
 * with the others opened before it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PLUGINS = 8 };

static sem_t is_held, is_done;

static int hold(struct dl_phdr_info *object, size_t bytes, void *data)
{
    (void)object;
    (void)bytes;
    (void)data;
    sem_post(&is_held);
    sem_wait(&is_done);
    return 1;
}

static void *hold_lock(void *unused)
{
    dl_iterate_phdr(hold, NULL);
    return unused;
}

static int take(const char *function, char **files)
{
    void *plugin = NULL;
    void (*prepare)(void);
    void *(*take_block)(size_t);

    for (; *files; files++)
        plugin = dlopen(*files, RTLD_NOW | RTLD_LOCAL);
    prepare = plugin ? (void (*)(void))dlsym(plugin, "plugin_prepare") : NULL;
    take_block = plugin ? (void *(*)(size_t))dlsym(plugin, function) : NULL;
    if (!prepare || !take_block)
        return 10;
    prepare();
    return take_block(SIZE_MAX / 4) ? 12 : 13;
}

int main(int argc, char **argv)
{
    int (*run[PLUGINS])(void);
    int count = 0, wrong = 0;
    int holds = argc > 1 && strcmp(argv[1], "-l") == 0;
    pthread_t holder;

    if (argc > 3 && strcmp(argv[1], "-t") == 0)
        return take(argv[2], argv + 3);
    for (int i = 1 + holds; i < argc && count < PLUGINS; i++, count++) {
        void *plugin = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);

        run[count] = plugin ? (int (*)(void))dlsym(plugin, "plugin_run") : NULL;
        if (!run[count]) {
            printf("%s\n", dlerror());
            return 10;
        }
    }
    if (holds) {
        sem_init(&is_held, 0, 0);
        sem_init(&is_done, 0, 0);
        if (pthread_create(&holder, NULL, hold_lock, NULL) != 0)
            return 11;
        sem_wait(&is_held);
    }
    for (int i = 0; i < count; i++) {
        int this_wrong = run[i]();

        if (this_wrong)
            printf("%s: %d\n", argv[1 + holds + i], this_wrong);
        wrong |= this_wrong;
    }
    if (holds) {
        sem_post(&is_done);
        pthread_join(holder, NULL);
    }
    return wrong;
}
