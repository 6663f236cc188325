/* SPDX-License-Identifier: MIT */
/* What makes the core the library. (The interposer: preload/product.c.) */
#include <config.h>

#include <stddef.h>

#include "base/product.h"
#include "choice/choice.h"

#ifdef HAVE_DL_ITERATE_PHDR
# include "shared/note.h"
DAL_NOTE_DEFINE_(note, DAL_NOTE_LIBRARY, PACKAGE_VERSION);
# define NOTE &note
#else
# define NOTE NULL
#endif

const struct dal_product_ dal_product_ = {NOTE, "DISPATCHALLOC_BACKEND", 0, 0};

/* Before the constructors of the program, and of the libraries that depend on us. */
__attribute__((constructor(101))) static void start_early(void)
{
    dal_choice_start_early_();
}
