/* SPDX-License-Identifier: MIT */
/* Call frame information, read where the loader has mapped it. See frame_rule.h. */
#include <config.h>

#include "stack/frame_rule.h"

#include "os/frames.h"

#if DAL_OS_HAS_FRAMES_

/* ---- Reading ----------------------------------------------------------------------------------
 */

/*
 * Nothing outside the object is read: what is not as it should be reads as zeroes, which end
 * everything. What an object's mapping spans has holes between its segments, and another thread may
 * unload it: the system is asked for each page that a reader comes to, for a rule that is kept
 * then.
 */
struct reader {
    const unsigned char *at, *end;
    uintptr_t page; /* the last one that was found readable; 0: none */
};

/* Whether there is a byte. It is at its end otherwise. */
static int has_next(struct reader *reader)
{
    uintptr_t page = (uintptr_t)reader->at / DAL_OS_PAGE_BYTES_LEAST_;

    if (reader->at < reader->end && page != reader->page) {
        if (dal_os_is_readable_((uintptr_t)reader->at))
            reader->page = page;
        else
            reader->at = reader->end;
    }
    return reader->at < reader->end;
}

static uint64_t read_fixed(struct reader *reader, size_t bytes)
{
    uint64_t value = 0;

    if ((size_t)(reader->end - reader->at) < bytes) {
        reader->at = reader->end;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++) {
        size_t byte = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : bytes - 1 - i;

        if (!has_next(reader))
            return 0;
        value |= (uint64_t)*reader->at++ << 8 * byte;
    }
    return value;
}

static uint64_t read_leb(struct reader *reader, int is_signed)
{
    uint64_t value = 0;
    unsigned shift = 0;

    while (has_next(reader)) {
        unsigned char byte = *reader->at++;

        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (byte & 0x80)
            continue;
        if (is_signed && shift < 64 && (byte & 0x40))
            value |= ~UINT64_C(0) << shift;
        break;
    }
    return value;
}

static uint64_t read_unsigned(struct reader *reader)
{
    return read_leb(reader, 0);
}

static int64_t read_signed(struct reader *reader)
{
    return (int64_t)read_leb(reader, 1);
}

static struct reader part_of(struct reader *reader, uint64_t bytes)
{
    struct reader part = {reader->at, reader->at, reader->page};

    if (bytes <= (uint64_t)(reader->end - reader->at))
        part.end = reader->at += bytes;
    else
        reader->at = reader->end;
    return part;
}

/* Pointers as DW_EH_PE_* has them. */
enum { ENCODED_ABSOLUTE = 0x00, ENCODED_RELATIVE = 0x10, ENCODED_OMITTED = 0xff };

static uintptr_t read_encoded(struct reader *reader, unsigned encoding)
{
    uintptr_t place = (uintptr_t)reader->at;
    uint64_t value;

    switch (encoding & 0x0f) {
    case 0x00: value = read_fixed(reader, sizeof(void *)); break;
    case 0x02: value = read_fixed(reader, 2); break;
    case 0x03: value = read_fixed(reader, 4); break;
    case 0x0a: value = (uint64_t)(int16_t)read_fixed(reader, 2); break;
    case 0x0b: value = (uint64_t)(int32_t)read_fixed(reader, 4); break;
    case 0x04:
    case 0x0c: value = read_fixed(reader, 8); break;
    default: reader->at = reader->end; return 0;
    }
    return (uintptr_t)value + ((encoding & 0x70) == ENCODED_RELATIVE ? place : 0);
}

/* ---- The rules of a function ------------------------------------------------------------------
 */

/* Where a register is stored. */
enum stored { STORED_NOWHERE, STORED_UNKNOWN, STORED_AT_CFA, STORED_AT_POINTER };

struct place {
    enum stored stored;
    int64_t offset;
};

struct row {
    enum dal_frame_base_ base;
    int64_t offset;
    struct place return_address, pointer;
};

/* What is common to the functions of a source file, and one of them. */
struct function {
    uint64_t code_unit;
    int64_t data_unit;
    unsigned return_register, encoding;
    int has_data, is_of_signal;
    struct reader begin, instructions;
    uintptr_t start, bytes;
};

static void set_base(struct row *row, uint64_t number)
{
    row->base = number == DAL_FRAME_STACK_REGISTER_     ? DAL_FRAME_BY_STACK_
                : number == DAL_FRAME_POINTER_REGISTER_ ? DAL_FRAME_BY_POINTER_
                                                        : DAL_FRAME_END_;
}

/* Others are not followed. */
static struct place *place_of(struct row *row, const struct function *function, uint64_t number)
{
    return number == function->return_register     ? &row->return_address
           : number == DAL_FRAME_POINTER_REGISTER_ ? &row->pointer
                                                   : NULL;
}

static void store(struct row *row, const struct function *function, uint64_t number,
                  struct place place)
{
    struct place *known = place_of(row, function, number);

    if (known)
        *known = place;
}

/* A register and an offset, and whether what is stored there is meant: the expressions of a stack
 * that is aligned anew. */
struct expression {
    uint64_t number;
    int64_t offset;
    int is_stored, is_known;
};

static struct expression read_expression(struct reader *reader)
{
    enum { DEREFERENCE = 0x06, REGISTER_0 = 0x70, REGISTER_31 = 0x8f };
    struct reader part = part_of(reader, read_unsigned(reader));
    struct expression found = {0, 0, 0, 0};
    unsigned operation = (unsigned)read_fixed(&part, 1);

    if (operation < REGISTER_0 || operation > REGISTER_31)
        return found;
    found.number = operation - REGISTER_0;
    found.offset = read_signed(&part);
    if (part.at < part.end) {
        found.is_stored = 1;
        found.is_known = read_fixed(&part, 1) == DEREFERENCE && part.at == part.end;
    } else {
        found.is_known = 1;
    }
    return found;
}

static void set_base_by(struct row *row, struct expression by)
{
    set_base(row, by.number);
    row->offset = by.offset;
    if (!by.is_known || (by.is_stored && row->base != DAL_FRAME_BY_POINTER_))
        row->base = DAL_FRAME_END_;
    else if (by.is_stored)
        row->base = DAL_FRAME_POINTED_TO_;
}

static struct place place_by(struct expression by)
{
    if (!by.is_known || by.is_stored || by.number != DAL_FRAME_POINTER_REGISTER_)
        return (struct place){STORED_UNKNOWN, 0};
    return (struct place){STORED_AT_POINTER, by.offset};
}

/* Instructions, DW_CFA_*: the upper two bits are one with an operand in the others, or none. */
enum {
    ADVANCE = 0x40,
    OFFSET = 0x80,
    RESTORE = 0xc0,
    NOP = 0x00,
    SET_LOCATION = 0x01,
    ADVANCE_1 = 0x02,
    ADVANCE_2 = 0x03,
    ADVANCE_4 = 0x04,
    OFFSET_EXTENDED = 0x05,
    RESTORE_EXTENDED = 0x06,
    UNDEFINED = 0x07,
    SAME_VALUE = 0x08,
    IN_REGISTER = 0x09,
    REMEMBER = 0x0a,
    RECALL = 0x0b,
    BASE = 0x0c,
    BASE_REGISTER = 0x0d,
    BASE_OFFSET = 0x0e,
    BASE_EXPRESSION = 0x0f,
    EXPRESSION = 0x10,
    OFFSET_SIGNED = 0x11,
    BASE_SIGNED = 0x12,
    BASE_OFFSET_SIGNED = 0x13,
    VALUE_OFFSET = 0x14,
    VALUE_OFFSET_SIGNED = 0x15,
    VALUE_EXPRESSION = 0x16,
    SIGNED_RETURN = 0x2d, /* of aarch64: the return address is signed from here on, or not */
    ARGUMENTS_SIZE = 0x2e
};

enum { ROWS_REMEMBERED = 8 };

struct program {
    const struct function *function;
    uint64_t location;
    struct row row, initial; /* initial: as the part that is common leaves it */
    struct row remembered[ROWS_REMEMBERED];
    unsigned count;
};

/* The instructions that concern a register. Returns 0 for an unknown one. */
static int execute_register(struct program *program, struct reader *reader, unsigned instruction)
{
    const struct function *function = program->function;
    uint64_t number = read_unsigned(reader);
    struct place *initial = place_of(&program->initial, function, number);
    struct place place = {STORED_UNKNOWN, 0};

    switch (instruction) {
    case OFFSET_EXTENDED:
        place = (struct place){STORED_AT_CFA, (int64_t)read_unsigned(reader) * function->data_unit};
        break;
    case OFFSET_SIGNED:
        place = (struct place){STORED_AT_CFA, read_signed(reader) * function->data_unit};
        break;
    case RESTORE_EXTENDED:
        if (initial)
            place = *initial;
        break;
    case SAME_VALUE: place.stored = STORED_NOWHERE; break;
    case UNDEFINED: break;
    case IN_REGISTER:
    case VALUE_OFFSET: (void)read_unsigned(reader); break;
    case VALUE_OFFSET_SIGNED: (void)read_signed(reader); break;
    case EXPRESSION: place = place_by(read_expression(reader)); break;
    case VALUE_EXPRESSION: (void)read_expression(reader); break;
    default: return 0;
    }
    store(&program->row, function, number, place);
    return 1;
}

/* Those that concern the CFA. */
static int execute_base(struct program *program, struct reader *reader, unsigned instruction)
{
    struct row *row = &program->row;
    int64_t unit = program->function->data_unit;

    switch (instruction) {
    case BASE:
        set_base(row, read_unsigned(reader));
        row->offset = (int64_t)read_unsigned(reader);
        return 1;
    case BASE_SIGNED:
        set_base(row, read_unsigned(reader));
        row->offset = read_signed(reader) * unit;
        return 1;
    case BASE_REGISTER: set_base(row, read_unsigned(reader)); return 1;
    case BASE_OFFSET: row->offset = (int64_t)read_unsigned(reader); return 1;
    case BASE_OFFSET_SIGNED: row->offset = read_signed(reader) * unit; return 1;
    case BASE_EXPRESSION: set_base_by(row, read_expression(reader)); return 1;
    default: return execute_register(program, reader, instruction);
    }
}

static int execute(struct program *program, struct reader *reader, unsigned instruction)
{
    const struct function *function = program->function;

    switch (instruction) {
    case NOP:
    case SIGNED_RETURN: return 1;
    case ARGUMENTS_SIZE: (void)read_unsigned(reader); return 1;
    case SET_LOCATION: program->location = read_encoded(reader, function->encoding); return 1;
    case ADVANCE_1: program->location += read_fixed(reader, 1) * function->code_unit; return 1;
    case ADVANCE_2: program->location += read_fixed(reader, 2) * function->code_unit; return 1;
    case ADVANCE_4: program->location += read_fixed(reader, 4) * function->code_unit; return 1;
    case REMEMBER:
        if (program->count == ROWS_REMEMBERED)
            return 0;
        program->remembered[program->count++] = program->row;
        return 1;
    case RECALL:
        if (program->count == 0)
            return 0;
        program->row = program->remembered[--program->count];
        return 1;
    default: return execute_base(program, reader, instruction);
    }
}

/* Up to what holds for a place. Returns 0 for what is not known. */
static int run(struct program *program, struct reader reader, uintptr_t place)
{
    const struct function *function = program->function;

    while (program->location <= place && has_next(&reader)) {
        unsigned instruction = *reader.at++;
        unsigned operand = instruction & 0x3f;

        if ((instruction & 0xc0) == ADVANCE) {
            program->location += operand * function->code_unit;
        } else if ((instruction & 0xc0) == OFFSET) {
            int64_t offset = (int64_t)read_unsigned(&reader) * function->data_unit;

            store(&program->row, function, operand, (struct place){STORED_AT_CFA, offset});
        } else if ((instruction & 0xc0) == RESTORE) {
            const struct place *initial = place_of(&program->initial, function, operand);

            if (initial)
                store(&program->row, function, operand, *initial);
        } else if (!execute(program, &reader, instruction)) {
            return 0;
        }
    }
    return 1;
}

/* ---- Finding a function -----------------------------------------------------------------------
 */

/* At something of the object, up to its end. */
static struct reader reader_at(const struct dal_os_code_ *code, const void *address)
{
    struct reader reader = {address, (const unsigned char *)code->end, 0};

    if ((uintptr_t)address < code->start || (uintptr_t)address >= code->end)
        reader.at = reader.end;
    return reader;
}

/* An entry of .eh_frame from its length on: what follows that. */
static struct reader read_entry(const struct dal_os_code_ *code, const void *entry)
{
    struct reader reader = reader_at(code, entry);
    uint64_t bytes = read_fixed(&reader, 4);

    return part_of(&reader, bytes == UINT32_MAX ? 0 : bytes);
}

/* What its augmentation says, a letter each: how addresses are written, and what is passed over. */
static int read_augmentation(struct reader *common, const char *letters, struct function *function)
{
    struct reader data;

    if (*letters != 'z')
        return *letters == '\0';
    function->has_data = 1;
    data = part_of(common, read_unsigned(common));
    while (*++letters) {
        switch (*letters) {
        case 'R': function->encoding = (unsigned)read_fixed(&data, 1); break;
        case 'P': (void)read_encoded(&data, (unsigned)read_fixed(&data, 1)); break;
        case 'L': (void)read_fixed(&data, 1); break;
        case 'S': function->is_of_signal = 1; break;
        case 'B': break;
        default: return 0;
        }
    }
    return 1;
}

enum { LETTERS_MAX = 15 };

/* Returns 0 if there are more, or if nothing follows them. */
static int read_letters(struct reader *common, char *letters)
{
    for (int i = 0; i <= LETTERS_MAX; i++) {
        letters[i] = (char)read_fixed(common, 1);
        if (letters[i] == '\0')
            return common->at < common->end;
    }
    return 0;
}

static int read_common(struct reader common, struct function *function)
{
    char letters[LETTERS_MAX + 1];
    unsigned version;

    (void)read_fixed(&common, 4); /* 0: that it is one */
    version = (unsigned)read_fixed(&common, 1);
    if ((version != 1 && version != 3) || !read_letters(&common, letters))
        return 0;
    function->code_unit = read_unsigned(&common);
    function->data_unit = read_signed(&common);
    function->return_register =
        (unsigned)(version == 1 ? read_fixed(&common, 1) : read_unsigned(&common));
    if (!read_augmentation(&common, letters, function))
        return 0;
    function->begin = common;
    return 1;
}

static int read_function(const struct dal_os_code_ *code, const void *entry,
                         struct function *function)
{
    struct reader reader = read_entry(code, entry);
    const unsigned char *at = reader.at;
    uint64_t distance = read_fixed(&reader, 4);

    if (distance == 0 || !read_common(read_entry(code, at - distance), function))
        return 0;
    function->start = read_encoded(&reader, function->encoding);
    function->bytes = read_encoded(&reader, function->encoding & 0x0f);
    if (function->has_data)
        (void)part_of(&reader, read_unsigned(&reader));
    function->instructions = reader;
    return 1;
}

/* By the table of .eh_frame_hdr, in order of addresses, which all linkers make in the one form that
 * can be searched: pairs of 32 bits, relative to its start. Returns NULL where it has another. */
static const void *find_entry(const struct dal_os_code_ *code, uintptr_t place)
{
    enum { RELATIVE_TO_TABLE = 0x3b, PLAIN = 0x03, HEAD_BYTES = 12, PAIR_BYTES = 8 };
    const unsigned char *table = code->rules;
    struct reader reader = reader_at(code, table);
    unsigned version = (unsigned)read_fixed(&reader, 1), of_count, of_pairs;
    uint64_t low = 0, high;

    (void)read_fixed(&reader, 1); /* how the next number is written, which is of no use */
    of_count = (unsigned)read_fixed(&reader, 1);
    of_pairs = (unsigned)read_fixed(&reader, 1);
    (void)read_fixed(&reader, 4);
    high = read_fixed(&reader, 4);
    if (version != 1 || of_count != PLAIN || of_pairs != RELATIVE_TO_TABLE ||
        high > (code->end - (uintptr_t)table - HEAD_BYTES) / PAIR_BYTES)
        return NULL;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        reader.at = table + HEAD_BYTES + middle * PAIR_BYTES;
        if (!has_next(&reader))
            return NULL;
        if ((uintptr_t)table + (uintptr_t)(intptr_t)(int32_t)read_fixed(&reader, 4) <= place)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    reader.at = table + HEAD_BYTES + (low - 1) * PAIR_BYTES + 4;
    return table + (int32_t)read_fixed(&reader, 4);
}

/* ---- The rule ---------------------------------------------------------------------------------
 */

/* In words. Returns 0 if it has no such place. */
static int in_words(int64_t offset, int16_t *words)
{
    const int64_t word = sizeof(void *);

    if (offset % word != 0 || offset / word <= INT16_MIN || offset / word > INT16_MAX)
        return 0;
    *words = (int16_t)(offset / word);
    return 1;
}

static void make_rule(const struct row *row, struct dal_frame_rule_ *rule)
{
    const struct place *pointer = &row->pointer;

    *rule = (struct dal_frame_rule_){.base = (uint8_t)row->base,
                                     .offset = (int32_t)row->offset,
                                     .return_words = DAL_FRAME_KEPT_,
                                     .pointer_words = DAL_FRAME_KEPT_};
    if (row->offset < -(1 << 23) || row->offset >= 1 << 23 ||
        row->return_address.stored == STORED_UNKNOWN ||
        (row->return_address.stored == STORED_AT_CFA &&
         !in_words(row->return_address.offset, &rule->return_words)) ||
        row->return_address.stored == STORED_AT_POINTER)
        rule->base = DAL_FRAME_END_;
    rule->pointer_is_by_pointer = pointer->stored == STORED_AT_POINTER;
    if (pointer->stored == STORED_AT_CFA || pointer->stored == STORED_AT_POINTER)
        (void)in_words(pointer->offset, &rule->pointer_words);
}

int dal_frame_rule_find_(uintptr_t place, struct dal_frame_rule_ *rule)
{
    struct function function = {.encoding = ENCODED_ABSOLUTE};
    struct program program = {.function = &function};
    struct dal_os_code_ code;
    const void *entry;

    if (!dal_os_code_at_(place, &code) || (entry = find_entry(&code, place)) == NULL ||
        !read_function(&code, entry, &function) || place - function.start >= function.bytes)
        return 0;
    *rule = (struct dal_frame_rule_){.base = DAL_FRAME_OF_SIGNAL_};
    if (function.is_of_signal)
        return 1;
    program.location = function.start;
    /* What holds before the function's own instructions. */
    if (!run(&program, function.begin, UINTPTR_MAX))
        return 0;
    program.initial = program.row;
    program.location = function.start;
    if (!run(&program, function.instructions, place))
        program.row.base = DAL_FRAME_END_;
    make_rule(&program.row, rule);
    return 1;
}

#else

int dal_frame_rule_find_(uintptr_t place, struct dal_frame_rule_ *rule)
{
    (void)place;
    (void)rule;
    return 0;
}

#endif
