/* SPDX-License-Identifier: MIT */
/*
 * Who serves: every combination of what may choose (choice/table.h), then the stories that
 * a table cannot tell. Each runs in a process of its own, choice/actor.c; its exit, what it
 * saw, and every byte on its standard error are compared.
 */
#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/backend.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/global.h>
#include <dispatchalloc/spec.h>
#include <dispatchalloc/version.h>

#include "run.h"
#include "suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Expected texts ---------------------------------------------------------------------- */

struct text {
    char data[8192];
    size_t length;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text->length += (size_t)vsnprintf(text->data + text->length, sizeof text->data - text->length,
                                      format, arguments);
    va_end(arguments);
    ck_assert_uint_lt(text->length, sizeof text->data);
}

enum { NAMES_BYTES = 1024 };

static int add_name(const struct dal_backend *backend, void *data)
{
    char *names = data;
    size_t length = strlen(names);

    ck_assert_uint_lt(length + strlen(backend->name) + 3, NAMES_BYTES);
    snprintf(names + length, NAMES_BYTES - length, ", %s", backend->name);
    return 0;
}

/* The actor is linked statically. */
#define NO_LOADER                                                           \
    "; no module can be opened: this program is linked without the loader " \
    "(-Wl,-u,dal_loader_find_ adds it)"

/* "pool, tally, arena, system": what the actor knows once it registered pool and tally. */
static const char *known_names(void)
{
    static char names[NAMES_BYTES];

    strcpy(names, "pool, tally");
    (void)dal_backend_visit(add_name, names);
    return names;
}

/* The macros in the actor stand in these lines of that file. */
static const char *actor_place(const char *macro)
{
    static char place[256];
    const char *source = getenv("srcdir");
    char path[4096];
    char line[512];
    int number = 0;
    FILE *file;

    snprintf(path, sizeof path, "%s/tests/choice/actor.c", source ? source : ".");
    file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s cannot be read", path);
    while (fgets(line, sizeof line, file)) {
        number++;
        if (strncmp(line, macro, strlen(macro)) == 0)
            break;
    }
    fclose(file);
    /* __FILE__ is as the compiler was given it, which depends on the build directory. */
    snprintf(place, sizeof place, "tests/choice/actor.c:%d", number);
    return place;
}

/* Take what stands before `tests/choice/actor.c` in a path away, everywhere. */
static void forget_source_directory(char *text)
{
    static const char tail[] = "tests/choice/actor.c";
    char *found;

    for (char *from = text; (found = strstr(from, tail)) != NULL; from = found + sizeof tail - 1) {
        char *start = found;

        while (start > text && start[-1] != ' ' && start[-1] != '(')
            start--;
        memmove(start, found, strlen(found) + 1);
        found = start;
    }
}

/* ---- Running the actor ------------------------------------------------------------------- */

enum { no, yes };

static const char *actor(int link, int veto)
{
    static const char *const programs[] = {"tests/choice/actor", "tests/choice/actor_link",
                                           "tests/choice/actor_veto",
                                           "tests/choice/actor_link_veto"};

    return programs[(link ? 1 : 0) + (veto ? 2 : 0)];
}

static void run(const struct run_request *request, struct run_result *result)
{
    run_program(request, result);
    forget_source_directory(result->out);
    forget_source_directory(result->err);
}

/* Run the actor and compare everything. */
static void expect(const struct run_request *request, int signal, const char *out, const char *err)
{
    struct run_result result;

    run(request, &result);
    ck_assert_str_eq(result.err, err);
    ck_assert_str_eq(result.out, out);
    ck_assert_int_eq(result.signal, signal);
    ck_assert_int_eq(result.exit_status, signal ? -1 : 0);
}

/* {"alloc", "8", "8", ...} for the plain actor without any variable. */
#define ACTOR(...)                                                    \
    {                                                                 \
        .program = "tests/choice/actor", .arguments = { __VA_ARGS__ } \
    }
#define ACTOR_WITH(variable, ...)                                                                \
    {                                                                                            \
        .program = "tests/choice/actor", .arguments = {__VA_ARGS__}, .environment = { variable } \
    }

/* ---- The table --------------------------------------------------------------------------- */

enum start { start_none, start_set, start_named, start_spec, start_layers, start_bad };
enum environment {
    environment_none,
    environment_builtin,
    environment_registered,
    environment_layers,
    environment_unknown,
    environment_malformed,
    environment_option
};
enum end { LIVES, ABORTS };

static const struct row {
    int link;
    enum start start;
    enum environment environment;
    int veto, strict;
    enum end end;
    const char *serves;
    enum dal_source source;
    const char *overrides;
    const char *says;
} rows[] = {
#define ROW(link, start, environment, veto, strict, end, serves, source, overrides, says) \
    {link, start_##start, environment_##environment, veto,      strict,                   \
     end,  serves,        DAL_SOURCE_##source,       overrides, says},
#include "choice/table.h"
#undef ROW
};

static const char *const start_actions[][2] = {
    [start_none] = {NULL, NULL},        [start_set] = {"set", NULL},
    [start_named] = {"named", "mine"},  [start_spec] = {"spec", "pool"},
    [start_layers] = {"spec", "tally"}, [start_bad] = {"spec", "poool"},
};

/* How the program's choice is called in a message. */
static const char *const start_labels[] = {
    [start_none] = "",
    [start_set] = "\"custom\" set by the program",
    [start_named] = "\"mine\" set by the program",
    [start_spec] = "\"pool\" set by the program",
    [start_layers] = "\"tally\" set by the program",
    [start_bad] = "",
};

static const char *const variables[] = {
    [environment_none] = NULL,
    [environment_builtin] = "DISPATCHALLOC_BACKEND=system",
    [environment_registered] = "DISPATCHALLOC_BACKEND=pool",
    [environment_layers] = "DISPATCHALLOC_BACKEND=tally",
    [environment_unknown] = "DISPATCHALLOC_BACKEND=poool",
    [environment_malformed] = "DISPATCHALLOC_BACKEND=pool+",
    [environment_option] = "DISPATCHALLOC_BACKEND=pool:sise=8",
};

/* Why the environment's choice is rejected. */
static void add_reason(struct text *text, enum environment environment)
{
    if (environment == environment_unknown)
        add(text,
            "no backend or layer is called \"poool\" (did you mean \"pool\"?); known: %s" NO_LOADER,
            known_names());
    else if (environment == environment_malformed)
        add(text, "item 2 has no name (did you mean \"pool\"?)");
    else
        add(text, "\"pool\" has no option \"sise\" (did you mean \"size\"?); known: size, mode");
}

static void add_source(struct text *text, const struct row *row, enum dal_source source)
{
    if (source == DAL_SOURCE_ENVIRONMENT)
        add(text, "%s", variables[row->environment]);
    else if (source == DAL_SOURCE_PROGRAM)
        add(text, "%s", start_labels[row->start]);
    else if (source == DAL_SOURCE_LINK)
        add(text, "DAL_GLOBAL_ALLOCATOR(linked) at %s", actor_place("DAL_GLOBAL_ALLOCATOR"));
    else
        add(text, "nobody chose");
}

/* "tally 0.3 + pool 1.2": the items of a name with their versions. */
static void add_versions(struct text *text, const char *name)
{
    char copy[256];

    snprintf(copy, sizeof copy, "%s", name);
    for (char *item = strtok(copy, "+"); item; item = strtok(NULL, "+")) {
        add(text, "%s%s", item == copy ? "" : " + ", item);
        if (strcmp(item, "system") == 0)
            add(text, " " DAL_VERSION_STRING);
        if (strcmp(item, "tally") == 0)
            add(text, " 0.3");
        if (strcmp(item, "pool") == 0)
            add(text, " 1.2");
    }
}

/* A choice that does not serve by itself: passed by, or inside the layers of the one that does. */
static void add_lower(struct text *text, const struct row *row, enum dal_source source, char letter)
{
    if (source >= row->source)
        return;
    add(text, strchr(row->overrides, letter) ? "; overrides " : "; around ");
    add_source(text, row, source);
}

/* All that a row is to leave on standard error, DISPATCHALLOC_VERBOSE being on. */
static void add_messages(struct text *text, const struct row *row)
{
    for (const char *letter = row->says; *letter; letter++) {
        add(text, "dispatchalloc: ");
        switch (*letter) {
        case 'R':
            add(text, "dal_global_set_spec(\"poool\"): ");
            add_reason(text, environment_unknown);
            break;
        case 'X':
            add(text, "%s: ", variables[row->environment]);
            add_reason(text, row->environment);
            break;
        case 'V':
            add(text, "%s is ignored: the program forbids it (tests/choice/actor.c)",
                variables[row->environment]);
            break;
        default:
            ck_assert_int_eq(*letter, 'S');
            add(text, "strict mode: aborting");
            break;
        }
        if (*letter == 'V' || (*letter == 'X' && row->end == LIVES))
            add(text, "; \"%s\" serves", row->serves);
        add(text, "\n");
    }
    if (row->end == ABORTS)
        return;
    add(text, "dispatchalloc: ");
    add_versions(text, row->serves);
    add(text, " serves (");
    if (row->source == DAL_SOURCE_DEFAULT && strchr(row->says, 'X'))
        add(text, "by default");
    else
        add_source(text, row, row->source);
    if (strchr(row->says, 'X'))
        add(text, "; rejected: %s", variables[row->environment]);
    if (*start_labels[row->start])
        add_lower(text, row, DAL_SOURCE_PROGRAM, 'P');
    if (row->link)
        add_lower(text, row, DAL_SOURCE_LINK, 'L');
    add(text, ")\n");
}

/* " tally=1 pool=1": one allocation reaches each item once, in the actor's order. The system
 * allocator does not count. */
static void add_calls(struct text *text, const char *name)
{
    static const char *const counted[] = {"tally", "pool", "custom", "linked"};

    for (size_t i = 0; i < COUNT_OF(counted); i++) {
        unsigned count = 0;

        for (const char *at = name; (at = strstr(at, counted[i])) != NULL; at++)
            count++;
        /* The program's allocator is called custom by its counter whatever its name is. */
        if (strcmp(counted[i], "custom") == 0 && strstr(name, "mine"))
            count++;
        if (count)
            add(text, " %s=%u", counted[i], count);
    }
}

static void add_answers(struct text *text, const struct row *row)
{
    static const char *const sources[] = {"default", "link", "program", "environment"};

    add(text, "register 0\nregister 0\n");
    if (strcmp(row->says, "RS") == 0)
        return;
    if (row->start != start_none)
        add(text, "%s %d\n", start_actions[row->start][0],
            row->start == start_bad ? DAL_ERR_UNKNOWN : 0);
    if (row->end == ABORTS)
        return;
    add(text, "%s by %s, open\n", row->serves, sources[row->source]);
    add(text, "alloc done\n");
    add(text, "%s by %s, sealed\n", row->serves, sources[row->source]);
    add(text, "calls");
    add_calls(text, row->serves);
    add(text, "\n");
}

START_TEST(test_later_source_wins_and_says_why)
{
    const struct row *row = &rows[_i * suite_every("CHOICE_EVERY")];
    const char *const *start = start_actions[row->start];
    struct run_request request = {.program = actor(row->link, row->veto)};
    struct text out = {"", 0}, err = {"", 0};
    const char **argument = request.arguments;
    const char **variable = request.environment;

    *argument++ = "register", *argument++ = "pool";
    *argument++ = "register", *argument++ = "tally";
    for (size_t i = 0; i < 2 && start[i]; i++)
        *argument++ = start[i];
    /* What would serve is known before anything did; only then is a bad choice fatal. */
    if (row->end == LIVES)
        *argument++ = "who";
    *argument++ = "alloc", *argument++ = "32", *argument++ = "8";
    *argument++ = "who", *argument++ = "calls";
    *variable++ = "DISPATCHALLOC_VERBOSE=1";
    if (variables[row->environment])
        *variable++ = variables[row->environment];
    if (row->strict)
        *variable++ = "DISPATCHALLOC_STRICT=1";

    add_messages(&err, row);
    add_answers(&out, row);
    expect(&request, row->end == ABORTS ? SIGABRT : 0, out.data, err.data);
}
END_TEST

START_TEST(test_table_has_every_combination_once)
{
    size_t count = 2 * COUNT_OF(start_actions) * COUNT_OF(variables) * 2 * 2;

    ck_assert_uint_eq(COUNT_OF(rows), count);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t place = (((size_t)rows[i].link * COUNT_OF(start_actions) + rows[i].start) *
                            COUNT_OF(variables) +
                        rows[i].environment) *
                           4 +
                       (size_t)rows[i].veto * 2 + (size_t)rows[i].strict;

        ck_assert_uint_eq(place, i);
    }
}
END_TEST

/* ---- At start-up ------------------------------------------------------------------------- */

START_TEST(test_last_choice_before_first_allocation_holds)
{
    struct run_request request = ACTOR("register", "pool", "set", "who", "spec", "pool", "who",
                                       "named", "mine", "who", "alloc", "8", "8", "calls");

    expect(&request, 0,
           "register 0\nset 0\ncustom by program, open\nspec 0\npool by program, open\nnamed 0\n"
           "mine by program, open\nalloc done\ncalls custom=1\n",
           "");
}
END_TEST

START_TEST(test_refused_choice_leaves_the_one_before)
{
    struct run_request request = ACTOR("named", "mine", "set-null", "set-unfinished", "spec-null",
                                       "spec", "", "who", "alloc", "8", "8", "calls", "explain");
    struct run_result result;

    run(&request, &result);
    ck_assert_str_eq(result.err,
                     "dispatchalloc: dal_global_set(\"custom\"): the allocator is NULL\n"
                     "dispatchalloc: dal_global_set(\"custom\"): it has no dealloc function\n"
                     "dispatchalloc: dal_global_set_spec(NULL): the spec is NULL\n"
                     "dispatchalloc: dal_global_set_spec(\"\"): it is empty\n");
    *strstr(result.out, "an allocation") = '\0';
    ck_assert_str_eq(result.out,
                     "named 0\nset -1\nset -12\nspec -1\nspec -6\nmine by program, open\n"
                     "alloc done\ncalls custom=1\n"
                     "serves: mine\n"
                     "chosen by: \"mine\" set by the program\n"
                     "refused: dal_global_set(\"custom\"): the allocator is NULL\n"
                     "sealed by: ");
}
END_TEST

/* The first call decides, whichever of the front's it is; giving NULL back is none. */
START_TEST(test_first_allocation_seals)
{
    struct run_request request = ACTOR("active", "dealloc-null", "who", "set", "realloc-null",
                                       "100", "who", "active", "calls");

    expect(&request, 0,
           "active NULL\ndealloc done\nsystem by default, open\nset 0\nrealloc done\n"
           "custom by program, sealed\nactive custom\ncalls custom=1\n",
           "");
}
END_TEST

/* ---- Too late ---------------------------------------------------------------------------- */

/* What addr2line calls the place: with -i also those that the front was inlined into. */
static void expect_function(const char *program, unsigned long offset, const char *function)
{
    char command[8192], said[8192], line[64];
    FILE *file;
    size_t length;

    snprintf(command, sizeof command, "addr2line -i -f -e '%s' 0x%lx 2>&1", program, offset);
    file = popen(command, "r");
    ck_assert_ptr_nonnull(file);
    said[0] = '\n';
    length = 1 + fread(said + 1, 1, sizeof said - 2, file);
    said[length] = '\0';
    pclose(file);
    snprintf(line, sizeof line, "\n%s\n", function);
    ck_assert_msg(strstr(said, line) != NULL || strstr(said, "not found") != NULL, "%s says %s",
                  command, said);
}

/* FILE+0xOFFSET of the actor, fit for addr2line. Moves *text behind it. */
static void expect_call_site(char **text)
{
    char program[4096];
    const char *path = realpath(run_path(actor(no, no)), program);
    unsigned long offset;
    char *end;

    ck_assert_ptr_nonnull(path);
    ck_assert_msg(strncmp(*text, program, strlen(program)) == 0, "%s is not %s+...", *text,
                  program);
    *text += strlen(program);
    ck_assert_msg(strncmp(*text, "+0x", 3) == 0, "%s is not +0x...", *text);
    offset = strtoul(*text + 3, &end, 16);
    ck_assert(end > *text + 3);
    *text = end;
    /* Where the front is not optimised, its own frame stands between. */
#if defined __OPTIMIZE__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    expect_function(program, offset, "do_alloc");
#else
    (void)offset, (void)expect_function;
#endif
}

START_TEST(test_late_choice_is_refused_and_tells_the_first_allocation)
{
    struct run_request request =
        ACTOR("register", "pool", "set", "alloc", "4097", "64", "named", "mine", "spec", "pool",
              "who", "alloc", "8", "8", "calls", "explain");
    struct run_result result;
    static const char *const calls[] = {"dal_global_set(\"mine\")",
                                        "dal_global_set_spec(\"pool\")"};
    char *at = result.err;

    run_program(&request, &result);
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        char start[256];

        snprintf(start, sizeof start,
                 "dispatchalloc: %s comes too late: \"custom\" serves since an allocation of 4097 "
                 "bytes at alignment 64" SUITE_FROM,
                 calls[i]);
        ck_assert_msg(strncmp(at, start, strlen(start)) == 0, "%s is not %s", at, start);
        at += strlen(start);
        if (*SUITE_FROM)
            expect_call_site(&at);
        ck_assert_int_eq(*at++, '\n');
    }
    ck_assert_str_eq(at, "");

    at = strstr(result.out, "sealed by: an allocation of 4097 bytes at alignment 64" SUITE_FROM);
    ck_assert_ptr_nonnull(at);
    *at = '\0';
    ck_assert_str_eq(result.out, "register 0\nset 0\nalloc done\nnamed -4\nspec -4\n"
                                 "custom by program, sealed\nalloc done\ncalls custom=2\n"
                                 "serves: custom\nchosen by: \"custom\" set by the program\n");
    at += strlen("sealed by: an allocation of 4097 bytes at alignment 64" SUITE_FROM);
    if (*SUITE_FROM)
        expect_call_site(&at);
    ck_assert_str_eq(at, "\n");
}
END_TEST

/* A program that goes on without its choice is not wrong enough to die, strict or not. */
START_TEST(test_late_choice_does_not_abort_in_strict_mode)
{
    struct run_request request =
        ACTOR_WITH("DISPATCHALLOC_STRICT=1", "alloc", "8", "8", "set", "who");
    struct run_result result;

    run(&request, &result);
    ck_assert_int_eq(result.exit_status, 0);
    ck_assert_str_eq(result.out, "alloc done\nset -4\nsystem by default, sealed\n");
}
END_TEST

/* ---- The environment ----------------------------------------------------------------------- */

START_TEST(test_environment_can_name_what_is_registered_after_the_programs_choice)
{
    struct run_request request =
        ACTOR_WITH("DISPATCHALLOC_BACKEND=tally+pool", "set", "who", "register", "tally", "who",
                   "register", "pool", "who", "alloc", "8", "8", "calls");

    expect(&request, 0,
           "set 0\ncustom by program, open\nregister 0\ncustom by program, open\nregister 0\n"
           "tally+pool by environment, open\nalloc done\ncalls tally=1 pool=1\n",
           "");
}
END_TEST

/* The environment's layers go over the last choice of the program, not over its first. */
START_TEST(test_environments_layers_follow_the_programs_choice)
{
    struct run_request request =
        ACTOR_WITH("DISPATCHALLOC_BACKEND=tally", "register", "tally", "register", "pool", "who",
                   "set", "who", "spec", "pool", "who", "alloc", "8", "8", "calls");

    expect(&request, 0,
           "register 0\nregister 0\ntally+system by environment, open\nset 0\n"
           "tally+custom by environment, open\nspec 0\ntally+pool by environment, open\n"
           "alloc done\ncalls tally=1 pool=1\n",
           "");
}
END_TEST

/* A layer inherits the fork functions of what it wraps; a lock is not to be taken twice. */
START_TEST(test_layers_over_the_programs_choice_call_its_fork_functions_once)
{
    struct run_request request = ACTOR_WITH("DISPATCHALLOC_BACKEND=tally+tally", "register",
                                            "tally", "set", "alloc", "8", "8", "calls", "fork");

    expect(&request, 0,
           "register 0\nset 0\nalloc done\ncalls tally=2 custom=1\n"
           "fork prepare=1 parent=1 child=1\n",
           "");
}
END_TEST

START_TEST(test_empty_variable_is_unset)
{
    struct run_request request = {.program = actor(no, no),
                                  .arguments = {"alloc", "8", "8", "who"},
                                  .environment = {"DISPATCHALLOC_BACKEND=", "DISPATCHALLOC_STRICT=",
                                                  "DISPATCHALLOC_VERBOSE="}};

    expect(&request, 0, "alloc done\nsystem by default, sealed\n", "");
}
END_TEST

START_TEST(test_variable_of_greatest_length_is_read_and_a_longer_one_is_rejected)
{
    char variable[32 + DAL_SPEC_BYTES_MAX + 2] = "DISPATCHALLOC_BACKEND=pool:mode=";
    struct run_request request = ACTOR_WITH(variable, "register", "pool", "alloc", "8", "8", "who");
    size_t start = strlen("DISPATCHALLOC_BACKEND=");
    struct run_result result;

    memset(variable + strlen(variable), 'x', start + DAL_SPEC_BYTES_MAX - strlen(variable));
    run(&request, &result);
    ck_assert_ptr_nonnull(strstr(result.err, "dispatchalloc: DISPATCHALLOC_BACKEND=pool:mode=xxx"));
    ck_assert_ptr_null(strstr(result.err, "it is longer"));

    variable[start + DAL_SPEC_BYTES_MAX] = 'x';
    run(&request, &result);
    ck_assert_ptr_nonnull(
        strstr(result.err, ": it is longer than 4095 bytes; \"system\" serves\n"));
    ck_assert_str_eq(result.out, "register 0\nalloc done\nsystem by default, sealed\n");
}
END_TEST

/* What the operator wrote is shown, but no byte of it moves the cursor or forges a line. */
START_TEST(test_control_characters_of_a_variable_stay_in_their_line)
{
    struct run_request request =
        ACTOR_WITH("DISPATCHALLOC_BACKEND=a\nb\r\x1b[31mc\x7f\t", "alloc", "8", "8", "explain");
    struct run_result result;
    static const char start[] = "dispatchalloc: DISPATCHALLOC_BACKEND=a?b??[31mc??: the newline at "
                                "byte 2 cannot stand in a spec; ";
    size_t lines = 0;

    run(&request, &result);
    ck_assert_msg(strncmp(result.err, start, sizeof start - 1) == 0, "%s", result.err);
    ck_assert_ptr_eq(strchr(result.err, '\n'), result.err + strlen(result.err) - 1);
    for (const char *at = result.out; *at; at++) {
        ck_assert_msg(*at == '\n' || ((unsigned char)*at >= ' ' && *at != 0x7f), "%s", result.out);
        lines += *at == '\n';
    }
    /* "alloc done", then serves, chosen by, rejected, sealed by. */
    ck_assert_uint_eq(lines, 5);
    ck_assert_ptr_nonnull(
        strstr(result.out, "\nrejected: DISPATCHALLOC_BACKEND=a?b??[31mc??: the newline at "));
}
END_TEST

START_TEST(test_switch_that_is_none_is_reported_and_counts_as_unset)
{
    struct run_request request = {
        .program = actor(no, no),
        .arguments = {"spec", "poool", "alloc", "8", "8"},
        .environment = {"DISPATCHALLOC_STRICT=maybe", "DISPATCHALLOC_VERBOSE=Yes"},
    };
    struct run_result result;
    static const char start[] =
        "dispatchalloc: DISPATCHALLOC_STRICT=maybe is ignored: accepted is on or off (also 1, 0, "
        "true, false, yes, no)\n"
        "dispatchalloc: DISPATCHALLOC_VERBOSE=Yes is ignored (did you mean \"yes\"?): accepted is on or off (also 1, 0, "
        "true, false, yes, no)\n"
        "dispatchalloc: dal_global_set_spec(\"poool\"): no backend or layer is called \"poool\"; ";

    run(&request, &result);
    ck_assert_msg(strncmp(result.err, start, sizeof start - 1) == 0, "%s", result.err);
    ck_assert_str_eq(result.out, "spec -5\nalloc done\n");
}
END_TEST

START_TEST(test_variable_that_nobody_reads_is_told)
{
    struct run_request request = {
        .program = actor(no, no),
        .arguments = {"alloc", "8", "8"},
        .environment = {"DISPATCHALLOC_BAKEND=arena", "DISPATCHALLOC_X=1", "DISPATCHALLOC_LIBS=-l",
                        "DISPATCHALLOC_MALLOC=system", "DISPATCHALLOC=no"},
    };
    struct run_result result;

    run(&request, &result);
    ck_assert_str_eq(result.err,
                     "dispatchalloc: DISPATCHALLOC_BAKEND is a variable that nobody reads (did you "
                     "mean DISPATCHALLOC_BACKEND?)\n"
                     "dispatchalloc: DISPATCHALLOC_X is a variable that nobody reads; those that "
                     "are read stand in dispatchalloc(7)\n");
    ck_assert_str_eq(result.out, "alloc done\n");
}
END_TEST

/* ---- Strict mode --------------------------------------------------------------------------- */

START_TEST(test_program_can_be_strict_and_the_variable_outranks_it)
{
    struct run_request strict = ACTOR("strict", "1", "spec", "+", "who");
    struct run_request lenient =
        ACTOR_WITH("DISPATCHALLOC_STRICT=off", "strict", "1", "spec", "+", "who");
    struct run_request revoked = ACTOR("strict", "1", "strict", "0", "spec", "+", "who");
    static const char refusal[] = "dispatchalloc: dal_global_set_spec(\"+\"): item 1 has no name\n";
    char refusal_and_end[256];

    snprintf(refusal_and_end, sizeof refusal_and_end, "%sdispatchalloc: strict mode: aborting\n",
             refusal);
    expect(&strict, SIGABRT, "", refusal_and_end);
    expect(&lenient, 0, "spec -6\nsystem by default, open\n", refusal);
    expect(&revoked, 0, "spec -6\nsystem by default, open\n", refusal);
}
END_TEST

START_TEST(test_bad_environment_is_fatal_to_a_program_that_is_strict)
{
    struct run_request request =
        ACTOR_WITH("DISPATCHALLOC_BACKEND=+", "strict", "1", "who", "alloc", "8", "8", "who");

    expect(&request, SIGABRT, "system by default, open\n",
           "dispatchalloc: DISPATCHALLOC_BACKEND=+: item 1 has no name\n"
           "dispatchalloc: strict mode: aborting\n");
}
END_TEST

/* ---- Backends that cannot be made ---------------------------------------------------------- */

static const struct bad_backend {
    const char *name;
    int error;
    const char *reason;
    const char *also; /* on standard output */
} bad_backends[] = {
    {"sulky", DAL_ERR_CREATE, "\"sulky\": no coffee before 9 o'clock", ""},
    {"mute", DAL_ERR_SYSTEM, "\"mute\": the operating system refused", ""},
    {"odd", DAL_ERR_CREATE, "\"odd\": the backend could not be started", ""},
    {"hollow", DAL_ERR_INCOMPLETE, "\"hollow\": it has no alloc function", "hollow destroyed\n"},
};

START_TEST(test_backend_that_cannot_start_is_refused_with_its_reason)
{
    const struct bad_backend *bad = &bad_backends[_i];
    struct run_request request =
        ACTOR("register", bad->name, "spec", bad->name, "alloc", "8", "8", "who");
    char out[512], err[512];

    snprintf(out, sizeof out, "register 0\n%sspec %d\nalloc done\nsystem by default, sealed\n",
             bad->also, bad->error);
    snprintf(err, sizeof err, "dispatchalloc: dal_global_set_spec(\"%s\"): %s\n", bad->name,
             bad->reason);
    expect(&request, 0, out, err);
}
END_TEST

START_TEST(test_environments_backend_that_cannot_start_is_rejected_with_its_reason)
{
    const struct bad_backend *bad = &bad_backends[_i];
    char variable[64];
    struct run_request request =
        ACTOR_WITH(variable, "register", bad->name, "set", "alloc", "8", "8", "who", "calls");
    struct run_result result;
    char err[512];

    snprintf(variable, sizeof variable, "DISPATCHALLOC_BACKEND=%s", bad->name);
    snprintf(err, sizeof err, "dispatchalloc: %s: %s; \"custom\" serves\n", variable, bad->reason);
    run(&request, &result);
    ck_assert_str_eq(result.err, err);
    ck_assert_ptr_nonnull(
        strstr(result.out, "set 0\nalloc done\ncustom by program, sealed\ncalls custom=1\n"));
}
END_TEST

/* What create() takes from the front would come from an allocator that is not there yet. */
START_TEST(test_create_that_allocates_from_the_front_gets_null_and_one_line)
{
    struct run_request request = ACTOR("register", "greedy", "spec", "greedy", "who", "alloc", "8",
                                       "8", "calls", "spec", "greedy");
    struct run_result result;
    static const char line[] =
        "dispatchalloc: backend \"greedy\" calls dal_* from inside its create(), which fails; it "
        "has to use the child allocator of the request\n";

    run(&request, &result);
    ck_assert_str_eq(result.out, "register 0\ngreedy got NULL and NULL\nspec 0\n"
                                 "greedy by program, open\nalloc done\ncalls pool=1\nspec -4\n");
    ck_assert_msg(strncmp(result.err, line, sizeof line - 1) == 0, "%s", result.err);
    ck_assert_ptr_null(strstr(result.err + sizeof line - 1, "from inside its create()"));
}
END_TEST

/* ---- dal_global_explain() ------------------------------------------------------------------ */

/* The explanation up to "sealed by: ", which is followed by a place in memory. */
static void expect_explanation(const struct run_request *request, const char *explanation)
{
    struct run_result result;
    char *at, *end;

    run(request, &result);
    at = strstr(result.out, "serves: ");
    ck_assert_ptr_nonnull(at);
    end = strstr(at, " from ");
    if (end)
        strcpy(end, "\n");
    ck_assert_str_eq(at, explanation);
}

START_TEST(test_explanation_names_every_source_and_what_became_of_it)
{
    struct run_request nobody = ACTOR("explain");
    struct run_request outranked =
        ACTOR_WITH("DISPATCHALLOC_BACKEND=pool:size=8K,mode=small", "register", "pool", "named",
                   "mine", "spec", "p", "alloc", "8", "8", "explain");
    struct run_request unmade = ACTOR_WITH("DISPATCHALLOC_BACKEND=pool", "register", "pool",
                                           "register", "sulky", "spec", "sulky", "explain");
    struct run_request overtaken =
        ACTOR_WITH("DISPATCHALLOC_BACKEND=pool", "named", "mine", "register", "pool", "register",
                   "sulky", "spec", "sulky", "alloc", "8", "8", "explain");
    struct run_request wrapped = ACTOR_WITH("DISPATCHALLOC_BACKEND=tally+tally", "register",
                                            "tally", "named", "mine", "explain");
    struct run_request vetoed = ACTOR_WITH("DISPATCHALLOC_BACKEND=pool", "explain");
    char text[2048];

    expect_explanation(&nobody, "serves: system " DAL_VERSION_STRING "\n"
                                "chosen by: nobody chose\n"
                                "sealed by: nothing yet\n");

    outranked.program = actor(yes, no);
    snprintf(text, sizeof text,
             "serves: pool 1.2\n"
             "chosen by: DISPATCHALLOC_BACKEND=pool:size=8K,mode=small\n"
             "outranked: \"mine\" set by the program\n"
             "outranked: DAL_GLOBAL_ALLOCATOR(linked) at %s\n"
             "refused: dal_global_set_spec(\"p\"): no backend or layer is called \"p\"; known: "
             "pool%s" NO_LOADER "\n"
             "sealed by: an allocation of 8 bytes at alignment 8\n",
             actor_place("DAL_GLOBAL_ALLOCATOR"), strstr(known_names(), "tally") + 5);
    expect_explanation(&outranked, text);

    /* Its create() would have failed. */
    expect_explanation(&unmade, "serves: pool 1.2\n"
                                "chosen by: DISPATCHALLOC_BACKEND=pool\n"
                                "outranked: \"sulky\" set by the program\n"
                                "sealed by: nothing yet\n");

    /* One that was made gives way to one that is not. */
    expect_explanation(&overtaken, "serves: pool 1.2\n"
                                   "chosen by: DISPATCHALLOC_BACKEND=pool\n"
                                   "outranked: \"sulky\" set by the program\n"
                                   "sealed by: an allocation of 8 bytes at alignment 8\n");

    /* The program's choice is wrapped, the build's is not. */
    wrapped.program = actor(yes, no);
    snprintf(text, sizeof text,
             "serves: tally 0.3 + tally 0.3 + mine\n"
             "chosen by: DISPATCHALLOC_BACKEND=tally+tally\n"
             "wrapped: \"mine\" set by the program\n"
             "outranked: DAL_GLOBAL_ALLOCATOR(linked) at %s\n"
             "sealed by: nothing yet\n",
             actor_place("DAL_GLOBAL_ALLOCATOR"));
    expect_explanation(&wrapped, text);

    vetoed.program = actor(no, yes);
    expect_explanation(&vetoed, "serves: system " DAL_VERSION_STRING "\n"
                                "chosen by: nobody chose\n"
                                "vetoed: DISPATCHALLOC_BACKEND=pool, forbidden by the program "
                                "(tests/choice/actor.c)\n"
                                "sealed by: nothing yet\n");
}
END_TEST

START_TEST(test_explanation_fits_any_buffer)
{
    char whole[1024], part[1024];
    size_t length = dal_global_explain(whole, sizeof whole);

    ck_assert_uint_eq(length, strlen(whole));
    ck_assert_uint_eq(dal_global_explain(NULL, 0), length);
    for (size_t bytes = 1; bytes <= length + 1; bytes++) {
        memset(part, 'x', sizeof part);
        ck_assert_uint_eq(dal_global_explain(part, bytes), length);
        ck_assert_uint_eq(strlen(part), bytes - 1);
        ck_assert(strncmp(part, whole, bytes - 1) == 0);
        ck_assert_int_eq(part[bytes], 'x');
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("choice");
    TCase *table = tcase_create("table");
    TCase *stories = tcase_create("stories");

    tcase_add_loop_test(table, test_later_source_wins_and_says_why, 0,
                        suite_share((int)COUNT_OF(rows), suite_every("CHOICE_EVERY")));
    tcase_add_test(table, test_table_has_every_combination_once);
    suite_add_tcase(suite, table);

    tcase_add_test(stories, test_last_choice_before_first_allocation_holds);
    tcase_add_test(stories, test_refused_choice_leaves_the_one_before);
    tcase_add_test(stories, test_first_allocation_seals);
    tcase_add_test(stories, test_late_choice_is_refused_and_tells_the_first_allocation);
    tcase_add_test(stories, test_late_choice_does_not_abort_in_strict_mode);
    tcase_add_test(stories, test_environment_can_name_what_is_registered_after_the_programs_choice);
    tcase_add_test(stories, test_environments_layers_follow_the_programs_choice);
    tcase_add_test(stories, test_layers_over_the_programs_choice_call_its_fork_functions_once);
    tcase_add_test(stories, test_empty_variable_is_unset);
    tcase_add_test(stories, test_variable_of_greatest_length_is_read_and_a_longer_one_is_rejected);
    tcase_add_test(stories, test_control_characters_of_a_variable_stay_in_their_line);
    tcase_add_test(stories, test_switch_that_is_none_is_reported_and_counts_as_unset);
    tcase_add_test(stories, test_variable_that_nobody_reads_is_told);
    tcase_add_test(stories, test_program_can_be_strict_and_the_variable_outranks_it);
    tcase_add_test(stories, test_bad_environment_is_fatal_to_a_program_that_is_strict);
    tcase_add_loop_test(stories, test_backend_that_cannot_start_is_refused_with_its_reason, 0,
                        (int)COUNT_OF(bad_backends));
    tcase_add_loop_test(stories,
                        test_environments_backend_that_cannot_start_is_rejected_with_its_reason, 0,
                        (int)COUNT_OF(bad_backends));
    tcase_add_test(stories, test_create_that_allocates_from_the_front_gets_null_and_one_line);
    tcase_add_test(stories, test_explanation_names_every_source_and_what_became_of_it);
    tcase_add_test(stories, test_explanation_fits_any_buffer);
    suite_add_tcase(suite, stories);
    return suite_run(suite);
}
