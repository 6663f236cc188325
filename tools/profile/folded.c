/* SPDX-License-Identifier: MIT */
/* Folded stacks, as flame graph tools read them: "OUTERMOST;...;INNERMOST BYTES", with the bytes at
 * the peak. See output.h. */
#include "tools/profile/output.h"

#include <inttypes.h>
#include <string.h>

#include "lib/shared/control.h"

/* ';' parts names, and a line end stacks. What needs nothing is written at once: files are large.
 */
static void write_name(const char *name, FILE *to)
{
    const char *end = name + strlen(name), *plain = name;

    while (name < end) {
        uint32_t code = 0;
        size_t length = dal_character_(name, (size_t)(end - name), &code);

        if (length == 0 || dal_is_control_(code) || *name == ';') {
            fwrite(plain, 1, (size_t)(name - plain), to);
            putc(*name == ';' ? ':' : '?', to);
            plain = name + (length ? length : 1);
        }
        name += length ? length : 1;
    }
    fwrite(plain, 1, (size_t)(end - plain), to);
}

static void write_stack(const struct profile *profile, const struct profile_site *site, FILE *to)
{
    char text[PATH_MAX];

    if (site->depth == 0)
        fputs("??", to);
    for (uint32_t i = site->depth; i-- > 0;) {
        write_name(
            profile_frame_name(profile, profile_frame_of(profile, site, i), text, sizeof text), to);
        if (i > 0)
            putc(';', to);
    }
    fprintf(to, " %" PRIu64 "\n", site->values.peak_bytes);
}

int profile_write_folded(const struct profile *profile, FILE *to)
{
    for (size_t i = 0; i < profile->site_count; i++) {
        if (profile->sites[i].values.peak_bytes > 0)
            write_stack(profile, &profile->sites[i], to);
    }
    return 0;
}
