/* SPDX-License-Identifier: MIT */
/* What the backends that take much memory at a time have in common: options that wish for its pages
 * (pages_wish in dispatchalloc/service.h). */
#ifndef DAL_BACKENDS_PAGES_OPTIONS_H
#define DAL_BACKENDS_PAGES_OPTIONS_H

#include <dispatchalloc/backend.h>

/* The two options. What is said of them is the backend's. */
#define DAL_PAGES_OPTIONS_(huge_pages_summary, prefault_summary)              \
    {                                                                         \
        .name = "huge_pages",                                                 \
        .type = DAL_OPTION_CHOICE,                                            \
        .default_text = "default",                                            \
        .choices = "default|advise|never",                                    \
        .summary = (huge_pages_summary),                                      \
    },                                                                        \
    {                                                                         \
        .name = "prefault", .type = DAL_OPTION_SWITCH, .default_text = "off", \
        .summary = (prefault_summary),                                        \
    }

/* What those options of a request wish for: enum dal_pages_wish bits. */
static inline uint32_t dal_pages_wishes_of_(const struct dal_backend_request *request)
{
    static const uint32_t of_choice[] = {0, DAL_PAGES_HUGE, DAL_PAGES_SMALL};
    uint64_t present = request->find(request, "prefault")->number;

    return of_choice[request->find(request, "huge_pages")->number] |
           (present ? (uint32_t)DAL_PAGES_PRESENT : 0);
}

/* Bytes of the huge pages that are wished for, or 0. */
static inline size_t dal_pages_huge_bytes_(const struct dal_backend_request *request,
                                           uint32_t wishes)
{
    return wishes & DAL_PAGES_HUGE ? request->services->huge_page_bytes() : 0;
}

#endif /* DAL_BACKENDS_PAGES_OPTIONS_H */
