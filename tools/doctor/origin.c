/* SPDX-License-Identifier: MIT */
/*
 * Where the blocks of a function are from in the end. See doctor.h. Two kinds of files pass
 * calls on and count as whom they pass them to: the C++ library, and what wraps a function and
 * looks up the next one of its name.
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>

#include "lib/shared/interposed_names.h"
#include "tools/tool.h"

/* ---- Symbols ------------------------------------------------------------------------------- */

enum doctor_kind doctor_kind_of(size_t symbol)
{
    const char *name = binding_symbol(symbol);
    int is_aligned = strstr(name, "align_val_t") != NULL;

    if (strcmp(name, "reallocarray") == 0 || strcmp(name, "malloc_trim") == 0)
        return DOCTOR_PASS;
    if (strncmp(name, "_Zn", 3) == 0)
        return is_aligned ? DOCTOR_ALIGNED_NEW : DOCTOR_NEW;
    if (strncmp(name, "_Zd", 3) == 0)
        return is_aligned ? DOCTOR_ALIGNED_DELETE : DOCTOR_DELETE;
    return DOCTOR_BLOCK;
}

static size_t symbol_called(const char *name)
{
    size_t symbol = 0;

    while (symbol < binding_symbol_count() && strcmp(binding_symbol(symbol), name) != 0)
        symbol++;
    return symbol;
}

/* ---- Lookups that are no calls --------------------------------------------------------------- */

static int begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

int doctor_is_libc(const struct bindings *bindings, size_t file)
{
    return begins(bindings_name(bindings, file), "libc.so") ||
           begins(bindings_name(bindings, file), "libc-");
}

/* dlsym() with a handle is told as if the file had asked itself. The C library can be taken
 * at its word only if it asks nobody else. */
static int is_lookup_by_handle(const struct bindings *bindings, const struct binding *entry)
{
    for (size_t i = 0; entry->caller == entry->server && i < bindings->count; i++) {
        const struct binding *other = &bindings->entries[i];

        if (other->caller == entry->caller && other->server != entry->server &&
            (other->symbol == entry->symbol || doctor_is_libc(bindings, entry->caller)))
            return 1;
    }
    return 0;
}

/* dlsym(RTLD_NEXT) in a file that serves the function to others. (The C library, which may
 * serve one that takes it past the interposer, asks for no next one.) */
static int is_lookup_of_next(const struct bindings *bindings, const struct binding *entry)
{
    if (entry->caller == entry->server || doctor_is_libc(bindings, entry->caller))
        return 0;
    for (size_t i = 0; i < bindings->count; i++) {
        const struct binding *other = &bindings->entries[i];

        if (other->server == entry->caller && other->caller != entry->caller &&
            other->symbol == entry->symbol)
            return 1;
    }
    return 0;
}

static int is_interposer(const struct bindings *bindings, size_t file)
{
    return begins(bindings_name(bindings, file), "libdispatchalloc-preload");
}

/* The interposer's operators call its functions by their names. That is nothing that the
 * program asks for. */
static int is_of_interposer(const struct bindings *bindings, const struct binding *entry)
{
    return entry->caller == entry->server && is_interposer(bindings, entry->caller);
}

/* Removes them; next[file] becomes the one that a file passes calls on to. */
static void remove_lookups(struct bindings *bindings, char *is_lookup, size_t *next)
{
    size_t kept = 0;

    for (size_t i = 0; i < bindings->count; i++) {
        const struct binding *entry = &bindings->entries[i];

        is_lookup[i] =
            (char)(is_lookup_by_handle(bindings, entry) || is_lookup_of_next(bindings, entry) ||
                   is_of_interposer(bindings, entry));
    }
    for (size_t i = 0; i < bindings->count; i++) {
        const struct binding entry = bindings->entries[i];

        if (!is_lookup[i])
            bindings->entries[kept++] = entry;
        /* The interposer has the C library's blocks under `system` only, which is what it is
         * looked at with: under any other spec they would be strangers. */
        else if (entry.caller != entry.server && !is_interposer(bindings, entry.caller))
            next[entry.caller] = entry.server;
    }
    bindings->count = kept;
}

/* ---- Who serves in the end ------------------------------------------------------------------ */

static size_t last_of(const struct doctor_view *view, size_t file)
{
    /* As many steps as there are files, lest somebody goes in circles. */
    for (size_t i = 0; i < view->bindings->file_count; i++)
        file = view->next[file];
    return file;
}

/* The server of a symbol that most ask; the number of files if nobody does. */
static size_t server_of(const struct doctor_view *view, size_t symbol)
{
    const struct bindings *bindings = view->bindings;
    size_t best = view->bindings->file_count;
    size_t best_count = 0;

    for (size_t file = 0; symbol < binding_symbol_count() && file < bindings->file_count; file++) {
        size_t count = 0;

        for (size_t i = 0; i < bindings->count; i++)
            count += bindings->entries[i].symbol == symbol && bindings->entries[i].server == file;
        if (count > best_count) {
            best = file;
            best_count = count;
        }
    }
    return best;
}

static int is_cxx_library(const struct bindings *bindings, size_t file)
{
    return begins(bindings_name(bindings, file), "libstdc++") ||
           begins(bindings_name(bindings, file), "libc++") ||
           begins(bindings_name(bindings, file), "libcxxrt");
}

/* Whom a file itself asks for a symbol; the number of files if it does not. */
static size_t server_to(const struct doctor_view *view, size_t caller, size_t symbol)
{
    for (size_t i = 0; i < view->bindings->count; i++) {
        const struct binding *entry = &view->bindings->entries[i];

        if (entry->caller == caller && entry->symbol == symbol)
            return entry->server;
    }
    return view->bindings->file_count;
}

/* Where an operator's blocks are from. The forms of a library call the plain one, which may be
 * a program's own; the C++ library's plain one calls the C functions. */
static size_t origin_of(const struct doctor_view *view, const struct binding *entry)
{
    static const char *const plain[] = {DAL_SYMBOL_TEXT(_Znwm), "_ZdlPv",
                                        DAL_SYMBOL_TEXT(_ZnwmSt11align_val_t),
                                        "_ZdlPvSt11align_val_t"};
    const size_t nobody = view->bindings->file_count;
    enum doctor_kind kind = doctor_kind_of(entry->symbol);
    size_t file = entry->server;
    size_t next = nobody;

    if (kind >= DOCTOR_NEW)
        next = server_to(view, file, symbol_called(plain[kind - DOCTOR_NEW]));
    if (next != nobody)
        file = next;
    if (kind >= DOCTOR_NEW && is_cxx_library(view->bindings, file)) {
        next = server_of(view, symbol_called("free"));
        if (next != nobody)
            file = next;
    }
    return last_of(view, file);
}

/* ---- The view ------------------------------------------------------------------------------- */

void doctor_view_close(struct doctor_view *view)
{
    free(view->next);
    free(view->origins);
}

int doctor_view_open(struct doctor_view *view, struct bindings *bindings)
{
    char *is_lookup = calloc(bindings->count + 1, sizeof *is_lookup);

    view->bindings = bindings;
    view->next = calloc(bindings->file_count + 1, sizeof *view->next);
    view->origins = calloc(bindings->count + 1, sizeof *view->origins);
    if (!is_lookup || !view->next || !view->origins) {
        free(is_lookup);
        doctor_view_close(view);
        return tool_complain("not enough memory");
    }
    for (size_t file = 0; file < bindings->file_count; file++)
        view->next[file] = file;
    remove_lookups(bindings, is_lookup, view->next);
    free(is_lookup);
    for (size_t i = 0; i < bindings->count; i++)
        view->origins[i] = origin_of(view, &bindings->entries[i]);
    view->owner = server_of(view, symbol_called("free"));
    if (view->owner == bindings->file_count)
        view->owner = server_of(view, symbol_called("malloc"));
    if (view->owner != bindings->file_count)
        view->owner = last_of(view, view->owner);
    return 0;
}

int doctor_has_own(struct bindings *bindings)
{
    struct doctor_view view;
    int result = 0;

    if (!bindings->program || doctor_view_open(&view, bindings))
        return 0;
    for (size_t i = 0; i < bindings->count && !result; i++) {
        result = doctor_kind_of(bindings->entries[i].symbol) == DOCTOR_BLOCK &&
                 view.origins[i] == bindings->entries[i].server &&
                 strcmp(bindings->files[view.origins[i]], bindings->program) == 0;
    }
    doctor_view_close(&view);
    return result;
}
