/* SPDX-License-Identifier: MIT */
/* The table of services. See service.h. */
#include <config.h>

#include "service/service.h"

#include <stdatomic.h>

#include "base/text.h"
#include "installed/command.h"
#include "shared/control.h"
#include "stack/address_text.h"
#include "stack/frame_text.h"
#include "stack/stacks.h"

/* Clock, process and a place on this thread's stack, which may all be those of another
 * call; and a count, which is not. Spread over all bits as SplitMix64 does it. */
static uint64_t seed(void)
{
    static _Atomic(uint64_t) calls;
    uint64_t number = dal_os_clock_() ^ dal_os_process_() << 40;

    number ^= (uint64_t)(uintptr_t)&number << 16;
    number +=
        atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) * UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

DAL_ATTRIBUTE_PRINTF_(3, 0)
static size_t format_text(char *text, size_t bytes, const char *format, va_list arguments)
{
    struct dal_text_ growing = dal_text_over_(text, bytes);

    dal_text_add_list_(&growing, format, arguments);
    return growing.length;
}

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
    .seed = seed,
    .thread_record_place = dal_thread_record_place_,
    .text = dal_os_write_,
    .clean = dal_clean_,
    .process_name = dal_os_process_name_,
    .file_map = dal_os_file_map_,
    .pages_move = dal_os_move_,
    .file_unmap = dal_os_file_unmap_,
    .file_path = dal_os_file_path_,
    .stacks_prepare = dal_stacks_prepare_,
    .stack_capture = dal_stack_capture_,
    .stack_places = dal_stack_places_,
    .frame_text = dal_frame_text_,
    .file_lines = dal_os_file_lines_,
    .address_text = dal_address_text_,
    .command_prepare = dal_command_prepare_,
    .report = dal_report_,
    .leaks_find = dal_leaks_find_,
    .stack_places_at = dal_stack_places_at_,
    .frame_place_text = dal_frame_place_text_,
    .format = format_text,
    .process = dal_os_process_,
    .stack_walk = dal_stack_walk_,
    .registers_text = dal_registers_text_,
    .frame_code = dal_frame_code_,
};

const struct dal_services *dal_services_get(void)
{
    return &dal_services_;
}
