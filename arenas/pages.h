/* SPDX-License-Identifier: MIT */
/*
 * What may be wished for memory that was taken from a child allocator: huge pages, and pages
 * that are there before they are touched. For the arenas, which take much at a time.
 *
 * Nobody knows here how the child came by the memory, so nothing is mapped and nothing is
 * asked for that could fail: what a system does not have, or the memory cannot be, is left
 * out. Only pages that lie inside the memory altogether are given an advice, and only its
 * own bytes are touched. Never changes what the memory holds, nor errno.
 */
#ifndef DAL_BACKENDS_PAGES_H
#define DAL_BACKENDS_PAGES_H

#include <stddef.h>

#include <dispatchalloc/backend.h>

/* The two options. What is said of them is the backend's; the choices are in the order of
 * enum dal_pages_huge_. */
#define DAL_PAGES_OPTIONS_(huge_pages_summary, prefault_summary) \
    {                                                            \
        .name = "huge_pages",                                    \
        .type = DAL_OPTION_CHOICE,                               \
        .default_text = "default",                               \
        .choices = "default|advise|never",                       \
        .summary = (huge_pages_summary),                         \
    },                                                           \
    {                                                            \
        .name = "prefault",                                      \
        .type = DAL_OPTION_SWITCH,                               \
        .default_text = "off",                                   \
        .summary = (prefault_summary),                           \
    }

enum dal_pages_huge_ {
    DAL_PAGES_DEFAULT_, /* as the system does by itself */
    DAL_PAGES_ADVISE_,
    DAL_PAGES_NEVER_
};

struct dal_pages_wish_ {
    unsigned char huge; /* enum dal_pages_huge_ */
    unsigned char prefault;
};

/* What those options of a request say. */
static inline struct dal_pages_wish_ dal_pages_wish_of_(const struct dal_backend_request *request)
{
    return (struct dal_pages_wish_){
        .huge = (unsigned char)request->find(request, "huge_pages")->number,
        .prefault = (unsigned char)request->find(request, "prefault")->number,
    };
}

/* Size of the huge pages that can be advised, a power of two; 0 where there are none. */
size_t dal_pages_huge_bytes_(void);

/* Have the memory as wished. */
void dal_pages_prepare_(void *base, size_t bytes, struct dal_pages_wish_ wish);

/* Make every page present by writing back a byte of each, as the fallback of prefault. No
 * other thread may use the memory yet. */
void dal_pages_touch_(void *base, size_t bytes, size_t page_bytes);

#endif /* DAL_BACKENDS_PAGES_H */
