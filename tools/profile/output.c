/* SPDX-License-Identifier: MIT */
/* A profile as a file: its form, by its name. See output.h. */
#define _GNU_SOURCE /* fileno, fseeko */
#include "tools/profile/output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a form may return besides. */
enum { FORM_FAILED = -2 };

struct form {
    const char *ending;
    int (*write)(const struct profile *profile, FILE *to);
    int needs_zlib;
};

/* As it is, but that pages of zeroes, which most are, take no room where that can be. */
static int write_raw(const struct profile *profile, FILE *to)
{
    static const char zeroes[4096];
    const char *bytes = profile->raw;
    struct stat status;
    int has_holes = fstat(fileno(to), &status) == 0 && S_ISREG(status.st_mode);
    size_t count;

    for (size_t i = 0; i < profile->raw_bytes; i += count) {
        size_t left = profile->raw_bytes - i;

        count = left < sizeof zeroes ? left : sizeof zeroes;
        if (!has_holes || memcmp(bytes + i, zeroes, count) != 0)
            (void)fwrite(bytes + i, 1, count, to);
        else
            (void)fseeko(to, (off_t)count, SEEK_CUR);
    }
    (void)fflush(to);
    return !has_holes || ferror(to) || ftruncate(fileno(to), (off_t)profile->raw_bytes) == 0
               ? 0
               : FORM_FAILED;
}

static const struct form forms[] = {
    {".pb.gz", profile_write_pprof_packed, 1},
    {".pb", profile_write_pprof, 0},
    {".folded", profile_write_folded, 0},
    {".json", profile_write_dhat, 0},
    {".svg", profile_write_svg, 0},
    {".html", profile_write_html, 0},
    {".raw", write_raw, 0},
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
                        "(pprof), .folded, .json (DHAT), .svg, .html, or .raw, the layer's own",
                        path);
    return NULL;
}

/* What it would be made in, or replaced by, may be written to. */
static int may_be_written(const char *path)
{
    const char *slash = strrchr(path, '/');
    char directory[PATH_MAX];

    if (access(path, F_OK) == 0)
        return access(path, W_OK) == 0;
    (void)snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                   slash ? path : ".");
    return access(directory, W_OK | X_OK) == 0;
}

int profile_check_name(const char *path)
{
    if (!find_form(path))
        return TOOL_TROUBLE;
    return may_be_written(path) ? TOOL_OK : tool_complain("%s: %s", path, strerror(errno));
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
    return written == 0             ? status
           : written == FORM_FAILED ? tool_complain("%s: it cannot be made as long", path)
                                    : tool_complain("%s: not enough memory", path);
}
