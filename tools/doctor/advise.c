/* SPDX-License-Identifier: MIT */
/* The diagnosis, and what is to be done. See doctor.h. */
#include "doctor.h"

#include <stdio.h>
#include <string.h>

#include "tools/tool.h"

/* ---- The diagnosis ------------------------------------------------------------------------- */

static int fails_under_run_only(const struct doctor_findings *plain,
                                const struct doctor_findings *interposed)
{
    return interposed->has_failed && !plain->has_failed;
}

static void print_conflicts(const char *where, size_t count)
{
    printf("diagnosis: %zu conflict%s%s: a block may go back to another allocator than it came "
           "from\n",
           count, count == 1 ? "" : "s", where);
}

static void diagnose(const struct doctor_findings *plain, const struct doctor_findings *interposed)
{
    if (plain->conflicts)
        print_conflicts("", plain->conflicts);
    else if (interposed->conflicts)
        print_conflicts(" under `" TOOL_NAME " run', and none without", interposed->conflicts);
    else if (fails_under_run_only(plain, interposed))
        puts("diagnosis: no conflict is seen, but it fails under `" TOOL_NAME " run' only");
    else if (interposed->has_failed)
        puts("diagnosis: no conflict is seen; it fails as it is, and under `" TOOL_NAME
             " run' as well");
    else if (plain->has_failed)
        puts("diagnosis: no conflict is seen; it fails as it is, and not under `" TOOL_NAME
             " run'");
    else
        puts("diagnosis: no conflict");
}

/* ---- What to do ---------------------------------------------------------------------------- */

static int is_program(const char *name, const char *program)
{
    return name && strcmp(name, tool_file_name(program)) == 0;
}

/* Whether it is worse off under the interposer than without. */
static int is_harmed(const struct doctor_findings *plain, const struct doctor_findings *interposed,
                     const char *program)
{
    return fails_under_run_only(plain, interposed) || plain->symbolic ||
           (interposed->self && !is_program(interposed->self, program));
}

static void tell_who_goes_past(const struct doctor_findings *interposed)
{
    printf("The calls of ");
    for (size_t i = 0; i < interposed->past_count; i++)
        tool_print("%s%s", i ? ", " : "", interposed->past[i]);
    tool_print("%s go past the interposer to %s: open %s without RTLD_DEEPBIND, as `" TOOL_NAME
               " run --strip-deepbind' does\n",
               interposed->past_is_cut ? " and others" : "", interposed->other,
               interposed->past_count == 1 ? "it" : "them, and what needs them,");
}

/* What is in the way of the interposer, and how to be rid of it. */
static void tell_obstacle(const struct doctor_findings *plain,
                          const struct doctor_findings *interposed, const char *program)
{
    if (is_program(interposed->other, program))
        puts("The program has functions of the family in itself, which come before what is "
             "preloaded: build it without them");
    else if (plain->symbolic)
        tool_print(
            "%s binds its own functions of the family to itself: link it without -Bsymbolic, "
            "or take the functions out of it\n",
            plain->symbolic);
    else if (interposed->self)
        tool_print(
            "%s binds its own functions of the family to itself: link it without -Bsymbolic, "
            "open it without RTLD_DEEPBIND (`" TOOL_NAME
            " run --strip-deepbind'), or take the functions out of it\n",
            interposed->self);
    else if (interposed->past_count)
        tell_who_goes_past(interposed);
    else if (interposed->started && !interposed->elsewhere && !interposed->conflicts)
        tool_print(
            "%s, which it starts, has functions of the family in itself, which come before what "
            "is preloaded: build it without them\n",
            interposed->started);
    else if (interposed->is_refused && !interposed->elsewhere && !interposed->conflicts)
        puts("A program that it starts is for another C library or word size than the interposer: "
             "start that one without");
    else if (interposed->other)
        tool_print("%s uses an allocator of its own: build it without that\n", interposed->other);
    else if (plain->own)
        tool_print("%s has functions of the family, and may call its own: take them out of it\n",
                   plain->own);
    else
        puts("`" TOOL_NAME " run --debug' names who gives back what is not of the allocator");
}

int doctor_advise(const struct doctor_findings *plain, const struct doctor_findings *interposed,
                  const char *program)
{
    int is_obstructed = interposed->elsewhere > 0 || interposed->conflicts > 0 ||
                        interposed->started || interposed->is_refused;
    int is_worse = is_harmed(plain, interposed, program);

    diagnose(plain, interposed);
    printf("what to do: ");
    if (is_worse)
        printf("do not use `" TOOL_NAME " run' for it. ");
    else if (is_obstructed)
        printf("`" TOOL_NAME " run' cannot %s. ", interposed->elsewhere < interposed->served
                                                      ? "serve all of it"
                                                      : "give it another allocator");
    if (is_worse || is_obstructed)
        tell_obstacle(plain, interposed, program);
    else if (plain->conflicts)
        puts("start it by `" TOOL_NAME " run', whose interposer serves the whole family");
    else
        printf("nothing; `" TOOL_NAME " run' can give it any allocator%s\n",
               interposed->can_start ? "; static programs that it may start are not seen" : "");
    return !plain->conflicts && !is_worse && !is_obstructed;
}
