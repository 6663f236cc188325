/* SPDX-License-Identifier: MIT */
/*
 * The backends and layers that have a name: those that the program registered, then those
 * built in.
 *
 * Registration takes no lock. The slots are filled in order, and whoever registers looks at
 * every slot before the one it takes, so that of two registrations of one name that run at
 * once exactly one sees the other's.
 */
#include <config.h>

#include "registry/registry.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "registry/builtin.h"
#include "os/os.h"
#include "registry/loader.h"
#include "base/nearest.h"
#include "spec/options.h"
#include "base/abi.h"
#include "shared/control.h"

#define REGISTERED_MAX 64

/* A descriptor of our own size, with options of our own, that stands for one of another age. */
struct copy {
    const struct dal_backend *original;
    struct dal_backend backend;
    struct dal_option options[];
};

/* A backend, with COPIED added if it is that of a struct copy. Each place goes from 0 to one once:
 * release in register, acquire in every reader. */
static _Atomic(uintptr_t) registered[REGISTERED_MAX];

#define COPIED ((uintptr_t)1)

static uintptr_t place_at(size_t index)
{
    return atomic_load_explicit(&registered[index], memory_order_acquire);
}

static const struct dal_backend *backend_of(uintptr_t place)
{
    return (const struct dal_backend *)(place & ~COPIED);
}

/* The copy that a backend is of. */
static const struct copy *copy_of(const struct dal_backend *backend)
{
    return (const void *)((const char *)backend - offsetof(struct copy, backend));
}

/* What it was registered as. */
static const struct dal_backend *original_of(uintptr_t place)
{
    return place & COPIED ? copy_of(backend_of(place))->original : backend_of(place);
}

static const struct dal_backend *registered_at(size_t index)
{
    return backend_of(place_at(index));
}

static const struct dal_backend *find_builtin(const char *name)
{
    for (size_t i = 0; dal_builtins_[i]; i++) {
        if (strcmp(dal_builtins_[i]->name, name) == 0)
            return dal_builtins_[i];
    }
    return NULL;
}

/* By hand: strspn() sets up a table of its own each time, which for the options of jemalloc
 * took longer than the rest of their checks. */
int dal_registry_name_is_good_(const char *word)
{
    size_t length = 0;

    if (!word || word[0] < 'a' || word[0] > 'z')
        return 0;
    while ((word[length] >= 'a' && word[length] <= 'z') ||
           (word[length] >= '0' && word[length] <= '9') || word[length] == '_' ||
           word[length] == '-')
        length++;
    return word[length] == '\0' && length <= DAL_NAME_MAX;
}

static int refuse_name(const char *name, struct dal_text_ *why)
{
    if (!name)
        return dal_fail_(why, DAL_ERR_INVALID, "NULL");
    return dal_fail_(why, DAL_ERR_INVALID,
                     "\"" DAL_VALUE_FORMAT
                     "\"; a name begins with a to z, has a to z, 0 to 9, _ and - "
                     "behind that, and %d bytes at most",
                     DAL_VALUE(name), DAL_NAME_MAX);
}

/* What a later version may have made: in it no fault. */
static int check_options_known(const struct dal_backend *backend, struct dal_text_ *why)
{
    if (backend->option_count > DAL_OPTIONS_MAX)
        return dal_fail_(why, DAL_ERR_ABI,
                         "it has %" PRIu32 " options, libdispatchalloc " PACKAGE_VERSION
                         " takes %d at most",
                         backend->option_count, (int)DAL_OPTIONS_MAX);
    for (size_t i = 0; backend->options && i < backend->option_count; i++) {
        const struct dal_option *option = &backend->options[i];

        if (option->flags)
            return dal_fail_(why, DAL_ERR_ABI,
                             "its option %u has flags %#" PRIx32
                             ", libdispatchalloc " PACKAGE_VERSION " knows none",
                             (unsigned)i, option->flags);
        if (option->type > DAL_OPTION_SPEC && dal_registry_name_is_good_(option->name))
            return dal_fail_(why, DAL_ERR_ABI,
                             "its option \"%s\" is of type %" PRIu32
                             ", libdispatchalloc " PACKAGE_VERSION " knows %d to %d",
                             option->name, option->type, DAL_OPTION_BYTES, DAL_OPTION_SPEC);
    }
    return DAL_OK;
}

static int has_range(const struct dal_option *option)
{
    return option->type == DAL_OPTION_BYTES || option->type == DAL_OPTION_COUNT ||
           (option->type == DAL_OPTION_TEXT && option->maximum > 0);
}

static int is_there_before(const struct dal_backend *backend, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(backend->options[i].name, backend->options[index].name) == 0)
            return 1;
    }
    return 0;
}

/* What is wrong with an option whose name is good; NULL if nothing is. */
static const char *fault_of_option(const struct dal_backend *backend, size_t index)
{
    const struct dal_option *option = &backend->options[index];
    uint64_t number;

    if (is_there_before(backend, index))
        return "is there twice";
    if (!option->summary)
        return "has no summary";
    if (option->type < DAL_OPTION_BYTES)
        return "has no type";
    if (option->type == DAL_OPTION_CHOICE && !option->choices)
        return "has no choices";
    if (has_range(option) && option->minimum > option->maximum)
        return "has a minimum above its maximum";
    if (option->default_text && dal_option_check_(option, option->default_text, &number))
        return "does not accept its own default";
    return NULL;
}

static int check_options(const struct dal_backend *backend, struct dal_text_ *why)
{
    if (backend->option_count && !backend->options)
        return dal_fail_(why, DAL_ERR_INVALID, "it has %" PRIu32 " options, and NULL for them",
                         backend->option_count);
    for (size_t i = 0; i < backend->option_count; i++) {
        const char *name = backend->options[i].name;
        const char *fault;

        if (!dal_registry_name_is_good_(name)) {
            dal_text_add_(why, "the name of its option %u is ", (unsigned)i);
            return refuse_name(name, why);
        }
        fault = fault_of_option(backend, i);
        if (fault)
            return dal_fail_(why, DAL_ERR_INVALID, "its option \"%s\" %s", name, fault);
    }
    return DAL_OK;
}

#define FLAGS_KNOWN ((uint32_t)DAL_BACKEND_LAYER | DAL_BACKEND_CHECKS_OPTIONS)

/* A flag is a demand: to take it for nothing could break what it stands for. */
static int check_flags(const struct dal_backend *backend, struct dal_text_ *why)
{
    uint32_t reserved = backend->reserved_ | backend->reserved_2_;

    if (reserved)
        return dal_fail_(why, DAL_ERR_ABI,
                         "its reserved_ is %#" PRIx32 ", libdispatchalloc " PACKAGE_VERSION
                         " knows 0",
                         reserved);
    if (backend->flags & ~FLAGS_KNOWN)
        return dal_fail_(why, DAL_ERR_ABI,
                         "it has the flags %#" PRIx32 ", libdispatchalloc " PACKAGE_VERSION
                         " knows %#" PRIx32,
                         backend->flags, FLAGS_KNOWN);
    return DAL_OK;
}

/* As in a list, and on a terminal. */
static int is_one_line(const char *text)
{
    size_t bytes = strlen(text);

    for (size_t i = 0; i < bytes;) {
        uint32_t code;
        size_t length = dal_character_(text + i, bytes - i, &code);

        if (length && dal_is_control_(code))
            return 0;
        i += length ? length : 1;
    }
    return 1;
}

static int check_texts(const struct dal_backend *backend, struct dal_text_ *why)
{
    const char *missing = !backend->version   ? "version"
                          : !backend->summary ? "summary"
                          : !backend->create  ? "create function"
                                              : NULL;

    if (!dal_registry_name_is_good_(backend->name)) {
        dal_text_add_(why, "its name is ");
        return refuse_name(backend->name, why);
    }
    if (missing)
        return dal_fail_(why, DAL_ERR_INVALID, "it has no %s", missing);
    if (!is_one_line(backend->version) || !is_one_line(backend->summary))
        return dal_fail_(why, DAL_ERR_INVALID, "its version or summary has control characters");
    return DAL_OK;
}

static int check_members(const struct dal_backend *backend, struct dal_text_ *why)
{
    int error = check_flags(backend, why);

    if (!error)
        error = check_options_known(backend, why);
    if (!error)
        error = check_texts(backend, why);
    return error ? error : check_options(backend, why);
}

/* A descriptor, or an option, that ends before this was never made. */
#define BACKEND_BYTES_MIN (offsetof(struct dal_backend, create) + sizeof(void (*)(void)))
#define OPTION_BYTES_MIN  (offsetof(struct dal_option, summary) + sizeof(char *))

/* A backend that says itself what it needs of us. */
static int check_needs(const char *what, uint32_t needed, size_t known, struct dal_text_ *why)
{
    if (needed <= known)
        return DAL_OK;
    return dal_fail_(why, DAL_ERR_ABI,
                     "it needs %" PRIu32 " bytes of %s, libdispatchalloc " PACKAGE_VERSION
                     " has %zu",
                     needed, what, known);
}

static size_t copy_bytes(const struct dal_backend *backend)
{
    return sizeof(struct copy) + backend->option_count * sizeof(struct dal_option);
}

static int copy_options(struct copy *copy, struct dal_text_ *why)
{
    int error = DAL_OK;

    for (uint32_t i = 0; !error && i < copy->backend.option_count; i++)
        error = dal_structure_copy_("struct dal_option", dal_backend_option(&copy->backend, i),
                                    copy->backend.option_bytes, OPTION_BYTES_MIN, &copy->options[i],
                                    sizeof copy->options[i], why);
    copy->backend.options = copy->options;
    copy->backend.option_bytes = sizeof copy->options[0];
    return error;
}

/* Take a backend of another age over into a mapping of our own. whole is what it says. */
static int adopt(const struct dal_backend *original, const struct dal_backend *whole,
                 const struct dal_backend **accepted, struct dal_text_ *why)
{
    struct copy *copy = dal_os_map_(copy_bytes(whole));
    int error;

    if (!copy)
        return dal_fail_(why, DAL_ERR_MEMORY, "%s", dal_strerror(DAL_ERR_MEMORY));
    copy->original = original;
    copy->backend = *whole;
    copy->backend.size_bytes = sizeof copy->backend;
    error = copy_options(copy, why);
    if (!error)
        error = check_members(&copy->backend, why);
    if (error) {
        dal_os_unmap_(copy, copy_bytes(whole));
        return error;
    }
    (void)dal_os_protect_(copy, copy_bytes(whole), DAL_PAGES_READ);
    *accepted = &copy->backend;
    return DAL_OK;
}

int dal_registry_accept_(const struct dal_backend *backend, const struct dal_backend **accepted,
                         struct dal_text_ *why)
{
    struct dal_backend whole;
    int error = dal_abi_check_("struct dal_backend", backend->abi, DAL_BACKEND_ABI, why);

    if (!error)
        error = dal_structure_copy_("struct dal_backend", backend, backend->size_bytes,
                                    BACKEND_BYTES_MIN, &whole, sizeof whole, why);
    if (!error)
        error = check_needs("struct dal_backend_request", whole.needs_request_bytes,
                            sizeof(struct dal_backend_request), why);
    if (!error)
        error = check_needs("struct dal_instance_calls", whole.needs_calls_bytes,
                            sizeof(struct dal_instance_calls), why);
    if (!error)
        error = check_needs("struct dal_services", whole.needs_services_bytes,
                            sizeof(struct dal_services), why);
    if (error)
        return error;
    *accepted = backend;
    if (backend->size_bytes >= sizeof whole &&
        (whole.option_count == 0 || whole.option_bytes == sizeof(struct dal_option)))
        return check_members(backend, why);
    /* What has to be right before the options can be read. */
    if (whole.option_count > DAL_OPTIONS_MAX || (whole.option_count > 0 && !whole.options))
        return check_members(&whole, why);
    return adopt(backend, &whole, accepted, why);
}

/* Put a backend into the first free place: DAL_OK, also if it is there; DAL_ERR_TAKEN or
 * DAL_ERR_FULL. *entered is what stands there then. */
static int enter(const struct dal_backend *backend, const struct dal_backend *original,
                 const struct dal_backend **entered)
{
    *entered = NULL;
    if (find_builtin(backend->name))
        return DAL_ERR_TAKEN;
    for (size_t i = 0; i < REGISTERED_MAX; i++) {
        uintptr_t place = (uintptr_t)backend | (backend != original ? COPIED : 0);
        uintptr_t there = place_at(i);

        if (!there &&
            atomic_compare_exchange_strong_explicit(&registered[i], &there, place,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            *entered = backend;
            return DAL_OK;
        }
        if (strcmp(backend_of(there)->name, backend->name) != 0)
            continue;
        *entered = backend_of(there);
        return original_of(there) == original ? DAL_OK : DAL_ERR_TAKEN;
    }
    return DAL_ERR_FULL;
}

int dal_registry_add_(const struct dal_backend *original)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    const struct dal_backend *backend, *entered;
    int error = original ? dal_registry_accept_(original, &backend, &nowhere) : DAL_ERR_INVALID;

    if (error)
        return error;
    error = enter(backend, original, &entered);
    if (entered != backend && backend != original)
        dal_os_unmap_((void *)(uintptr_t)copy_of(backend), copy_bytes(backend));
    return error;
}

int dal_backend_visit(dal_backend_visitor visit, void *data)
{
    const struct dal_backend *backend;
    int result = 0;

    for (size_t i = 0; !result && i < REGISTERED_MAX && (backend = registered_at(i)) != NULL; i++)
        result = visit(backend, data);
    for (size_t i = 0; !result && dal_builtins_[i]; i++)
        result = visit(dal_builtins_[i], data);
    return result;
}

const struct dal_backend *dal_registry_find_known_(const char *name)
{
    const struct dal_backend *backend;

    for (size_t i = 0; i < REGISTERED_MAX && (backend = registered_at(i)) != NULL; i++) {
        if (strcmp(backend->name, name) == 0)
            return backend;
    }
    return find_builtin(name);
}

static int has_name(const char *name, const char *path, void *data)
{
    (void)path;
    return strcmp(name, data) == 0;
}

int dal_registry_is_there_(const char *name)
{
    if (dal_registry_find_known_(name))
        return 1;
    return dal_loader_visit_ && dal_loader_visit_(has_name, (void *)(uintptr_t)name);
}

/* What is known is gathered in two rounds: to find the nearest, and to list all. */
struct unknown {
    struct dal_nearest_ nearest;
    struct dal_text_ *why;
    int is_listing;
    int count;
};

/* What others call it. */
static const char *const synonyms[][2] = {
    {"malloc", "system"},   {"libc", "system"},    {"glibc", "system"}, {"glib", "system"},
    {"musl", "system"},     {"default", "system"}, {"none", "system"},  {"gperftools", "tcmalloc"},
    {"google", "tcmalloc"}, {"intel", "tbb"},      {"bump", "arena"},
};

/* "fixd" is near to the first word of a name. */
static void try_first_word(struct dal_nearest_ *nearest, const char *name)
{
    size_t length = strcspn(name, "-_");
    char word[DAL_NAME_MAX + 1];

    if (!name[length] || length > DAL_NAME_MAX)
        return;
    memcpy(word, name, length);
    word[length] = '\0';
    dal_nearest_try_as_(nearest, word, name);
}

static int meet_name(const char *name, struct unknown *unknown)
{
    if (unknown->is_listing) {
        dal_text_add_(unknown->why, "%s %s", unknown->count++ ? "," : "", name);
        return 0;
    }
    dal_nearest_try_(&unknown->nearest, name);
    try_first_word(&unknown->nearest, name);
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++) {
        if (strcmp(synonyms[i][0], unknown->nearest.given) == 0 &&
            strcmp(synonyms[i][1], name) == 0)
            dal_nearest_try_as_(&unknown->nearest, synonyms[i][0], name);
    }
    return 0;
}

static int meet_backend(const struct dal_backend *backend, void *data)
{
    return meet_name(backend->name, data);
}

static int meet_module(const char *name, const char *path, void *data)
{
    (void)path;
    return meet_name(name, data);
}

static void meet_all(struct unknown *unknown)
{
    (void)dal_backend_visit(meet_backend, unknown);
    if (dal_loader_visit_)
        (void)dal_loader_visit_(meet_module, unknown);
}

/* Why no module can be opened where the loader is not linked. */
static const char *no_loader(void)
{
    return !DAL_HAS_MODULES_ ? "there are no modules on this system"
           : dal_os_is_static_()
               ? "no module can be opened: a static program opens none (link it dynamically)"
               : "no module can be opened: this program is linked without the loader "
                 "(-Wl,-u,dal_loader_find_ adds it)";
}

static void explain_unknown(const char *name, const char *wanted, struct dal_text_ *why)
{
    struct unknown unknown = {{name, "", 0}, why, 0, 0};

    dal_text_add_(why, "no %s is called \"" DAL_VALUE_FORMAT "\"", wanted, DAL_VALUE(name));
    if (strchr(name, '/')) {
        dal_text_add_(why, "; the path of a module has to be absolute");
        return;
    }
    meet_all(&unknown);
    if (unknown.nearest.best[0])
        dal_text_add_(why, " (did you mean \"%s\"?)", unknown.nearest.best);
    dal_text_add_(why, "; known:");
    unknown.is_listing = 1;
    meet_all(&unknown);
    if (dal_loader_places_)
        dal_loader_places_(why);
    else
        dal_text_add_(why, "; %s", no_loader());
}

static _Thread_local int opening_is_forbidden;

void dal_registry_forbid_opening_(int forbid)
{
    opening_is_forbidden = forbid;
}

static int open_module(const char *name, const struct dal_backend **backend, struct dal_text_ *why)
{
    if (!dal_loader_find_) {
        if (name[0] != '/')
            return DAL_ERR_UNKNOWN;
        return dal_fail_(why, DAL_ERR_MODULE, "%s", no_loader());
    }
    if (opening_is_forbidden)
        return dal_fail_(why, DAL_ERR_MODULE,
                         "\"%s\" is not built in, and the first allocation came before modules "
                         "can be opened, which is when libdispatchalloc is initialised",
                         name);
    return dal_loader_find_(name, backend, why);
}

const struct dal_backend *dal_registry_find_(const char *name, const char *wanted, int *error,
                                             struct dal_text_ *why)
{
    const struct dal_backend *backend = dal_registry_find_known_(name);
    int held;

    *error = DAL_OK;
    if (backend)
        return backend;
    held = dal_os_hold_cancellation_();
    *error = open_module(name, &backend, why);
    if (*error == DAL_ERR_UNKNOWN)
        explain_unknown(name, wanted, why);
    dal_os_release_cancellation_(held);
    return backend;
}

const struct dal_backend *dal_backend_find(const char *name)
{
    struct dal_text_ nowhere = dal_text_over_(NULL, 0);
    int error;

    return dal_registry_find_(name, "backend or layer", &error, &nowhere);
}
