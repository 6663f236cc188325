/* SPDX-License-Identifier: MIT */
/* Numbers as a spec has them: digits, and K, M or G for powers of 1024; and words that stand for
 * one. */
#ifndef DAL_NUMBER_H
#define DAL_NUMBER_H

#include <stdint.h>
#include <string.h>

/* A number without sign or space, which K, M or G may follow if has_unit. Returns 0 if text is
 * not one, or too large for 64 bits. */
static inline int dal_number_parse_(const char *text, int has_unit, uint64_t *number)
{
    static const char units[] = "kKmMgG";
    const char *unit;
    uint64_t value = 0;
    unsigned shift = 0;

    if (*text < '0' || *text > '9')
        return 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');

        if (value > (UINT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    unit = has_unit && *text ? strchr(units, *text) : NULL;
    if (unit) {
        shift = 10 * (unsigned)((unit - units) / 2 + 1);
        text++;
    }
    if (*text || value > UINT64_MAX >> shift)
        return 0;
    *number = value << shift;
    return 1;
}

/* No machine has as much: a bound from there on is none to who reads it. */
#define DAL_NUMBER_ENDLESS_ (UINT64_C(1) << 56)

/* The bytes that 64KB, 1.5 MiB or 2T stand for, which are no numbers in a spec. Returns 0 if text
 * is nothing of the kind. */
static inline int dal_number_guess_(const char *text, uint64_t *bytes)
{
    static const char units[] = "bBkKmMgGtT";
    uint64_t value = 0, scale = 0; /* of 10, behind a point */
    const char *unit;

    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !scale); text++) {
        if (value >= UINT64_C(1) << 20)
            return 0;
        value = *text == '.' ? value : value * 10 + (uint64_t)(*text - '0');
        scale = *text == '.' ? 1 : scale * 10;
    }
    text += strspn(text, " ");
    unit = *text ? strchr(units, *text) : NULL;
    value <<= unit ? 10 * ((unit - units) / 2) : 0;
    text += unit != NULL;
    scale = scale ? scale : 1;
    *bytes = value / scale;
    return value > 0 && value % scale == 0 && !text[strspn(text, "iIbBytes")];
}

/* A number of bytes in the largest unit that it has whole ones of, which is "" for bytes. */
static inline uint64_t dal_number_in_units_(uint64_t bytes, const char **unit)
{
    static const char units[][2] = {"", "K", "M", "G"};
    size_t i = 0;

    while (bytes > 0 && bytes % 1024 == 0 && i + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        i++;
    }
    *unit = units[i];
    return bytes;
}

#endif /* DAL_NUMBER_H */
