/* SPDX-License-Identifier: MIT */
/* Bytes packed by zlib, where there is one. It is opened when it is needed: no other command needs
 * it. See output.h. */
#include "tools/profile/output.h"

#ifdef TOOL_HAS_ZLIB
# include <dlfcn.h>
# include <zlib.h>

# include "tools/opened_library.h"

# define ZLIB_NAME "libz.so.1"

static struct {
    __typeof__(&deflateInit2_) init;
    __typeof__(&deflate) deflate;
    __typeof__(&deflateEnd) end;
} zlib;

OPENED_LIBRARY_NOTE("profile", "files of pprof, packed", ZLIB_NAME);

int gzip_is_there(void)
{
    static void *library;

    if (zlib.end)
        return 1;
    library = library ? library : dlopen(ZLIB_NAME, RTLD_NOW | RTLD_LOCAL);
    return library && opened_library_find(library, "deflateInit2_", &zlib.init) &&
           opened_library_find(library, "deflate", &zlib.deflate) &&
           opened_library_find(library, "deflateEnd", &zlib.end);
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
