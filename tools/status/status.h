/* SPDX-License-Identifier: MIT */
/* The insides of `dispatchalloc status`. */
#ifndef TOOL_STATUS_H
#define TOOL_STATUS_H

#include <limits.h>
#include <sys/stat.h>

#include "tools/tool.h"

/* A file of a process's own in /proc, to be closed; NULL with errno. */
FILE *status_proc(long process, const char *name);

/* Where errno says that this process may open no more files, nothing can be said of others: ends it
 * with that. */
void status_check_descriptors(void);

/* ---- mapped.c: files that a process shares with who reads them; of this command and profile ----
 */

/* A mapping of a process that is shared, of a file that may be gone. */
struct status_mapped {
    char path[PATH_MAX];
    uint64_t start, end, inode;
};

/* The next one in the maps of a process. Returns 0 if there is none. */
int status_next_mapped(FILE *maps, struct status_mapped *mapped);

/* Where the bytes of one are: in an open file, or in the memory of a process. */
struct status_bytes {
    int file;
    uint64_t start, count;
    struct stat status; /* of the file; st_ino is 0 where it is gone */
};

/* Whether it is what is looked for, and nothing was left open: TOOL_OK; else TOOL_FAILED, or
 * TOOL_TROUBLE with errno. */
typedef int (*status_taker)(const struct status_bytes *bytes, void *data);

/* Have one taken by its path, or of a process, by whatever way it is taken; access is that of
 * open(2). What the taker returned last; TOOL_TROUBLE with errno, or TOOL_FAILED, where it is none.
 */
int status_take_file(const char *path, int access, status_taker take, void *data);
int status_take_mapped(long process, const struct status_mapped *mapped, int access,
                       status_taker take, void *data);

/* Read the bytes into a block to be freed, aligned as the library's readers want it: as a taker
 * returns. *data may have to be freed in any case. */
int status_read(const struct status_bytes *bytes, uint64_t most, void **data);

/* ---- served.c: what a process says in its own memory ---- */

/* Called with a file that has a copy of the library, and with what that says; "": nothing yet. */
typedef void (*status_served_visitor)(const char *file, const char *text, void *data);

/* Search the memory of a process, which takes the right to trace it: the number of copies found, or
 * -1 with errno. */
int status_visit_served(long process, status_served_visitor visit, void *data);

/* ---- counters.c: what a file of counters says ---- */

enum status_state {
    STATUS_ENDED,    /* the process that made the file */
    STATUS_RUNNING,  /* it counts there */
    STATUS_EXECUTED, /* it goes on as another program, which does not */
    STATUS_CLOSED,   /* it goes on and has given the file up */
    STATUS_UNKNOWN,  /* it is of another namespace, and none is seen to have the file mapped */
    STATUS_COPY,     /* nobody counts there: it is not known to be the file that one made */
};

struct status_counters {
    char path[PATH_MAX];
    void *data;
    size_t bytes;
    uint64_t file, device; /* as stat(2) has them; 0: it is gone */
    long process;          /* as the file has it; 0: it does not say */
    enum status_state state;
    int is_hidden; /* it runs, and may not be looked at */
    char program[PATH_MAX], command[PATH_MAX];
    char name[512], label[64];
    char explanation[1024]; /* lines; "": nothing is known */
    uint64_t live_bytes, peak_bytes;
    uint64_t anonymous_bytes; /* resident in a running process; 0: not known */
};

/* Read a file: TOOL_OK, to be undone by status_close(); TOOL_FAILED if it is no such file;
 * TOOL_TROUBLE. errno says more about the last two where it is not 0. */
int status_open(const char *path, struct status_counters *counters);
void status_close(struct status_counters *counters);

typedef void (*status_counters_visitor)(struct status_counters *counters, void *data);

/* Those that a process has mapped: how many, or -1 with errno if that cannot be seen. */
int status_visit_mapped(long process, status_counters_visitor visit, void *data);

/* Those in a directory but for what status_visit_mapped() finds. How many. */
int status_visit_directory(const char *directory, status_counters_visitor visit, void *data);

/* ---- list.c: several of them ---- */

struct status_list {
    struct status_counters *all;
    size_t count;
};

/* Keep one: what it has read is the list's from then on. TOOL_OK, or TOOL_TROUBLE after a message.
 */
int status_list_add(struct status_list *list, struct status_counters *counters);
void status_list_clear(struct status_list *list);

/* Have a function fill a list, and say nothing. */
int status_collect_quietly(int (*collect)(struct status_list *list), struct status_list *list);

/* Each count that differs, and by how much. */
typedef void (*status_change_visitor)(const char *key, int64_t change, void *data);
void status_visit_changes(const struct status_counters *before, const struct status_counters *after,
                          status_change_visitor visit, void *data);

/* ---- watch.c ---- */

/* Show what a function collects, every so many seconds, until that is to end: the exit status. */
int status_watch(unsigned seconds, int (*collect)(struct status_list *list));

/* ---- openmetrics.c ---- */

void status_openmetrics(struct status_list *list);

/* ---- near.c ---- */

/* Whether a process is one of a program's. */
typedef int (*status_named)(long process, const char *name);

/* Try the names of the programs that can be shown: of processes that have the library, and of what
 * ended ones have left in a directory. */
void status_find_near(const char *directory, status_named is_named, struct dal_nearest_ *nearest);

/* ---- print.c ---- */

void status_print_served(long process, const char *file, const char *text);
void status_print(const struct status_counters *counters);

/* The same, with what has changed since another reading in the place of what is counted. */
void status_print_since(const struct status_counters *before,
                        const struct status_counters *counters);

/* What is known of the process, in words. */
const char *status_words(enum status_state state);

/* The same in JSON: the list is begun, and ended. */
void status_json_begin(void);
void status_json_served(long process, const char *file, const char *text);
/* before: another reading, whose difference is told as well; or NULL. */
void status_json(const struct status_counters *counters, const struct status_counters *before);
void status_json_end(void);

#endif /* TOOL_STATUS_H */
