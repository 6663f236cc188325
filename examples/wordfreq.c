/* SPDX-License-Identifier: MIT */
/*
 * wordfreq: count the words of files and print the most frequent ones.
 *
 *     wordfreq [-n TOP] [-r REPEAT] FILE...
 *
 * A real program in miniature, to show the typed calls at work: each file is counted in
 * a hash table of its own, which is then merged into that of all files and given back.
 * No size is written by hand, and nothing here knows which allocator serves. The result
 * goes to standard output and is the same under every allocator; who served, how often
 * and with how much goes to standard error.
 *
 * A word is a run of letters, in lower case; bytes from 128 on count as letters, so that
 * UTF-8 stays whole.
 */
#include <dispatchalloc.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

struct entry {
    struct entry *next;
    char *word;
    uint64_t hash;
    uint64_t count;
};

struct table {
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t entry_count;
};

/* The word that is being read; it grows as needed and is kept from word to word. */
struct word {
    char *text;
    size_t length;
    size_t capacity;
};

static uint64_t call_count;
static uint64_t asked_bytes;

/* Every pointer that the library hands out passes here: counted, and never NULL. */
static void *got(void *ptr, size_t bytes)
{
    call_count++;
    if (ptr == NULL) {
        fprintf(stderr, "wordfreq: out of memory: \"%s\" has no %zu bytes (call %llu)\n",
                dal_global_name(), bytes, (unsigned long long)call_count);
        exit(EXIT_FAILURE);
    }
    asked_bytes += bytes;
    return ptr;
}

static struct entry **buckets_new(size_t count)
{
    return got(dal_array_new_zeroed(struct entry *, count), count * sizeof(struct entry *));
}

static struct table table_new(void)
{
    return (struct table){buckets_new(64), 64, 0};
}

static void table_grow(struct table *table)
{
    size_t count = table->bucket_count * 2;
    struct entry **buckets = buckets_new(count);

    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct entry *entry = table->buckets[i], *next; entry != NULL; entry = next) {
            struct entry **bucket = &buckets[entry->hash & (count - 1)];

            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    dal_array_delete(struct entry *, table->buckets, table->bucket_count);
    table->buckets = buckets;
    table->bucket_count = count;
}

static void table_add(struct table *table, const char *word, uint64_t hash, uint64_t count)
{
    struct entry *entry = table->buckets[hash & (table->bucket_count - 1)];

    while (entry != NULL && (entry->hash != hash || strcmp(entry->word, word) != 0))
        entry = entry->next;
    if (entry != NULL) {
        entry->count += count;
        return;
    }
    if (table->entry_count == table->bucket_count)
        table_grow(table);

    struct entry **bucket = &table->buckets[hash & (table->bucket_count - 1)];

    entry = got(dal_new(struct entry), sizeof *entry);
    *entry = (struct entry){*bucket, got(dal_strdup(word), strlen(word) + 1), hash, count};
    *bucket = entry;
    table->entry_count++;
}

static void table_merge(struct table *total, const struct table *part)
{
    for (size_t i = 0; i < part->bucket_count; i++) {
        for (const struct entry *entry = part->buckets[i]; entry != NULL; entry = entry->next)
            table_add(total, entry->word, entry->hash, entry->count);
    }
}

static void table_delete(struct table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct entry *entry = table->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            dal_string_delete(entry->word);
            dal_delete(struct entry, entry);
        }
    }
    dal_array_delete(struct entry *, table->buckets, table->bucket_count);
}

static void word_add(struct word *word, char letter)
{
    if (word->length == word->capacity) {
        size_t capacity = word->capacity == 0 ? 32 : word->capacity * 2;

        word->text = got(dal_array_resize(char, word->text, word->capacity, capacity), capacity);
        word->capacity = capacity;
    }
    word->text[word->length++] = letter;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const struct word *word)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < word->length; i++)
        hash = (hash ^ (unsigned char)word->text[i]) * 0x100000001b3u;
    return hash;
}

static void word_end(struct word *word, struct table *table)
{
    if (word->length == 0)
        return;

    uint64_t hash = hash_of(word);

    word_add(word, '\0');
    table_add(table, word->text, hash, 1);
    word->length = 0;
}

static void count_bytes(struct table *table, struct word *word, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte >= 'A' && byte <= 'Z')
            byte = (unsigned char)(byte - 'A' + 'a');
        if ((byte >= 'a' && byte <= 'z') || byte >= 0x80)
            word_add(word, (char)byte);
        else
            word_end(word, table);
    }
}

/* Add the words of a file to total, all of them or, with a message, none. */
static bool count_file(struct table *total, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");

    if (file == NULL) {
        fprintf(stderr, "wordfreq: %s: %s\n", path, strerror(errno));
        return false;
    }

    struct table table = table_new();
    struct word word = {NULL, 0, 0};
    char *bytes = got(dal_array_new(char, READ_BYTES), READ_BYTES);
    size_t count;

    while ((count = fread(bytes, 1, READ_BYTES, file)) > 0)
        count_bytes(&table, &word, bytes, count);

    bool good = !ferror(file);

    if (good) {
        word_end(&word, &table);
        table_merge(total, &table);
    } else {
        fprintf(stderr, "wordfreq: %s: %s\n", path, strerror(errno));
    }
    dal_array_delete(char, bytes, READ_BYTES);
    dal_array_delete(char, word.text, word.capacity);
    table_delete(&table);
    if (file != stdin)
        fclose(file);
    return good;
}

/* The most frequent first, equals by the alphabet. */
static int compare(const void *left, const void *right)
{
    const struct entry *a = *(struct entry *const *)left;
    const struct entry *b = *(struct entry *const *)right;

    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->word, b->word);
}

static void print_result(const struct table *total, size_t top)
{
    struct entry **sorted = buckets_new(total->entry_count);
    uint64_t words = 0;
    size_t count = 0;

    for (size_t i = 0; i < total->bucket_count; i++) {
        for (struct entry *entry = total->buckets[i]; entry != NULL; entry = entry->next) {
            sorted[count++] = entry;
            words += entry->count;
        }
    }
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count && i < top; i++)
        printf("%8llu %s\n", (unsigned long long)sorted[i]->count, sorted[i]->word);
    printf("%8llu words, %zu different\n", (unsigned long long)words, count);
    dal_array_delete(struct entry *, sorted, total->entry_count);
}

static unsigned long number(const char *text, const char *what)
{
    char *end;
    unsigned long value;

    errno = 0;
    value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
        fprintf(stderr, "wordfreq: %s: not a %s\n", text, what);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    size_t top = 10;
    unsigned long repeat = 1;
    int option;

    while ((option = getopt(argc, argv, "n:r:")) != -1) {
        if (option == 'n')
            top = number(optarg, "number of words to print");
        else if (option == 'r')
            repeat = number(optarg, "number of times to read the files");
        else
            optind = argc; /* getopt has said what is wrong */
    }
    if (optind >= argc) {
        fprintf(stderr, "usage: wordfreq [-n TOP] [-r REPEAT] FILE...\n");
        return 2;
    }

    struct table total = table_new();
    bool good = true;

    for (int i = optind; i < argc; i++) {
        bool readable = true;

        /* A file that cannot be read is reported once. */
        for (unsigned long pass = 0; pass < repeat && readable; pass++)
            readable = count_file(&total, argv[i]);
        good = good && readable;
    }
    print_result(&total, top);
    table_delete(&total);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "wordfreq: cannot write the result: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    fprintf(stderr, "%s served %llu calls for %llu bytes\n", dal_global_name(),
            (unsigned long long)call_count, (unsigned long long)asked_bytes);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
