/* SPDX-License-Identifier: MIT */
/* Libraries that the command opens when it needs them and does without where there is none. */
#ifndef TOOLS_OPENED_LIBRARY_H
#define TOOLS_OPENED_LIBRARY_H

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

/* By it packaging tools know what is opened, as by DT_NEEDED what is linked: the note of the ELF
 * dlopen metadata that systemd and others have. Once in a file, at its outermost level. */
#define OPENED_LIBRARY_TEXT_(feature, description, soname)               \
    "[{\"feature\":\"" feature "\",\"description\":\"" description "\"," \
    "\"priority\":\"recommended\",\"soname\":[\"" soname "\"]}]"
#define OPENED_LIBRARY_NOTE(feature, description, soname)                                   \
    __attribute__((used, section(".note.dlopen"), aligned(4))) static const struct {        \
        uint32_t name_bytes, text_bytes, type;                                              \
        char name[4];                                                                       \
        char text[(sizeof OPENED_LIBRARY_TEXT_(feature, description, soname) + 3) / 4 * 4]; \
    } opened_library_note = {4, sizeof OPENED_LIBRARY_TEXT_(feature, description, soname),  \
                             0x407c0c0a, "FDO",                                             \
                             OPENED_LIBRARY_TEXT_(feature, description, soname)}

/* Put what a library has by a name into a pointer to a function, whose address this gets: ISO C has
 * no conversion from the one to the other. Returns 0, and NULL is put, if there is none, or no
 * library. */
static inline int opened_library_find(void *library, const char *name, void *function)
{
    void *symbol = library ? dlsym(library, name) : NULL;

    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

#endif /* TOOLS_OPENED_LIBRARY_H */
