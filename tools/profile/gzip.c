/* SPDX-License-Identifier: MIT */
/* Bytes packed by zlib, where there is one. It is opened when it is needed: no other command needs
 * it. See output.h. */
#include "tools/profile/output.h"

#ifdef TOOL_HAS_ZLIB
# include <dlfcn.h>
# include <string.h>
# include <zlib.h>

# define ZLIB_NAME "libz.so.1"

static struct {
    __typeof__(&deflateInit2_) init;
    __typeof__(&deflate) deflate;
    __typeof__(&deflateEnd) end;
} zlib;

/* By it packaging tools know what is opened, as for libdw (tools/symbolize/dwarf.c). */
# define NOTE_TEXT                                                           \
     "[{\"feature\":\"profile\",\"description\":\"files of pprof, packed\"," \
     "\"priority\":\"recommended\",\"soname\":[\"" ZLIB_NAME "\"]}]"

__attribute__((used, section(".note.dlopen"), aligned(4))) static const struct {
    uint32_t name_bytes, text_bytes, type;
    char name[4];
    char text[(sizeof NOTE_TEXT + 3) / 4 * 4];
} dlopen_note = {4, sizeof NOTE_TEXT, 0x407c0c0a, "FDO", NOTE_TEXT};

/* (ISO C has no conversion from an object's pointer to a function's.) */
static int find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);

    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

int gzip_is_there(void)
{
    static void *library;

    if (zlib.end)
        return 1;
    library = library ? library : dlopen(ZLIB_NAME, RTLD_NOW | RTLD_LOCAL);
    return library && find(library, "deflateInit2_", &zlib.init) &&
           find(library, "deflate", &zlib.deflate) && find(library, "deflateEnd", &zlib.end);
}

/* As zlib has it for gzip instead of its own form: the window's bits, and 16. */
enum { GZIP_WINDOW_BITS = 15 + 16, CHUNK_BYTES_MAX = 1 << 20 };

static void write_packed(z_stream *stream, int flush, FILE *to)
{
    unsigned char packed[16384];

    do {
        stream->next_out = packed;
        stream->avail_out = sizeof packed;
        (void)zlib.deflate(stream, flush);
        fwrite(packed, 1, sizeof packed - stream->avail_out, to);
    } while (stream->avail_out == 0);
}

int gzip_write(const unsigned char *bytes, size_t count, FILE *to)
{
    z_stream stream = {0};

    if (!gzip_is_there() ||
        zlib.init(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
                  Z_DEFAULT_STRATEGY, ZLIB_VERSION, (int)sizeof stream) != Z_OK)
        return -1;
    while (count > CHUNK_BYTES_MAX) {
        stream.next_in = (unsigned char *)(uintptr_t)bytes;
        stream.avail_in = CHUNK_BYTES_MAX;
        write_packed(&stream, Z_NO_FLUSH, to);
        bytes += CHUNK_BYTES_MAX;
        count -= CHUNK_BYTES_MAX;
    }
    stream.next_in = (unsigned char *)(uintptr_t)bytes;
    stream.avail_in = (unsigned)count;
    write_packed(&stream, Z_FINISH, to);
    (void)zlib.end(&stream);
    return 0;
}

#else

int gzip_is_there(void)
{
    return 0;
}

int gzip_write(const unsigned char *bytes, size_t count, FILE *to)
{
    (void)bytes;
    (void)count;
    (void)to;
    return -1;
}

#endif
