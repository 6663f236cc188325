/* SPDX-License-Identifier: MIT */
/*
 * Who is to serve: the candidates of all that may choose, and the one that wins.
 *
 * The state is one atomic word: a pointer to an immutable decision, whose lowest bit says
 * that it is sealed. Every change makes a new decision and swaps the word; the first
 * allocation sets the bit. So whoever sees the bit sees the same winner, nobody waits for
 * anybody, and a process that is forked at any point goes on from a whole state.
 */
#ifndef DAL_CHOICE_H
#define DAL_CHOICE_H

#include <dispatchalloc/global.h>

#include "base/text.h"
#include "chain/stack.h"
#include "spec/variables.h"

#define DAL_SOURCE_COUNT 4

/* What one source wants. Absent if label is NULL; without an instance it was rejected if there is a
 * reason, and else was not made, since another one outranks it. */
struct dal_candidate_ {
    const struct dal_instance *instance;
    struct dal_stack_ *stack; /* what to destroy; NULL for system alone */
    const char *label;        /* how a message calls it */
    const char *reason;       /* why it was rejected */
};

struct dal_decision_ {
    int is_fixed; /* by the build: sealed from the start */
    struct dal_candidate_ candidates[DAL_SOURCE_COUNT];
    const char *refused; /* the first request of the program that failed, or NULL */
};

/* Whose candidate serves among those below a source, all below DAL_SOURCE_COUNT. */
enum dal_source dal_source_below_(const struct dal_decision_ *decision, int limit);

/* Who chose among all, and what serves. */
enum dal_source dal_decision_source_(const struct dal_decision_ *decision);
const struct dal_instance *dal_decision_winner_(const struct dal_decision_ *decision);

/* For the constructor: read the environment and the link choice, if no call came earlier. */
void dal_choice_start_early_(void);

/* The decision as it stands; *sealed, unless NULL, says whether it is final. Starts the library if
 * that has not happened yet. NULL in a call that comes from inside the start itself. */
const struct dal_decision_ *dal_choice_current_(int *sealed);

/* Seal the decision as it stands. *first is 1 for the one caller that did it. NULL as
 * above. */
const struct dal_decision_ *dal_choice_seal_(int *first);

/* The allocation that sealed the choice. */
struct dal_first_call_ {
    size_t size;
    size_t align;
    const void *call_site;
};

/* For the one thread that was the first to seal. */
void dal_choice_note_first_call_(const struct dal_first_call_ *call);

/* 1 with *call filled in once an allocation has sealed the choice, else 0. */
int dal_choice_first_call_(struct dal_first_call_ *call);

/* Record what the program wants: an allocator, or a spec. 0; DAL_ERR_SEALED; or another
 * error with the reason in why. */
int dal_choice_set_allocator_(const struct dal_allocator *allocator, const char *name,
                              struct dal_text_ *why);
int dal_choice_set_spec_(const char *spec, struct dal_text_ *why);

/* Keep the first request that failed, for dal_global_explain(). */
void dal_choice_keep_refusal_(const char *refusal);

/* A backend was registered: see whether what the environment wants can now be made. */
void dal_choice_retry_environment_(void);

/* Strict mode, as the variable says or else as the program does. */
int dal_choice_is_strict_(void);
/* In it end the process, after a line. */
void dal_choice_end_if_strict_(void);
void dal_choice_set_strict_(int strict);

/* What the environment said when the library started, which it does now if it has not yet; all
 * unset in a call that comes from inside the start itself. Valid for ever. */
const struct dal_environment_ *dal_choice_environment_(void);

/* The spec that the program vetoed (link_choice.h), or NULL. */
const char *dal_choice_vetoed_(void);

#endif /* DAL_CHOICE_H */
