/* SPDX-License-Identifier: MIT */
/*
 * Programs that the tool starts, waits for and measures (run becomes its program instead).
 * One at a time, from a single thread.
 *
 * A child leads a process group of its own. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to
 * it, followed by SIGKILL if that was not enough, and end the tool's work, not the tool. What a
 * child has left running when it ends is killed: nothing outlives the tool.
 */
#ifndef TOOL_CHILD_H
#define TOOL_CHILD_H

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/resource.h>

/* As many as a number of a process may have. */
enum { CHILD_NUMBER_DIGITS = 10 };

struct child_command {
    const char *path; /* of the program */
    char **arguments; /* its argv */
    char **environment;
    char
        *number; /* where in that the child writes its own, as CHILD_NUMBER_DIGITS; NULL: nowhere */
    int input;   /* file descriptors, which the child gets as 0, 1 and 2 */
    int output;
    int errors;
    unsigned seconds_limit; /* it gets SIGTERM after that long; 0: never */
    /* It gets SIGKILL when output and errors, which are files, are larger together; 0: never. */
    uint64_t bytes_limit;
    /* Called about once a second while a program in front runs (child_set_up_in_front()); NULL: not
     * at all. process: its number. */
    void (*look)(pid_t process, void *data);
    void *data;
};

struct child_result {
    int status;             /* as wait(2) has it */
    int not_executed;       /* 0, or 126 or 127 if the program could not be executed */
    int timed_out, flooded; /* it was ended since it took too long, or wrote too much */
    int is_over;            /* it was ended since what was done beside it is */
    int stop_signal;        /* it stopped by that, and was ended; 0: it did not stop */
    pid_t process;          /* its number; it is gone */
    double seconds;         /* from before fork(2) to after wait(2) */
    struct rusage usage;    /* of the child and of its children that it waited for */
};

/*
 * Have children be waited for also where SIGCHLD is ignored, as who started the tool may have it:
 * then they would be gone without a word. Programs get it as it was. First of all in a command that
 * starts some.
 */
void child_keep_ends(void);

/* Undo that, before this process becomes another program. */
void child_give_ends_back(void);

/* In a child: end where the tool does, which may be killed without a chance to clean up. */
void child_end_with(pid_t parent);

/* Take over the signals. Once, before the first child_run(). */
void child_set_up(void);

/*
 * The same for a program that is to run as if it had been started without the tool: it stays in the
 * tool's process group, and so has the terminal; it may stop; signals, SIGUSR1 and SIGUSR2 too, are
 * passed on as they come, unless the whole group has them, and end neither the tool nor its
 * patience; what it leaves running stays.
 */
void child_set_up_in_front(void);

/* child_group.c, for child.c: have a process watch what the group gets, until it is not needed any
 * more; and whether the group has a signal that a sender has sent us, for a handler. */
void child_group_watch(void);
void child_group_forget(void);
int child_group_has(int number, pid_t sender);

/* After the program has ended: signals end the tool again. */
void child_let_go(void);

/* End as a program has whose status wait(2) gave: by the same signal, which does not return, or
 * with the status that is returned. */
int child_end_as(int status);

/* Run a program to its end. Returns 0, or TOOL_TROUBLE after a message if there was no
 * child at all. */
int child_run(const struct child_command *command, struct child_result *result);

/*
 * Have a process of its own do something beside the program of the next child_run(), such as to ask
 * a server for something, and have that end by SIGTERM when it is done: then the result says
 * is_over. It does not outlive that child_run(). Its number, or -1 after a message.
 */
pid_t child_start_beside(void (*work)(void *data), void *data);

/* Kill and wait for all that this process has as children, and what those leave: of a process that
 * ran programs, when it is ended itself. */
void child_kill_the_rest(void);

/* The signal that told the tool to end, or 0. */
int child_interruption(void);

/* Whether the program did not end with status 0, and in which words. Returns text, or NULL
 * if all is well. */
const char *child_failure(const struct child_result *result, char *text, size_t text_bytes);

/*
 * Have a descriptor 0, 1 or 2 that is closed refuse what it is for, as a closed one does, by
 * /dev/null the wrong way round: else the next file that is opened would be taken for it, and
 * swallow what is printed. First of all in a command that starts programs.
 */
void child_keep_standard_files(void);

/* Make a directory of our own for what a program that is started leaves there, below TMPDIR, and
 * remove one with the files in it. 0, or TOOL_TROUBLE after a message. */
int child_make_directory(char path[PATH_MAX]);
void child_remove_directory(const char *path);

/* /dev/null for reading and writing; -1 after a message. */
int child_open_null(void);

/*
 * What a child reads: standard input if that is a regular file, else /dev/null. Returns a
 * file descriptor, -1 after a message; *start is where a file is to be read from in each
 * run, or -1.
 */
int child_open_input(off_t *start);

/* A file below TMPDIR that takes what the program writes to standard error, to be closed; NULL
 * after a message. */
FILE *child_open_errors(struct child_command *command);

/* Whether a file is as large as this process, or one that it starts, may make one (ulimit -f): what
 * was to be written behind that is not there, and who wanted to is ended by SIGXFSZ. */
int child_is_cut(int file);

/* Whether a program was ended by what it has said: TOOL_TROUBLE after a message, else 0. */
int child_check_errors(const struct child_result *result, FILE *errors);

/* That message, of whatever was to be in the file. */
int child_tell_cut(const char *what);

/* Before each run. NULL: there is none. */
void child_forget_errors(FILE *errors);

/* A line of what a program has said that has both texts in it, without its newline. Returns 0 if
 * there is none. */
int child_find_error(FILE *errors, const char *one, const char *other, char *line, size_t bytes);

/* The end of what a program has said: some lines of it, each behind a beginning, with control
 * characters shown as '?'. */
void child_show_errors(FILE *errors, FILE *to, const char *beginning);

#endif /* TOOL_CHILD_H */
