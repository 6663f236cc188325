/* SPDX-License-Identifier: MIT */
/*
 * Who serves what, and whether that goes together. See doctor.h.
 *
 * A block has to go back to where it came from. What a program binds does not tell the way of
 * each block, so all the C functions have to be of one origin, and operator delete of that of
 * operator new.
 */
#include "doctor.h"

#include <stdio.h>
#include <string.h>

#include "tools/program_image.h"
#include "tools/tool.h"

enum { CALLERS_SHOWN = 4 };

/* ---- Lists --------------------------------------------------------------------------------- */

/* How to call it in a list: the forms of an operator are not told apart. */
static const char *word_of(size_t symbol)
{
    static const char *const words[][2] = {
        {"_Znw", "operator new"},
        {"_Zna", "operator new[]"},
        {"_Zdl", "operator delete"},
        {"_Zda", "operator delete[]"},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(binding_symbol(symbol), words[i][0], 4) == 0)
            return words[i][1];
    }
    return binding_symbol(symbol);
}

/* Some of the entries: those of a server, or of an origin that is none's but its own. */
struct selection {
    size_t server;
    unsigned kinds;        /* bits 1 << enum doctor_kind */
    int is_origin_as_well; /* leave out what the server passes on */
};

enum { ALL_KINDS = ~0u >> 1 };

static int is_selected(const struct doctor_view *view, const struct selection *selection, size_t at)
{
    const struct binding *entry = &view->bindings->entries[at];

    return entry->server == selection->server &&
           (selection->kinds >> doctor_kind_of(entry->symbol) & 1) &&
           (!selection->is_origin_as_well || view->origins[at] == selection->server);
}

static int has_symbol(const struct doctor_view *view, const struct selection *selection,
                      size_t symbol)
{
    for (size_t i = 0; i < view->bindings->count; i++) {
        if (view->bindings->entries[i].symbol == symbol && is_selected(view, selection, i))
            return 1;
    }
    return 0;
}

/* Whether a symbol that goes by the same word was there before. */
static int is_repeated(const struct doctor_view *view, const struct selection *selection,
                       size_t symbol)
{
    for (size_t other = 0; other < symbol; other++) {
        if (strcmp(word_of(other), word_of(symbol)) == 0 && has_symbol(view, selection, other))
            return 1;
    }
    return 0;
}

/* "malloc, free, operator new", each word once. */
static void print_symbols(const struct doctor_view *view, const struct selection *selection)
{
    const char *before = "";

    for (size_t symbol = 0; symbol < binding_symbol_count(); symbol++) {
        if (!has_symbol(view, selection, symbol) || is_repeated(view, selection, symbol))
            continue;
        printf("%s%s", before, word_of(symbol));
        before = ", ";
    }
}

static int is_empty(const struct doctor_view *view, const struct selection *selection)
{
    for (size_t i = 0; i < view->bindings->count; i++) {
        if (is_selected(view, selection, i))
            return 0;
    }
    return 1;
}

static int has_caller(const struct doctor_view *view, const struct selection *selection,
                      size_t caller)
{
    for (size_t i = 0; i < view->bindings->count; i++) {
        if (view->bindings->entries[i].caller == caller && is_selected(view, selection, i))
            return 1;
    }
    return 0;
}

/* "prog, libx.so.1 and 3 more": others than the server, or "itself". */
static void print_callers(const struct doctor_view *view, const struct selection *selection)
{
    size_t count = 0;

    for (size_t file = 0; file < view->bindings->file_count; file++) {
        if (file == selection->server || !has_caller(view, selection, file))
            continue;
        if (count < CALLERS_SHOWN)
            tool_print("%s%s", count ? ", " : "", bindings_name(view->bindings, file));
        count++;
    }
    if (count > CALLERS_SHOWN)
        printf(" and %zu more", count - CALLERS_SHOWN);
    else if (count == 0)
        printf("itself");
}

static void print_servers(const struct doctor_view *view)
{
    const struct bindings *bindings = view->bindings;

    for (size_t file = 0; file < bindings->file_count; file++) {
        const struct selection selection = {file, ALL_KINDS, 0};

        if (is_empty(view, &selection))
            continue;
        tool_print("  %s\n", bindings->files[file]);
        printf("    serves ");
        print_symbols(view, &selection);
        printf("\n    to ");
        print_callers(view, &selection);
        putchar('\n');
    }
}

static int is_asked_for(const struct bindings *bindings, size_t symbol)
{
    for (size_t i = 0; i < bindings->count; i++) {
        if (bindings->entries[i].symbol == symbol)
            return 1;
    }
    return 0;
}

static void print_the_rest(const struct doctor_view *view)
{
    const char *before = "  nobody asks for ";

    for (size_t symbol = 0; symbol < binding_symbol_count(); symbol++) {
        enum doctor_kind kind = doctor_kind_of(symbol);

        if ((kind != DOCTOR_BLOCK && kind != DOCTOR_PASS) || is_asked_for(view->bindings, symbol))
            continue;
        printf("%s%s", before, word_of(symbol));
        before = ", ";
    }
    putchar('\n');
}

/* ---- Conflicts ------------------------------------------------------------------------------- */

static size_t tell_c_conflicts(const struct doctor_view *view)
{
    size_t count = 0;

    for (size_t file = 0; file < view->bindings->file_count; file++) {
        const struct selection selection = {file, 1 << DOCTOR_BLOCK, 1};

        if (file == view->owner || is_empty(view, &selection))
            continue;
        tool_print("  conflict: %s serves ", bindings_name(view->bindings, file));
        print_symbols(view, &selection);
        printf(" to ");
        print_callers(view, &selection);
        tool_print(", but %s serves free\n", view->owner == view->bindings->file_count
                                                 ? "nobody"
                                                 : bindings_name(view->bindings, view->owner));
        count++;
    }
    return count;
}

/* For operator new and delete of one kind: one of each that do not go together. */
static size_t tell_operator_conflict(const struct doctor_view *view, enum doctor_kind new_kind,
                                     enum doctor_kind delete_kind, const char *which)
{
    const struct bindings *bindings = view->bindings;

    for (size_t i = 0; i < bindings->count; i++) {
        if (doctor_kind_of(bindings->entries[i].symbol) != new_kind)
            continue;
        for (size_t j = 0; j < bindings->count; j++) {
            if (doctor_kind_of(bindings->entries[j].symbol) != delete_kind ||
                view->origins[i] == view->origins[j])
                continue;
            tool_print(
                "  conflict: %s serves %s%s to %s, but %s serves %s to %s\n",
                bindings_name(bindings, view->origins[i]), word_of(bindings->entries[i].symbol),
                which, bindings_name(bindings, bindings->entries[i].caller),
                bindings_name(bindings, view->origins[j]), word_of(bindings->entries[j].symbol),
                bindings_name(bindings, bindings->entries[j].caller));
            return 1;
        }
    }
    return 0;
}

static size_t file_called(const struct bindings *bindings, const char *path)
{
    size_t file = 0;

    while (file < bindings->file_count && strcmp(bindings->files[file], path) != 0)
        file++;
    return file;
}

/* What the interposer asks itself for counts only where somebody asks the interposer. */
static void remove_calls_to_itself(struct bindings *bindings, size_t file)
{
    size_t kept = 0;

    for (size_t i = 0; i < bindings->count; i++) {
        const struct binding entry = bindings->entries[i];

        if (entry.caller != file || entry.server != file)
            bindings->entries[kept++] = entry;
    }
    bindings->count = kept;
}

/* Of a C function that the owner does not serve. */
static void note_elsewhere(const struct doctor_view *view, size_t at,
                           struct doctor_findings *findings)
{
    size_t caller = view->bindings->entries[at].caller;
    const char *name = bindings_name(view->bindings, caller);

    if (caller == view->origins[at]) {
        if (!doctor_is_libc(view->bindings, caller))
            findings->self = name;
        return;
    }
    for (size_t i = 0; i < findings->past_count; i++) {
        if (strcmp(findings->past[i], name) == 0)
            return;
    }
    /* The loader binds what a plug-in needs before the plug-in. */
    memmove(findings->past + 1, findings->past, sizeof findings->past - sizeof *findings->past);
    findings->past[0] = name;
    findings->past_is_cut |= findings->past_count == DOCTOR_PAST_MAX;
    findings->past_count += findings->past_count < DOCTOR_PAST_MAX;
}

/* The operators of a program may well be its own, and are a matter of conflicts. */
static void count_served(const struct doctor_view *view, struct doctor_findings *findings)
{
    for (size_t i = 0; i < view->bindings->count; i++) {
        enum doctor_kind kind = doctor_kind_of(view->bindings->entries[i].symbol);
        int is_elsewhere = view->origins[i] != view->owner;

        findings->served += kind == DOCTOR_BLOCK;
        findings->elsewhere += kind == DOCTOR_BLOCK && is_elsewhere;
        if (is_elsewhere && (kind == DOCTOR_BLOCK || !findings->other))
            findings->other = bindings_name(view->bindings, view->origins[i]);
        if (is_elsewhere && kind == DOCTOR_BLOCK)
            note_elsewhere(view, i, findings);
    }
}

/* Who has a family of its own, other than the C library. */
/* Of what such a library calls in itself there is no trace, and nothing that is preloaded comes
 * between. */
static int is_symbolic(const char *path)
{
    struct dal_image_ image;
    int result;

    if (!dal_image_map_(path, &image))
        return 0;
    result = dal_image_is_native_(&image) && image_is_symbolic(&image);
    dal_image_unmap_(&image);
    return result;
}

static void find_own(const struct doctor_view *view, struct doctor_findings *findings)
{
    for (size_t file = 0; file < view->bindings->file_count; file++) {
        const struct selection selection = {file, 1 << DOCTOR_BLOCK, 1};

        if (doctor_is_libc(view->bindings, file) || is_empty(view, &selection))
            continue;
        findings->own = bindings_name(view->bindings, file);
        if (is_symbolic(view->bindings->files[file]))
            findings->symbolic = findings->own;
    }
}

static void tell_started(const struct bindings *bindings, struct doctor_findings *findings)
{
    findings->started = bindings->started;
    if (bindings->started)
        printf("  it starts %s, which has functions of the family in itself\n", bindings->started);
}

int doctor_judge(struct bindings *bindings, const char *owner, struct doctor_findings *findings)
{
    struct doctor_view view;

    memset(findings, 0, sizeof *findings);
    if (owner)
        remove_calls_to_itself(bindings, file_called(bindings, owner));
    if (doctor_view_open(&view, bindings))
        return TOOL_TROUBLE;
    print_servers(&view);
    print_the_rest(&view);
    findings->conflicts =
        tell_c_conflicts(&view) + tell_operator_conflict(&view, DOCTOR_NEW, DOCTOR_DELETE, "") +
        tell_operator_conflict(&view, DOCTOR_ALIGNED_NEW, DOCTOR_ALIGNED_DELETE, " (aligned)");
    if (owner)
        view.owner = file_called(bindings, owner);
    else
        find_own(&view, findings);
    tell_started(bindings, findings);
    count_served(&view, findings);
    doctor_view_close(&view);
    return 0;
}
