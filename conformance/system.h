/* SPDX-License-Identifier: MIT */
/*
 * What the kit asks of the operating system: pages, and processes to run a case in. One file a
 * system implements it (posix.c, windows.c), and the cases that are about processes with it.
 */
#ifndef CONFORMANCE_SYSTEM_H
#define CONFORMANCE_SYSTEM_H

#include <sys/types.h>

#include "report.h"

/* ---- Pages -------------------------------------------------------------------------------- */

size_t kit_page_bytes(void);

/* Zeroed pages, or NULL. */
void *kit_map(size_t bytes);

/* Addresses alone, or NULL; pages of them that can be used; and addresses alone again. */
void *kit_reserve(size_t bytes);
bool kit_open_pages(void *pages, size_t bytes);
bool kit_close_pages(void *pages, size_t bytes);

/* What kit_map() or kit_reserve() gave, as a whole. */
void kit_unmap(void *pages, size_t bytes);

/* Have the address told that cannot be touched, where the process would end. It ends when told
 * returns. */
void kit_on_fault(const struct kit *kit, void (*told)(uintptr_t address));

/* ---- Processes ---------------------------------------------------------------------------- */

/* A report that a process of a case shares with this one, or NULL. */
struct kit_report *kit_report_map(void);
void kit_report_unmap(struct kit_report *report);

/* What is to be run in a process of its own, with what stands in the report. */
typedef void kit_work(const struct conformance_subject *subject, struct kit_report *report);

/* Run work in a process of its own and wait for its end: false if there is none to be had. Where
 * there is no fork this program is run once more, and comes to kit_report_asked(). */
bool kit_run_apart(const struct conformance_subject *subject, struct kit_report *report,
                   kit_work *work, int *status);

/* The report of the process that this one is run for, if it is for this subject; else NULL. */
struct kit_report *kit_report_asked(const struct conformance_subject *subject);

/* How a process ended: 0 if well, else one of these, or otherwise. */
bool kit_has_hung(int status);
bool kit_has_aborted(int status);
bool kit_has_crashed(int status);
bool kit_has_exited(int status); /* of itself */
void kit_describe_end(int status, char *text, size_t text_bytes);

/* Why there is no process. */
const char *kit_no_process_reason(void);

/* Make sure that this process ends after so many seconds, and leaves no core file. */
void kit_limit_process(unsigned seconds);

/* The same for the process of a case, from now. */
void kit_limit_case(struct kit_report *report, unsigned seconds);

/* ---- Where there is fork ------------------------------------------------------------------ */

/* waitpid(), whatever signals come. */
int kit_wait(pid_t child);

/* Seconds that a process started by a case may take: less than the case itself has. */
unsigned kit_child_seconds(const struct kit *kit);

/* What is likely where something hangs after a fork. */
extern const char kit_likely_after_fork[];

/* ---- The cases about processes ------------------------------------------------------------ */

void kit_fork_leaves_two_heaps(struct kit *kit);
void kit_fork_while_threads_allocate(struct kit *kit);
void kit_serves_before_and_after_main(struct kit *kit);
void kit_serves_the_front_around_fork(struct kit *kit);

#endif /* CONFORMANCE_SYSTEM_H */
