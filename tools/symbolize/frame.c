/* SPDX-License-Identifier: MIT */
/* What a line says of a place in code: the sanitizers' form of a frame, in front of which a log may
 * have put something. See symbolize.h. */
#define _GNU_SOURCE /* memrchr */
#include "tools/symbolize/symbolize.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A number in hexadecimal, of 64 bits. Returns what follows it, or NULL. */
static const char *read_hexadecimal(const char *at, uint64_t *number)
{
    const char *start = at;

    for (*number = 0; isxdigit((unsigned char)*at); at++) {
        int digit =
            isdigit((unsigned char)*at) ? *at - '0' : tolower((unsigned char)*at) - 'a' + 10;

        if (*number >> 60)
            return NULL;
        *number = *number << 4 | (unsigned)digit;
    }
    return at > start ? at : NULL;
}

/* "#3", with the blanks behind it; NULL. */
static const char *read_number(const char *at, const char *line, struct frame *frame)
{
    size_t digits, blanks;

    frame->before = (size_t)(at++ - line);
    digits = strspn(at, "0123456789");
    blanks = strspn(at + digits, " ");
    if (digits == 0 || digits > 6 || blanks == 0)
        return NULL;
    frame->number = (unsigned)strtoul(at, NULL, 10);
    frame->behind_number = (size_t)(at + digits - line);
    return at + digits + blanks;
}

/* "#3 0x5581", or "#3" in front of what stands behind an address. Returns what follows, or NULL. */
static const char *read_start(const char *at, const char *line, struct frame *frame)
{
    at = read_number(at, line, frame);
    if (at && !frame->has_address)
        return strncmp(at, "in ", 3) == 0 || strncmp(at, "(/", 2) == 0 ? at - 1 : NULL;
    if (!at || strncmp(at, "0x", 2) != 0)
        return NULL;
    at = read_hexadecimal(at + 2, &frame->address);
    return at && (*at == ' ' || *at == '\0') ? at : NULL;
}

/* The first one in a line, or NULL. */
static const char *find_start(const char *line, int has_address, struct frame *frame)
{
    const char *rest = NULL;

    frame->has_address = has_address;
    for (const char *at = strchr(line, '#'); at && !rest; at = strchr(at + 1, '#')) {
        if (at == line || isspace((unsigned char)at[-1]))
            rest = read_start(at, line, frame);
    }
    return rest;
}

/* Take " (BuildId: DIGITS)" off the end. */
static void take_build_id(const char *text, size_t *length, char *build_id)
{
    static const char start[] = " (BuildId: ";
    const char *end = text + *length - 1;
    const char *digits = memmem(text, *length, start, sizeof start - 1);
    size_t count;

    *build_id = '\0';
    if (!digits || *end != ')')
        return;
    count = (size_t)(end - digits) - (sizeof start - 1);
    if (count == 0 || count >= BUILD_ID_BYTES_MAX || count % 2 ||
        strspn(digits + sizeof start - 1, "0123456789abcdefABCDEF") != count)
        return;
    for (size_t i = 0; i < count; i++)
        build_id[i] = (char)tolower((unsigned char)digits[sizeof start - 1 + i]);
    build_id[count] = '\0';
    *length = (size_t)(digits - text);
}

/* "(MODULE+0xOFFSET)" at the end; its start, or NULL. */
static const char *take_module(const char *text, size_t length, struct frame *frame)
{
    const char *start = memmem(text, length, " (/", 3);
    const char *plus = start ? memrchr(text, '+', length) : NULL;
    const char *end;
    size_t bytes;

    if (!plus || plus < start || strncmp(plus, "+0x", 3) != 0)
        return NULL;
    end = read_hexadecimal(plus + 3, &frame->offset);
    bytes = (size_t)(plus - start) - 2;
    if (!end || *end != ')' || end + 1 != text + length || bytes >= sizeof frame->module)
        return NULL;
    memcpy(frame->module, start + 2, bytes);
    frame->module[bytes] = '\0';
    return start;
}

/* Whether a text ends in ":LINE" or ":LINE:COLUMN". */
static int ends_in_line(const char *text, const char *end)
{
    const char *digits = end;

    while (digits > text && isdigit((unsigned char)digits[-1]))
        digits--;
    return digits < end && digits > text && digits[-1] == ':';
}

/* What may stand where there is no module: code that was made at run time, or is gone. */
static int is_of_no_module(const char *text)
{
    return !*text || strcmp(text, " (code made at run time)") == 0 ||
           strcmp(text, " (no code is there now)") == 0 || strcmp(text, " (<unknown module>)") == 0;
}

int frame_read(const char *line, struct frame *frame)
{
    const char *rest = find_start(line, 1, frame), *module;
    size_t length;

    if (!rest)
        rest = find_start(line, 0, frame);
    if (!rest)
        return 0;
    frame->behind_address = (size_t)(rest - line);
    frame->module[0] = '\0';
    length = strlen(rest);
    if (frame->has_address && is_of_no_module(rest)) {
        frame->is_resolved = 0;
        frame->build_id[0] = '\0';
        return 1;
    }
    take_build_id(rest, &length, frame->build_id);
    module = take_module(rest, length, frame);
    frame->is_resolved = ends_in_line(rest, module ? module : rest + length);
    return module != NULL || (frame->has_address && frame->is_resolved);
}

long frame_process(const char *line)
{
    static const char start[] = TOOL_NAME ": ";
    const char *at = strstr(line, start);
    long process = 0;

    if (!at)
        return 0;
    at += sizeof start - 1;
    at += strspn(at, "abcdefghijklmnopqrstuvwxyz-");
    if (*at++ != '[')
        return 0;
    for (; isdigit((unsigned char)*at) && process < 100000000; at++)
        process = process * 10 + (*at - '0');
    return *at == ']' ? process : 0;
}
