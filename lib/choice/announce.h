/* SPDX-License-Identifier: MIT */
/* What is active, who chose it, and what went wrong, in words. */
#ifndef DAL_ANNOUNCE_H
#define DAL_ANNOUNCE_H

#include "choice/choice.h"

/* What is to be told with who serves, after a "but". For the interposer, once, before the
 * first allocation. The text is kept. */
void dal_announce_remark_(const char *text);

/* What the first allocation says: each candidate that was rejected, which ends the process
 * in strict mode, a veto, and who serves if the operator asked to be told. */
void dal_announce_report_(const struct dal_decision_ *decision);

/* A request of the program failed: one line, kept for dal_global_explain(); ends the
 * process in strict mode. what is such as
 * `dal_global_set_spec("aren")`. */
void dal_announce_refusal_(const char *what, const char *reason);

/* A request of the program came after the first allocation: one line. */
void dal_announce_late_(const char *what);

#endif /* DAL_ANNOUNCE_H */
