/* SPDX-License-Identifier: MIT */
/*
 * A unit test in which every allocation fails once: dal_fail_each() runs a function with the first
 * one failing, then with the second, and so on, and tells what the function does wrong. Here it
 * tests two ways to split a line into words; the one forgets what it has when it cannot go on.
 */
#include <dispatchalloc.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 8

struct words {
    char *word[WORDS_MAX];
    int count;
};

static void words_free(const struct dal_instance *memory, struct words *words)
{
    while (words->count > 0) {
        char *word = words->word[--words->count];

        dal_instance_dealloc(memory, word, strlen(word) + 1, 1);
    }
}

/* Returns 0, or -1 where there is no memory, and then there are no words. */
static int words_split(const struct dal_instance *memory, const char *line, struct words *words,
                       int forgets)
{
    words->count = 0;
    while (*line && words->count < WORDS_MAX) {
        size_t length = strcspn(line, " ");
        char *word = dal_instance_alloc(memory, length + 1, 1);

        if (word == NULL) {
            if (!forgets)
                words_free(memory, words);
            return -1;
        }
        memcpy(word, line, length);
        word[length] = '\0';
        words->word[words->count++] = word;
        line += length + strspn(line + length, " ");
    }
    return 0;
}

/* What is run again and again: 0 if the work was done. */
static int split_a_line(const struct dal_instance *memory, void *forgets)
{
    struct words words;

    if (words_split(memory, "every allocation may fail", &words, *(int *)forgets) != 0)
        return -1;
    words_free(memory, &words);
    return 0;
}

int main(void)
{
    for (int forgets = 0; forgets < 2; forgets++) {
        struct dal_fail_report report = DAL_FAIL_REPORT_INIT;
        int finding = dal_fail_each(split_a_line, &forgets, &report);

        if (finding < 0)
            return 1;
        printf("%s: %s\n", forgets ? "forgetful" : "careful",
               finding == DAL_FAIL_NONE ? "nothing is wrong" : report.message);
    }
    return 0;
}
