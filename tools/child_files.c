/* SPDX-License-Identifier: MIT */
/* What a program that the tool starts reads and writes. See child.h. */
#define _GNU_SOURCE /* O_CLOEXEC, fileno, mkdtemp, mkostemp, dirfd, unlinkat */
#include "tools/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared/control.h"
#include "tools/tool.h"

/* A name for what is made there for a while. 0, or TOOL_TROUBLE after a message. */
static int temporary_path(char path[PATH_MAX])
{
    const char *parent = getenv("TMPDIR");
    int written =
        snprintf(path, PATH_MAX, "%s/dispatchalloc.XXXXXX", parent && *parent ? parent : "/tmp");

    return written < 0 || written >= PATH_MAX - 32 ? tool_complain("TMPDIR is too long") : 0;
}

/* Of our own, since files that a program leaves have names that can be guessed. */
int child_make_directory(char path[PATH_MAX])
{
    if (temporary_path(path))
        return TOOL_TROUBLE;
    if (!mkdtemp(path))
        return tool_complain("cannot make a directory %s: %s", path, strerror(errno));
    return 0;
}

/* With what was left by whatever the program started. */
void child_remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;

    while (directory && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory)
        (void)closedir(directory);
    (void)rmdir(path);
}

void child_keep_standard_files(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++) {
        /* The lowest one that is closed is what open() takes. */
        if (fcntl(file, F_GETFD) < 0)
            (void)open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

int child_open_null(void)
{
    int file = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (file < 0)
        (void)tool_complain("/dev/null: %s", strerror(errno));
    return file;
}

static int is_null(const struct stat *input)
{
    struct stat null;

    return stat("/dev/null", &null) == 0 && S_ISCHR(input->st_mode) &&
           input->st_rdev == null.st_rdev;
}

int child_open_input(off_t *start)
{
    struct stat status;

    *start = -1;
    if (fstat(STDIN_FILENO, &status) == 0) {
        if (S_ISREG(status.st_mode)) {
            *start = lseek(STDIN_FILENO, 0, SEEK_CUR);
            return STDIN_FILENO;
        }
        if (!isatty(STDIN_FILENO) && !is_null(&status))
            (void)fputs(TOOL_NAME ": standard input is not a file that can be read more than "
                                  "once: the program gets /dev/null\n",
                        stderr);
    }
    return child_open_null();
}

/* Not by tmpfile(3), which knows no TMPDIR. */
FILE *child_open_errors(struct child_command *command)
{
    char path[PATH_MAX];
    FILE *errors = NULL;
    int file;

    if (temporary_path(path))
        return NULL;
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0) {
        (void)unlink(path);
        errors = fdopen(file, "w+");
    }
    if (!errors) {
        (void)tool_complain("cannot make a file %s: %s", path, strerror(errno));
        if (file >= 0)
            (void)close(file);
        return NULL;
    }
    command->errors = file;
    return errors;
}

int child_is_cut(int file)
{
    struct rlimit limit;
    struct stat status;

    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           fstat(file, &status) == 0 && (rlim_t)status.st_size >= limit.rlim_cur;
}

int child_tell_cut(const char *what)
{
    return tool_complain("%s goes to a file here, which may not be as large as that takes "
                         "(ulimit -f)",
                         what);
}

int child_check_errors(const struct child_result *result, FILE *errors)
{
    return errors && WIFSIGNALED(result->status) && WTERMSIG(result->status) == SIGXFSZ &&
                   child_is_cut(fileno(errors))
               ? child_tell_cut("what the program writes to standard error")
               : 0;
}

void child_forget_errors(FILE *errors)
{
    if (!errors)
        return;
    /* What was read of it before stays in the buffer of the stream else, also after a seek. */
    rewind(errors);
    (void)fflush(errors);
    (void)lseek(fileno(errors), 0, SEEK_SET);
    if (ftruncate(fileno(errors), 0) != 0)
        return;
}

/* What a program says is shown in its lines, and orders the terminal nothing. */
static void clean_lines(char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\t\n");

        dal_clean_(text, length);
        text += length;
        text += strspn(text, "\t\n");
    }
}

/* Each line behind the beginning. */
static void show_lines(const char *text, FILE *to, const char *beginning)
{
    while (*text) {
        size_t length = strcspn(text, "\n");

        fprintf(to, "%s%.*s\n", beginning, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

int child_find_error(FILE *errors, const char *one, const char *other, char *line, size_t bytes)
{
    if (!errors)
        return 0;
    rewind(errors);
    while (fgets(line, (int)bytes, errors)) {
        if (strstr(line, one) && strstr(line, other)) {
            line[strcspn(line, "\n")] = '\0';
            return 1;
        }
    }
    return 0;
}

void child_show_errors(FILE *errors, FILE *to, const char *beginning)
{
    char text[1025];
    const char *line = text;
    long size;
    size_t got;

    if (!errors || fseek(errors, 0, SEEK_END) != 0 || (size = ftell(errors)) <= 0)
        return;
    if (size > (long)sizeof text - 1)
        size = (long)sizeof text - 1;
    if (fseek(errors, -size, SEEK_END) != 0)
        return;
    got = fread(text, 1, (size_t)size, errors);
    text[got] = '\0';
    clean_lines(text);
    /* From the first whole line on, unless the end is of one long line. */
    if (got == sizeof text - 1 && strchr(text, '\n') && strchr(text, '\n')[1])
        line = strchr(text, '\n') + 1;
    show_lines(line, to, beginning);
}
