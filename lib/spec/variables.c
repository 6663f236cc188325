/* SPDX-License-Identifier: MIT */
/* What the operator says by environment variables. */
#include <config.h>

#include "spec/variables.h"

#include "os/os.h"
#include "base/product.h"
#include "base/text.h"
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
    uint64_t number;

    if (!value)
        return -1;
    if (dal_option_parse_switch_(value, &number))
        return (int)number;
    dal_log_("%s=%s is ignored: accepted is " DAL_SWITCH_ACCEPTED_, name, value);
    return -1;
}

void dal_environment_read_(struct dal_environment_ *environment)
{
    *environment = (struct dal_environment_){.strict = -1};
    /* Who switches it off is not to hear what else is wrong. */
    if (dal_product_.has_switches) {
        environment->off = read_switch(DAL_ENV_OFF) == 1;
        environment->check = !environment->off && read_switch(DAL_ENV_CHECK) == 1;
    }
    if (!environment->off) {
        environment->backend = read_text(dal_product_.backend_variable);
        environment->strict = read_switch(DAL_ENV_STRICT);
    }
    environment->verbose = read_switch(DAL_ENV_VERBOSE) == 1;
}
