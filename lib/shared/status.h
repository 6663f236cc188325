/* SPDX-License-Identifier: MIT */
/*
 * Who serves, where a person can find it from outside: `dispatchalloc status PID` searches the
 * writable data of a process for the mark and reads the text behind it. No thread, socket or
 * signal is needed in the process.
 *
 * The format is fixed: the mark, then the text, ended by a zero byte. The mark is in two parts so
 * that the command, which puts them together, does not find itself.
 */
#ifndef DAL_STATUS_H
#define DAL_STATUS_H

#define DAL_STATUS_MARK_START "dispatchalloc-"
#define DAL_STATUS_MARK_END   "status-1:"

struct dal_status_ {
    char mark[sizeof DAL_STATUS_MARK_START DAL_STATUS_MARK_END - 1];
    char text[768];
};

#endif /* DAL_STATUS_H */
