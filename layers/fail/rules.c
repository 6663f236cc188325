/* SPDX-License-Identifier: MIT */
/* Which of the calls that count fail. */
#include <inttypes.h>
#include <string.h>

#include "fail.h"

/* ---- At a call ----------------------------------------------------------------------------- */

/* A hash of 64 bits (the end of splitmix64) of what is the seed's n-th number. */
static uint64_t hash(uint64_t seed, uint64_t number)
{
    uint64_t mixed = (seed ^ UINT64_C(0x6a09e667f3bcc909)) + number * UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

static int is_named(const struct fail_rules *rules, uint64_t number)
{
    if (number <= rules->after)
        return 0;
    number -= rules->after;
    return rules->has_all || number == rules->nth || (rules->every && number % rules->every == 0) ||
           (rules->has_rate && hash(rules->seed, number) <= rules->rate_last);
}

__attribute__((noinline, cold)) int dal_fail_decide_(struct fail_instance *instance,
                                                     uint64_t number, size_t size, const void *site)
{
    struct fail_watch *watch = &instance->watch;
    int has_failed = is_named(&instance->rules, number);

    /* Behind it the program may have another root, user, name or directory, or no descriptors. */
    if (watch->is_wanted && number == 1)
        (void)dal_fail_is_here_(watch);
    if ((!has_failed && !watch->records_all) || (watch->is_wanted && !dal_fail_is_here_(watch)))
        return 0;
    if (has_failed)
        atomic_fetch_add_explicit(&instance->failed, 1, memory_order_relaxed);
    if (watch->file)
        dal_fail_record_(instance, &(struct fail_call){number, size, site}, has_failed);
    return has_failed;
}

/* ---- From options -------------------------------------------------------------------------- */

#define RATE_DIGITS "18"
#define RATE_UNIT   UINT64_C(1000000000000000000) /* 10 to that */

/* A probability in units of 1 / RATE_UNIT: a decimal fraction from 0 to 1. */
static int parse_rate(const char *text, uint64_t *units)
{
    uint64_t unit = RATE_UNIT;

    if (*text != '0' && *text != '1')
        return 0;
    *units = *text++ == '1' ? unit : 0;
    if (*text == '.' && text[1])
        for (text++; unit > 1 && *text >= '0' && *text <= '9'; text++)
            *units += (uint64_t)(*text - '0') * (unit /= 10);
    return !*text && *units <= RATE_UNIT;
}

/* The part of all hashes that this is, by long division: how many there are of 2 to the 64th. */
static uint64_t hashes_of(uint64_t units)
{
    uint64_t hashes = 0;

    for (int bit = 0; bit < 64; bit++) {
        units *= 2;
        hashes = hashes * 2 + (units >= RATE_UNIT);
        units -= units >= RATE_UNIT ? RATE_UNIT : 0;
    }
    return hashes;
}

static int take_rate(const struct dal_backend_request *request, struct fail_rules *rules)
{
    const char *text = request->find(request, "rate")->text;
    uint64_t units = 0;

    if (!text && layer_is_given(request, "seed"))
        return request->fail(request, DAL_ERR_OPTION,
                             "option \"seed\" is for \"rate\", which is not given");
    if (text && !parse_rate(text, &units))
        return request->fail(request, DAL_ERR_OPTION,
                             "option \"rate\" cannot be \"%s\"; accepted is a probability from 0 "
                             "to 1, such as 0.01, with at most " RATE_DIGITS
                             " digits behind the point",
                             text);
    rules->seed = layer_number(request, "seed");
    rules->has_rate = units > 0;
    rules->rate_last = units == RATE_UNIT ? UINT64_MAX : hashes_of(units) - 1;
    return DAL_OK;
}

static int take_sizes(const struct dal_backend_request *request, struct fail_instance *instance)
{
    uint64_t least = layer_number(request, "size_min");
    uint64_t most =
        layer_is_given(request, "size_max") ? layer_number(request, "size_max") : SIZE_MAX;

    if (least > most)
        return request->fail(request, DAL_ERR_OPTION,
                             "option \"size_min\" (%" PRIu64 ") is above \"size_max\" (%" PRIu64
                             "): no size counts",
                             least, most);
    instance->size_min = (size_t)least;
    instance->size_span = (size_t)(most - least);
    return DAL_OK;
}

/* What is looked at closely: nothing, one number, or all after those of `after`; and where there is
 * something to look for, those before them as well, since the first of all calls is to look. */
static void set_window(struct fail_instance *instance)
{
    const struct fail_rules *rules = &instance->rules;
    uint64_t first = rules->after + 1, last = UINT64_MAX;

    if (!rules->every && !rules->has_rate && !rules->has_all && !instance->watch.records_all)
        first = last = rules->nth ? rules->after + rules->nth : UINT64_MAX;
    if (instance->watch.is_wanted && first < UINT64_MAX)
        first = 1;
    instance->first = first;
    instance->span = last - first;
}

int dal_fail_rules_take_(const struct dal_backend_request *request, struct fail_instance *instance)
{
    struct fail_rules *rules = &instance->rules;
    int error = take_sizes(request, instance);

    if (!error)
        error = take_rate(request, rules);
    rules->after = layer_number(request, "after");
    rules->nth = layer_number(request, "nth");
    rules->every = layer_number(request, "every");
    rules->has_all = !layer_is_given(request, "nth") && !layer_is_given(request, "every") &&
                     !layer_is_given(request, "rate") &&
                     (layer_is_given(request, "after") || layer_is_given(request, "size_min") ||
                      layer_is_given(request, "size_max"));
    if (!error)
        error = dal_fail_watch_take_(request, instance);
    set_window(instance);
    return error;
}
