/* SPDX-License-Identifier: MIT */
/*
 * The options of jemalloc, and its start with them.
 *
 * jemalloc reads its options once, when it starts, prints what it does not like, adjusts
 * what is out of range, and goes on. Here names and ranges are checked before anything is
 * started, and afterwards every option that was asked for is read back from opt.*.
 *
 * There is one jemalloc in a process. A second instance shares it if what it asks for is
 * what there is, and is refused if not.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "jemalloc.h"

#include "../keep_errno.h"
#include "../process_options.h"

/* What TEXT options are: a number that may be -1, except those that end in "_opts". */
#define SIGNED(name, summary) TEXT(name, summary)

/* All that jemalloc 5.3 has under opt.* but what a build of it does not have by default
 * (profiling, tracing), what is for C++ only, what cannot be set (cache_oblivious), and how to
 * treat malformed options, which it never sees. The defaults depend on the machine. */
const struct dal_option dal_jemalloc_options_[DAL_JEMALLOC_OPTION_COUNT] = {
    COUNT("narenas", 1, 4094, "arenas that threads are spread over"),
    CHOICE("percpu_arena", "disabled|percpu|phycpu", "choose the arena by the current CPU"),
    SWITCH("background_thread", "return unused pages in threads of jemalloc's own"),
    COUNT("max_background_threads", 1, 4095, "how many of those threads at most"),
    SIGNED("dirty_decay_ms", "milliseconds after which unused pages are returned, -1 for never"),
    SIGNED("muzzy_decay_ms", "the same for pages that the system may take, but need not"),
    SWITCH("retain", "keep address space instead of unmapping it"),
    BYTES("oversize_threshold", 0, UINT64_C(0x7000000000000000),
          "blocks from this size on come from an arena of their own, 0 for none"),
    COUNT("lg_extent_max_active_fit", 0, 64, "log2 of how much larger a reused extent may be"),
    CHOICE("thp", "default|always|never", "ask for transparent huge pages"),
    CHOICE("metadata_thp", "disabled|auto|always", "the same for jemalloc's own data"),
    CHOICE("dss", "disabled|primary|secondary", "take memory from sbrk(2) as well"),
    SWITCH("trust_madvise", "believe that MADV_DONTNEED zeroes pages"),
    SIGNED("mutex_max_spin", "rounds to spin for a mutex, -1 for no end"),
    SWITCH("tcache", "keep freed blocks for their thread"),
    BYTES("tcache_max", 0, 8 << 20, "largest block that is kept so"),
    COUNT("tcache_nslots_small_min", 1, 2048, "fewest small blocks of a size that are kept"),
    COUNT("tcache_nslots_small_max", 1, 2048, "most small blocks of a size that are kept"),
    COUNT("tcache_nslots_large", 1, 2048, "large blocks of a size that are kept"),
    SIGNED("lg_tcache_nslots_mul",
           "log2 of the kept blocks of a size for those of a slab, -16 to 16"),
    BYTES("tcache_gc_incr_bytes", 1024, INT64_MAX, "bytes allocated between two clean-ups"),
    BYTES("tcache_gc_delay_bytes", 0, INT64_MAX, "bytes freed before a size is cleaned up"),
    COUNT("lg_tcache_flush_small_div", 1, 16,
          "log2 of the part of kept small blocks that a full cache gives back"),
    COUNT("lg_tcache_flush_large_div", 1, 16, "the same for large blocks"),
    SWITCH("hpa", "serve small blocks from huge pages that jemalloc keeps together"),
    BYTES("hpa_slab_max_alloc", 4096, 2 << 20, "largest block served so"),
    BYTES("hpa_hugification_threshold", 4096, 2 << 20, "bytes in use that make a page huge"),
    COUNT("hpa_hugify_delay_ms", 0, INT64_MAX, "milliseconds that it has to stay so"),
    COUNT("hpa_min_purge_interval_ms", 0, INT64_MAX, "milliseconds between two purges"),
    COUNT("hpa_sec_nshards", 0, 4096, "shards of the cache before it"),
    BYTES("hpa_sec_max_alloc", 4096, 2 << 20, "largest block in that cache"),
    BYTES("hpa_sec_max_bytes", 4096, INT64_MAX, "bytes in a shard of that cache"),
    BYTES("hpa_sec_bytes_after_flush", 4096, INT64_MAX, "bytes left in a shard that was full"),
    COUNT("hpa_sec_batch_fill_extra", 0, 512, "blocks put into the cache at a time"),
    CHOICE("junk", "false|true|alloc|free", "fill blocks with a pattern"),
    SWITCH("zero", "fill new blocks with zeros"),
    CHOICE("zero_realloc", "alloc|free|abort",
           "what realloc(ptr, 0) does; free, as in glibc, unless given"),
    SWITCH("abort", "abort on most warnings"),
    SWITCH("stats_print", "print jemalloc's statistics at exit"),
    TEXT("stats_print_opts", "what to print, such as Jmdablxegh; see malloc_stats_print(3)"),
    SIGNED("stats_interval", "bytes allocated between two prints of the statistics, -1 for none"),
    TEXT("stats_interval_opts", "what to print then"),
};

/* The text of a value: one that jemalloc takes, and what opt.* is compared with. */
enum { VALUE_BYTES = 64 };

struct value {
    char text[VALUE_BYTES];
};

static const char *const switch_words[] = {"false", "true"};

static int is_letters(const struct dal_option *option)
{
    size_t length = strlen(option->name);

    return length > 5 && strcmp(option->name + length - 5, "_opts") == 0;
}

static int64_t signed_minimum(const struct dal_option *option)
{
    return strcmp(option->name, "lg_tcache_nslots_mul") == 0 ? -16 : -1;
}

static int64_t signed_maximum(const struct dal_option *option)
{
    return strcmp(option->name, "lg_tcache_nslots_mul") == 0 ? 16 : INT64_MAX / 1000;
}

static int check_letters(const struct dal_backend_request *request,
                         const struct dal_option_value *given, struct value *value)
{
    static const char letters[] = "Jgmdablxeh";

    if (strspn(given->text, letters) != strlen(given->text) || strlen(given->text) >= VALUE_BYTES)
        return request->fail(request, DAL_ERR_OPTION,
                             "option \"%s\" cannot be \"%s\"; accepted are letters of \"%s\"",
                             given->key, given->text, letters);
    memcpy(value->text, given->text, strlen(given->text) + 1);
    return DAL_OK;
}

static int check_signed(const struct dal_backend_request *request,
                        const struct dal_option_value *given, struct value *value)
{
    const char *digits = given->text + (given->text[0] == '-');
    size_t length = strlen(digits);
    int64_t low = signed_minimum(given->option), high = signed_maximum(given->option);
    int64_t number = 0;

    if (length > 0 && length <= 18 && strspn(digits, "0123456789") == length) {
        number = strtoll(given->text, NULL, 10);
        if (number >= low && number <= high) {
            snprintf(value->text, sizeof value->text, "%" PRId64, number);
            return DAL_OK;
        }
    }
    return request->fail(request, DAL_ERR_OPTION,
                         "option \"%s\" cannot be \"%s\"; accepted is a number from %" PRId64
                         " to %" PRId64,
                         given->key, given->text, low, high);
}

static int value_of(const struct dal_backend_request *request, const struct dal_option_value *given,
                    struct value *value)
{
    switch (given->option->type) {
    case DAL_OPTION_SWITCH:
        snprintf(value->text, sizeof value->text, "%s", switch_words[given->number]);
        return DAL_OK;
    case DAL_OPTION_CHOICE:
        snprintf(value->text, sizeof value->text, "%s", given->text);
        return DAL_OK;
    case DAL_OPTION_TEXT:
        return is_letters(given->option) ? check_letters(request, given, value)
                                         : check_signed(request, given, value);
    default: snprintf(value->text, sizeof value->text, "%" PRIu64, given->number); return DAL_OK;
    }
}

/* ---- Reading back --------------------------------------------------------------------- */

/* jemalloc's integers are of 32 or 64 bits, and mallctl wants to be told which. */
static int read_integer(const char *path, int64_t *number)
{
    int64_t wide = 0;
    uint32_t narrow = 0;
    size_t bytes = sizeof wide;

    if (JE(mallctl)(path, &wide, &bytes, NULL, 0) == 0) {
        *number = wide;
        return 1;
    }
    bytes = sizeof narrow;
    if (JE(mallctl)(path, &narrow, &bytes, NULL, 0) == 0) {
        *number = narrow;
        return 1;
    }
    return 0;
}

static int read_option(const struct dal_option *option, struct value *value)
{
    char path[64];
    const char *word = "";
    bool on = false;
    int64_t number = 0;
    size_t bytes;

    snprintf(path, sizeof path, "opt.%s", option->name);
    if (option->type == DAL_OPTION_SWITCH) {
        bytes = sizeof on;
        if (JE(mallctl)(path, &on, &bytes, NULL, 0) != 0)
            return 0;
        word = switch_words[on];
    } else if (option->type == DAL_OPTION_CHOICE ||
               (option->type == DAL_OPTION_TEXT && is_letters(option))) {
        bytes = sizeof word;
        if (JE(mallctl)(path, &word, &bytes, NULL, 0) != 0)
            return 0;
    } else {
        if (!read_integer(path, &number))
            return 0;
        snprintf(value->text, sizeof value->text, "%" PRId64, number);
        return 1;
    }
    snprintf(value->text, sizeof value->text, "%s", word);
    return 1;
}

/* ---- Starting ------------------------------------------------------------------------- */

static dal_process_lock_word_ starting;

#ifdef DAL_JEMALLOC_SOURCE

/* Kept, for jemalloc has a pointer to it. Room for every option with a value of 20 digits. */
static char conf[DAL_JEMALLOC_OPTION_COUNT * 48];
static bool started;

static void add_to_conf(const struct dal_option *option, const struct value *value)
{
    size_t length = strlen(conf);

    snprintf(conf + length, sizeof conf - length, "%s%s:%s", length ? "," : "", option->name,
             value->text);
}

/* What jemalloc has to say about its options is found by reading them back. */
static void say_nothing(void *data, const char *text)
{
    (void)data;
    (void)text;
}

/* The build leaves jemalloc's constructor out (private.sh), so that the first call that it
 * gets is the one here. */
static int start_once(const struct dal_backend_request *request)
{
    void (*say)(void *, const char *) = JE(malloc_message);
    struct value value;

    if (started)
        return DAL_OK;
    conf[0] = '\0';
    for (size_t i = 0; i < request->value_count; i++) {
        const struct dal_option_value *given = dal_request_value(request, i);

        if (given->given && value_of(request, given, &value) == DAL_OK)
            add_to_conf(given->option, &value);
    }
    dal_keep_errno_of_((const void *)(uintptr_t)JE(nallocx));
    JE(malloc_conf) = conf;
    JE(malloc_message) = say_nothing;
    /* The call that starts jemalloc and no more: the first mallctl adds up its statistics and
     * takes 20 pages for them, a third of what a process under jemalloc needs to start. */
    started = JE(nallocx)(1, 0) != 0; /* pure to the compiler: the result has to be used */
    JE(malloc_message) = say;
    return started ? DAL_OK : request->fail(request, DAL_ERR_MEMORY, "jemalloc does not start");
}

static int refuse_option(const struct dal_backend_request *request, const struct dal_option *option,
                         const struct value *wanted, const struct value *there)
{
    return request->fail(request, DAL_ERR_CREATE,
                         "there is one jemalloc in a process, and it runs with %s=%s, not %s",
                         option->name, there->text, wanted->text);
}

#else

static int start_once(const struct dal_backend_request *request)
{
    int error;

    dal_module_need_constructors_();
    error = dal_jemalloc_find_(request);
    if (!error)
        dal_keep_errno_of_((const void *)(uintptr_t)JE(mallocx));
    return error;
}

static int refuse_option(const struct dal_backend_request *request, const struct dal_option *option,
                         const struct value *wanted, const struct value *there)
{
    return request->fail(request, DAL_ERR_CREATE,
                         "the system's jemalloc runs with %s=%s already; to change that, set "
                         "MALLOC_CONF=%s:%s in the environment of the program",
                         option->name, there->text, option->name, wanted->text);
}

#endif

static int check_all(const struct dal_backend_request *request)
{
    struct value value;

    for (size_t i = 0; i < request->value_count; i++) {
        const struct dal_option_value *given = dal_request_value(request, i);
        int error = given->given ? value_of(request, given, &value) : DAL_OK;

        if (error)
            return error;
    }
    return DAL_OK;
}

/* A system without huge pages, or without /sys to say so, does what `never` and `default` ask. */
static int is_met(const struct value *wanted, const struct value *there)
{
    return strcmp(wanted->text, there->text) == 0 ||
           (strcmp(there->text, "not supported") == 0 && strcmp(wanted->text, "always") != 0);
}

static int compare(const struct dal_backend_request *request, const struct dal_option_value *given)
{
    struct value wanted, there;

    (void)value_of(request, given, &wanted);
    if (!read_option(given->option, &there))
        return request->fail(request, DAL_ERR_OPTION, "jemalloc %s has no option \"%s\"",
                             JEMALLOC_VERSION, given->key);
    if (!is_met(&wanted, &there))
        return refuse_option(request, given->option, &wanted, &there);
    return DAL_OK;
}

static int start_with(const struct dal_backend_request *request)
{
    int error = start_once(request);

    if (error)
        return error;
    for (size_t i = 0; i < request->value_count; i++) {
        error = dal_request_value(request, i)->given
                    ? compare(request, dal_request_value(request, i))
                    : DAL_OK;
        if (error)
            return error;
    }
    return DAL_OK;
}

int dal_jemalloc_start_(const struct dal_backend_request *request)
{
    int error = check_all(request);

    if (error)
        return error;
    dal_process_lock_(&starting);
    error = start_with(request);
    dal_process_unlock_(&starting);
    return error;
}
