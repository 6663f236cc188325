/* SPDX-License-Identifier: MIT */
/* When the interposer leaves a process to who would serve it without. See aside.h. */
#include <config.h>

#include "aside.h"

#include "base/text.h"
#include "choice/choice.h"
#include "libc.h"
#include "loaded.h"

/* libjemalloc's, where the program has that; or those of the object which `run` preloads for it. */
extern void *mallocx(size_t size, int flags) __attribute__((weak));

/* Who makes blocks by its calls, which come to free(), or the reverse. */
struct callers {
    int program, module; /* a module that is over the same libjemalloc */
};

static int look_for_calls(const struct dal_loaded_ *object, void *data)
{
    static const char *const calls[] = {"mallocx", "rallocx", "xallocx",
                                        "sallocx", "dallocx", "sdallocx"};
    struct callers *callers = data;
    int makes_calls = 0;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        makes_calls |= dal_loaded_needs_(object, calls[i]) != NULL;
    if (dal_loaded_symbol_(object, "dal_module_"))
        callers->module |= makes_calls;
    else
        callers->program |= makes_calls;
    return 0;
}

static int needs_jemalloc(void)
{
    struct dal_loaded_ served;
    struct callers callers = {0, 0};

    if (!mallocx || dal_loaded_find_("libdispatchalloc-jemalloc.so", &served))
        return 0;
    (void)dal_loaded_visit_(look_for_calls, &callers);
    return callers.program && !callers.module;
}

const struct dal_malloc_family *dal_aside_family_(const struct dal_malloc_family *libc)
{
    const struct dal_malloc_family *next;

    if (dal_choice_environment_()->off)
        return dal_libc_next_();
    if (!needs_jemalloc())
        return libc;
    next = dal_libc_next_();
    if (next == libc)
        return libc;
    dal_log_("this program mixes calls of libjemalloc, such as mallocx(), with free(): the malloc "
             "that it has by itself serves. To have another, start it by `dispatchalloc run`, and "
             "not by what that starts");
    dal_choice_end_if_strict_();
    return next;
}
