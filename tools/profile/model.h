/* SPDX-License-Identifier: MIT */
/*
 * What a profile of a heap says, in memory: who makes it (from a layer's file, from a text in the
 * tests) and who writes it (output.h) know nothing else of each other.
 *
 * Texts, frames and stacks are numbers: what is equal is there once and has one number. Texts are
 * bytes as a program has them; each form escapes them as it needs. Nothing has to be checked while
 * a profile is made: what there was no memory for is said by profile_is_whole() at the end.
 */
#ifndef TOOL_PROFILE_MODEL_H
#define TOOL_PROFILE_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* What is there once of each kind, found by its hash. */
struct profile_set {
    uint32_t *slots; /* numbers + 1; 0: free */
    size_t size;     /* a power of two */
};

/* The number of "": of what is not known. */
enum { PROFILE_NO_TEXT = 0 };

struct profile_module {
    uint32_t path;
    uint64_t start, end; /* addresses of its code, end is behind it */
    uint64_t offset;     /* in the file, of what is at start */
    uint32_t build_id;   /* lower case digits, or PROFILE_NO_TEXT */
};

#define PROFILE_NO_MODULE UINT32_MAX

/* A function that was inlined has a frame of its own, with the address of the one that holds it,
 * which follows. What is at one address is the same frames wherever it stands. */
struct profile_frame {
    uint32_t function, file; /* texts */
    uint32_t line;           /* 0: not known */
    uint32_t module;         /* or PROFILE_NO_MODULE */
    uint64_t address;        /* 0: not known */
    uint32_t is_inlined;     /* into the next */
};

/* The function of an outermost frame that stands for all that are not known. */
#define PROFILE_TRUNCATED "[truncated]"

/* Estimates of the whole, where only a sample was taken. */
struct profile_values {
    uint64_t allocated_blocks, allocated_bytes;
    uint64_t live_blocks, live_bytes;                       /* at the end */
    uint64_t peak_blocks, peak_bytes;                       /* when most bytes were live in all */
    uint64_t allocated_samples, live_samples, peak_samples; /* behind these; 0: they are exact */
    uint64_t temporary_blocks; /* freed by their thread before it allocated again */
    uint64_t lifetime_ns;      /* of all its blocks together */
};

struct profile_site {
    size_t stack; /* where it begins in stacks */
    uint32_t depth;
    struct profile_values values;
};

struct profile_point {
    uint64_t time_ns; /* since the start */
    uint64_t live_bytes;
};

struct profile {
    /* Read them, and change the others as well. */
    uint32_t command;        /* a text; words apart by a blank */
    uint32_t program;        /* the path of its file, a text */
    uint64_t process;        /* its number; 0: not known */
    uint64_t interval_bytes; /* one block is looked at in so many bytes; 0: every block */
    int is_running;          /* the process goes on: the end is now */
    uint64_t start_ns;       /* since 1970 */
    uint64_t duration_ns;    /* until the end, or until the last sample */
    int has_end;             /* that is the end */
    uint64_t peak_ns;        /* when the peak was, since the start */
    int has_temporary;       /* temporary_blocks are known */
    int has_lifetimes;       /* lifetime_ns is known */
    const void *raw;         /* the layer's file that it was read from; NULL: there is none */
    size_t raw_bytes;
    struct profile_point *points; /* in order of time */
    size_t point_count;
    struct profile_module *modules;
    size_t module_count;
    struct profile_site *sites;
    size_t site_count;
    uint32_t *stacks; /* frames of all sites, innermost first */
    size_t stack_count;
    struct profile_frame *frames;
    size_t frame_count;
    char **texts;
    size_t text_count;
    /* Of model.c alone. */
    struct profile_set text_set, frame_set, site_set;
    int is_short_of_memory;
};

void profile_init(struct profile *profile);
void profile_free(struct profile *profile);

/* Whether there was memory for all that was added. */
int profile_is_whole(const struct profile *profile);

/* The number of a text of that many bytes, which is copied; a zero byte ends it. */
uint32_t profile_add_text(struct profile *profile, const char *text, size_t bytes);

/* The number of a module, which is none that there was before. */
uint32_t profile_add_module(struct profile *profile, const struct profile_module *module);

uint32_t profile_add_frame(struct profile *profile, const struct profile_frame *frame);

/* A stack, innermost frame first, with its values; they are added to those of an equal stack. It
 * ends at who has called the library: the library's own frames there are left out. */
void profile_add_site(struct profile *profile, const uint32_t *frames, uint32_t depth,
                      const struct profile_values *values);

void profile_add_point(struct profile *profile, uint64_t time_ns, uint64_t live_bytes);

static inline const char *profile_text(const struct profile *profile, uint32_t number)
{
    return number < profile->text_count ? profile->texts[number] : "";
}

static inline const struct profile_frame *profile_frame_of(const struct profile *profile,
                                                           const struct profile_site *site,
                                                           uint32_t depth)
{
    return &profile->frames[profile->stacks[site->stack + depth]];
}

/* What does not fit stays at the most that does. */
void profile_values_add(struct profile_values *to, const struct profile_values *values);

/* All sites together. */
struct profile_values profile_total(const struct profile *profile);

/* About how many bytes of the peak may be there by chance, since it is the highest of many
 * estimates. */
uint64_t profile_peak_chance(const struct profile *profile);

/* The frame that a site is counted by where there is one for all: the innermost that is of no
 * header of the compiler's and of no library of the language's, and no function that is known to
 * allocate for others, since who allocates by std::vector, strdup() or xmalloc() is who calls them;
 * the innermost at all if all are. NULL: it has no frames. */
const struct profile_frame *profile_place_of(const struct profile *profile,
                                             const struct profile_site *site);

/* What to call a frame where its function is not known: the module and a place in it, else the
 * address. Returns the function's name, or text. */
const char *profile_frame_name(const struct profile *profile, const struct profile_frame *frame,
                               char *text, size_t bytes);

#endif /* TOOL_PROFILE_MODEL_H */
