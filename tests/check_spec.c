/* SPDX-License-Identifier: MIT */
/*
 * Specs: the grammar with every way to break it, the values of options, and what is said of
 * each mistake, to the letter.
 */
#include <config.h>

#include <check.h>
#include <dispatchalloc/backend.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/spec.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "spec/spec.h"
#include "suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Grammar ------------------------------------------------------------------------------- */

/* Parse a copy that ends where its memory does, so that a checker sees any step beyond. */
static int parse(struct dal_spec_ *spec, const char *text, char *message, size_t message_bytes)
{
    struct dal_text_ why = dal_text_over_(message, message_bytes);
    char *copy = strdup(text);
    int error;

    ck_assert_ptr_nonnull(copy);
    error = dal_spec_parse_(spec, copy, &why);
    free(copy);
    return error;
}

/* The list that a value in parentheses has become. */
static size_t list_of(const struct dal_spec_ *spec, size_t item, const char *key)
{
    for (size_t i = 1; i < spec->list_count; i++) {
        if (spec->lists[i].owner == item && strcmp(spec->lists[i].key, key) == 0)
            return i;
    }
    ck_abort_msg("\"%s\" of \"%s\" has no list", key, spec->items[item].name);
    return 0;
}

static void show_list(const struct dal_spec_ *spec, size_t list, struct dal_text_ *out);

static void show_pair(const struct dal_spec_ *spec, size_t item, const struct dal_spec_pair_ *pair,
                      struct dal_text_ *out)
{
    dal_text_add_(out, "%s=", pair->key);
    if (pair->is_nested) {
        dal_text_add_(out, "<");
        show_list(spec, list_of(spec, item, pair->key), out);
        dal_text_add_(out, ">");
    } else {
        dal_text_add_(out, "%s", pair->value);
    }
}

static void show_list(const struct dal_spec_ *spec, size_t list, struct dal_text_ *out)
{
    size_t first = spec->lists[list].first;

    for (size_t i = first; i < first + spec->lists[list].count; i++) {
        const struct dal_spec_item_ *item = &spec->items[i];

        ck_assert_uint_eq(item->list, list);
        dal_text_add_(out, "%s(", item->name);
        for (size_t j = 0; j < item->pair_count; j++) {
            dal_text_add_(out, "%s", j ? ";" : "");
            show_pair(spec, i, &item->pairs[j], out);
        }
        dal_text_add_(out, ")");
    }
}

/* "name(key=value;key=<name()>)name()": what was understood. */
static void show(const struct dal_spec_ *spec, char *text, size_t bytes)
{
    struct dal_text_ out = dal_text_over_(text, bytes);

    show_list(spec, 0, &out);
    ck_assert_uint_lt(out.length, bytes);
}

static const struct {
    const char *text, *means;
} good[] = {
    {"a", "a()"},
    {"a+b", "a()b()"},
    {"a:k=v", "a(k=v)"},
    {"a:k=v,l=w+b:k=x+c", "a(k=v;l=w)b(k=x)c()"},
    {"a:k=v+a:k=w", "a(k=v)a(k=w)"},
    {"a:k=", "a(k=)"},
    {"a:k=,l=", "a(k=;l=)"},
    /* The first ':' ends a name, the first '=' a key. */
    {"a:k=x:y=z", "a(k=x:y=z)"},
    {"a:k==", "a(k==)"},
    {"a=b", "a=b()"},
    {"/usr/lib/x.so:k=/a/b", "/usr/lib/x.so(k=/a/b)"},
    /* Escapes, in values only. */
    {"a:k=%2B%2C%25", "a(k=+,%)"},
    {"a:k=%2b%2c", "a(k=+,)"},
    {"a:k=1%2C2,l=3%2B4+b", "a(k=1,2;l=3+4)b()"},
    {"a:k=%41%7a%20", "a(k=Az )"},
    {"a:k=%ff", "a(k=\xff)"},
    {"a:k=100%", "a(k=100%)"},
    {"a:k=%", "a(k=%)"},
    {"a:k=%%", "a(k=%%)"},
    {"a:k=%2", "a(k=%2)"},
    {"a:k=%2,l=%", "a(k=%2;l=%)"},
    {"a:k=%G0%0g", "a(k=%G0%0g)"},
    {"a:k=%p.%u", "a(k=%p.%u)"},
    {"a:k=%%2B", "a(k=%+)"},
    {"a:k=%252B", "a(k=%2B)"},
    /* In names too, but not in keys. */
    {"a%2Bb:k%2C=v", "a+b(k%2C=v)"},
    {"/my%20modules/c%2B%2B/x.so:k=v", "/my modules/c++/x.so(k=v)"},
    {"a:k=%28%29%5b%5D%7B%7D%3B%7C%27%22%20%09%0a", "a(k=()[]{};|'\" \t\n)"},
    /* A value in parentheses is a spec of its own, up to its own parenthesis. */
    {"a:k=(b)", "a(k=<b()>)"},
    {"a:k=(b)+c", "a(k=<b()>)c()"},
    {"a:k=(b),l=v", "a(k=<b()>;l=v)"},
    {"a:k=(b+c:l=v,m=w+d),l=x+e:m=(f)", "a(k=<b()c(l=v;m=w)d()>;l=x)e(m=<f()>)"},
    {"a:k=(b:l=(c:m=(d:n=(e))))", "a(k=<b(l=<c(m=<d(n=<e()>)>)>)>)"},
    {"a:k=(b:l=(c),m=(d)+e),n=(f)", "a(k=<b(l=<c()>;m=<d()>)e()>;n=<f()>)"},
    {"a:k=(b:l=%2B%29)", "a(k=<b(l=+))>)"},
    {"a:k=(%2528)", "a(k=<%28()>)"},
    {"a:k=%28b%29", "a(k=(b))"},
    /* Case counts. */
    {"a:k=v,K=w", "a(k=v;K=w)"},
};

START_TEST(test_spec_means_what_the_grammar_says)
{
    struct dal_spec_ spec;
    char message[256], shown[256];

    ck_assert_msg(parse(&spec, good[_i].text, message, sizeof message) == 0, "%s: %s",
                  good[_i].text, message);
    show(&spec, shown, sizeof shown);
    ck_assert_str_eq(shown, good[_i].means);
    ck_assert_str_eq(message, "");
}
END_TEST

#define NOT_A_PAIR(name, given) \
    "\"" name "\" takes options as key=value, separated by commas, not \"" given "\""

#define RESERVED(what, byte, reason, escape) \
    "the " what " at byte " byte " " reason "; in a name or a value it is written %" escape
#define AFTER_NESTED(byte) "byte " byte " follows a value in parentheses, which ends with its )"

static const struct {
    const char *text, *message;
} bad[] = {
    {"", "it is empty"},
    {"+", "item 1 has no name"},
    {"+a", "item 1 has no name"},
    {"a+", "item 2 has no name"},
    {"a++b", "item 2 has no name"},
    {"a+b+", "item 3 has no name"},
    {":", "item 1 has no name"},
    {":k=v", "item 1 has no name"},
    {"a+:k=v", "item 2 has no name"},
    {"a:", NOT_A_PAIR("a", "")},
    {"a:+b", NOT_A_PAIR("a", "")},
    {"a:k", NOT_A_PAIR("a", "k")},
    {"a:=", NOT_A_PAIR("a", "=")},
    {"a:=v", NOT_A_PAIR("a", "=v")},
    {"a:,", NOT_A_PAIR("a", "")},
    {"a:k=v,", NOT_A_PAIR("a", "")},
    {"a:,k=v", NOT_A_PAIR("a", "")},
    {"a:k=v,,l=w", NOT_A_PAIR("a", "")},
    {"a:k=v,l", NOT_A_PAIR("a", "l")},
    {"a:k=v,=w", NOT_A_PAIR("a", "=w")},
    {"a:k=v+b:l", NOT_A_PAIR("b", "l")},
    {"a:k=v,k=w", "\"a\" has the option \"k\" twice"},
    {"a:k=v,l=,k=v", "\"a\" has the option \"k\" twice"},
    {"a:k=%00", "%00 cannot be part of a value (option \"k\" of \"a\")"},
    {"a:k=v%00w", "%00 cannot be part of a value (option \"k\" of \"a\")"},
    {"a+b%00", "%00 cannot be part of a name (item 2)"},
    /* What a spec keeps for itself, in a name, a key and a value. */
    {"a b", RESERVED("space", "2", "cannot stand in a spec", "20")},
    {"a:k\t=v", RESERVED("tab", "4", "cannot stand in a spec", "09")},
    {"a:k=v\n", RESERVED("newline", "6", "cannot stand in a spec", "0A")},
    {"\ra", RESERVED("carriage return", "1", "cannot stand in a spec", "0D")},
    {"a+\v", RESERVED("vertical tab", "3", "cannot stand in a spec", "0B")},
    {"a:k=\f", RESERVED("form feed", "5", "cannot stand in a spec", "0C")},
    {"[a]", RESERVED("character [", "1", "cannot stand in a spec", "5B")},
    {"a:k=]", RESERVED("character ]", "5", "cannot stand in a spec", "5D")},
    {"a{", RESERVED("character {", "2", "cannot stand in a spec", "7B")},
    {"a}", RESERVED("character }", "2", "cannot stand in a spec", "7D")},
    {"a;b", RESERVED("character ;", "2", "cannot stand in a spec", "3B")},
    {"a:k=v|w", RESERVED("character |", "6", "cannot stand in a spec", "7C")},
    {"a:k='v'", RESERVED("character '", "5", "cannot stand in a spec", "27")},
    {"a:k=\"v\"", RESERVED("character \"", "5", "cannot stand in a spec", "22")},
    {"/my modules/x.so", RESERVED("space", "4", "cannot stand in a spec", "20")},
    {"a:k=(b:l=v w)", RESERVED("space", "11", "cannot stand in a spec", "20")},
    {"a(b)", RESERVED("character (", "2", "can only begin a value", "28")},
    {"(a)", RESERVED("character (", "1", "can only begin a value", "28")},
    {"a:(k)=v", RESERVED("character (", "3", "can only begin a value", "28")},
    {"a:k=v(b)", RESERVED("character (", "6", "can only begin a value", "28")},
    {"a:k==(b)", RESERVED("character (", "6", "can only begin a value", "28")},
    {"a:k=((b))", RESERVED("character (", "6", "can only begin a value", "28")},
    {"a)", RESERVED("character )", "2", "closes nothing", "29")},
    {"a:k=v)", RESERVED("character )", "6", "closes nothing", "29")},
    {"a:k=(b))", AFTER_NESTED("8")},
    {"a:k=(b)c", AFTER_NESTED("8")},
    {"a:k=(b)(c)", AFTER_NESTED("8")},
    {"a:k=(b):l=v", AFTER_NESTED("8")},
    {"a:k=(b)%2B", AFTER_NESTED("8")},
    {"a:k=(b", "the ( at byte 5 is not closed"},
    {"a:k=(b:l=(c)", "the ( at byte 5 is not closed"},
    {"a:k=(b:l=(c", "the ( at byte 10 is not closed"},
    {"a:k=(", "the ( at byte 5 is not closed"},
    {"a:k=(b:l=(c:m=(d:n=(e:o=(f)))))", "more than 4 parentheses within each other"},
    /* The mistakes of a nested spec say whose value it is. */
    {"a:k=()", "option \"k\" of \"a\": item 1 has no name"},
    {"x+a:k=(b+)", "option \"k\" of \"a\": item 2 has no name"},
    {"a:k=(b:l)", "option \"k\" of \"a\": " NOT_A_PAIR("b", "l")},
    {"a:k=(b:l)+c:", NOT_A_PAIR("c", "")},
    {"a:k=(b:l=v,l=w)", "option \"k\" of \"a\": \"b\" has the option \"l\" twice"},
    {"a:k=(b),k=(c)", "\"a\" has the option \"k\" twice"},
    {"a:k=(b:l=(c:m=%00))",
     "option \"l\" of \"b\": %00 cannot be part of a value (option \"m\" of \"c\")"},
    {"a:k=(b%00)", "option \"k\" of \"a\": %00 cannot be part of a name (item 1)"},
};

START_TEST(test_malformed_spec_is_refused_with_its_reason)
{
    struct dal_spec_ spec;
    char message[256];

    ck_assert_msg(parse(&spec, bad[_i].text, message, sizeof message) == DAL_ERR_SYNTAX, "%s",
                  bad[_i].text);
    ck_assert_str_eq(message, bad[_i].message);
}
END_TEST

static void repeat(char *text, const char *what, const char *between, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strcat(text, i ? between : "");
        strcat(text, what);
    }
}

START_TEST(test_sixteen_items_are_the_most)
{
    struct dal_spec_ spec;
    char text[128] = "", message[256];

    repeat(text, "a", "+", DAL_SPEC_ITEMS_MAX);
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), 0);
    ck_assert_uint_eq(spec.item_count, 16);
    strcat(text, "+a");
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), DAL_ERR_SYNTAX);
    ck_assert_str_eq(message, "more than 16 items");
}
END_TEST

/* In parentheses or not, and however many of these there are. */
START_TEST(test_nested_items_count_with_the_others)
{
    struct dal_spec_ spec;
    char text[256], message[256];

    strcpy(text, "a:k=(b+c+d:l=(e+f)),m=(g)+h+");
    repeat(text, "i", "+", 8);
    ck_assert_msg(parse(&spec, text, message, sizeof message) == 0, "%s", message);
    ck_assert_uint_eq(spec.item_count, 16);
    ck_assert_uint_eq(spec.list_count, 4);
    strcat(text, "+a");
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), DAL_ERR_SYNTAX);
    ck_assert_str_eq(message, "option \"l\" of \"d\": more than 16 items");
    strcpy(text, "a:k0=(a)");
    for (int i = 1; i < DAL_SPEC_ITEMS_MAX; i++)
        sprintf(text + strlen(text), ",k%d=(a)", i);
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), DAL_ERR_SYNTAX);
    ck_assert_str_eq(message, "more than 16 items");
}
END_TEST

START_TEST(test_sixtyfour_options_are_the_most)
{
    struct dal_spec_ spec;
    char text[1024] = "", message[256], pair[16];

    for (int i = 0; i < DAL_SPEC_PAIRS_MAX; i++) {
        snprintf(pair, sizeof pair, i % 32 ? ",k%d=v" : i ? "+b:k%d=v" : "a:k%d=v", i);
        strcat(text, pair);
    }
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), 0);
    ck_assert_uint_eq(spec.items[0].pair_count, 32);
    ck_assert_uint_eq(spec.items[1].pair_count, 32);
    ck_assert_str_eq(spec.items[1].pairs[31].key, "k63");
    strcat(text, ",more=v");
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), DAL_ERR_SYNTAX);
    ck_assert_str_eq(message, "more than 64 options");
}
END_TEST

START_TEST(test_longest_spec_has_4095_bytes)
{
    static char text[DAL_SPEC_BYTES_MAX + 2];
    struct dal_spec_ spec;
    char message[256];

    memset(text, 'n', DAL_SPEC_BYTES_MAX);
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), 0);
    ck_assert_uint_eq(strlen(spec.items[0].name), 4095);
    text[DAL_SPEC_BYTES_MAX] = 'n';
    ck_assert_int_eq(parse(&spec, text, message, sizeof message), DAL_ERR_SYNTAX);
    ck_assert_str_eq(message, "it is longer than 4095 bytes");
}
END_TEST

static void write_list(const struct dal_spec_ *spec, size_t list, struct dal_text_ *out);

static void write_escaped(const char *text, const char *escaped, struct dal_text_ *out)
{
    for (; *text; text++)
        dal_text_add_(out, strchr(escaped, *text) ? "%%%02X" : "%c", (unsigned char)*text);
}

static void write_pair(const struct dal_spec_ *spec, size_t item, size_t index,
                       struct dal_text_ *out)
{
    const struct dal_spec_pair_ *pair = &spec->items[item].pairs[index];

    dal_text_add_(out, "%s%s=", index ? "," : ":", pair->key);
    if (pair->is_nested) {
        dal_text_add_(out, "(");
        write_list(spec, list_of(spec, item, pair->key), out);
        dal_text_add_(out, ")");
    } else {
        write_escaped(pair->value, "+,%()[]{};|'\" \t\n\r\v\f", out);
    }
}

static void write_list(const struct dal_spec_ *spec, size_t list, struct dal_text_ *out)
{
    size_t first = spec->lists[list].first;

    for (size_t i = first; i < first + spec->lists[list].count; i++) {
        dal_text_add_(out, "%s", i > first ? "+" : "");
        write_escaped(spec->items[i].name, "+:%()[]{};|'\" \t\n\r\v\f", out);
        for (size_t j = 0; j < spec->items[i].pair_count; j++)
            write_pair(spec, i, j, out);
    }
}

/* What was understood can be written down and is understood alike. */
static void expect_round_trip(const struct dal_spec_ *spec, const char *text)
{
    static struct dal_spec_ again;
    char message[256], shown[16384], shown_again[16384], written[16384];
    struct dal_text_ out = dal_text_over_(written, sizeof written);

    show(spec, shown, sizeof shown);
    write_list(spec, 0, &out);
    ck_assert_uint_lt(out.length, sizeof written);
    if (out.length > DAL_SPEC_BYTES_MAX)
        return;
    ck_assert_msg(parse(&again, written, message, sizeof message) == 0, "%s, again %s: %s", text,
                  written, message);
    show(&again, shown_again, sizeof shown_again);
    ck_assert_str_eq(shown_again, shown);
}

static uint32_t random_state;

static size_t random_below(size_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

/* Texts made of the characters that matter, good and bad: what is understood can be written
 * down, and what is not has a reason. */
START_TEST(test_any_text_is_understood_or_refused_with_a_reason)
{
    static const char alphabet[] = "aaab++::,,==%2BC0\xc3((()) ;|'\t";
    static struct dal_spec_ spec;
    int understood = 0, nested = 0;

    for (int round = suite_fuzz_rounds(50000); round > 0; round--) {
        char text[40] = "", message[256];

        for (size_t i = 0; i < sizeof text - 1 && random_below(16); i++)
            text[i] = alphabet[random_below(sizeof alphabet - 1)];
        if (random_below(4) == 0)
            memcpy(text, "a:b=(", 5);
        if (parse(&spec, text, message, sizeof message) != 0) {
            ck_assert_msg(message[0] != '\0', "%s", text);
            continue;
        }
        understood++;
        nested += spec.list_count > 1;
        expect_round_trip(&spec, text);
    }
    ck_assert_int_gt(understood, 1000);
    ck_assert_int_gt(nested, 20);
}
END_TEST

START_TEST(test_any_bytes_are_understood_or_refused_with_a_reason)
{
    static struct dal_spec_ spec;

    for (int round = suite_fuzz_rounds(10000); round > 0; round--) {
        char text[64], message[256];
        size_t length = random_below(sizeof text);

        for (size_t i = 0; i < length; i++)
            text[i] = (char)(random_below(255) + 1);
        text[length] = '\0';
        if (parse(&spec, text, message, sizeof message) == 0)
            expect_round_trip(&spec, text);
        else
            ck_assert_msg(message[0] != '\0', "%s", text);
    }
}
END_TEST

/* A spec that is good, with what it means as show() has it. */
struct drawn {
    struct dal_text_ text, means;
    size_t items_left, pairs_left;
};

static void draw_text(struct drawn *drawn, int is_name)
{
    static const char plain[] = "abcXYZ019_-./%";

    for (size_t count = random_below(5) + (size_t)is_name; count > 0; count--) {
        char c = plain[random_below(sizeof plain - 1)];
        int byte = random_below(4) ? c : (int)random_below(255) + 1;

        /* A '%' would be one with what comes behind it. */
        dal_text_add_(&drawn->text, byte == c && c != '%' ? "%c" : "%%%02x", byte);
        dal_text_add_(&drawn->means, "%c", byte);
    }
}

static void draw_list(struct drawn *drawn, int depth)
{
    int is_first = 1;

    do {
        size_t pairs = random_below(4);

        drawn->items_left--;
        dal_text_add_(&drawn->text, "%s", is_first ? "" : "+");
        draw_text(drawn, 1);
        dal_text_add_(&drawn->means, "(");
        for (size_t i = 0; i < pairs && drawn->pairs_left > 0; i++) {
            drawn->pairs_left--;
            dal_text_add_(&drawn->text, "%sk%zu=", i ? "," : ":", i);
            dal_text_add_(&drawn->means, "%sk%zu=", i ? ";" : "", i);
            if (depth < DAL_SPEC_DEPTH_MAX && drawn->items_left > 0 && random_below(2)) {
                dal_text_add_(&drawn->text, "(");
                dal_text_add_(&drawn->means, "<");
                draw_list(drawn, depth + 1);
                dal_text_add_(&drawn->text, ")");
                dal_text_add_(&drawn->means, ">");
            } else {
                draw_text(drawn, 0);
            }
        }
        dal_text_add_(&drawn->means, ")");
        is_first = 0;
    } while (drawn->items_left > 0 && random_below(3) == 0);
}

START_TEST(test_any_good_spec_is_understood_and_a_cut_or_changed_one_bears_it)
{
    static struct dal_spec_ spec;
    static char text[8192], means[8192];
    int deep = 0;

    for (int round = suite_fuzz_rounds(3000); round > 0; round--) {
        struct drawn drawn = {dal_text_over_(text, sizeof text),
                              dal_text_over_(means, sizeof means), DAL_SPEC_ITEMS_MAX,
                              DAL_SPEC_PAIRS_MAX};
        char message[256], shown[8192];

        draw_list(&drawn, 0);
        ck_assert_uint_lt(drawn.text.length, DAL_SPEC_BYTES_MAX);
        ck_assert_msg(parse(&spec, text, message, sizeof message) == 0, "%s: %s", text, message);
        show(&spec, shown, sizeof shown);
        ck_assert_str_eq(shown, means);
        expect_round_trip(&spec, text);
        deep += spec.lists[spec.list_count - 1].depth == DAL_SPEC_DEPTH_MAX;

        text[random_below(drawn.text.length)] = "+:,=()%a \xff"[random_below(10)];
        if (random_below(2))
            text[random_below(drawn.text.length + 1)] = '\0';
        if (parse(&spec, text, message, sizeof message) == 0)
            expect_round_trip(&spec, text);
        else
            ck_assert_msg(message[0] != '\0', "%s", text);
    }
    ck_assert_int_gt(deep, 3);
}
END_TEST

/* ---- Options ------------------------------------------------------------------------------- */

static int create_nothing(const struct dal_backend_request *request,
                          struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return DAL_ERR_CREATE;
}

static const struct dal_option every_option[] = {
    {"size", DAL_OPTION_BYTES, 0, 1024, 1 << 30, "64K", NULL, "bytes"},
    {"any", DAL_OPTION_BYTES, 0, 0, UINT64_MAX, NULL, NULL, "bytes"},
    {"count", DAL_OPTION_COUNT, 0, 2, 10, "3", NULL, "a number"},
    {"flag", DAL_OPTION_SWITCH, 0, 0, 0, "on", NULL, "a switch"},
    {"mode", DAL_OPTION_CHOICE, 0, 0, 0, "small", "fast|small|x", "a word"},
    {"text", DAL_OPTION_TEXT, 0, 0, 0, NULL, NULL, "anything"},
};

#define BACKEND(name_, flags_, options_, count_)                                                  \
    {                                                                                             \
        DAL_BACKEND_HEADER, .name = name_, .version = "1", .summary = "a test", .flags = flags_,  \
                            .option_count = count_, .options = options_, .create = create_nothing \
    }

static const struct dal_option spec_options[] = {
    {"to", DAL_OPTION_SPEC, 0, 0, 0, NULL, NULL, "a spec"},
    {"tee", DAL_OPTION_SPEC, 0, 0, 0, "(bare)", NULL, "a spec with a default"},
};

static const struct dal_option text_options[] = {
    {"some", DAL_OPTION_TEXT, 0, 2, 0, NULL, NULL, "a text of two bytes or more"},
    {"few", DAL_OPTION_TEXT, 0, 1, 3, NULL, NULL, "a text of up to three bytes"},
};

static const struct dal_option endless_options[] = {
    {"more", DAL_OPTION_SPEC, 0, 0, 0, "(endless)", NULL, "a default that has no end"},
};

static const struct dal_backend backends[] = {
    BACKEND("opts", 0, every_option, COUNT_OF(every_option)),
    BACKEND("bare", 0, NULL, 0),
    BACKEND("own", DAL_BACKEND_CHECKS_OPTIONS, every_option, 1),
    BACKEND("wrap", DAL_BACKEND_LAYER, NULL, 0),
    BACKEND("nest", DAL_BACKEND_LAYER, spec_options, COUNT_OF(spec_options)),
    BACKEND("texts", 0, text_options, COUNT_OF(text_options)),
    BACKEND("endless", 0, endless_options, 1),
};

static void register_backends(void)
{
    for (size_t i = 0; i < COUNT_OF(backends); i++)
        ck_assert_int_eq(dal_backend_register(&backends[i]), 0);
}

/* "opts size*65536[64K] any0 ...": '*' where the spec gave it, then number and text. */
static int show_item(const struct dal_spec_item *item, void *data)
{
    struct dal_text_ *out = data;

    dal_text_add_(out, "%s%s", out->length ? " | " : "", item->backend->name);
    for (size_t i = 0; i < item->value_count; i++) {
        const struct dal_option_value *value = dal_spec_item_value(item, i);

        ck_assert(value->option == NULL || strcmp(value->option->name, value->key) == 0);
        dal_text_add_(out, " %s%s%s%" PRIu64 "[%s]", value->option ? "" : "?", value->key,
                      value->given ? "*" : " ", value->number, value->text ? value->text : "none");
    }
    return 0;
}

static const struct {
    const char *spec, *values;
} option_values[] = {
    {"opts", "opts size 65536[64K] any 0[none] count 3[3] flag 1[on] mode 1[small] text 0[none]"},
    {"opts:text=%2B,size=1M", "opts size*1048576[1M] any 0[none] count 3[3] flag 1[on] "
                              "mode 1[small] text*0[+]"},
    {"texts:some=ab,few=abc", "texts some*0[ab] few*0[abc]"},
    {"texts:few=a", "texts some 0[none] few*0[a]"},
    {"wrap+wrap+bare", "wrap | wrap | bare"},
    {"wrap", "wrap"},
    {"own:x=1,size=2K,y=", "own size*2048[2K] ?x*0[1] ?y*0[]"},
    {"nest", "nest to 0[none] tee 0[bare]"},
    {"nest:tee=(wrap+bare),to=(opts:text=%2528,size=2K)+bare",
     "nest to*0[opts:text=%2528,size=2K] tee*0[wrap+bare] | bare"},
    {"nest:to=(nest:to=(wrap))", "nest to*0[nest:to=(wrap)] tee 0[bare]"},
};

START_TEST(test_visit_shows_every_option_with_its_value)
{
    char shown[512], message[256] = "untouched";
    struct dal_text_ out = dal_text_over_(shown, sizeof shown);

    register_backends();
    ck_assert_int_eq(
        dal_spec_visit(option_values[_i].spec, show_item, &out, message, sizeof message), 0);
    ck_assert_str_eq(shown, option_values[_i].values);
    ck_assert_str_eq(message, "");
}
END_TEST

/* The number that one option of `opts` comes to. */
static int find_number(const struct dal_spec_item *item, void *data)
{
    for (size_t i = 0; i < item->value_count; i++) {
        if (dal_spec_item_value(item, i)->given)
            *(uint64_t *)data = dal_spec_item_value(item, i)->number;
    }
    return 0;
}

static const struct {
    const char *pair;
    uint64_t number;
} numbers[] = {
    {"size=1024", 1024},
    {"size=1K", 1024},
    {"size=01024", 1024},
    {"size=3k", 3072},
    {"size=7M", 7340032},
    {"size=7m", 7340032},
    {"size=1G", 1073741824},
    {"size=1g", 1073741824},
    {"any=0", 0},
    {"any=0G", 0},
    {"any=18446744073709551615", UINT64_MAX},
    {"any=18014398509481983K", UINT64_MAX - 1023},
    {"any=17179869183G", UINT64_MAX - 1073741823},
    {"count=2", 2},
    {"count=10", 10},
    {"count=00000000000000000000010", 10},
    {"flag=on", 1},
    {"flag=true", 1},
    {"flag=yes", 1},
    {"flag=1", 1},
    {"flag=off", 0},
    {"flag=false", 0},
    {"flag=no", 0},
    {"flag=0", 0},
    {"mode=fast", 0},
    {"mode=small", 1},
    {"mode=x", 2},
};

START_TEST(test_value_comes_to_its_number)
{
    char spec[64], message[256];
    uint64_t number = 12345;

    register_backends();
    snprintf(spec, sizeof spec, "opts:%s", numbers[_i].pair);
    ck_assert_msg(dal_spec_visit(spec, find_number, &number, message, sizeof message) == 0, "%s",
                  message);
    ck_assert_uint_eq(number, numbers[_i].number);
}
END_TEST

#define SIZE_TAKES  "a number of bytes from 1K to 1G"
#define ANY_TAKES   "a number of bytes from 0 on"
#define COUNT_TAKES "a number from 2 to 10"
#define FLAG_TAKES  "on or off (also 1, 0, true, false, yes, no)"
#define MODE_TAKES  "one of fast|small|x"

static const struct {
    const char *key, *value, *takes;
} bad_values[] = {
    {"size", "", SIZE_TAKES},
    {"size", "K", SIZE_TAKES},
    {"size", "1023", SIZE_TAKES},
    {"size", "0", SIZE_TAKES},
    {"size", "1073741825", SIZE_TAKES},
    {"size", "2G", SIZE_TAKES},
    {"size", "-1", SIZE_TAKES},
    {"size", "_4096", SIZE_TAKES},
    {"size", "4096_", SIZE_TAKES},
    {"size", "0x1000", SIZE_TAKES},
    {"size", "4096.5", SIZE_TAKES},
    {"size", "1.0001K", SIZE_TAKES},
    {"size", "64B", SIZE_TAKES},
    {"size", "50%", SIZE_TAKES},
    {"size", "9999999999999999999999.5G", SIZE_TAKES},
    {"size", "4T", SIZE_TAKES},
    {"size", "4KK", SIZE_TAKES},
    {"size", "K4", SIZE_TAKES},
    {"size", "lots", SIZE_TAKES},
    {"any", "18446744073709551616", ANY_TAKES},
    {"any", "99999999999999999999", ANY_TAKES},
    {"any", "18446744073709551625", ANY_TAKES},
    {"any", "18014398509481984K", ANY_TAKES},
    {"any", "17592186044416M", ANY_TAKES},
    {"any", "17179869184G", ANY_TAKES},
    {"count", "1", COUNT_TAKES},
    {"count", "11", COUNT_TAKES},
    {"count", "", COUNT_TAKES},
    {"count", "1K", COUNT_TAKES},
    {"count", "3k", COUNT_TAKES},
    {"count", "18446744073709551618", COUNT_TAKES},
    {"flag", "", FLAG_TAKES},
    {"flag", "2", FLAG_TAKES},
    {"mode", "", MODE_TAKES},
    {"mode", "xyzzy", MODE_TAKES},
    {"size", "(bare)", SIZE_TAKES},
    {"mode", "(bare)", MODE_TAKES},
    {"text", "(bare)", "text, in which ( is written %28 and ) %29"},
};

static const struct {
    const char *key, *value, *takes, *meant;
} nearly_good_values[] = {
    {"size", "4KB", SIZE_TAKES, "4K"},      {"size", "4KiB", SIZE_TAKES, "4K"},
    {"size", "1.5MB", SIZE_TAKES, "1536K"}, {"size", "2048bytes", SIZE_TAKES, "2K"},
    {"any", "8TiB", ANY_TAKES, "8192G"},    {"any", "1048575T", ANY_TAKES, "1073740800G"},
    {"flag", "On", FLAG_TAKES, "on"},       {"flag", "onn", FLAG_TAKES, "on"},
    {"mode", "fas", MODE_TAKES, "fast"},    {"mode", "fastest", MODE_TAKES, "fast"},
    {"mode", "Fast", MODE_TAKES, "fast"},
};

static void expect_refused_value(const char *key, const char *value, const char *meant,
                                 const char *takes)
{
    char spec[64], message[256], wanted[256];

    register_backends();
    snprintf(spec, sizeof spec, "wrap+opts:%s=%s", key, value);
    snprintf(wanted, sizeof wanted, "option \"%s\" of \"opts\" cannot be \"%s\"%s; accepted is %s",
             key, value, meant, takes);
    ck_assert_int_eq(dal_spec_visit(spec, NULL, NULL, message, sizeof message), DAL_ERR_OPTION);
    ck_assert_str_eq(message, wanted);
}

START_TEST(test_value_that_is_not_accepted_is_refused_with_what_is)
{
    expect_refused_value(bad_values[_i].key, bad_values[_i].value, "", bad_values[_i].takes);
}
END_TEST

START_TEST(test_value_that_is_nearly_good_is_refused_with_what_was_meant)
{
    char meant[64];

    snprintf(meant, sizeof meant, " (did you mean \"%s\"?)", nearly_good_values[_i].meant);
    expect_refused_value(nearly_good_values[_i].key, nearly_good_values[_i].value, meant,
                         nearly_good_values[_i].takes);
}
END_TEST

#define OPTS_KNOWN "; known: size, any, count, flag, mode, text"

static const struct {
    const char *spec;
    int error;
    const char *message;
} bad_specs[] = {
    {"opts:siez=1K", DAL_ERR_OPTION,
     "\"opts\" has no option \"siez\" (did you mean \"size\"?)" OPTS_KNOWN},
    {"opts:Count=1", DAL_ERR_OPTION,
     "\"opts\" has no option \"Count\" (did you mean \"count\"?)" OPTS_KNOWN},
    {"opts:colour=red", DAL_ERR_OPTION, "\"opts\" has no option \"colour\"" OPTS_KNOWN},
    {"bare:size=1K", DAL_ERR_OPTION, "\"bare\" has no option \"size\"; it takes none"},
    {"own:size=1", DAL_ERR_OPTION,
     "option \"size\" of \"own\" cannot be \"1\"; accepted is a number of bytes from 1K to 1G"},
    {"own:x=(bare)", DAL_ERR_OPTION,
     "option \"x\" of \"own\" cannot be \"(bare)\"; accepted is text, in which ( is written %28 "
     "and ) %29"},
    {"texts:some=a", DAL_ERR_OPTION,
     "option \"some\" of \"texts\" cannot be \"a\"; accepted is text of 2 bytes or more"},
    {"texts:few=", DAL_ERR_OPTION,
     "option \"few\" of \"texts\" cannot be \"\"; accepted is text of 1 to 3 bytes"},
    {"texts:few=abcd", DAL_ERR_OPTION,
     "option \"few\" of \"texts\" cannot be \"abcd\"; accepted is text of 1 to 3 bytes"},
    {"bare:x=(nosuch)", DAL_ERR_OPTION, "\"bare\" has no option \"x\"; it takes none"},
    {"nest:to=bare", DAL_ERR_OPTION,
     "option \"to\" of \"nest\" cannot be \"bare\"; accepted is a spec in parentheses, as in "
     "to=(bare)"},
    {"nest:to=", DAL_ERR_OPTION,
     "option \"to\" of \"nest\" cannot be \"\"; accepted is a spec in parentheses, as in to=(system)"},
    {"nest:to=(opts:size=1)", DAL_ERR_OPTION,
     "option \"to\" of \"nest\": option \"size\" of \"opts\" cannot be \"1\"; accepted is a number "
     "of bytes from 1K to 1G"},
    {"nest:to=(opts:siez=1K)", DAL_ERR_OPTION,
     "option \"to\" of \"nest\": \"opts\" has no option \"siez\" (did you mean \"size\"?)" OPTS_KNOWN},
    {"nest:to=(wrap+nest:tee=(bare+wrap))", DAL_ERR_SYNTAX,
     "option \"tee\" of \"nest\": \"bare\" is a backend, not a layer, and has to come last (did you "
     "mean \"wrap+bare\"?)"},
    {"endless", DAL_ERR_SYNTAX,
     "option \"more\" of \"endless\": more than 4 parentheses within each other"},
    {"nest:to=(bare+)", DAL_ERR_SYNTAX, "option \"to\" of \"nest\": item 2 has no name"},
    {"bare+wrap", DAL_ERR_SYNTAX,
     "\"bare\" is a backend, not a layer, and has to come last (did you mean \"wrap+bare\"?)"},
    {"wrap+opts:size=1K+nest+wrap", DAL_ERR_SYNTAX,
     "\"opts\" is a backend, not a layer, and has to come last (did you mean "
     "\"wrap+nest+wrap+opts:size=1K\"?)"},
    {"wrap+bare+opts", DAL_ERR_SYNTAX,
     "\"bare\" is a backend, not a layer, and has to come last; a spec has one backend, behind its "
     "layers"},
    {"wrap+", DAL_ERR_SYNTAX, "item 2 has no name"},
};

static int must_not_be_called(const struct dal_spec_item *item, void *data)
{
    (void)data;
    ck_abort_msg("%s was shown", item->backend->name);
    return 1;
}

START_TEST(test_spec_that_cannot_be_is_refused_before_any_item_is_shown)
{
    char message[256];

    register_backends();
    ck_assert_int_eq(
        dal_spec_visit(bad_specs[_i].spec, must_not_be_called, NULL, message, sizeof message),
        bad_specs[_i].error);
    ck_assert_str_eq(message, bad_specs[_i].message);
}
END_TEST

static int stop_at_second(const struct dal_spec_item *item, void *data)
{
    (void)item;
    return ++*(int *)data == 2 ? 77 : 0;
}

START_TEST(test_visitor_can_stop)
{
    int visits = 0;

    register_backends();
    ck_assert_int_eq(dal_spec_visit("wrap+wrap+bare", stop_at_second, &visits, NULL, 0), 77);
    ck_assert_int_eq(visits, 2);
}
END_TEST

START_TEST(test_message_is_one_line_and_fits_any_room)
{
    static const char spec[] = "a%0Ab\x7f"
                               "c";
    static const char reason[] = "no backend or layer is called \"a?b?c\"; known: ";
    char whole[1024], part[1024];

    ck_assert_int_eq(dal_spec_visit(spec, NULL, NULL, whole, sizeof whole), DAL_ERR_UNKNOWN);
    ck_assert_msg(strncmp(whole, reason, sizeof reason - 1) == 0, "%s", whole);
    for (size_t bytes = 1; bytes <= strlen(whole) + 1; bytes++) {
        memset(part, 'x', sizeof part);
        ck_assert_int_eq(dal_spec_visit(spec, NULL, NULL, part, bytes), DAL_ERR_UNKNOWN);
        ck_assert_uint_eq(strlen(part), bytes - 1);
        ck_assert(strncmp(part, whole, bytes - 1) == 0);
        ck_assert_int_eq(part[bytes], 'x');
    }
    ck_assert_int_eq(dal_spec_visit("a", NULL, NULL, NULL, 0), DAL_ERR_UNKNOWN);
}
END_TEST

/* Messages about names that are not known, up to the list of those that are. */
static const struct {
    const char *spec, *message;
} unknown_names[] = {
    {"bear", "no backend or layer is called \"bear\" (did you mean \"bare\"?); known: "},
    {"warp+bare", "no layer is called \"warp\" (did you mean \"wrap\"?); known: "},
    {"split:above=64K,to=(mimalloc)+bare", "no layer is called \"split\"; known: "},
    {"nest:to=(bear)",
     "option \"to\" of \"nest\": no backend or layer is called \"bear\" (did you mean \"bare\"?); known: "},
    {"wrap+nest:to=(wrap+nest:tee=(warp+bare))+bare",
     "option \"tee\" of \"nest\": no layer is called \"warp\" (did you mean \"wrap\"?); known: "},
};

START_TEST(test_unknown_name_is_told_with_its_place_and_the_nearest)
{
    const char *wanted = unknown_names[_i].message;
    char message[1024];

    register_backends();
    ck_assert_int_eq(
        dal_spec_visit(unknown_names[_i].spec, must_not_be_called, NULL, message, sizeof message),
        DAL_ERR_UNKNOWN);
    ck_assert_msg(strncmp(message, wanted, strlen(wanted)) == 0, "%s", message);
}
END_TEST

static int visit_nested(const struct dal_spec_item *item, void *data)
{
    for (size_t i = 0; i < item->value_count; i++) {
        const struct dal_option_value *value = dal_spec_item_value(item, i);
        char message[256];

        ck_assert_ptr_null(value->instance);
        if (!value->option || value->option->type != DAL_OPTION_SPEC || !value->text)
            continue;
        ck_assert_msg(dal_spec_visit(value->text, visit_nested, data, message, sizeof message) == 0,
                      "%s: %s", value->text, message);
    }
    ++*(int *)data;
    return 0;
}

/* What stands in parentheses is good by itself wherever the whole is. */
START_TEST(test_any_row_of_words_is_good_with_all_its_parts_or_refused_with_a_reason)
{
    static const char *const words[] = {"wrap", "nest", "bare",  "opts",   "own", "+",  "+", ":",
                                        "=",    "to",   "tee",   "(",      "(",   ")",  ")", ",",
                                        "size", "=1K",  ":to=(", ":tee=(", ")+",  "%28"};
    int visits = 0;

    register_backends();
    for (int round = suite_fuzz_rounds(2000); round > 0; round--) {
        char spec[256] = "nest:to=(", message[256];

        for (size_t i = random_below(9); i > 0; i--)
            strcat(spec, words[random_below(COUNT_OF(words))]);
        strcat(spec, random_below(2) ? ")" : "bare)");
        if (dal_spec_visit(spec, visit_nested, &visits, message, sizeof message) == 0)
            ck_assert_str_eq(message, "");
        else
            ck_assert_msg(message[0] != '\0', "%s", spec);
    }
    ck_assert_int_gt(visits, 100);
}
END_TEST

/* ---- Did you mean? -------------------------------------------------------------------------- */

static const struct {
    const char *given, *nearest;
} words[] = {
    {"jemalloc", "jemalloc"},
    {"jemaloc", "jemalloc"},
    {"jemmalloc", "jemalloc"},
    {"jemallco", "jemalloc"},
    {"jamalloc", "jemalloc"},
    {"JEMALLOC", "jemalloc"},
    {"je-malloc", "jemalloc"},
    {"mimaloc", "mimalloc"},
    {"arean", "arena"},
    {"areana", "arena"},
    {"fixedarena", "fixed-arena"},
    {"sistem", "system"},
    {"tbc", "tbb"},
    {"t", ""},
    {"", ""},
    {"x", ""},
    {"xyz", ""},
    {"malloc", "jemalloc"},
    {"arena-but-much-longer", "arena"},
    {"libjemalloc.so.2", "jemalloc"},
    {"systematically", "system"},
    {"systems", "system"},
    {"je", "jemalloc"},
    {"MI", "mimalloc"},
    {"fixed", "fixed-arena"},
    {"tbbmalloc", "tbb"},
    {"onetbb", "tbb"},
    {"outbbound", ""},
    {"ALL", ""},
    {"aren", "arena"},
    {"alloc", "jemalloc"},
    {"jemallctl", "jemalloc"},
    {"sysadmin", ""},
    {"xyzzy", ""},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
};

START_TEST(test_nearest_word_is_meant_if_it_is_near)
{
    static const char *const known[] = {"jemalloc",    "mimalloc", "arena",
                                        "fixed-arena", "system",   "tbb"};
    struct dal_nearest_ nearest = {words[_i].given, "", 0};

    for (size_t i = 0; i < COUNT_OF(known); i++)
        dal_nearest_try_(&nearest, known[i]);
    ck_assert_str_eq(nearest.best, words[_i].nearest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spec");
    TCase *grammar = tcase_create("grammar");
    TCase *options = tcase_create("options");

    random_state = suite_fuzz_seed();
    tcase_add_loop_test(grammar, test_spec_means_what_the_grammar_says, 0, (int)COUNT_OF(good));
    tcase_add_loop_test(grammar, test_malformed_spec_is_refused_with_its_reason, 0,
                        (int)COUNT_OF(bad));
    tcase_add_test(grammar, test_sixteen_items_are_the_most);
    tcase_add_test(grammar, test_nested_items_count_with_the_others);
    tcase_add_test(grammar, test_sixtyfour_options_are_the_most);
    tcase_add_test(grammar, test_longest_spec_has_4095_bytes);
    tcase_add_test(grammar, test_any_text_is_understood_or_refused_with_a_reason);
    tcase_add_test(grammar, test_any_bytes_are_understood_or_refused_with_a_reason);
    tcase_add_test(grammar, test_any_good_spec_is_understood_and_a_cut_or_changed_one_bears_it);
    suite_add_tcase(suite, grammar);

    tcase_add_loop_test(options, test_visit_shows_every_option_with_its_value, 0,
                        (int)COUNT_OF(option_values));
    tcase_add_loop_test(options, test_value_comes_to_its_number, 0, (int)COUNT_OF(numbers));
    tcase_add_loop_test(options, test_value_that_is_not_accepted_is_refused_with_what_is, 0,
                        (int)COUNT_OF(bad_values));
    tcase_add_loop_test(options, test_value_that_is_nearly_good_is_refused_with_what_was_meant, 0,
                        (int)COUNT_OF(nearly_good_values));
    tcase_add_loop_test(options, test_spec_that_cannot_be_is_refused_before_any_item_is_shown, 0,
                        (int)COUNT_OF(bad_specs));
    tcase_add_loop_test(options, test_unknown_name_is_told_with_its_place_and_the_nearest, 0,
                        (int)COUNT_OF(unknown_names));
    tcase_add_test(options,
                   test_any_row_of_words_is_good_with_all_its_parts_or_refused_with_a_reason);
    tcase_add_test(options, test_visitor_can_stop);
    tcase_add_test(options, test_message_is_one_line_and_fits_any_room);
    tcase_add_loop_test(options, test_nearest_word_is_meant_if_it_is_near, 0, (int)COUNT_OF(words));
    suite_add_tcase(suite, options);
    return suite_run(suite);
}
