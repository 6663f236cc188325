/* SPDX-License-Identifier: MIT */
/* dispatchalloc --search: the process that has started this is searched for leaks. See search.h. */
#include "tools/search/search.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is asked for, and what it takes. */
struct work {
    struct dal_search_ asked;
    uintptr_t address; /* of that */
    struct threads threads;
    struct memory memory;
    struct dal_memory_part *blocks; /* as they are listed there */
    /* The tables of who asks, the list of blocks among them, and where that was made. */
    struct dal_memory_part *apart;
    size_t apart_count;
    struct reach reach;
    struct roots roots;
};

/* An array of the process, and room for more behind it; NULL if there is no memory for it or it
 * cannot be read. */
static struct dal_memory_part *read_parts(const struct memory *memory,
                                          const struct dal_memory_part *there, size_t count,
                                          size_t more)
{
    struct dal_memory_part *parts = calloc(count + more, sizeof *parts);

    if (parts && memory_read(memory, (uintptr_t)there, parts, count * sizeof *parts))
        return parts;
    free(parts);
    return NULL;
}

static int read_asked(struct work *work)
{
    struct dal_search_ *asked = &work->asked;

    if (!memory_read(&work->memory, work->address, asked, sizeof *asked))
        return DAL_SEARCH_UNREADABLE_;
    return asked->word_bytes == sizeof *asked ? DAL_SEARCH_DONE_ : DAL_SEARCH_OTHER_;
}

static void add_apart(struct work *work, const void *start, size_t bytes)
{
    work->apart[work->apart_count++] =
        (struct dal_memory_part){.address = (uintptr_t)start, .bytes = bytes};
}

/* What is listed once all threads stand is true for as long as they do. */
static int read_lists(struct work *work)
{
    const struct dal_search_ *asked = &work->asked;
    unsigned char answer;
    int status;

    if (write(STDIN_FILENO, "", 1) != 1 || read(STDIN_FILENO, &answer, 1) != 1)
        return DAL_SEARCH_UNREADABLE_;
    status = answer == DAL_SEARCH_DONE_ ? read_asked(work) : answer;
    if (status != DAL_SEARCH_DONE_)
        return status;
    work->blocks = read_parts(&work->memory, asked->blocks, asked->block_count, 1);
    work->apart = read_parts(&work->memory, asked->apart, asked->apart_count, 2);
    if (!work->blocks || !work->apart)
        return DAL_SEARCH_MEMORY_;
    work->apart_count = asked->apart_count;
    add_apart(work, asked->blocks, asked->block_count * sizeof *asked->blocks);
    add_apart(work, asked->room, asked->room_bytes);
    return DAL_SEARCH_DONE_;
}

static int put_apart(struct work *work)
{
    int is_put = 1;

    for (size_t i = 0; is_put && i < work->apart_count; i++)
        is_put = roots_put_apart(&work->roots, range_of(&work->apart[i]));
    return is_put;
}

static int tell(struct work *work)
{
    static const uintptr_t words[] = {
        [BLOCK_UNSEEN] = DAL_REACHED,
        [BLOCK_REACHED] = DAL_REACHED,
        [BLOCK_LEAKED] = DAL_LEAKED,
        [BLOCK_LEAKED_INDIRECTLY] = DAL_LEAKED_INDIRECTLY,
    };

    for (size_t i = 0; i < work->reach.count; i++)
        work->blocks[work->reach.blocks[i].index].reach = words[work->reach.blocks[i].state];
    return memory_write(&work->memory, (uintptr_t)work->asked.blocks, work->blocks,
                        work->asked.block_count * sizeof *work->blocks)
               ? DAL_SEARCH_DONE_
               : DAL_SEARCH_UNREADABLE_;
}

static int search(struct work *work)
{
    if (!reach_open(&work->reach, &work->memory, work->blocks, work->asked.block_count))
        return DAL_SEARCH_MEMORY_;
    work->roots = (struct roots){.has_heap = work->asked.has_heap != 0,
                                 .blocks = work->blocks,
                                 .block_count = work->asked.block_count,
                                 .tables = work->apart,
                                 .table_count = work->apart_count,
                                 .memory = &work->memory,
                                 .threads = &work->threads,
                                 .reach = &work->reach};
    if (!put_apart(work) || !roots_visit(&work->roots))
        return DAL_SEARCH_MEMORY_;
    reach_finish(&work->reach);
    return tell(work);
}

static int search_process(const struct place *place, uintptr_t address)
{
    struct work work = {.address = address};
    int status = memory_open(place, &work.memory);

    if (status == DAL_SEARCH_DONE_)
        status = read_asked(&work);
    if (status == DAL_SEARCH_DONE_)
        status = threads_stop(place->process, &work.asked, &work.threads);
    if (status == DAL_SEARCH_DONE_)
        status = read_lists(&work);
    if (status == DAL_SEARCH_DONE_)
        status = memory_read_mappings(place, &work.memory);
    if (status == DAL_SEARCH_DONE_)
        status = search(&work);
    threads_go_on(&work.threads);
    roots_close(&work.roots);
    reach_close(&work.reach);
    memory_close(&work.memory);
    free(work.blocks);
    free(work.apart);
    return status;
}

/* Whatever the process has made of the signal. */
static void set_alarm(void)
{
    sigset_t set;

    (void)signal(SIGALRM, SIG_DFL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGALRM);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)alarm(DAL_SEARCH_SECONDS_);
}

int search_run(int argument_count, char **arguments)
{
    char *end;
    struct place place;
    uintptr_t address;

    if (argument_count != 4 || strcmp(arguments[0], dal_version()) != 0)
        return DAL_SEARCH_OTHER_;
    place.process = (pid_t)strtol(arguments[1], NULL, 10);
    place.thread = (pid_t)strtol(arguments[2], NULL, 10);
    address = (uintptr_t)strtoull(arguments[3], &end, 16);
    if (*end || place.process <= 0 || place.thread <= 0)
        return DAL_SEARCH_OTHER_;
    set_alarm();
    return search_process(&place, address);
}
