/* SPDX-License-Identifier: MIT */
/* What the operator says by environment variables. */
#include <config.h>

#include "spec/variables.h"

#include <stdio.h>
#include <string.h>

#include "os/os.h"
#include "base/nearest.h"
#include "base/product.h"
#include "base/text.h"
#include "shared/choice.h"
#include "shared/variable_names.h"
#include "spec/options.h"

static const char *read_text(const char *name)
{
    const char *value = dal_os_getenv_(name);

    return value && *value ? value : NULL;
}

const char *dal_environment_module_path_(void)
{
    return read_text(DAL_ENV_MODULE_PATH);
}

static int read_switch(const char *name)
{
    const char *value = read_text(name);
    char meant[64];
    struct dal_text_ text = dal_text_over_(meant, sizeof meant);
    uint64_t number;

    if (!value)
        return -1;
    if (dal_switch_parse_(value, &number))
        return (int)number;
    dal_option_suggest_switch_(value, &text);
    dal_log_("%s=" DAL_VALUE_FORMAT " is ignored%s: accepted is " DAL_SWITCH_ACCEPTED_, name,
             DAL_VALUE(value), meant);
    return -1;
}

/* ---- Those that nobody reads ----------------------------------------------------------------- */

#define OURS DAL_VARIABLE_PREFIX

/* Whether somebody reads it; else what is nearest to it. What the command's processes, and builds
 * that look for the library by pkg-config, have is not suggested. */
static int is_read(const char *name, struct dal_nearest_ *nearest)
{
    static const char *const suggested[] = {DAL_VARIABLE_NAMES_};
    static const char *const others[] = {"CONFORMANCE_RUN", "CONFORMANCE_CAPACITY",
                                         "CONFORMANCE_REPORT", "CFLAGS", "LIBS"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strcmp(name, others[i]) == 0)
            return 1;
    }
    for (size_t i = 0; i < sizeof suggested / sizeof *suggested; i++) {
        if (strcmp(name, suggested[i]) == 0)
            return 1;
        dal_nearest_try_(nearest, suggested[i]);
    }
    return 0;
}

static void look_at(const char *name, size_t length)
{
    char given[DAL_NEAREST_WORD_MAX + 1];
    struct dal_nearest_ nearest = {given, "", 0};

    (void)snprintf(given, sizeof given, "%.*s", (int)length, name);
    if (is_read(given, &nearest))
        return;
    if (nearest.best[0])
        dal_log_(OURS "%s is a variable that nobody reads (did you mean " OURS "%s?)", given,
                 nearest.best);
    else
        dal_log_(OURS "%s is a variable that nobody reads; those that are read stand in "
                      "dispatchalloc(7)",
                 given);
}

static void look_for_unknown(void)
{
    for (char *const *entry = dal_os_environment_(); entry && *entry; entry++) {
        if (strncmp(*entry, OURS, sizeof OURS - 1) == 0)
            look_at(*entry + sizeof OURS - 1, strcspn(*entry + sizeof OURS - 1, "="));
    }
}

/* ---- All of them ----------------------------------------------------------------------------- */

void dal_environment_read_(struct dal_environment_ *environment)
{
    *environment = (struct dal_environment_){.strict = -1};
    /* Who switches it off is not to hear what else is wrong. */
    if (dal_product_.has_switches)
        environment->off = read_switch(DAL_ENV_OFF) == 1;
    if (!environment->off) {
        environment->backend = read_text(dal_product_.backend_variable);
        environment->strict = read_switch(DAL_ENV_STRICT);
    }
    /* Said once, and not by the interposer in each program again. */
    if (!dal_product_.has_switches && !read_text(DAL_ENV_STARTED_OVER))
        look_for_unknown();
    environment->verbose = read_switch(DAL_ENV_VERBOSE) == 1;
}
