/* SPDX-License-Identifier: MIT */
/* What the command does for a process. See command.h. */
#include <config.h>

#include "installed/command.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <dispatchalloc/error.h>
#include <dispatchalloc/version.h>

#include "base/product.h"
#include "installed/loader_trust.h"
#include "os/command.h"
#include "os/os.h"
#include "shared/search.h"

#define NAME "dispatchalloc"

/* What is written at once is not waited for longer. */
enum { REPORT_MILLISECONDS = 10000 };

/* The command, with the file that was trusted. */
struct found {
    struct dal_os_file_ file;
    char path[PATH_MAX];
};

/* Looked for once, in pages that stay: NULL before that, and where there is none. Release when it
 * is stored, acquire when it is read. */
static _Atomic(const struct found *) found_command;

static const struct found *found(void)
{
    return atomic_load_explicit(&found_command, memory_order_acquire);
}

/* Whether standard error is a terminal: asked for when the process gets ready, since a filter of
 * system calls that comes later may end who asks. Relaxed: nothing goes with it. */
static _Atomic(int) is_at_terminal;

static void note_terminal(void)
{
    int saved_errno = errno;

    atomic_store_explicit(&is_at_terminal, isatty(STDERR_FILENO), memory_order_relaxed);
    errno = saved_errno;
}

int dal_command_prepare_(void)
{
    const struct found *none = NULL;
    struct found *command;

    dal_os_command_prepare_();
    note_terminal();
    if (found())
        return 0;
    command = dal_os_is_secure_() ? NULL : dal_os_map_(sizeof *command);
    if (!command)
        return DAL_ERR_UNSUPPORTED;
    if (dal_loader_command_(command->path) && dal_os_file_note_(command->path, &command->file) &&
        atomic_compare_exchange_strong_explicit(&found_command, &none, command,
                                                memory_order_acq_rel, memory_order_acquire))
        return 0;
    dal_os_unmap_(command, sizeof *command);
    return found() ? 0 : DAL_ERR_UNSUPPORTED;
}

static int run(struct dal_os_command_ *command, const char **reason)
{
    const struct found *there = found();

    *reason = "the command " NAME " is not installed with the library";
    if (!there)
        return -1;
    command->path = there->path;
    command->file = &there->file;
    return dal_os_command_run_(command, reason);
}

/* ---- Reports --------------------------------------------------------------------------------- */

static int is_resolved(uint32_t resolve)
{
    return resolve == DAL_RESOLVE_ALWAYS ||
           (resolve == DAL_RESOLVE_AT_TERMINAL &&
            atomic_load_explicit(&is_at_terminal, memory_order_relaxed));
}

/* What comes back is the same text, whatever else became of its frames. */
void dal_report_(const char *text, size_t bytes, uint32_t resolve)
{
    static const char *const arguments[] = {NAME, "symbolize", "--quiet", NULL};
    struct dal_os_command_ command = {.arguments = arguments,
                                      .input = text,
                                      .input_bytes = bytes,
                                      .milliseconds = REPORT_MILLISECONDS};
    const char *reason;

    if (is_resolved(resolve) && run(&command, &reason) == 0 && command.output)
        dal_os_write_(command.output, command.output_bytes);
    else
        dal_os_write_(text, bytes);
    dal_os_unmap_(command.output, command.output_bytes);
}

/* ---- Leaks ----------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } ends[] = {
#define END(name, number, text) {number, text},
        DAL_SEARCH_ENDS_(END)
#undef END
    };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends[i].status == status)
            return ends[i].reason;
    }
    return "the command has failed";
}

/* What is asked of the command, and by whom. */
struct question {
    struct dal_search_ search;
    struct dal_leak_lists *lists;
    const struct dal_os_command_ *command;
};

/* Everything else in the process stands. */
static unsigned char make_lists(void *data)
{
    struct question *question = data;
    struct dal_leak_lists *lists = question->lists;
    struct dal_search_ *search = &question->search;

    if (lists->make(lists) != 0)
        return DAL_SEARCH_MEMORY_;
    search->blocks = lists->blocks;
    search->block_count = lists->block_count;
    search->apart = lists->apart;
    search->apart_count = lists->apart_count;
    search->room = question->command->room;
    search->room_bytes = question->command->room_bytes;
    return DAL_SEARCH_DONE_;
}

/* What is allowed to it is the process's own to say, and is lost: so only where it has to be. */
static int run_search(struct dal_os_command_ *command, const char **reason)
{
    int status;

    do {
        status = run(command, reason);
        dal_os_unmap_(command->output, command->output_bytes);
    } while (status == DAL_SEARCH_REFUSED_ && !command->may_trace++);
    return status;
}

int dal_leaks_find_(struct dal_leak_lists *lists, const void *stack, const char **reason)
{
    struct question question = {.lists = lists,
                                .search = {.word_bytes = sizeof question.search,
                                           .stack = stack,
                                           .local = dal_os_thread_local_(),
                                           .thread = dal_os_thread_number_(),
                                           .has_heap = dal_product_.has_malloc}};
    char process[24], thread[24], address[24];
    const char *const arguments[] = {
        NAME, DAL_SEARCH_OPTION_, DAL_VERSION_STRING, process, thread, address, NULL};
    struct dal_os_command_ command = {.arguments = arguments,
                                      .input = "",
                                      .milliseconds = DAL_SEARCH_SECONDS_MOST_ * 1000,
                                      .answer = make_lists,
                                      .data = &question};
    int status;

    question.command = &command;
    (void)snprintf(process, sizeof process, "%" PRIu64, dal_os_process_());
    (void)snprintf(thread, sizeof thread, "%ld", question.search.thread);
    (void)snprintf(address, sizeof address, "%" PRIxPTR, (uintptr_t)&question.search);
    status = run_search(&command, reason);
    if (status > 0)
        *reason = reason_of(status);
    return status == DAL_SEARCH_DONE_ ? 0 : DAL_ERR_UNSUPPORTED;
}
