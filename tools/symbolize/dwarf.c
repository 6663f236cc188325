/* SPDX-License-Identifier: MIT */
/*
 * What libdw says of a place: function, file and line, and who it was inlined into. It finds
 * separate debug files by itself, by build id, by the name that a file has for its own, and from
 * the servers of DEBUGINFOD_URLS. See symbolize.h.
 */
#include "tools/symbolize/symbolize.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/opened_library.h"

/* ---- The library --------------------------------------------------------------------------- */

/* Opened when it is needed: with what it needs itself it would be a fifth of the start of every
 * command, and some megabytes of addresses. */
#define LIBDW_NAME "libdw.so.1"

/* clang-format off */
#define LIBDW_FUNCTIONS(X) \
    X(dwfl_begin) X(dwfl_end) X(dwfl_report_begin) X(dwfl_report_end) X(dwfl_report_module) \
    X(dwfl_report_offline) X(dwfl_module_report_build_id) X(dwfl_module_getelf) \
    X(dwfl_module_addrdie) X(dwfl_module_nextcu) X(dwfl_module_addrinfo) \
    X(dwfl_build_id_find_elf) X(dwfl_standard_find_debuginfo) X(dwfl_offline_section_address) \
    X(dwarf_attr) X(dwarf_attr_integrate) X(dwarf_diename) X(dwarf_filesrc) \
    X(dwarf_formstring) X(dwarf_formudata) X(dwarf_getscopes) X(dwarf_getscopes_die) \
    X(dwarf_getsrc_die) X(dwarf_getsrcfiles) X(dwarf_haspc) X(dwarf_linecol) X(dwarf_lineno) \
    X(dwarf_linesrc) X(dwarf_tag)
/* clang-format on */

static struct {
#define MEMBER(name) __typeof__(&name) name;
    LIBDW_FUNCTIONS(MEMBER)
#undef MEMBER
} libdw;

OPENED_LIBRARY_NOTE("symbolize", "lines and inlined functions", LIBDW_NAME);

static int open_library(void)
{
    void *library = dlopen(LIBDW_NAME, RTLD_NOW | RTLD_LOCAL);
    int are_there = library != NULL;

#define FIND(name) are_there = are_there && opened_library_find(library, #name, &libdw.name);
    LIBDW_FUNCTIONS(FIND)
#undef FIND
    return are_there;
}

int dwarf_is_there(void)
{
    static int is_known, is_there;

    if (!is_known)
        is_there = open_library();
    if (!is_known && !is_there && !modules_are_quiet)
        (void)tool_complain(LIBDW_NAME
                            " (elfutils) is not installed: functions are named by symbol "
                            "tables alone");
    is_known = 1;
    return is_there;
}

/* ---- Opening ------------------------------------------------------------------------------- */

struct opened {
    Dwfl *session;
    Dwfl_Module *module;
    Dwarf_Addr bias; /* from an address of the file to one of the session */
};

/* Directories, and the usual ones behind them. NULL: libdw knows those. */
static char *debug_path;

static Dwfl_Callbacks callbacks;

static void set_debug_path(void)
{
    static const char usual[] = ":.debug:/usr/lib/debug";
    size_t bytes;

    if (!modules_directories || debug_path)
        return;
    bytes = strlen(modules_directories) + 1 + sizeof usual;
    debug_path = malloc(bytes);
    if (debug_path)
        (void)snprintf(debug_path, bytes, "%s:%s", modules_directories, usual);
}

static size_t read_digits(const char *digits, unsigned char *bytes)
{
    size_t count = strlen(digits) / 2;

    for (size_t i = 0; i < count; i++) {
        const char pair[] = {digits[2 * i], digits[2 * i + 1], '\0'};

        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return count;
}

/* A module of which nothing is known but that: libdw looks for it, by servers too. Its place in the
 * session is any that has room. */
static Dwfl_Module *report_build_id(Dwfl *session, const char *build_id)
{
    const Dwarf_Addr start = 1 << 20, room = (Dwarf_Addr)1 << 46;
    unsigned char bytes[BUILD_ID_BYTES_MAX / 2];
    size_t count = read_digits(build_id, bytes);
    Dwfl_Module *module;

    libdw.dwfl_report_begin(session);
    module = libdw.dwfl_report_module(session, "", start, start + room);
    if (module && libdw.dwfl_module_report_build_id(module, bytes, count, 0) != 0)
        module = NULL;
    return module;
}

static Dwfl_Module *report(Dwfl *session, int file, const char *path, const char *build_id)
{
    Dwfl_Module *module;

    if (file < 0 && *build_id)
        file = modules_open_debug_file(build_id);
    if (file < 0)
        return report_build_id(session, build_id);
    libdw.dwfl_report_begin(session);
    module = libdw.dwfl_report_offline(session, "", path, file);
    /* Which takes the descriptor only then. */
    if (!module)
        (void)close(file);
    return module;
}

static void close_dwarf(void *data)
{
    struct opened *opened = data;

    libdw.dwfl_end(opened->session);
    free(opened);
}

static void *open_dwarf(int file, const char *path, const char *build_id)
{
    struct opened *opened = calloc(1, sizeof *opened);

    set_debug_path();
    callbacks = (Dwfl_Callbacks){.find_elf = libdw.dwfl_build_id_find_elf,
                                 .find_debuginfo = libdw.dwfl_standard_find_debuginfo,
                                 .section_address = libdw.dwfl_offline_section_address,
                                 .debuginfo_path = &debug_path};
    if (opened)
        opened->session = libdw.dwfl_begin(&callbacks);
    if (!opened || !opened->session) {
        free(opened);
        if (file >= 0)
            (void)close(file);
        return NULL;
    }
    opened->module = report(opened->session, file, path, build_id);
    (void)libdw.dwfl_report_end(opened->session, NULL, NULL);
    if (opened->module && libdw.dwfl_module_getelf(opened->module, &opened->bias))
        return opened;
    close_dwarf(opened);
    return NULL;
}

/* ---- Places -------------------------------------------------------------------------------- */

/* A place that is being told: its unit, and what was found of it in there so far. */
struct telling {
    Dwarf_Die *unit;
    struct place place;
    place_visitor visit;
    void *data;
};

/* By the index of the addresses, which not every compiler makes; else one unit after the other. */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = libdw.dwfl_module_addrdie(module, address, bias);

    if (unit)
        return unit;
    while ((unit = libdw.dwfl_module_nextcu(module, unit, bias)) != NULL) {
        if (libdw.dwarf_haspc(unit, address - *bias) > 0)
            return unit;
    }
    return NULL;
}

static const char *text_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;

    return libdw.dwarf_formstring(libdw.dwarf_attr_integrate(die, name, &attribute));
}

static unsigned number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number = 0;

    if (libdw.dwarf_formudata(libdw.dwarf_attr(die, name, &attribute), &number) != 0 ||
        number > UINT_MAX)
        return 0;
    return (unsigned)number;
}

static const char *name_of(Dwarf_Die *function)
{
    const char *name = text_of(function, DW_AT_linkage_name);

    name = name ? name : text_of(function, DW_AT_MIPS_linkage_name);
    return name ? name : libdw.dwarf_diename(function);
}

static void set_line(struct telling *telling, Dwarf_Addr address)
{
    Dwarf_Line *line = libdw.dwarf_getsrc_die(telling->unit, address);
    int number;

    if (!line)
        return;
    telling->place.directory = text_of(telling->unit, DW_AT_comp_dir);
    telling->place.file = libdw.dwarf_linesrc(line, NULL, NULL);
    if (libdw.dwarf_lineno(line, &number) == 0 && number > 0)
        telling->place.line = (unsigned)number;
    if (libdw.dwarf_linecol(line, &number) == 0 && number > 0)
        telling->place.column = (unsigned)number;
}

/* Who holds an inlined function is at the line that has called it. */
static void set_line_of_call(struct telling *telling, Dwarf_Die *inlined)
{
    size_t file = number_of(inlined, DW_AT_call_file), count;
    Dwarf_Files *files;

    telling->place.file = NULL;
    if (libdw.dwarf_getsrcfiles(telling->unit, &files, &count) == 0 && file < count)
        telling->place.file = libdw.dwarf_filesrc(files, file, NULL, NULL);
    telling->place.line = number_of(inlined, DW_AT_call_line);
    telling->place.column = number_of(inlined, DW_AT_call_column);
}

/* From the innermost function outward. Returns 0 if no function is known to hold the place. */
static int tell_scopes(struct telling *telling, Dwarf_Die *scopes, int count)
{
    for (int i = 0; i < count; i++) {
        int tag = libdw.dwarf_tag(&scopes[i]);

        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        telling->place.function = name_of(&scopes[i]);
        telling->visit(&telling->place, telling->data);
        if (tag == DW_TAG_subprogram)
            return 1;
        set_line_of_call(telling, &scopes[i]);
    }
    return 0;
}

/* The scopes of a place do not say where an inlined function was inlined; those of the innermost
 * one do. */
static int tell_functions(struct telling *telling, Dwarf_Addr address)
{
    Dwarf_Die *scopes = NULL, innermost;
    int count = libdw.dwarf_getscopes(telling->unit, address, &scopes);
    int is_told = 0;

    if (count <= 0)
        return 0;
    innermost = scopes[0];
    free(scopes);
    count = libdw.dwarf_getscopes_die(&innermost, &scopes);
    if (count <= 0)
        return 0;
    is_told = tell_scopes(telling, scopes, count);
    free(scopes);
    return is_told;
}

static void visit_dwarf(void *data, uint64_t offset, place_visitor visit, void *visitor_data)
{
    const struct opened *opened = data;
    struct telling telling = {.visit = visit, .data = visitor_data};
    Dwarf_Addr address = offset + opened->bias, bias = 0;
    GElf_Off unused;
    GElf_Sym symbol;

    telling.unit = find_unit(opened->module, address, &bias);
    if (telling.unit)
        set_line(&telling, address - bias);
    if (telling.unit && tell_functions(&telling, address - bias))
        return;
    telling.place.function =
        libdw.dwfl_module_addrinfo(opened->module, address, &unused, &symbol, NULL, NULL, NULL);
    if (telling.place.function || telling.place.file)
        visit(&telling.place, visitor_data);
}

const struct reader dwarf_reader = {open_dwarf, visit_dwarf, close_dwarf};
