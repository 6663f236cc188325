/* SPDX-License-Identifier: MIT */
/*
 * Who is to serve. See choice.h for the state word.
 *
 * Every candidate is made as soon as it is wanted, in the thread that wants it: the link's
 * and the environment's when the library starts, the program's in its own call. The first
 * allocation only picks, so it cannot meet a lock, the loader, or a failing create().
 */
#include <config.h>

#include "choice/choice.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <dispatchalloc/error.h>

#include "registry/builtin.h"
#include "os/os.h"
#include "base/copies.h"
#include "base/product.h"
#include "choice/link_choice.h"
#include "registry/registry.h"

static const struct dal_decision_ default_decision = {
    .candidates = {{.instance = &dal_system_instance_, .label = "system"}},
};

/* A decision that is made at run time, with what it says in words. Once published it lives for
 * ever, and a later one points to its words. */
struct made_decision {
    struct dal_decision_ decision;
    struct {
        char label[256];
        char reason[DAL_MESSAGE_BYTES];
    } words[DAL_SOURCE_COUNT];
    char refused[DAL_LINE_BYTES];
};

#define SEALED ((uintptr_t)1)

/* Release when a decision is swapped in or sealed, acquire when it is read. */
static _Atomic(uintptr_t) state = (uintptr_t)&default_decision;

/* Written while the library starts, before any reader: read after start(). */
static struct dal_environment_ environment;
static const char *environment_spec; /* a copy, NULL if unset */

/* The spec that is to be made, or NULL. */
static const char *wanted_spec(void)
{
    return dal_environment_veto_() ? NULL : environment_spec;
}

static _Atomic(int) program_strict;

static const struct dal_decision_ *decision_of(uintptr_t word)
{
    return (const struct dal_decision_ *)(word & ~SEALED);
}

/* ---- Who wins: the highest of enum dal_source whose candidate can serve ------------------------
 */

/* The default always can. */
enum dal_source dal_source_below_(const struct dal_decision_ *decision, int limit)
{
    int source = limit - 1;

    while (!decision->candidates[source].instance)
        source--;
    return (enum dal_source)source;
}

enum dal_source dal_decision_source_(const struct dal_decision_ *decision)
{
    return dal_source_below_(decision, DAL_SOURCE_COUNT);
}

const struct dal_instance *dal_decision_winner_(const struct dal_decision_ *decision)
{
    return decision->candidates[dal_decision_source_(decision)].instance;
}

/* ---- Making decisions ---------------------------------------------------------------- */

/* A candidate that is begun: its label and the reason of its rejection are to be written. */
struct draft {
    struct dal_candidate_ *candidate;
    struct dal_text_ label, why;
};

static struct draft begin(struct made_decision *made, enum dal_source source)
{
    struct draft draft = {
        .candidate = &made->decision.candidates[source],
        .label = dal_text_over_(made->words[source].label, sizeof made->words[source].label),
        .why = dal_text_over_(made->words[source].reason, sizeof made->words[source].reason),
    };

    *draft.candidate = (struct dal_candidate_){
        .label = made->words[source].label,
        .reason = made->words[source].reason,
    };
    return draft;
}

/* What would serve if nobody of this rank or above had chosen. */
static const struct dal_instance *below(const struct dal_decision_ *decision,
                                        enum dal_source source)
{
    return decision->candidates[dal_source_below_(decision, (int)source)].instance;
}

static void adopt(struct dal_candidate_ *candidate, struct dal_stack_ *stack)
{
    candidate->stack = stack;
    candidate->instance = stack ? dal_stack_top_(stack) : NULL;
}

static void make_link_candidate(struct made_decision *made, const struct dal_link_choice *choice)
{
    struct draft draft = begin(made, DAL_SOURCE_LINK);
    struct dal_stack_ *stack = NULL;

    if (dal_link_choice_check_(choice, &draft.why)) {
        dal_text_add_(&draft.label, "DAL_GLOBAL_ALLOCATOR()");
        return;
    }
    made->decision.is_fixed = choice->is_fixed != 0;
    dal_text_add_(&draft.label, "%s(%s) at %s:%u", dal_link_choice_macro_(choice), choice->name,
                  choice->file, (unsigned)choice->line);
    (void)dal_stack_create_single_(choice->allocator, choice->name, DAL_STACK_OF_LIBRARY, &stack,
                                   &draft.why);
    adopt(draft.candidate, stack);
}

static void make_environment_candidate(struct made_decision *made)
{
    struct draft draft = begin(made, DAL_SOURCE_ENVIRONMENT);
    struct dal_stack_ *stack = NULL;

    dal_text_add_(&draft.label, "%s=%s", dal_product_.backend_variable, environment_spec);
    if (made->decision.is_fixed) {
        dal_text_add_(&draft.why, "refused, since the program was built with %s",
                      made->decision.candidates[DAL_SOURCE_LINK].label);
        return;
    }
    /* The table that is there anyway. */
    if (strcmp(environment_spec, "system") == 0) {
        draft.candidate->instance = &dal_system_instance_;
        return;
    }
    (void)dal_stack_create_(environment_spec, below(&made->decision, DAL_SOURCE_ENVIRONMENT),
                            DAL_STACK_OF_LIBRARY, &stack, &draft.why);
    adopt(draft.candidate, stack);
}

/* ---- Start --------------------------------------------------------------------------- */

/* The first decision, and a copy of the variable behind it: programs write over theirs. */
static struct made_decision *map_first(size_t bytes)
{
    struct made_decision *made = dal_os_map_(bytes);

    if (made && environment.backend)
        environment_spec = strcpy((char *)(made + 1), environment.backend);
    return made;
}

/* Where there is none, so that it is told like any other choice that cannot be carried out. */
static void start_without_memory(void)
{
    static const char reason[] = "there was no memory to start with";
    static struct dal_decision_ decision;

    decision = default_decision;
    if (dal_link_choice_found_())
        decision.candidates[DAL_SOURCE_LINK] =
            (struct dal_candidate_){.label = "DAL_GLOBAL_ALLOCATOR()", .reason = reason};
    if (environment.backend && !dal_environment_veto_())
        decision.candidates[DAL_SOURCE_ENVIRONMENT] =
            (struct dal_candidate_){.label = dal_product_.backend_variable, .reason = reason};
    atomic_store_explicit(&state, (uintptr_t)&decision, memory_order_release);
}

/* The system's allocator, by the environment and nobody else: it takes no pages, which are a tenth
 * of the time of a start. (It can be written to, as `state` can, which leads to it.) */
static int start_with_system(void)
{
    static struct dal_decision_ decision;
    static char label[64];
    struct dal_text_ text = dal_text_over_(label, sizeof label);

    if (dal_environment_veto_() || strcmp(environment.backend, "system") != 0)
        return 0;
    environment_spec = "system";
    dal_text_add_(&text, "%s=%s", dal_product_.backend_variable, environment_spec);
    decision = default_decision;
    decision.candidates[DAL_SOURCE_ENVIRONMENT] =
        (struct dal_candidate_){.label = label, .instance = &dal_system_instance_};
    atomic_store_explicit(&state, (uintptr_t)&decision, memory_order_release);
    return 1;
}

static void start_once(void)
{
    const struct dal_link_choice *link = dal_link_choice_found_();
    struct made_decision *made;
    struct dal_decision_ *decision;
    size_t bytes = sizeof *made;

    dal_os_note_stderr_();
    dal_environment_read_(&environment);
    if (!link && (!environment.backend || start_with_system()))
        return;
    if (environment.backend)
        bytes += strlen(environment.backend) + 1;
    made = map_first(bytes);
    if (!made) {
        start_without_memory();
        return;
    }
    decision = &made->decision;
    *decision = default_decision;
    if (link)
        make_link_candidate(made, link);
    if (wanted_spec())
        make_environment_candidate(made);
    (void)dal_os_protect_(made, bytes, DAL_PAGES_READ);
    atomic_store_explicit(&state, (uintptr_t)decision | (decision->is_fixed ? SEALED : 0),
                          memory_order_release);
}

#define START_DONE UINT64_MAX

static _Thread_local int starting;

enum modules { WITHOUT_MODULES, WITH_MODULES };

/* A call that came before our constructor has looked at the environment, and opened no module.
 * Written by the thread that starts; relaxed, since it is read behind the word. (A word: exchanges
 * of bytes are calls on RISC-V.) */
static _Atomic(int) started_without_modules;

/*
 * Take the word, unless it is another thread's of this process, which a handler of this one may
 * well wait for. From before it is ours until it is done a handler of this thread is not to wait:
 * it finds `starting`.
 */
static int take_start(_Atomic(uint64_t) *word, uint64_t seen, uint64_t process)
{
    if (seen == process)
        return 0;
    starting = 1;
    atomic_signal_fence(memory_order_seq_cst);
    if (atomic_compare_exchange_strong_explicit(word, &seen, process, memory_order_acq_rel,
                                                memory_order_acquire))
        return 1;
    starting = 0;
    return 0;
}

/*
 * Read the environment and the link choice, once. Ordinarily that is done by the
 * library's constructor; a call that comes earlier (from preinit_array, or an object that
 * is initialised before us) does it itself.
 *
 * The word is 0, the process that starts, or START_DONE. A thread that finds another one
 * at it waits, which ends: an allocation that starts the library opens no module, so it
 * never waits for the loader's lock, and the constructor runs under that lock itself. A
 * forked child finds a process that is not itself and starts over. Returns 0 for a call from
 * inside the start.
 */
static int start(enum modules modules)
{
    static _Atomic(uint64_t) word;
    uint64_t seen = atomic_load_explicit(&word, memory_order_acquire);
    uint64_t process;

    if (seen == START_DONE)
        return 1;
    if (starting)
        return 0;
    process = dal_os_process_();
    while (!take_start(&word, seen, process)) {
        dal_os_yield_();
        seen = atomic_load_explicit(&word, memory_order_acquire);
        if (seen == START_DONE)
            return 1;
    }
    atomic_store_explicit(&started_without_modules, modules == WITHOUT_MODULES,
                          memory_order_relaxed);
    dal_registry_forbid_opening_(modules == WITHOUT_MODULES);
    start_once();
    dal_registry_forbid_opening_(0);
    /* Pairs with the acquire loads above: who sees START_DONE sees what was read. */
    atomic_store_explicit(&word, START_DONE, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    starting = 0;
    return 1;
}

void dal_choice_start_early_(void)
{
    int saved_errno = errno; /* which is 0 at main(), whatever files were looked for */

    dal_os_note_constructor_();
    /* It learns of our own file too, by which modules are found. */
    dal_copies_report_();
    (void)start(WITH_MODULES);
    /* Once. What cannot be made now is tried again when the program chooses. */
    if (atomic_exchange_explicit(&started_without_modules, 0, memory_order_relaxed))
        dal_choice_retry_environment_();
    errno = saved_errno;
}

/* ---- Reading and sealing ------------------------------------------------------------- */

const struct dal_decision_ *dal_choice_current_(int *sealed)
{
    uintptr_t word;

    if (!start(WITHOUT_MODULES))
        return NULL;
    word = atomic_load_explicit(&state, memory_order_acquire);
    if (sealed)
        *sealed = (word & SEALED) != 0;
    return decision_of(word);
}

const struct dal_decision_ *dal_choice_seal_(int *first)
{
    uintptr_t word;

    *first = 0;
    if (!start(WITHOUT_MODULES))
        return NULL;
    word = atomic_fetch_or_explicit(&state, SEALED, memory_order_acq_rel);
    *first = !(word & SEALED);
    return decision_of(word);
}

/* Written by the one thread that seals; ready is stored with release after it, and loaded
 * with acquire before it is read. */
static struct dal_first_call_ first_call;
static _Atomic(int) first_call_ready;

void dal_choice_note_first_call_(const struct dal_first_call_ *call)
{
    first_call = *call;
    atomic_store_explicit(&first_call_ready, 1, memory_order_release);
}

int dal_choice_first_call_(struct dal_first_call_ *call)
{
    if (!atomic_load_explicit(&first_call_ready, memory_order_acquire))
        return 0;
    *call = first_call;
    return 1;
}

/* ---- Changing ------------------------------------------------------------------------ */

/* What a change of the decision is about: how a choice of the program's is called, or NULL to leave
 * its choice alone, with its stack, which is NULL if it cannot come to serve; and a refusal to
 * keep, or NULL. */
struct change {
    const char *label;
    struct dal_stack_ *program;
    const char *refusal;
};

/* Whether the environment's choice leaves the program's no way to serve. What was made for it stays
 * until the choice is sealed, unless it wraps what the program wants. */
static bool environment_prevails(const struct dal_decision_ *decision)
{
    const struct dal_candidate_ *made = &decision->candidates[DAL_SOURCE_ENVIRONMENT];

    return made->instance && !(made->stack && dal_stack_wraps_base_(made->stack));
}

static int needs_remake(const struct dal_decision_ *old, const struct change *change)
{
    if (!wanted_spec() || change->refusal || environment_prevails(old))
        return 0;
    return !old->candidates[DAL_SOURCE_ENVIRONMENT].instance || change->program;
}

static struct made_decision *make_changed(const struct dal_decision_ *old,
                                          const struct change *change)
{
    struct made_decision *made = dal_os_map_(sizeof *made);

    if (!made)
        return NULL;
    made->decision = *old;
    if (change->label) {
        struct draft draft = begin(made, DAL_SOURCE_PROGRAM);

        dal_text_add_(&draft.label, "%s", change->label);
        draft.candidate->reason = NULL;
        adopt(draft.candidate, change->program);
    }
    if (change->refusal) {
        struct dal_text_ refused = dal_text_over_(made->refused, sizeof made->refused);

        dal_text_add_(&refused, "%s", change->refusal);
        made->decision.refused = made->refused;
    }
    if (needs_remake(old, change))
        make_environment_candidate(made);
    (void)dal_os_protect_(made, sizeof *made, DAL_PAGES_READ);
    return made;
}

/* Let go of the stack of a source that `replaced` has and `kept` has not. */
static void drop_replaced(const struct dal_decision_ *replaced, const struct dal_decision_ *kept,
                          enum dal_source source, int keep_memory)
{
    struct dal_stack_ *stack = replaced->candidates[source].stack;

    if (stack != kept->candidates[source].stack)
        dal_stack_destroy_(stack, keep_memory);
}

/* One try to change the decision in *word, whose stacks stay while it lasts: 1; an error; or 0 if
 * another thread was quicker, with what is there now in *word. */
static int try_to_apply(const struct change *change, uintptr_t *word)
{
    const struct dal_decision_ *old = decision_of(*word);
    struct made_decision *made = make_changed(old, change);

    if (!made)
        return DAL_ERR_MEMORY;
    if (atomic_compare_exchange_strong_explicit(&state, word, (uintptr_t)&made->decision,
                                                memory_order_acq_rel, memory_order_acquire)) {
        /* Nobody has allocated from what was replaced: it never was the hook. Its memory stays,
         * since another thread may be reading a name in it. */
        drop_replaced(old, &made->decision, DAL_SOURCE_ENVIRONMENT, 1);
        drop_replaced(old, &made->decision, DAL_SOURCE_PROGRAM, 1);
        return 1;
    }
    drop_replaced(&made->decision, old, DAL_SOURCE_ENVIRONMENT, 0);
    dal_os_unmap_(made, sizeof *made);
    return 0;
}

/* The environment's layers may be made over the program's choice, and take their memory from it,
 * while another thread replaces that: it is held meanwhile. No other one is ever destroyed under
 * what wraps it. */
static int apply(const struct change *change)
{
    uintptr_t word = atomic_load_explicit(&state, memory_order_acquire);
    int result = 0;

    while (!result && !(word & SEALED)) {
        struct dal_stack_ *base = decision_of(word)->candidates[DAL_SOURCE_PROGRAM].stack;

        if (dal_stack_hold_(base)) {
            result = try_to_apply(change, &word);
            dal_stack_release_(base, 1);
        } else {
            word = atomic_load_explicit(&state, memory_order_acquire);
        }
    }
    return result > 0 ? DAL_OK : result < 0 ? result : DAL_ERR_SEALED;
}

static int apply_stack(struct dal_stack_ *stack, const char *label, struct dal_text_ *why)
{
    struct change change = {label, stack, NULL};
    int error = apply(&change);

    if (!error)
        return DAL_OK;
    dal_stack_destroy_(stack, 0);
    return dal_fail_(why, error, "%s", dal_strerror(error));
}

static int check_open(struct dal_text_ *why)
{
    int sealed;

    if (!dal_choice_current_(&sealed))
        return dal_fail_(why, DAL_ERR_INVALID, "called from inside the start of the library");
    /* It may be the environment's candidate that is being made, once a change: a change
     * from in there would never end. */
    if (dal_stack_creating_())
        return dal_fail_(why, DAL_ERR_INVALID, "called from inside create() of backend \"%s\"",
                         dal_stack_creating_());
    return sealed ? DAL_ERR_SEALED : DAL_OK;
}

int dal_choice_set_allocator_(const struct dal_allocator *allocator, const char *name,
                              struct dal_text_ *why)
{
    struct dal_stack_ *stack;
    char label[128];
    struct dal_text_ text = dal_text_over_(label, sizeof label);
    int error = check_open(why);

    if (!error)
        error = dal_stack_create_single_(allocator, name, DAL_STACK_OF_LIBRARY, &stack, why);
    if (error)
        return error;
    dal_text_add_(&text, "\"%s\" set by the program", dal_stack_top_(stack)->name);
    return apply_stack(stack, label, why);
}

/* The stack of a spec, or NULL if it is a good one and the environment's leaves it no way to serve.
 * It is not started then: an allocator that a process has one of would be given its options, or
 * refuse them since the environment gave others. */
static int make_program_stack(const char *spec, struct dal_stack_ **stack, struct dal_text_ *why)
{
    struct dal_option_value values[DAL_VALUES_MAX];
    struct dal_spec_ *parsed;
    size_t length = why->length;
    int error = DAL_OK;

    /* Not for the last time: our constructor, which is to come, knows better where modules are. */
    if (atomic_load_explicit(&started_without_modules, memory_order_relaxed))
        dal_choice_retry_environment_();
    if (!environment_prevails(dal_choice_current_(NULL)))
        error = dal_stack_create_(spec, below(dal_choice_current_(NULL), DAL_SOURCE_PROGRAM),
                                  DAL_STACK_OF_LIBRARY, stack, why);
    /* So it may be by now, by a backend that another thread has registered. */
    if (!*stack && environment_prevails(dal_choice_current_(NULL))) {
        dal_text_cut_(why, length);
        error = dal_stack_parse_(spec, &parsed, values, why);
        if (!error)
            dal_os_unmap_(parsed, sizeof *parsed);
    }
    return error;
}

int dal_choice_set_spec_(const char *spec, struct dal_text_ *why)
{
    struct dal_stack_ *stack = NULL;
    char label[256];
    struct dal_text_ text = dal_text_over_(label, sizeof label);
    int error = check_open(why);

    if (!error)
        error = make_program_stack(spec, &stack, why);
    if (error)
        return error;
    dal_text_add_(&text, "\"%s\" set by the program", spec);
    return apply_stack(stack, label, why);
}

void dal_choice_keep_refusal_(const char *refusal)
{
    struct change change = {NULL, NULL, refusal};
    const struct dal_decision_ *decision = dal_choice_current_(NULL);

    /* The first one tells most, and a program that tries for ever is not to grow. */
    if (decision && !decision->refused)
        (void)apply(&change);
}

void dal_choice_retry_environment_(void)
{
    struct change nothing = {NULL, NULL, NULL};
    const struct dal_decision_ *decision;
    int sealed;

    /* Not from inside a create(), which may be that of the environment's own candidate. */
    if (dal_stack_creating_())
        return;
    decision = dal_choice_current_(&sealed);
    if (decision && !sealed && needs_remake(decision, &nothing))
        (void)apply(&nothing);
}

/* ---- Switches ------------------------------------------------------------------------ */

int dal_choice_is_strict_(void)
{
    int strict = dal_choice_environment_()->strict;

    return strict >= 0 ? strict : atomic_load_explicit(&program_strict, memory_order_relaxed);
}

void dal_choice_end_if_strict_(void)
{
    if (!dal_choice_is_strict_())
        return;
    dal_log_("strict mode: aborting");
    abort();
}

void dal_choice_set_strict_(int strict)
{
    atomic_store_explicit(&program_strict, strict != 0, memory_order_relaxed);
}

const struct dal_environment_ *dal_choice_environment_(void)
{
    static const struct dal_environment_ unset = {.strict = -1};

    return start(WITHOUT_MODULES) ? &environment : &unset;
}

const char *dal_choice_vetoed_(void)
{
    return start(WITHOUT_MODULES) && dal_environment_veto_() ? environment_spec : NULL;
}
