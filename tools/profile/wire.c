/* SPDX-License-Identifier: MIT */
/* Messages of protocol buffers: fields, each with a number that says what it is and how long. See
 * output.h. */
#include "tools/profile/output.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_NUMBER = 0, WIRE_BYTES = 2, WIRE_NUMBER_BYTES_MAX = 10 };

static void put(struct wire *wire, const void *bytes, size_t count)
{
    if (count > wire->room - wire->count) {
        size_t room = wire->room * 2 + count + 64;
        unsigned char *grown = realloc(wire->bytes, room);

        if (!grown) {
            wire->has_failed = 1;
            return;
        }
        wire->bytes = grown;
        wire->room = room;
    }
    if (count > 0)
        memcpy(wire->bytes + wire->count, bytes, count);
    wire->count += count;
}

/* Seven bits a byte, the lowest first; the eighth says that more follow. */
static size_t encode(uint64_t number, unsigned char bytes[WIRE_NUMBER_BYTES_MAX])
{
    size_t count = 0;

    for (; number >= 0x80; number >>= 7)
        bytes[count++] = (unsigned char)(number | 0x80);
    bytes[count++] = (unsigned char)number;
    return count;
}

static void put_plain(struct wire *wire, uint64_t number)
{
    unsigned char bytes[WIRE_NUMBER_BYTES_MAX];

    put(wire, bytes, encode(number, bytes));
}

void wire_put_number(struct wire *wire, unsigned field, uint64_t number)
{
    put_plain(wire, (uint64_t)field << 3 | WIRE_NUMBER);
    put_plain(wire, number);
}

void wire_put_bytes(struct wire *wire, unsigned field, const void *bytes, size_t count)
{
    put_plain(wire, (uint64_t)field << 3 | WIRE_BYTES);
    put_plain(wire, count);
    put(wire, bytes, count);
}

void wire_put_numbers(struct wire *wire, unsigned field, const uint64_t *numbers, size_t count)
{
    unsigned char bytes[WIRE_NUMBER_BYTES_MAX];
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += encode(numbers[i], bytes);
    put_plain(wire, (uint64_t)field << 3 | WIRE_BYTES);
    put_plain(wire, length);
    for (size_t i = 0; i < count; i++)
        put_plain(wire, numbers[i]);
}

void wire_put_message(struct wire *wire, unsigned field, struct wire *message)
{
    wire_put_bytes(wire, field, message->bytes, message->count);
    wire->has_failed |= message->has_failed;
    message->count = 0;
}

void wire_free(struct wire *wire)
{
    free(wire->bytes);
}
