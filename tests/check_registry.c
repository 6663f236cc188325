/* SPDX-License-Identifier: MIT */
/* Names of backends: order, descriptors of another age, and registrations that race. What is
 * refused as malformed, taken or too much stands in tests/check_misuse.c. */
#include <config.h>

#include <check.h>
#include <dispatchalloc/backend.h>
#include <dispatchalloc/error.h>
#include <dispatchalloc/spec.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"
#include "suite.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int create_nothing(const struct dal_backend_request *request,
                          struct dal_allocator *allocator)
{
    (void)request;
    (void)allocator;
    return DAL_ERR_CREATE;
}

#define BACKEND(name_)                                                          \
    {                                                                           \
        DAL_BACKEND_HEADER, .name = name_, .version = "1", .summary = "a test", \
                            .create = create_nothing                            \
    }

static const struct dal_backend alpha = BACKEND("alpha");
static const struct dal_backend beta = BACKEND("beta");

/* What a visit met, in its order; it stops after that many. */
struct visited {
    const struct dal_backend *backends[128];
    size_t count;
    size_t stop_after;
};

static int keep(const struct dal_backend *backend, void *data)
{
    struct visited *visited = data;

    ck_assert_uint_lt(visited->count, COUNT_OF(visited->backends));
    visited->backends[visited->count++] = backend;
    return visited->count == visited->stop_after ? -7 : 0;
}

static struct visited visit_all(void)
{
    struct visited visited = {.count = 0};

    ck_assert_int_eq(dal_backend_visit(keep, &visited), 0);
    return visited;
}

START_TEST(test_registered_come_first_in_their_order_then_the_built_in)
{
    struct visited before = visit_all(), after;

    ck_assert_uint_ge(before.count, 1);
    ck_assert_ptr_nonnull(dal_backend_find("system"));
    ck_assert_int_eq(dal_backend_register(&beta), 0);
    ck_assert_int_eq(dal_backend_register(&alpha), 0);
    after = visit_all();
    ck_assert_uint_eq(after.count, before.count + 2);
    ck_assert_ptr_eq(after.backends[0], &beta);
    ck_assert_ptr_eq(after.backends[1], &alpha);
    ck_assert_mem_eq(after.backends + 2, before.backends, before.count * sizeof before.backends[0]);
    ck_assert_ptr_eq(dal_backend_find("alpha"), &alpha);
    ck_assert_ptr_null(dal_backend_find("alph"));
    ck_assert_ptr_null(dal_backend_find(""));
}
END_TEST

/* Among the registered, at the last of them, and among the built in. */
START_TEST(test_visitor_stops_and_what_it_returned_is_returned)
{
    ck_assert_int_eq(dal_backend_register(&beta), 0);
    ck_assert_int_eq(dal_backend_register(&alpha), 0);
    for (size_t count = 1; count <= 3; count++) {
        struct visited visited = {.stop_after = count};

        ck_assert_int_eq(dal_backend_visit(keep, &visited), -7);
        ck_assert_uint_eq(visited.count, count);
    }
}
END_TEST

/* Every built-in one would pass the checks of a registration. */
START_TEST(test_built_in_backends_are_well_formed_and_have_their_names_to_themselves)
{
    struct visited visited = visit_all();

    for (size_t i = 0; i < visited.count; i++) {
        const struct dal_backend *backend = visited.backends[i], *accepted;
        char message[256];
        struct dal_text_ why = dal_text_over_(message, sizeof message);

        ck_assert_msg(dal_registry_accept_(backend, &accepted, &why) == 0, "%s: %s", backend->name,
                      message);
        ck_assert_ptr_eq(accepted, backend);
        ck_assert_ptr_eq(dal_backend_find(backend->name), backend);
    }
}
END_TEST

/* What every default says has to be accepted as if the spec had said it. */
static int give_defaults(const struct dal_spec_item *item, void *data)
{
    struct dal_text_ *spec = data;
    int given = 0;

    dal_text_add_(spec, "%s", item->backend->name);
    for (size_t i = 0; i < item->value_count; i++) {
        if (dal_spec_item_value(item, i)->text)
            dal_text_add_(spec, "%s%s=%s", given++ ? "," : ":", dal_spec_item_value(item, i)->key,
                          dal_spec_item_value(item, i)->text);
    }
    return 0;
}

START_TEST(test_defaults_of_built_in_backends_can_be_given)
{
    struct visited visited = visit_all();

    for (size_t i = 0; i < visited.count; i++) {
        char text[1024], message[512];
        struct dal_text_ spec = dal_text_over_(text, sizeof text);

        ck_assert_int_eq(dal_spec_visit(visited.backends[i]->name, give_defaults, &spec, message,
                                        sizeof message),
                         0);
        ck_assert_msg(dal_spec_visit(text, NULL, NULL, message, sizeof message) == 0, "%s: %s",
                      text, message);
    }
}
END_TEST

/* Register a descriptor in memory that ends where its size_bytes says: it is copied. */
static int register_cut(const struct dal_backend *backend, size_t size_bytes)
{
    struct dal_backend older;
    void *cut = malloc(size_bytes);
    int error;

    ck_assert_ptr_nonnull(cut);
    memcpy(&older, backend, sizeof older);
    older.size_bytes = (uint32_t)size_bytes;
    memcpy(cut, &older, size_bytes);
    error = dal_backend_register(cut);
    free(cut);
    return error;
}

/* Without destroy, as a first version might have been. */
START_TEST(test_shorter_descriptor_is_completed)
{
    ck_assert_int_eq(register_cut(&alpha, offsetof(struct dal_backend, destroy)), 0);
    ck_assert_ptr_nonnull(dal_backend_find("alpha"));
    ck_assert(dal_backend_find("alpha")->create == create_nothing);
    ck_assert_ptr_null(dal_backend_find("alpha")->destroy);
    ck_assert_int_eq(dal_backend_register(&alpha), DAL_ERR_TAKEN);
    ck_assert_int_eq(register_cut(&beta, offsetof(struct dal_backend, create)), DAL_ERR_ABI);
}
END_TEST

START_TEST(test_longer_descriptor_is_accepted_while_what_is_unknown_is_zero)
{
    static struct {
        struct dal_backend known;
        unsigned char unknown[8];
    } later;

    memcpy(&later.known, &alpha, sizeof alpha);
    later.known.size_bytes = sizeof later;
    later.unknown[7] = 1;
    ck_assert_int_eq(dal_backend_register(&later.known), DAL_ERR_ABI);
    later.unknown[7] = 0;
    ck_assert_int_eq(dal_backend_register(&later.known), 0);
    ck_assert_ptr_eq(dal_backend_find("alpha"), &later.known);
}
END_TEST

/* As one of today's: it is the same one. */
START_TEST(test_a_shorter_descriptor_registered_twice_is_the_same_one)
{
    static struct dal_backend older, other;
    const struct dal_backend *kept;

    memcpy(&older, &alpha, sizeof older);
    older.size_bytes = offsetof(struct dal_backend, destroy);
    memcpy(&other, &older, sizeof other);
    ck_assert_int_eq(dal_backend_register(&older), 0);
    kept = dal_backend_find("alpha");
    ck_assert_int_eq(dal_backend_register(&older), 0);
    ck_assert_ptr_eq(dal_backend_find("alpha"), kept);
    ck_assert_int_eq(dal_backend_register(&other), DAL_ERR_TAKEN);
    ck_assert_ptr_eq(dal_backend_find("alpha"), kept);
}
END_TEST

START_TEST(test_options_without_a_table_are_refused_at_every_size)
{
    static struct dal_backend broken;

    memcpy(&broken, &alpha, sizeof broken);
    broken.option_count = 2;
    broken.options = NULL;
    ck_assert_int_eq(dal_backend_register(&broken), DAL_ERR_INVALID);
    broken.option_bytes -= 8;
    ck_assert_int_eq(dal_backend_register(&broken), DAL_ERR_INVALID);
    broken.size_bytes = offsetof(struct dal_backend, destroy);
    ck_assert_int_eq(dal_backend_register(&broken), DAL_ERR_INVALID);
}
END_TEST

START_TEST(test_flags_that_are_not_known_are_refused)
{
    static struct dal_backend later;

    memcpy(&later, &alpha, sizeof later);
    later.flags |= 1u << 30;
    ck_assert_int_eq(dal_backend_register(&later), DAL_ERR_ABI);
    ck_assert_ptr_null(dal_backend_find("alpha"));
}
END_TEST

/* ---- What is malformed is named ------------------------------------------------------------- */

#define NAME_RULE \
    "; a name begins with a to z, has a to z, 0 to 9, _ and - behind that, and 31 bytes at most"

static const struct {
    struct dal_backend backend;
    const char *says;
} malformed[] = {
    {{.version = "1", .summary = "s", .create = create_nothing}, "its name is NULL"},
    {{.name = "Big", .version = "1", .summary = "s", .create = create_nothing},
     "its name is \"Big\"" NAME_RULE},
    {{.name = "b", .summary = "s", .create = create_nothing}, "it has no version"},
    {{.name = "b", .version = "1", .create = create_nothing}, "it has no summary"},
    {{.name = "b", .version = "1", .summary = "s"}, "it has no create function"},
    {{.name = "b", .version = "1\n2", .summary = "s", .create = create_nothing},
     "its version or summary has control characters"},
    {{.name = "b", .version = "1", .summary = "s\x7f", .create = create_nothing},
     "its version or summary has control characters"},
    {{.name = "b", .version = "1", .summary = "\033[31m", .create = create_nothing},
     "its version or summary has control characters"},
};

static const struct {
    struct dal_option options[2];
    uint32_t count;
    const char *says;
} malformed_options[] = {
    {{{.type = DAL_OPTION_TEXT, .summary = "s"}}, 1, "the name of its option 0 is NULL"},
    {{{.name = "x", .type = DAL_OPTION_TEXT, .summary = "s"},
      {.name = "x=", .type = DAL_OPTION_TEXT, .summary = "s"}},
     2,
     "the name of its option 1 is \"x=\"" NAME_RULE},
    {{{.name = "x", .type = DAL_OPTION_TEXT, .summary = "s"},
      {.name = "x", .type = DAL_OPTION_COUNT, .summary = "s"}},
     2,
     "its option \"x\" is there twice"},
    {{{.name = "x", .type = DAL_OPTION_TEXT}}, 1, "its option \"x\" has no summary"},
    {{{.name = "x", .summary = "s"}}, 1, "its option \"x\" has no type"},
    {{{.name = "x", .type = DAL_OPTION_CHOICE, .summary = "s"}},
     1,
     "its option \"x\" has no choices"},
    {{{.name = "x", .type = DAL_OPTION_BYTES, .minimum = 2, .maximum = 1, .summary = "s"}},
     1,
     "its option \"x\" has a minimum above its maximum"},
    {{{.name = "x", .type = DAL_OPTION_COUNT, .minimum = 2, .summary = "s"}},
     1,
     "its option \"x\" has a minimum above its maximum"},
    {{{.name = "x", .type = DAL_OPTION_TEXT, .minimum = 2, .maximum = 1, .summary = "s"}},
     1,
     "its option \"x\" has a minimum above its maximum"},
    {{{.name = "x", .type = DAL_OPTION_TEXT, .maximum = 1, .default_text = "ab", .summary = "s"}},
     1,
     "its option \"x\" does not accept its own default"},
    {{{.name = "x", .type = DAL_OPTION_COUNT, .maximum = 3, .default_text = "4", .summary = "s"}},
     1,
     "its option \"x\" does not accept its own default"},
};

static void refuses(struct dal_backend backend, const char *says)
{
    const struct dal_backend *accepted;
    char message[256];
    struct dal_text_ why = dal_text_over_(message, sizeof message);

    backend.abi = alpha.abi;
    backend.size_bytes = alpha.size_bytes;
    backend.option_bytes = alpha.option_bytes;
    ck_assert_int_eq(dal_registry_accept_(&backend, &accepted, &why), DAL_ERR_INVALID);
    ck_assert_str_eq(message, says);
}

START_TEST(test_a_refusal_names_the_member_that_is_malformed)
{
    refuses(malformed[_i].backend, malformed[_i].says);
}
END_TEST

START_TEST(test_a_refusal_names_the_option_that_is_malformed)
{
    struct dal_backend backend = alpha;

    backend.options = malformed_options[_i].options;
    backend.option_count = malformed_options[_i].count;
    refuses(backend, malformed_options[_i].says);
}
END_TEST

START_TEST(test_a_refusal_says_that_there_are_no_options)
{
    struct dal_backend backend = alpha;

    backend.option_count = 2;
    refuses(backend, "it has 2 options, and NULL for them");
}
END_TEST

/* ---- Racing registrations ------------------------------------------------------------------- */

enum { THREADS = 4, NAMES = 16 };

static struct registrar {
    pthread_t thread;
    struct dal_backend backends[NAMES];
    int results[NAMES];
    size_t offset;
} registrars[THREADS];

static char names[NAMES][8];
static pthread_barrier_t start;

static void *register_all(void *argument)
{
    struct registrar *registrar = argument;

    pthread_barrier_wait(&start);
    for (size_t i = 0; i < NAMES; i++) {
        size_t at = (i + registrar->offset) % NAMES;

        registrar->results[at] = dal_backend_register(&registrar->backends[at]);
    }
    return NULL;
}

START_TEST(test_of_racing_registrations_of_a_name_exactly_one_succeeds)
{
    size_t built_in = visit_all().count;

    for (size_t t = 0; t < THREADS; t++) {
        registrars[t].offset = t % 2 * 3;
        for (size_t i = 0; i < NAMES; i++) {
            const struct dal_backend backend = BACKEND(names[i]);

            snprintf(names[i], sizeof names[i], "n%zu", i);
            memcpy(&registrars[t].backends[i], &backend, sizeof backend);
        }
    }
    pthread_barrier_init(&start, NULL, THREADS);
    for (size_t t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_create(&registrars[t].thread, NULL, register_all, &registrars[t]),
                         0);
    for (size_t t = 0; t < THREADS; t++)
        pthread_join(registrars[t].thread, NULL);

    ck_assert_uint_eq(visit_all().count, built_in + NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        int winners = 0;

        for (size_t t = 0; t < THREADS; t++) {
            if (registrars[t].results[i] == 0) {
                winners++;
                ck_assert_ptr_eq(dal_backend_find(names[i]), &registrars[t].backends[i]);
            } else {
                ck_assert_int_eq(registrars[t].results[i], DAL_ERR_TAKEN);
            }
        }
        ck_assert_int_eq(winners, 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry");
    TCase *cases = tcase_create("names");

    tcase_add_test(cases, test_registered_come_first_in_their_order_then_the_built_in);
    tcase_add_test(cases, test_visitor_stops_and_what_it_returned_is_returned);
    tcase_add_test(cases,
                   test_built_in_backends_are_well_formed_and_have_their_names_to_themselves);
    tcase_add_test(cases, test_defaults_of_built_in_backends_can_be_given);
    tcase_add_test(cases, test_shorter_descriptor_is_completed);
    tcase_add_test(cases, test_a_shorter_descriptor_registered_twice_is_the_same_one);
    tcase_add_test(cases, test_options_without_a_table_are_refused_at_every_size);
    tcase_add_test(cases, test_flags_that_are_not_known_are_refused);
    tcase_add_test(cases, test_longer_descriptor_is_accepted_while_what_is_unknown_is_zero);
    tcase_add_loop_test(cases, test_a_refusal_names_the_member_that_is_malformed, 0,
                        COUNT_OF(malformed));
    tcase_add_loop_test(cases, test_a_refusal_names_the_option_that_is_malformed, 0,
                        COUNT_OF(malformed_options));
    tcase_add_test(cases, test_a_refusal_says_that_there_are_no_options);
    tcase_add_loop_test(cases, test_of_racing_registrations_of_a_name_exactly_one_succeeds, 0, 20);
    suite_add_tcase(suite, cases);
    return suite_run(suite);
}
