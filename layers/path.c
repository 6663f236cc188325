/* SPDX-License-Identifier: MIT */
/* Paths of files that layers are told to write. See path.h. */
#include <string.h>
#include <unistd.h>

#include <dispatchalloc/service.h>

#include "path.h"

void dal_layer_path_make_absolute_(char *path)
{
    char here[DAL_FILE_PATH_MAX], whole[DAL_FILE_PATH_MAX];
    size_t used = 0, length = strlen(path);

    if (length == 0 || *path == '/' || !getcwd(here, sizeof here) || *here != '/')
        return;
    for (const char *at = here; *at; at++) {
        if (used + 3 > sizeof whole)
            return;
        whole[used++] = *at;
        if (*at == '%')
            whole[used++] = '%';
    }
    if (whole[used - 1] != '/')
        whole[used++] = '/';
    if (used + length >= sizeof whole)
        return;
    memcpy(whole + used, path, length + 1);
    memcpy(path, whole, used + length + 1);
}
