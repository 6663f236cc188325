/* SPDX-License-Identifier: MIT */
/* Paths of files that layers are told to write. For the layers of this folder only. */
#ifndef LAYERS_PATH_H
#define LAYERS_PATH_H

#include "instances.h"

/* Have a template of a path, as file_map() takes it, in DAL_FILE_PATH_MAX bytes, mean the same
 * wherever the process goes: the child of a fork may have left the directory that it is relative
 * to. Stays as it is if it is absolute, empty, or too long for that. */
LAYER_HIDDEN void dal_layer_path_make_absolute_(char *path);

#endif /* LAYERS_PATH_H */
