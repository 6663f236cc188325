/* SPDX-License-Identifier: MIT */
/*
 * The files that code is from, as they are when it allocates: later it may be unloaded, or the
 * process gone. What is told of a module is taken, when it is first met, from the line that reports
 * have of a place in it,
 *
 *     "    #0 0xADDRESS (FILE+0xOFFSET) (BuildId: DIGITS)"
 *
 * which is put together from memory, without a lock.
 */
#include <string.h>

#include "profile.h"

#define BUILD_ID " (BuildId: "

/* The last one in a text, or NULL. */
static char *find_last(char *text, const char *part)
{
    char *found = NULL;

    for (char *at = strstr(text, part); at; at = strstr(at + 1, part))
        found = at;
    return found;
}

/* Cut a line into a file and a build id, which may be "". Returns 0 if it has no file. */
static int cut(char *line, char **path, char **build_id)
{
    char *end = line + strlen(line), *id = find_last(line, BUILD_ID), *number;

    *build_id = end;
    if (id) {
        *build_id = id + strlen(BUILD_ID);
        (*build_id)[strcspn(*build_id, ")")] = '\0';
        *id = '\0';
    }
    *path = strstr(line, " (");
    number = *path ? find_last(*path, "+0x") : NULL;
    if (!number)
        return 0;
    *path += strlen(" (");
    *number = '\0';
    return 1;
}

static void copy(char *to, size_t bytes, const char *from)
{
    size_t length = strlen(from);

    length = length < bytes ? length : bytes - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static int is_it(const struct profile_module *module, const char *path, const char *build_id)
{
    return strncmp(module->path, path, sizeof module->path - 1) == 0 &&
           strncmp(module->build_id, build_id, sizeof module->build_id - 1) == 0;
}

static uint64_t lose(struct profile_file *file)
{
    atomic_fetch_add_explicit(&file->lost_modules, 1, memory_order_relaxed);
    return 0;
}

/* Returns its number; 0 if there is no place for it, or for its name. One that another thread is
 * just adding may come to be there twice. */
static uint64_t number_of(struct profile_file *file, const char *path, const char *build_id)
{
    if (strlen(path) >= sizeof file->modules->path)
        return lose(file);
    for (size_t i = 0; i < PROFILE_MODULES; i++) {
        struct profile_module *module = &file->modules[i];
        uint32_t state = atomic_load_explicit(&module->state, memory_order_acquire);

        if (state == PROFILE_MODULE_FILLED && is_it(module, path, build_id))
            return i + 1;
        if (state != PROFILE_MODULE_UNUSED ||
            !atomic_compare_exchange_strong_explicit(&module->state, &state, PROFILE_MODULE_FILLING,
                                                     memory_order_relaxed, memory_order_relaxed))
            continue;
        copy(module->path, sizeof module->path, path);
        copy(module->build_id, sizeof module->build_id, build_id);
        atomic_store_explicit(&module->state, PROFILE_MODULE_FILLED, memory_order_release);
        return i + 1;
    }
    return lose(file);
}

/* The number of the module that was met last by this identity; 0 for none. */
static uint64_t find_code(struct profile_instance *instance, uint64_t identity)
{
    for (size_t i = 0; i < PROFILE_MODULES; i++) {
        /* Acquire: the module is filled. Pairs with the release in read_module(). */
        if (atomic_load_explicit(&instance->codes[i], memory_order_acquire) == identity)
            return i + 1;
    }
    return 0;
}

static uint64_t read_module(struct profile_instance *instance, const void *place, uint64_t identity)
{
    char line[sizeof instance->file->modules[0] + 128], *path, *build_id;
    uint64_t number;
    size_t length = instance->services->frame_place_text(0, place, line, sizeof line);

    if (length >= sizeof line)
        return lose(instance->file);
    if (length == 0 || !cut(line, &path, &build_id))
        return 0;
    number = number_of(instance->file, path, build_id);
    if (number)
        atomic_store_explicit(&instance->codes[number - 1], identity, memory_order_release);
    return number;
}

uint64_t dal_profile_place_of_(struct profile_instance *instance, const void *place)
{
    struct dal_frame_code code;
    uint64_t number;

    if (!instance->services->frame_code(place, &code))
        return 0;
    number = find_code(instance, code.identity);
    if (!number)
        number = read_module(instance, place, code.identity);
    return number ? number << PROFILE_OFFSET_BITS |
                        (code.offset & ((UINT64_C(1) << PROFILE_OFFSET_BITS) - 1))
                  : 0;
}

/* (musl's is the C library as well, which is in every stack.) */
int dal_profile_is_of_loader_(const struct profile_instance *instance, uint64_t place)
{
    static const char *const names[] = {"ld-linux", "ld.so", "ld64.so", "ld-elf.so", "ld-2."};
    uint64_t number = place >> PROFILE_OFFSET_BITS;
    const char *path = number ? instance->file->modules[number - 1].path : "";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0 && strstr(name, ".so"))
            return 1;
    }
    return 0;
}
