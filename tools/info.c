/* SPDX-License-Identifier: MIT */
/* dispatchalloc info: what a backend or layer is, takes and can do. */
#include "tools/program_environment.h"
#include "tools/tool.h"

#include <inttypes.h>
#include <string.h>

#include "conformance/conformance.h"

/* ---- Options ------------------------------------------------------------------------------- */

static const char *type_name(const struct dal_option *option)
{
    switch (option->type) {
    case DAL_OPTION_BYTES: return "BYTES";
    case DAL_OPTION_COUNT: return "COUNT";
    case DAL_OPTION_SWITCH: return "SWITCH";
    case DAL_OPTION_CHOICE: return "CHOICE";
    case DAL_OPTION_SPEC: return "SPEC";
    default: return "TEXT";
    }
}

/* What is accepted, as words: "1K to 1G", "on or off", "fast, small". */
static void describe_range(const struct dal_option *option, char *text, size_t text_bytes)
{
    char low[32], high[32];
    size_t used = 0;

    switch (option->type) {
    case DAL_OPTION_BYTES:
        tool_bytes(option->minimum, low, sizeof low);
        if (option->maximum < DAL_NUMBER_ENDLESS_)
            snprintf(text, text_bytes, "%s to %s bytes", low,
                     tool_bytes(option->maximum, high, sizeof high));
        else
            snprintf(text, text_bytes, "%s bytes or more", low);
        return;
    case DAL_OPTION_COUNT:
        snprintf(text, text_bytes, "%" PRIu64 " to %" PRIu64, option->minimum, option->maximum);
        return;
    case DAL_OPTION_SWITCH: snprintf(text, text_bytes, "on or off"); return;
    case DAL_OPTION_CHOICE:
        for (const char *c = option->choices; *c && used + 3 < text_bytes; c++) {
            text[used++] = *c == '|' ? ',' : *c;
            if (*c == '|')
                text[used++] = ' ';
        }
        text[used] = '\0';
        return;
    case DAL_OPTION_SPEC: snprintf(text, text_bytes, "a spec in parentheses"); return;
    case DAL_OPTION_TEXT:
        if (option->maximum)
            snprintf(text, text_bytes, "text of %" PRIu64 " to %" PRIu64 " bytes", option->minimum,
                     option->maximum);
        else if (option->minimum)
            snprintf(text, text_bytes, "text of %" PRIu64 " bytes or more", option->minimum);
        else
            snprintf(text, text_bytes, "any text");
        return;
    default: snprintf(text, text_bytes, "what a later version takes"); return;
    }
}

static void print_options(const struct dal_backend *backend)
{
    if (backend->option_count == 0)
        printf("options    %s\n", backend->flags & DAL_BACKEND_CHECKS_OPTIONS ? "its own" : "none");
    for (size_t i = 0; i < backend->option_count; i++) {
        const struct dal_option *option = dal_backend_option(backend, i);
        char range[256];

        describe_range(option, range, sizeof range);
        printf("%-9s  %s=%s\n", i ? "" : "options", option->name, type_name(option));
        tool_print("             %s\n", option->summary);
        tool_print("             %s; default: %s\n", range,
                   option->default_text ? option->default_text : "none");
    }
    if (backend->option_count > 0 && (backend->flags & DAL_BACKEND_CHECKS_OPTIONS))
        printf("%-9s  and others that it knows itself\n", "");
}

/* ---- Abilities ---------------------------------------------------------------------- */

static const struct {
    uint64_t slot;
    const char *what;
    const char *native;
    const char *derived;
} abilities[] = {
    {DAL_SLOT_ALLOC_ZEROED, "zeroed memory", "its own", "derived: allocates, then clears"},
    {DAL_SLOT_REALLOC, "realloc", "its own", "derived: allocates, copies, frees"},
    {DAL_SLOT_GROW, "grow", "its own", "derived: by realloc"},
    {DAL_SLOT_SHRINK, "shrink", "its own", "derived: by realloc"},
    {DAL_SLOT_RESIZE_IN_PLACE, "resize in place", "yes", "no"},
    {DAL_SLOT_USABLE_SIZE, "usable size", "yes", "no: the size asked for"},
    {DAL_SLOT_DEALLOC_UNSIZED, "free without size", "yes", "no"},
    {DAL_SLOT_OWNS, "knows its blocks", "yes", "no"},
    {DAL_SLOT_FORK, "prepares for fork", "yes", "no"},
};

static void print_abilities(uint64_t native)
{
    for (size_t i = 0; i < sizeof abilities / sizeof *abilities; i++)
        printf("%-9s  %-17s  %s\n", i ? "" : "can do", abilities[i].what,
               native & abilities[i].slot ? abilities[i].native : abilities[i].derived);
}

static void print_limits(const struct conformance_profile *profile)
{
    char text[32];

    printf("alignment  up to %s%s\n", tool_bytes(profile->align_max, text, sizeof text),
           profile->align_max >= CONFORMANCE_ALIGN_PROBED ? " and more" : "");
    if (profile->limited)
        printf("capacity   %s\n", tool_bytes(profile->capacity_bytes, text, sizeof text));
    else
        printf("capacity   no end within %s\n",
               tool_bytes(CONFORMANCE_PROBE_BYTES, text, sizeof text));
}

/* By making one, in a process of its own: what is asked here may be half written. */
static int print_instance(const struct dal_backend *backend, const char *spec)
{
    struct conformance_subject subject = conformance_subject_by_spec(spec);
    struct conformance_profile profile;
    char message[1024] = "";

    if (conformance_probe(&subject, 0, &profile, message, sizeof message) != 0) {
        tool_print("starts     no: %s\n", message);
        return TOOL_TROUBLE;
    }
    if (*profile.trial_end && !*profile.name) {
        tool_print("starts     no: %s\n", profile.trial_end);
        return TOOL_TROUBLE;
    }
    if (backend->flags & DAL_BACKEND_LAYER)
        tool_print("shown as   %s\n", profile.name);
    print_abilities(profile.native);
    print_limits(&profile);
    if (!*profile.trial_end)
        return TOOL_OK;
    tool_print("trial      %s\n", profile.trial_end);
    return TOOL_TROUBLE;
}

/* ---- The command -------------------------------------------------------------------- */

struct sought {
    const char *name;
    char path[4096];
};

static int meet_module(const char *name, const char *path, void *data)
{
    struct sought *sought = data;

    if (strcmp(name, sought->name) != 0)
        return 0;
    snprintf(sought->path, sizeof sought->path, "%s", path);
    return 1;
}

struct shown {
    size_t items;
    const struct dal_backend *backend;
};

static int meet_item(const struct dal_spec_item *item, void *data)
{
    struct shown *shown = data;

    shown->items++;
    shown->backend = item->backend;
    return 0;
}

static int print_info(const struct dal_backend *backend, const char *spec)
{
    struct sought sought = {backend->name, ""};

    printf("name       %s\n", backend->name);
    printf("kind       %s\n", tool_kind(backend));
    tool_print("version    %s\n", backend->version);
    tool_print("summary    %s\n", backend->summary);
    if (dal_module_visit(meet_module, &sought) == 1)
        tool_print("module     %s\n", sought.path);
    print_options(backend);
    return print_instance(backend, spec);
}

static int run(int operand_count, char **operands)
{
    int worst = TOOL_OK;

    tool_make_room_for(operands, operand_count);
    for (int i = 0; i < operand_count; i++) {
        const char *spec = operands[i];
        struct shown shown = {0, NULL};
        char message[1024];
        int result;

        if (environment_look(spec, message, sizeof message) != 0)
            return tool_complain("\"%s\": %s", spec, message);
        tool_look_at(spec);
        result = dal_spec_visit(spec, meet_item, &shown, message, sizeof message);
        tool_look_at(NULL);
        if (result)
            return tool_bad_spec(spec, message);
        if (shown.items != 1)
            return tool_misused(&tool_info, "'%s' is a stack of %zu; 'explain' shows those", spec,
                                shown.items);
        if (i > 0)
            putchar('\n');
        if (print_info(shown.backend, spec) != TOOL_OK)
            worst = TOOL_TROUBLE;
    }
    return worst;
}

const struct tool_command tool_info = {
    .name = "info",
    .synopsis = "NAME...",
    .summary = "tell what a backend or layer takes and can do",
    .help = "Tell what a backend or layer is: version, options with type, range and default,\n"
            "and what an instance of it can do by itself. A NAME may have options, as in\n"
            "arena:limit=1M; a layer is shown on the system allocator.\n"
            "\n"
            "      --help  print this help and exit\n",
    .operand = "NAME",
    .run = run,
};
