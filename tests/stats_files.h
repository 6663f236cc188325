/* SPDX-License-Identifier: MIT */
/* For the tests of counters in files: a directory for them, instances that count there, and what
 * can be read there. */
#ifndef TESTS_STATS_FILES_H
#define TESTS_STATS_FILES_H

#include <check.h>
#include <dirent.h>
#include <dispatchalloc.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[200];

static inline void make_directory(void)
{
    const char *all = getenv("TMPDIR");

    snprintf(directory, sizeof directory, "%.150s/check_stats_file.XXXXXX", all ? all : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static inline void remove_directory(void)
{
    char command[256];

    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    ck_assert_int_eq(system(command), 0);
}

static inline const char *path_of(const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* The bytes of a file, or NULL; to be freed. */
static inline void *read_file(const char *path, size_t *bytes)
{
    int file = open(path, O_RDONLY);
    struct stat status;
    void *data;

    *bytes = 0;
    if (file < 0)
        return NULL;
    ck_assert_int_eq(fstat(file, &status), 0);
    *bytes = (size_t)status.st_size;
    data = aligned_alloc(64, (*bytes + 64) / 64 * 64);
    ck_assert_ptr_nonnull(data);
    ck_assert_int_eq(read(file, data, *bytes), (ssize_t)*bytes);
    close(file);
    return data;
}

struct wanted {
    const char *key;
    uint64_t value;
    int found;
};

static inline int find_key(const char *key, uint64_t value, void *data)
{
    struct wanted *wanted = data;

    if (strcmp(key, wanted->key) == 0) {
        wanted->value = value;
        wanted->found++;
    }
    return 0;
}

static inline uint64_t count_in(const char *path, const char *key)
{
    struct wanted wanted = {.key = key};
    size_t bytes;
    void *data = read_file(path, &bytes);

    ck_assert_msg(data != NULL, "%s is not there", path);
    ck_assert_int_eq(dal_stats_file_visit(data, bytes, find_key, &wanted), 0);
    ck_assert_int_eq(wanted.found, 1);
    free(data);
    return wanted.value;
}

/* Its memory goes with the instance, and its child of a fork asks no malloc, as a sanitizer's may
 * hang there. */
#define BACKEND "fixed-arena:capacity=1M"

static inline const struct dal_instance *make(const char *options, const char *path)
{
    const struct dal_instance *instance = NULL;
    char spec[512], message[512];

    snprintf(spec, sizeof spec, "stats:print=off,%s%s+" BACKEND, options, path);
    ck_assert_msg(dal_instance_create_spec(spec, &instance, message, sizeof message) == 0, "%s",
                  message);
    return instance;
}

static inline void allocate(const struct dal_instance *instance, size_t size, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_nonnull(dal_instance_alloc(instance, size, 8));
}

/* Without the checks of libcheck, which allocate. */
static inline int take(const struct dal_instance *instance, size_t count)
{
    int missing = 0;

    for (size_t i = 0; i < count; i++)
        missing |= !dal_instance_alloc(instance, 10, 8);
    return !missing;
}

static inline unsigned files_in_directory(const char *beginning)
{
    DIR *files = opendir(directory);
    const struct dirent *entry;
    unsigned count = 0;

    ck_assert_ptr_nonnull(files);
    while ((entry = readdir(files)) != NULL)
        count += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
    closedir(files);
    return count;
}

#endif /* TESTS_STATS_FILES_H */
