/* SPDX-License-Identifier: MIT */
/* The table of services. See service.h. */
#include <config.h>

#include "service/service.h"

#include "base/text.h"

const struct dal_services dal_services_ = {
    .size_bytes = sizeof dal_services_,
    .page_bytes = dal_os_page_bytes_,
    .huge_page_bytes = dal_os_huge_page_bytes_,
    .pages_map = dal_os_map_,
    .pages_unmap = dal_os_unmap_,
    .pages_protect = dal_os_protect_,
    .pages_wish = dal_os_wish_,
    .thread_end_listen = dal_thread_end_listen_,
    .thread_end_announce = dal_thread_end_announce_,
    .thread_record_open = dal_thread_record_open_,
    .thread_record_close = dal_thread_record_close_,
    .thread_record_enter = dal_thread_record_enter_,
    .thread_record_leave = dal_thread_record_leave_,
    .thread_record_visit = dal_thread_record_visit_,
    .line = dal_log_,
    .clock = dal_os_clock_,
    .seed = dal_os_seed_,
};

const struct dal_services *dal_services_get(void)
{
    return &dal_services_;
}
