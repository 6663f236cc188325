/* SPDX-License-Identifier: MIT */
/* How somebody may have meant a spec that is refused: with other characters between its parts. */
#ifndef DAL_RESPELL_H
#define DAL_RESPELL_H

#include <stdbool.h>
#include <stddef.h>

/* Longer ones are not looked at. */
#define DAL_RESPELL_BYTES 256

/* Whether a spec with commas, semicolons, bars, colons, quotes or white space where they do not
 * belong has names alone that are there; then meant is how it is written, and backends says how
 * many of them are not known as layers. Opens nothing. */
bool dal_respell_(const char *text, char *meant, size_t bytes, size_t *backends);

#endif /* DAL_RESPELL_H */
