/* SPDX-License-Identifier: MIT */
/* A profile as a file: its form, by its name. See output.h. */
#include "tools/profile/output.h"

#include <errno.h>
#include <string.h>

struct form {
    const char *ending;
    int (*write)(const struct profile *profile, FILE *to);
    int needs_zlib;
};

static const struct form forms[] = {
    {".pb.gz", profile_write_pprof_packed, 1},
    {".pb", profile_write_pprof, 0},
    {".folded", profile_write_folded, 0},
    {".json", profile_write_dhat, 0},
    {".svg", profile_write_svg, 0},
    {".html", profile_write_html, 0},
};

static int has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), wanted = strlen(ending);

    return length > wanted && strcmp(path + length - wanted, ending) == 0;
}

/* NULL after a message. */
static const struct form *find_form(const char *path)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!has_ending(path, forms[i].ending))
            continue;
        if (!forms[i].needs_zlib || gzip_is_there())
            return &forms[i];
        (void)tool_complain("%s: there is no zlib to pack it with; .pb is the same unpacked", path);
        return NULL;
    }
    (void)tool_complain("%s: the end of its name says no form that is known: .pb.gz or .pb "
                        "(pprof), .folded, .json (DHAT), .svg or .html",
                        path);
    return NULL;
}

int profile_check_name(const char *path)
{
    return find_form(path) ? TOOL_OK : TOOL_TROUBLE;
}

/* What could not be written may be found out by the last flush alone. */
static int close_file(FILE *to, const char *path)
{
    int has_failed = ferror(to);

    if (fclose(to) != 0 || has_failed)
        return tool_complain("%s: %s", path, errno ? strerror(errno) : "it could not be written");
    return TOOL_OK;
}

int profile_write(const struct profile *profile, const char *path)
{
    const struct form *form = find_form(path);
    FILE *to = form ? fopen(path, "we") : NULL;
    int written, status;

    if (!form)
        return TOOL_TROUBLE;
    if (!to)
        return tool_complain("%s: %s", path, strerror(errno));
    errno = 0;
    written = form->write(profile, to);
    status = close_file(to, path);
    return written == 0 ? status : tool_complain("%s: not enough memory", path);
}
