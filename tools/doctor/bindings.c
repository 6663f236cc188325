/* SPDX-License-Identifier: MIT */
/* Who serves which function, from the loader's trace. See bindings.h. */
#define _GNU_SOURCE /* getline, strndup */
#include "bindings.h"

#include <stdlib.h>
#include <string.h>

#include "lib/shared/interposed_names.h"
#include "tools/tool.h"

#define NAME(symbol) DAL_SYMBOL_TEXT(symbol),
static const char *const symbols[] = {DAL_MALLOC_SYMBOLS(NAME) DAL_NEW_SYMBOLS(NAME)};

size_t binding_symbol_count(void)
{
    return sizeof symbols / sizeof *symbols;
}

const char *binding_symbol(size_t symbol)
{
    return symbols[symbol];
}

const char *bindings_name(const struct bindings *bindings, size_t file)
{
    const char *slash = strrchr(bindings->files[file], '/');

    return slash ? slash + 1 : bindings->files[file];
}

void bindings_free(struct bindings *bindings)
{
    for (size_t i = 0; i < bindings->file_count; i++)
        free(bindings->files[i]);
    free(bindings->files);
    free(bindings->entries);
    free(bindings->program);
    free(bindings->started);
    memset(bindings, 0, sizeof *bindings);
}

/* ---- Collecting ---------------------------------------------------------------------------- */

/* A list with room for one more, or NULL: lists double at the powers of two. */
static void *extended(void *list, size_t count, size_t element_bytes)
{
    if (count & (count - 1))
        return list;
    return realloc(list, (count ? count * 2 : 1) * element_bytes);
}

static int add_file(struct bindings *bindings, const char *name, size_t length, size_t *file)
{
    char **files;

    for (*file = 0; *file < bindings->file_count; (*file)++) {
        const char *known = bindings->files[*file];

        if (strncmp(known, name, length) == 0 && known[length] == '\0')
            return 1;
    }
    files = extended(bindings->files, bindings->file_count, sizeof *files);
    if (!files)
        return 0;
    bindings->files = files;
    files[bindings->file_count] = strndup(name, length);
    if (!files[bindings->file_count])
        return 0;
    bindings->file_count++;
    return 1;
}

static int add_binding(struct bindings *bindings, const struct binding *binding)
{
    struct binding *entries;

    for (size_t i = bindings->since; i < bindings->count; i++) {
        const struct binding *known = &bindings->entries[i];

        if (known->caller == binding->caller && known->server == binding->server &&
            known->symbol == binding->symbol)
            return 1;
    }
    entries = extended(bindings->entries, bindings->count, sizeof *entries);
    if (!entries)
        return 0;
    bindings->entries = entries;
    entries[bindings->count++] = *binding;
    return 1;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* The number of a name that a quote ends, or of none: the count. */
static size_t find_symbol(const char *name)
{
    size_t length = strcspn(name, "'\n");
    size_t symbol = 0;

    while (symbol < binding_symbol_count() &&
           (strlen(symbols[symbol]) != length || strncmp(symbols[symbol], name, length) != 0))
        symbol++;
    return symbol;
}

static int starts_programs(const char *name)
{
    static const char *const starters[] = {"exec", "fexec", "posix_spawn", "system'", "popen'"};

    for (size_t i = 0; i < sizeof starters / sizeof *starters; i++) {
        if (strncmp(name, starters[i], strlen(starters[i])) == 0)
            return 1;
    }
    return 0;
}

/* "binding file CALLER [0] to SERVER [0]: normal symbol `NAME' [VERSION]". */
static int read_binding(struct bindings *bindings, const char *line)
{
    static const char beginning[] = "\tbinding file ";
    const char *caller = strstr(line, beginning);
    const char *caller_end = caller ? strstr(caller, " [") : NULL;
    const char *server = caller_end ? strstr(caller_end, "] to ") : NULL;
    const char *server_end = server ? strstr(server + 5, " [") : NULL;
    const char *name = server_end ? strstr(server_end, " symbol `") : NULL;
    struct binding binding;

    if (!name)
        return 1;
    bindings->can_start |= starts_programs(name + 9);
    /* What dlmopen(3) opens has a C library of its own, whose blocks it gives back to that. */
    if (strncmp(caller_end, " [0]", 4) != 0)
        return 1;
    binding.symbol = find_symbol(name + 9);
    if (binding.symbol == binding_symbol_count())
        return 1;
    caller += sizeof beginning - 1;
    server += 5;
    return add_file(bindings, caller, (size_t)(caller_end - caller), &binding.caller) &&
           add_file(bindings, server, (size_t)(server_end - server), &binding.server) &&
           add_binding(bindings, &binding);
}

/* What is bound before the loader hands over belongs to the program that then starts, and so
 * does what follows, until it is clear that another program has been started in its place. */
int bindings_read(struct bindings *bindings, FILE *trace)
{
    static const char beginning[] = "\ttransferring control: ";
    char *line = NULL;
    size_t line_bytes = 0;
    size_t started_at = 0; /* entries before the last program's */
    int can_start = 0;     /* that program can */
    int is_good = 1;

    memset(bindings, 0, sizeof *bindings);
    while (is_good && getline(&line, &line_bytes, trace) > 0) {
        const char *program = strstr(line, beginning);

        if (!program) {
            is_good = read_binding(bindings, line);
            continue;
        }
        program += sizeof beginning - 1;
        free(bindings->program);
        bindings->program = strndup(program, strcspn(program, "\n"));
        is_good = bindings->program != NULL;
        bindings->has_started = 1;
        can_start = bindings->can_start;
        bindings->can_start = 0;
        started_at = bindings->since;
        bindings->since = bindings->count;
    }
    free(line);
    if (!is_good) {
        bindings_free(bindings);
        return tool_complain("not enough memory");
    }
    if (started_at > 0)
        memmove(bindings->entries, bindings->entries + started_at,
                (bindings->count - started_at) * sizeof *bindings->entries);
    bindings->count -= started_at;
    bindings->can_start |= can_start;
    return 0;
}
