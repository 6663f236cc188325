/* SPDX-License-Identifier: MIT */
/* The loader: where modules are, and the steps by which one is opened (dlopen.c) and its descriptor
 * checked (registry.c). See loader.h. */
#include <config.h>

#include "registry/loader.h"

#include <dirent.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <dispatchalloc/error.h>

#include "os/os.h"
#include "spec/variables.h"
#include "installed/loader_trust.h"
#include "registry/dlopen.h"
#include "registry/registry.h"

#define SUFFIX ".so"

/* ---- What was opened ------------------------------------------------------------------ */

#define OPENED_MAX 64

/* Filled in order, never emptied: release when a module is added, acquire when read. Its
 * path is the resolved one. */
struct opened {
    const struct dal_backend *backend;
    char path[];
};

static _Atomic(const struct opened *) opened[OPENED_MAX];

static const struct dal_backend *find_opened(const char *path)
{
    const struct opened *module;

    for (size_t i = 0; i < OPENED_MAX; i++) {
        module = atomic_load_explicit(&opened[i], memory_order_acquire);
        if (!module)
            return NULL;
        if (strcmp(module->path, path) == 0)
            return module->backend;
    }
    return NULL;
}

/* Two threads may open one file at once; the loader gives both the same object, and the
 * one that comes second here finds it. *backend becomes what is in the list. */
static int keep_opened(const char *path, const struct dal_backend **backend)
{
    size_t bytes = sizeof(struct opened) + strlen(path) + 1;
    struct opened *module = dal_os_map_(bytes);

    if (!module)
        return DAL_ERR_MEMORY;
    module->backend = *backend;
    memcpy(module->path, path, strlen(path) + 1);
    (void)dal_os_protect_(module, bytes, DAL_PAGES_READ);
    for (size_t i = 0; i < OPENED_MAX; i++) {
        const struct opened *there = NULL;

        if (atomic_compare_exchange_strong_explicit(&opened[i], &there, module,
                                                    memory_order_acq_rel, memory_order_acquire))
            return DAL_OK;
        if (strcmp(there->path, path) == 0) {
            dal_os_unmap_(module, bytes);
            *backend = there->backend;
            return DAL_OK;
        }
    }
    dal_os_unmap_(module, bytes);
    return DAL_ERR_FULL;
}

/* ---- Opening one ---------------------------------------------------------------------- */

/* A refusal begins with whom it is about. The version is found in a descriptor of any number. */
static void add_module(struct dal_text_ *why, const char *path, const struct dal_backend *backend)
{
    dal_text_add_(why, "module %s", path);
    if (backend->size_bytes >= offsetof(struct dal_backend, summary) && backend->version)
        dal_text_add_(why, ", version " DAL_VALUE_FORMAT, DAL_VALUE(backend->version));
}

static int open_file(const char *path, const struct dal_backend **backend, struct dal_text_ *why)
{
    const struct dal_backend *const *descriptor;
    size_t length = why->length;
    int error = dal_module_open_(path, &descriptor, why);

    if (error)
        return error;
    if (!descriptor || !*descriptor)
        return dal_fail_(why, DAL_ERR_MODULE,
                         "%s is not a module: it has no descriptor (DAL_MODULE makes one)", path);
    add_module(why, path, *descriptor);
    dal_text_add_(why, ": ");
    error = dal_registry_accept_(*descriptor, backend, why);
    if (error)
        return error;
    dal_text_cut_(why, length);
    return DAL_OK;
}

/* expected is the name that the file was found by, or NULL for one given by its path. */
static int open_module(const char *path, const char *expected, const struct dal_backend **backend,
                       struct dal_text_ *why)
{
    char resolved[PATH_MAX];
    const struct dal_backend *made;
    int error = dal_loader_trust_(path, resolved, why);

    if (error)
        return error;
    made = find_opened(resolved);
    if (!made) {
        error = open_file(resolved, &made, why);
        if (error)
            return error;
        error = keep_opened(resolved, &made);
        if (error) {
            add_module(why, resolved, made);
            return dal_fail_(why, error,
                             ": %s (libdispatchalloc " PACKAGE_VERSION " opens %d modules at most)",
                             dal_strerror(error), OPENED_MAX);
        }
    }
    if (expected && strcmp(made->name, expected) != 0) {
        add_module(why, resolved, made);
        return dal_fail_(why, DAL_ERR_MODULE, ", has the backend \"%s\", not \"%s\"", made->name,
                         expected);
    }
    *backend = made;
    return DAL_OK;
}

/* ---- Where they are ------------------------------------------------------------------- */

/* Called once a directory. Returns 0 to go on. */
typedef int (*directory_visitor)(const char *directory, void *data);

/* The directories of the variable, relative and empty ones left out, then the installed. */
static int visit_directories(directory_visitor visit, void *data)
{
    const char *list = dal_environment_module_path_();
    char installed[PATH_MAX];

    while (list && *list) {
        size_t length = strcspn(list, ":");
        char directory[PATH_MAX];

        if (*list == '/' && length < sizeof directory) {
            int result;

            memcpy(directory, list, length);
            directory[length] = '\0';
            result = visit(directory, data);
            if (result)
                return result;
        }
        list += length + (list[length] == ':');
    }
    dal_loader_installed_(installed);
    return visit(installed, data);
}

struct search {
    const char *name;
    const struct dal_backend **backend;
    struct dal_text_ *why;
};

#define SEARCH_GOES_ON 0
#define SEARCH_FOUND   1

static int search_directory(const char *directory, void *data)
{
    struct search *search = data;
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s" SUFFIX, directory, search->name);
    int error;

    if (length < 0 || (size_t)length >= sizeof path)
        return SEARCH_GOES_ON;
    error = open_module(path, search->name, search->backend, search->why);
    if (error == DAL_ERR_UNKNOWN)
        return SEARCH_GOES_ON;
    /* One that is refused ends the search: to go on would be to load another of its name. */
    return error ? error : SEARCH_FOUND;
}

int dal_loader_find_(const char *name, const struct dal_backend **backend, struct dal_text_ *why)
{
    struct search search = {name, backend, why};
    int result;

    if (name[0] == '/') {
        result = open_module(name, NULL, backend, why);
        return result == DAL_ERR_UNKNOWN
                   ? dal_fail_(why, DAL_ERR_MODULE, "there is no module %s", name)
                   : result;
    }
    /* A name of ours has neither a slash nor a dot, so it cannot lead out of a directory. */
    if (!dal_registry_name_is_good_(name))
        return DAL_ERR_UNKNOWN;
    result = visit_directories(search_directory, &search);
    if (result == SEARCH_FOUND)
        return DAL_OK;
    return result == SEARCH_GOES_ON ? DAL_ERR_UNKNOWN : result;
}

static int add_place(const char *directory, void *data)
{
    dal_text_add_(data, " %s", directory);
    return 0;
}

void dal_loader_places_(struct dal_text_ *text)
{
    dal_text_add_(text, "; searched for modules:");
    (void)visit_directories(add_place, text);
}

/* ---- Visiting ------------------------------------------------------------------------- */

struct visit {
    dal_module_visitor visit;
    void *data;
    const char *stop_at; /* the directory that is being visited */
    const char *name;    /* whether this name was there before it */
    int is_shadowed;
};

/* The name of the backend in a file name, in place; NULL if it is not of a module. */
static char *module_name(char *file)
{
    size_t length = strlen(file);
    size_t suffix = sizeof SUFFIX - 1;

    if (length <= suffix || strcmp(file + length - suffix, SUFFIX) != 0)
        return NULL;
    file[length - suffix] = '\0';
    return dal_registry_name_is_good_(file) ? file : NULL;
}

/* A directory that is visited twice is met at its first place, so it shadows nothing. */
static int look_before(const char *directory, void *data)
{
    struct visit *visit = data;
    char path[PATH_MAX];
    struct stat status;
    int length;

    if (strcmp(directory, visit->stop_at) == 0)
        return 1;
    length = snprintf(path, sizeof path, "%s/%s" SUFFIX, directory, visit->name);
    /* A link that leads nowhere is there too, and is refused. */
    visit->is_shadowed = length > 0 && (size_t)length < sizeof path && lstat(path, &status) == 0;
    return visit->is_shadowed;
}

static int visit_file(struct visit *visit, const char *directory, char *file)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", directory, file);
    char *name = module_name(file);

    if (!name || length < 0 || (size_t)length >= sizeof path || dal_registry_find_known_(name))
        return 0;
    visit->stop_at = directory;
    visit->name = name;
    visit->is_shadowed = 0;
    (void)visit_directories(look_before, visit);
    return visit->is_shadowed ? 0 : visit->visit(name, path, visit->data);
}

static int visit_directory(const char *directory, void *data)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    int result = 0;

    while (stream && !result && (entry = readdir(stream)) != NULL) {
        char file[sizeof entry->d_name];

        memcpy(file, entry->d_name, strlen(entry->d_name) + 1);
        result = visit_file(data, directory, file);
    }
    if (stream)
        (void)closedir(stream);
    return result;
}

int dal_loader_visit_(dal_module_visitor visit, void *data)
{
    struct visit walk = {visit, data, NULL, NULL, 0};
    int held = dal_os_hold_cancellation_();
    int result = visit_directories(visit_directory, &walk);

    dal_os_release_cancellation_(held);
    return result;
}
