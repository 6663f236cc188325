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

#include "nearest.h"
#include "spec.h"

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

/* "name(key=value;key=value)name": what was understood. */
static void show(const struct dal_spec_ *spec, char *text, size_t bytes)
{
    struct dal_text_ out = dal_text_over_(text, bytes);

    for (size_t i = 0; i < spec->item_count; i++) {
        const struct dal_spec_item_ *item = &spec->items[i];

        dal_text_add_(&out, "%s(", item->name);
        for (size_t j = 0; j < item->pair_count; j++)
            dal_text_add_(&out, "%s%s=%s", j ? ";" : "", item->pairs[j].key, item->pairs[j].value);
        dal_text_add_(&out, ")");
    }
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
    {"a%2Bb:k%2C=v", "a%2Bb(k%2C=v)"},
    /* Nothing is trimmed, and case counts. */
    {" a : k = v ", " a ( k = v )"},
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

/* Write a spec down again, so that it has to mean the same. */
static void write_back(const struct dal_spec_ *spec, char *text, size_t bytes)
{
    struct dal_text_ out = dal_text_over_(text, bytes);

    for (size_t i = 0; i < spec->item_count; i++) {
        const struct dal_spec_item_ *item = &spec->items[i];

        dal_text_add_(&out, "%s%s", i ? "+" : "", item->name);
        for (size_t j = 0; j < item->pair_count; j++) {
            dal_text_add_(&out, "%s%s=", j ? "," : ":", item->pairs[j].key);
            for (const char *c = item->pairs[j].value; *c; c++)
                dal_text_add_(&out, strchr("+,%", *c) ? "%%%02X" : "%c", (unsigned char)*c);
        }
    }
    ck_assert_uint_lt(out.length, bytes);
}

/* Texts made of the characters that matter, good and bad: what is understood can be written
 * down and is understood alike, and what is not has a reason. */
START_TEST(test_any_text_is_understood_or_refused_with_a_reason)
{
    static const char alphabet[] = "ab+:,=%2BC0\xc3";
    uint32_t random = 1;
    int understood = 0;

    for (int round = 0; round < 100000; round++) {
        struct dal_spec_ spec, again;
        char text[24] = "", message[256], shown[512], shown_again[512], written[512];

        for (size_t i = 0; i < sizeof text - 1; i++) {
            random = random * 1664525u + 1013904223u;
            if ((random >> 24) % 16 == 0)
                break;
            text[i] = alphabet[(random >> 16) % (sizeof alphabet - 1)];
        }
        if (parse(&spec, text, message, sizeof message) != 0) {
            ck_assert_msg(message[0] != '\0', "%s", text);
            continue;
        }
        understood++;
        show(&spec, shown, sizeof shown);
        write_back(&spec, written, sizeof written);
        ck_assert_msg(parse(&again, written, message, sizeof message) == 0, "%s, again %s: %s",
                      text, written, message);
        show(&again, shown_again, sizeof shown_again);
        ck_assert_str_eq(shown_again, shown);
    }
    ck_assert_int_gt(understood, 1000);
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

#define BACKEND(name_, flags_, options_, count_)                                          \
    {                                                                                     \
        DAL_BACKEND_HEADER, .name = name_, .version = "1", .summary = "a test",           \
        .flags = flags_, .option_count = count_, .options = options_,                     \
        .create = create_nothing                                                          \
    }

static const struct dal_backend backends[] = {
    BACKEND("opts", 0, every_option, COUNT_OF(every_option)),
    BACKEND("bare", 0, NULL, 0),
    BACKEND("own", DAL_BACKEND_CHECKS_OPTIONS, every_option, 1),
    BACKEND("wrap", DAL_BACKEND_LAYER, NULL, 0),
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
    for (size_t i = 0; i < item->option_count; i++) {
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
    {"wrap+wrap+bare", "wrap | wrap | bare"},
    {"wrap", "wrap"},
    {"own:x=1,size=2K,y=", "own size*2048[2K] ?x*0[1] ?y*0[]"},
};

START_TEST(test_visit_shows_every_option_with_its_value)
{
    char shown[512], message[256] = "untouched";
    struct dal_text_ out = dal_text_over_(shown, sizeof shown);

    register_backends();
    ck_assert_int_eq(dal_spec_visit(option_values[_i].spec, show_item, &out, message,
                                    sizeof message), 0);
    ck_assert_str_eq(shown, option_values[_i].values);
    ck_assert_str_eq(message, "");
}
END_TEST

/* The number that one option of `opts` comes to. */
static int find_number(const struct dal_spec_item *item, void *data)
{
    for (size_t i = 0; i < item->option_count; i++) {
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

#define SIZE_TAKES "a number of bytes from 1K to 1G"
#define ANY_TAKES "a number of bytes from 0 to 18446744073709551615"
#define COUNT_TAKES "a number from 2 to 10"
#define FLAG_TAKES "on or off"
#define MODE_TAKES "one of fast|small|x"

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
    {"size", " 4096", SIZE_TAKES},
    {"size", "4096 ", SIZE_TAKES},
    {"size", "0x1000", SIZE_TAKES},
    {"size", "4096.5", SIZE_TAKES},
    {"size", "4KB", SIZE_TAKES},
    {"size", "4KiB", SIZE_TAKES},
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
    {"flag", "On", FLAG_TAKES},
    {"flag", "2", FLAG_TAKES},
    {"flag", "onn", FLAG_TAKES},
    {"mode", "", MODE_TAKES},
    {"mode", "fas", MODE_TAKES},
    {"mode", "fastest", MODE_TAKES},
    {"mode", "Fast", MODE_TAKES},
    {"mode", "fast|small", MODE_TAKES},
    {"mode", "|", MODE_TAKES},
};

START_TEST(test_value_that_is_not_accepted_is_refused_with_what_is)
{
    const char *key = bad_values[_i].key, *value = bad_values[_i].value;
    char spec[64], message[256], wanted[256];

    register_backends();
    snprintf(spec, sizeof spec, "wrap+opts:%s=%s", key, value);
    snprintf(wanted, sizeof wanted, "option \"%s\" of \"opts\" cannot be \"%s\"; accepted is %s",
             key, value, bad_values[_i].takes);
    ck_assert_int_eq(dal_spec_visit(spec, NULL, NULL, message, sizeof message), DAL_ERR_OPTION);
    ck_assert_str_eq(message, wanted);
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
    {"bare+wrap", DAL_ERR_SYNTAX, "\"bare\" is a backend, not a layer, and has to come last"},
    {"wrap+bare+opts", DAL_ERR_SYNTAX,
     "\"bare\" is a backend, not a layer, and has to come last"},
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
    ck_assert_int_eq(dal_spec_visit(bad_specs[_i].spec, must_not_be_called, NULL, message,
                                    sizeof message), bad_specs[_i].error);
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
    static const char reason[] = "no backend or layer is called \"a?b?c\"; known: ";
    char whole[1024], part[1024];

    ck_assert_int_eq(dal_spec_visit("a\nb\x7f" "c", NULL, NULL, whole, sizeof whole),
                     DAL_ERR_UNKNOWN);
    ck_assert_msg(strncmp(whole, reason, sizeof reason - 1) == 0, "%s", whole);
    for (size_t bytes = 1; bytes <= strlen(whole) + 1; bytes++) {
        memset(part, 'x', sizeof part);
        ck_assert_int_eq(dal_spec_visit("a\nb\x7f" "c", NULL, NULL, part, bytes), DAL_ERR_UNKNOWN);
        ck_assert_uint_eq(strlen(part), bytes - 1);
        ck_assert(strncmp(part, whole, bytes - 1) == 0);
        ck_assert_int_eq(part[bytes], 'x');
    }
    ck_assert_int_eq(dal_spec_visit("a", NULL, NULL, NULL, 0), DAL_ERR_UNKNOWN);
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
    {"arena-but-much-longer", ""},
    {"systematically", ""},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ""},
};

START_TEST(test_nearest_word_is_meant_if_it_is_near)
{
    static const char *const known[] = {"jemalloc", "mimalloc", "arena", "fixed-arena", "system",
                                        "tbb"};
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
    SRunner *runner;
    int failed;

    tcase_add_loop_test(grammar, test_spec_means_what_the_grammar_says, 0, (int)COUNT_OF(good));
    tcase_add_loop_test(grammar, test_malformed_spec_is_refused_with_its_reason, 0,
                        (int)COUNT_OF(bad));
    tcase_add_test(grammar, test_sixteen_items_are_the_most);
    tcase_add_test(grammar, test_sixtyfour_options_are_the_most);
    tcase_add_test(grammar, test_longest_spec_has_4095_bytes);
    tcase_add_test(grammar, test_any_text_is_understood_or_refused_with_a_reason);
    suite_add_tcase(suite, grammar);

    tcase_add_loop_test(options, test_visit_shows_every_option_with_its_value, 0,
                        (int)COUNT_OF(option_values));
    tcase_add_loop_test(options, test_value_comes_to_its_number, 0, (int)COUNT_OF(numbers));
    tcase_add_loop_test(options, test_value_that_is_not_accepted_is_refused_with_what_is, 0,
                        (int)COUNT_OF(bad_values));
    tcase_add_loop_test(options, test_spec_that_cannot_be_is_refused_before_any_item_is_shown, 0,
                        (int)COUNT_OF(bad_specs));
    tcase_add_test(options, test_visitor_can_stop);
    tcase_add_test(options, test_message_is_one_line_and_fits_any_room);
    tcase_add_loop_test(options, test_nearest_word_is_meant_if_it_is_near, 0,
                        (int)COUNT_OF(words));
    suite_add_tcase(suite, options);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
