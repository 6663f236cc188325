/* SPDX-License-Identifier: MIT */
/* Words of which a value is one: "fast|small", and those of a switch. */
#ifndef DAL_CHOICE_WORDS_H
#define DAL_CHOICE_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Every second one is on. */
#define DAL_SWITCH_WORDS_ "off|on|false|true|no|yes|0|1"

/* Which of the words text is, from 0 on; their count if it is none. Returns 0 then. */
static inline int dal_choice_parse_(const char *choices, const char *text, uint64_t *number)
{
    size_t length = strlen(text);

    for (*number = 0;; (*number)++) {
        size_t word_length = strcspn(choices, "|");

        if (word_length == length && memcmp(choices, text, length) == 0)
            return 1;
        if (choices[word_length] == '\0')
            return 0;
        choices += word_length + 1;
    }
}

/* 1 or 0 of a switch. Returns 0 if text is none of its words. */
static inline int dal_switch_parse_(const char *text, uint64_t *number)
{
    int good = dal_choice_parse_(DAL_SWITCH_WORDS_, text, number);

    *number = good ? *number % 2 : 0;
    return good;
}

#endif /* DAL_CHOICE_WORDS_H */
