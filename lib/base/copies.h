/* SPDX-License-Identifier: MIT */
/* More than one copy of this library in a process. */
#ifndef DAL_COPIES_H
#define DAL_COPIES_H

/* Say so, if there are more copies than this one: each has a hook of its own, and what is
 * chosen in one does not hold in the other. Only the copy that was loaded last says it. For
 * the constructor. */
void dal_copies_report_(void);

/* The file of the object that this copy is in, as the loader found it, which need not be an
 * absolute path; NULL before the constructor, and where objects cannot be listed. */
const char *dal_copies_own_file_(void);

#endif /* DAL_COPIES_H */
