/* SPDX-License-Identifier: MIT */
/*
 * Who serves, where a person can find it from outside: `dispatchalloc status PID` searches the
 * writable data of a process for the mark and reads the text behind it. No thread, socket or
 * signal is needed in the process.
 *
 * The format is fixed: the mark, then the text, ended by a zero byte. tools/status.c has the
 * same mark, in two parts so that the tool does not find itself.
 */
#ifndef DAL_STATUS_H
#define DAL_STATUS_H

#include "base/text.h"

#define DAL_STATUS_MARK_START "dispatchalloc-"
#define DAL_STATUS_MARK_END "status-1:"

struct dal_status_ {
    char mark[sizeof DAL_STATUS_MARK_START DAL_STATUS_MARK_END - 1];
    char text[DAL_MESSAGE_BYTES];
};

#endif /* DAL_STATUS_H */
