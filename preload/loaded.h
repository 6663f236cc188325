/* SPDX-License-Identifier: MIT */
/* The symbols of objects that are loaded, from their own tables. */
#ifndef DAL_PRELOAD_LOADED_H
#define DAL_PRELOAD_LOADED_H

#include <stddef.h>
#include <stdint.h>

/* Where the symbols of an object that is loaded are. */
struct dal_loaded_ {
    uintptr_t base;
    uintptr_t start, end; /* of its mappings */
    const void *dynamic;
    const void *symbols;
    const char *strings;
    const uint32_t *hash;     /* or NULL: no symbol of it can be found */
    const uint16_t *versions; /* or NULL */
    const uintptr_t *init;    /* the functions that initialise it, or NULL */
    size_t init_bytes;
};

/*
 * Find an object by its whole path, or by its file name if the name has no '/', as the loader has
 * it. Returns 1 and fills *object in, or 0 if there is none by that name, or none whose tables are
 * known here: dlopen() may know more. Takes the lock of the loader's list. Allocates nothing, and
 * that is what it is for: glibc's dlopen() allocates also for what is loaded already.
 */
int dal_loaded_find_(const char *name, struct dal_loaded_ *object);

/* The object that an address is in, likewise, also where no symbol of it can be found. With
 * glibc 2.35 and later it takes no lock. */
int dal_loaded_at_(const void *address, struct dal_loaded_ *object);

static inline int dal_loaded_has_(const struct dal_loaded_ *object, const void *address)
{
    return (uintptr_t)address - object->start < object->end - object->start;
}

/* Each object, in the order in which the loader looks for a name: the
 * program, what is preloaded, the libraries. Returns what the visitor returned, 0 to go on. */
typedef int (*dal_loaded_visitor_)(const struct dal_loaded_ *object, void *data);
int dal_loaded_visit_(dal_loaded_visitor_ visit, void *data);

/* The name of a symbol that the object takes from others and that begins so, or NULL. */
const char *dal_loaded_needs_(const struct dal_loaded_ *object, const char *start);

/* The address of a symbol in the object where the loader found another one that the object takes
 * from others, one whose name begins so: in the library that it is bound to, whatever that is
 * called. NULL if there is none. Takes no lock where dal_loaded_at_() takes none. */
void *dal_loaded_beside_(const struct dal_loaded_ *object, const char *start, const char *name);

/* The address of a function or variable that the object itself defines, or NULL: dlsym() may know
 * more here as well. */
void *dal_loaded_symbol_(const struct dal_loaded_ *object, const char *name);

/* The object in which dlsym(RTLD_NEXT) would find a symbol, of those that the process started with.
 */
int dal_loaded_next_(const char *symbol, struct dal_loaded_ *object);

/* What tables of symbols have of a name: mostly another number for another name. */
uint32_t dal_loaded_hash_(const char *name);

#endif /* DAL_PRELOAD_LOADED_H */
