/* SPDX-License-Identifier: MIT */
/**
 * @file  dispatchalloc/service.h
 * @brief What backends and layers need of the system, and could not do well each for itself.
 *
 * Pages, the end of threads, memory for each thread, a line to standard error, a clock, a seed.
 * create() finds them in its request (`request->services`); an allocator that a program
 * registers by itself, without a request, has them from dal_services_get().
 *
 * What they have in common: they may be called from inside a backend, whenever a program may
 * call malloc: before main, in exit handlers, in destructors of thread-local storage, after
 * fork. They are thread-safe, take no lock, keep errno, are no cancellation points, and allocate
 * nothing but pages of the system, except where one says otherwise.
 */
#ifndef DISPATCHALLOC_SERVICE_H
#define DISPATCHALLOC_SERVICE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dispatchalloc/macros.h>
#include <dispatchalloc/version.h>

/* Whether thread-local storage of the library lies at the same distance from the thread pointer in
 * every thread: a matter of the system, not where compilers emulate it. Libraries and modules of
 * any compilers agree about it. */
#if DAL_HAS_STATIC_TLS_ && defined(__ELF__) && !defined(__ANDROID__) && !defined(__OpenBSD__) && \
    (defined(__x86_64__) || defined(__i386__) || defined(__aarch64__))
# define DAL_THREAD_DISTANCE_IS_FIXED_ 1
#else
# define DAL_THREAD_DISTANCE_IS_FIXED_ 0
#endif

/* Whether the compiler can tell the thread pointer. (Older ones say that they can, and stop.) */
#if DAL_THREAD_DISTANCE_IS_FIXED_ &&                  \
    ((defined(__clang__) && __clang_major__ >= 14) || \
     (!defined(__clang__) && defined(__GNUC__) && __GNUC__ >= 11))
# define DAL_HAS_THREAD_POINTER_ 1
#else
# define DAL_HAS_THREAD_POINTER_ 0
#endif

DAL_BEGIN_DECLS_

/** What pages may be used for: the access of dal_services.pages_protect. */
enum dal_pages_access {
    DAL_PAGES_NO_ACCESS = 0, /**< any access is a fault */
    DAL_PAGES_READ = 1,      /**< writing is a fault */
    DAL_PAGES_READ_WRITE = 2 /**< as they were mapped */
};

/** What memory may be wished to be: bits for dal_services.pages_wish. */
enum dal_pages_wish {
    DAL_PAGES_HUGE = 1 << 0,   /**< of huge pages where it holds whole ones */
    DAL_PAGES_SMALL = 1 << 1,  /**< never of huge pages; not together with DAL_PAGES_HUGE */
    DAL_PAGES_PRESENT = 1 << 2 /**< there before it is touched */
};

/**
 * Who wants to know when threads end. One a module, in memory that lives for ever; a module is
 * never unloaded. Fill `ended`, the rest is zero.
 */
struct dal_thread_listener {
    /** Called in a thread that ends, if it asked for that by thread_end_announce(), of
     *  which any user in the process may have been the one; so it may find nothing to do. It may
     *  allocate. */
    void (*ended)(struct dal_thread_listener *listener);
    uintptr_t reserved_[2];
};

/**
 * Memory of an instance for each thread: its parts. Owned by the instance, opened and closed by
 * the services; copied by nobody, since it is found by its address.
 *
 * A part belongs to one thread at a time. When that ends the part stays as it is, and a thread
 * that comes later goes on with it: there are as many parts as there ever were threads at one
 * time. What must not lie idle is to be taken out by a dal_thread_listener. In the child of a
 * fork(2) the parts of threads that it does not have stay as they were at that moment, between any
 * two instructions of theirs.
 */
struct dal_thread_record {
    ptrdiff_t thread_offset_; /* from the thread pointer to where this thread's seat is told */
    uintptr_t part_offset_;   /* what that is to be added to, for the place of the part */
    void *(*part_)(const struct dal_thread_record *record);
    size_t part_bytes_;
    void (*fill_)(void *part);
    uintptr_t index_;
    uintptr_t memory_[3]; /* from the first to the last byte of it, and what is used */
    uintptr_t reserved_[2];
};

/** Bytes of a part that dal_thread_record_part() lets a thread read which has none. */
#define DAL_THREAD_PART_INLINE_BYTES 1024

/** Longest part, in bytes. */
#define DAL_THREAD_PART_BYTES_MAX ((size_t)1 << 20)

/**
 * Called once for each part of a record.
 *
 * @param part  used by its thread meanwhile, or by none.
 * @param data  what the caller passed on; may be NULL.
 * @return 0 to go on, anything else to stop.
 */
typedef int (*dal_thread_part_visitor)(void *part, void *data);

/** When the frames of a report are resolved: the resolve of dal_services.report. */
enum dal_resolve {
    DAL_RESOLVE_NEVER = 0,       /**< the text is written as it is */
    DAL_RESOLVE_AT_TERMINAL = 1, /**< if standard error was a terminal at
                                      command_prepare() */
    DAL_RESOLVE_ALWAYS = 2       /**< also in a file, or a pipe */
};

/** Whether anything points to a block: the reach of a struct dal_memory_part. */
enum dal_reach {
    DAL_REACHED = 0,           /**< from the memory of the program, through any number of blocks */
    DAL_LEAKED = 1,            /**< nothing does, or only what is reached from it */
    DAL_LEAKED_INDIRECTLY = 2, /**< a block that is leaked itself does */
    /** Said of a block that is not searched for: what it holds is reached. It may have been given
     *  back to the allocator, and another block have its address. */
    DAL_HELD = 3
};

/** A part of memory, of dal_services.leaks_find. */
struct dal_memory_part {
    uintptr_t address; /**< its first byte */
    size_t bytes;      /**< its length */
    uintptr_t reach;   /**< an enum dal_reach, where the part is a block */
};

/** What dal_services.leaks_find looks through, listed while no thread runs. */
struct dal_leak_lists {
    /**
     * Fill the lists below. Called once, while all other threads stand wherever they were, in a
     * process that has the memory of this one. It may read, and write to memory that was there
     * before; not allocate, take a lock, wait, or call a service.
     *
     * @param lists  this structure. Not NULL.
     * @return 0, or -1 if they are longer than there is memory for.
     */
    int (*make)(struct dal_leak_lists *lists);
    struct dal_memory_part *blocks; /**< the live blocks, DAL_REACHED, and held ones; their reach is
                                         set by the search. May be NULL if there is none */
    size_t block_count;             /**< how many */
    const struct dal_memory_part *apart; /**< memory that does not count, such as tables of the
                                              blocks. May be NULL if there is none */
    size_t apart_count;                  /**< how many parts */
};

/** Bytes at the start of a file of dal_services.file_map() that say, in lines of text, which
 * process made it. */
#define DAL_FILE_HEAD_BYTES 2048

/** Longest path for one, in bytes with its end, "%p" replaced. */
#define DAL_FILE_PATH_MAX 1024

/** A file's code, as dal_services.frame_code() tells it. */
struct dal_frame_code {
    uint64_t offset;   /**< of the call, as frame_place_text() tells it */
    uint64_t identity; /**< of this process; not 0; another one for another file, address, or
                            build, as far as that has a build id or other notes */
};

/**
 * The services. Filled by the library, valid for ever, never changed; size_bytes says how far. A
 * backend that uses one which came after version 0.1 says so (needs_services_bytes in
 * dispatchalloc/backend.h).
 */
struct dal_services {
    uint32_t size_bytes; /**< bytes of this structure that the library has filled */
    uint32_t reserved_;

    /** Bytes of a page, a power of two. */
    size_t (*page_bytes)(void);

    /** Bytes of a huge page, a power of two; 0 where none can be wished for. */
    size_t (*huge_page_bytes)(void);

    /** Zeroed pages from the system, at the start of one, for bytes, which are rounded up to
     *  whole pages; NULL if there are none. Owned by the caller until it gives them back. */
    void *(*pages_map)(size_t bytes);

    /** Give pages of pages_map() back, all of them: with the bytes that they were asked for.
     *  NULL is a no-op. */
    void (*pages_unmap)(void *pages, size_t bytes);

    /** Say what pages of pages_map() may be used for: access is an enum dal_pages_access, pages
     *  the start of one, bytes are rounded up to whole pages. 0, or DAL_ERR_SYSTEM. */
    int (*pages_protect)(void *pages, size_t bytes, uint32_t access);

    /** Wish for memory to be of a kind: wishes are enum dal_pages_wish bits. The memory may come
     *  from anywhere, such as from a child allocator, and begin and end anywhere. What the system
     *  does not have is left out; what the memory holds stays. It has to be writable, and no other
     *  thread may use it yet. */
    void (*pages_wish)(void *memory, size_t bytes, uint32_t wishes);

    /** Hear of the end of threads from now on. 0, also if the listener does already;
     *  DAL_ERR_SYSTEM if the system has no key left, DAL_ERR_MEMORY. For create(). */
    int (*thread_end_listen)(struct dal_thread_listener *listener);

    /** Have all listeners called when this thread ends, once: who allocates again after that, in
     *  the destructor of some thread-local object, may ask again. The system may allocate for
     *  it, by the very allocator that calls this, and a failure goes unnoticed. */
    void (*thread_end_announce)(void);

    /** Open a record with parts of part_bytes, 1 to DAL_THREAD_PART_BYTES_MAX. fill makes a new
     *  part, whose bytes are zero, what it is to be before any thread has it; it must not
     *  allocate, and may be NULL. 0, or DAL_ERR_INVALID, DAL_ERR_MEMORY, or DAL_ERR_SYSTEM if the
     *  system has no key left to tell when a thread ends. For create(). */
    int (*thread_record_open)(struct dal_thread_record *record, size_t part_bytes,
                              void (*fill)(void *part));

    /** Close a record that no thread uses any more. Its parts are gone. For destroy(). */
    void (*thread_record_close)(struct dal_thread_record *record);

    /** This thread's part, for one call: made now if it has none; aligned to 64 bytes. NULL if
     * there is no memory. To be followed by thread_record_leave() when the call is over. A thread's
     * first call asks for its end to be announced, for which the system may allocate, by the very
     * allocator that calls this: the part is there then.
     */
    void *(*thread_record_enter)(struct dal_thread_record *record);

    /** Undo thread_record_enter(); part is what that gave, NULL is a no-op. A living thread keeps
     *  its part; one that is past its end gives it to the next. May be left out where
     *  dal_thread_record_part() gives the same part. */
    void (*thread_record_leave)(struct dal_thread_record *record, void *part);

    /** Walk through the parts of an open record. 0, or what visit returned. May be called from
     *  any thread, and in signal handlers. */
    int (*thread_record_visit)(const struct dal_thread_record *record,
                               dal_thread_part_visitor visit, void *data);

    /** Write "dispatchalloc: <text>" and a newline to standard error, in one piece. In the manner
     *  of printf; a line longer than 1 KiB is cut. */
    void (*line)(const char *format, ...) DAL_ATTRIBUTE_PRINTF_(1, 2);

    /** Nanoseconds since some moment in the past; never goes back. */
    uint64_t (*clock)(void);

    /** A number that differs from call to call, from thread to thread and from process to
     *  process, also after a fork: to start a generator of random numbers. No secret. */
    uint64_t (*seed)(void);

    /** Have the parts of a record lie in memory, one behind the other at multiples of 64 bytes; a
     *  thread for which there is no room has none. The memory is zeroed, starts at a multiple of
     * 64, and is the caller's: it outlives the record. For create(), before there is a part. */
    void (*thread_record_place)(struct dal_thread_record *record, void *memory, size_t bytes);

    /** Write a text to standard error as it is, in one piece: a report of several lines. Like every
     *  line of the library's it is left out where descriptor 2 has become something else of the
     *  program's. */
    void (*text)(const char *text, size_t bytes);

    /** Show each byte of a control character, and each that is not UTF-8, as '?': a text from
     *  outside, such as an option's, is not to give orders to a terminal. */
    void (*clean)(char *text, size_t bytes);

    /** Store the number of this process and, in parentheses, the name of the program, as snprintf()
     *  does it, and return the length: for reports. */
    size_t (*process_name)(char *text, size_t bytes);

    /**
     * Make a file and map it, so that what is stored there can be read from outside, also after the
     * process was killed. Its blocks are reserved, its descriptor is closed, it is the user's alone
     * (mode 0600). It gets its name when it is whole, and takes the place of an older file of the
     * same user, but follows no link, and goes past a file that may still be written by who made
     * it, by adding "." and the process's number. The first DAL_FILE_HEAD_BYTES bytes say whose it
     * is, the others are zero.
     *
     * @param path    "%p" stands for the number of the process and "%%" for '%'. One that ends in
     *                '/' is a directory for files named by that number: made if it is missing, and
     *                refused if it is a link or others may write to it. NULL: that directory is
     *                "dispatchalloc" in $XDG_RUNTIME_DIR.
     * @param bytes   of the file and the pages; a multiple of page_bytes().
     * @param reason  if the file cannot be made: why, a text that lives for ever. Not NULL.
     * @return the pages, to be given back by file_unmap(); or NULL.
     *
     * It takes some calls of the system, all of them now, and 6 KiB of stack.
     */
    void *(*file_map)(const char *path, size_t bytes, const char **reason);

    /** Have pages lie elsewhere in memory, in place of others of the same length: what was mapped
     *  there is gone, in one step for all threads. Each may be of pages_map() or file_map(). 0, or
     *  DAL_ERR_SYSTEM and nothing is changed. */
    int (*pages_move)(void *from, void *to, size_t bytes);

    /** Give pages of file_map() back; the file stays. NULL is a no-op. */
    void (*file_unmap)(void *pages, size_t bytes);

    /** Store the path that file_map() would try for this process, as snprintf() does it, and return
     *  its length, which may be more than there is room for: for messages. NULL as in file_map().
     * Of a directory that is the directory's. 0 if there is none. */
    size_t (*file_path)(const char *path, char *text, size_t bytes);

    /** Get ready to capture stacks of calls: 0 if they can be; DAL_ERR_UNSUPPORTED where they
     * cannot be followed (but with the GNU C library 2.35 and later on x86, x86-64, aarch64 and
     * riscv64), and each has one place; DAL_ERR_MEMORY. For create(). */
    int (*stacks_prepare)(void);

    /**
     * Capture who has called, and who has called that, and so on.
     *
     * @param from    what the first call of the stack returns to: __builtin_return_address(0) of a
     *                function that this is called by. Not NULL.
     * @param frames  how many places at most, 1 to DAL_STACK_PLACES_MAX.
     * @return a number for the stack, the same for the same places, valid for ever; 0 if there is
     * no memory for another one, or stacks_prepare() was not called.
     *
     * By the call frame information that programs have for exceptions, else by frame pointers that
     * lead upward. What cannot be followed ends the stack. May be called in signal handlers, in
     * the loader's calls and in the child of a fork.
     */
    uint32_t (*stack_capture)(const void *from, unsigned frames);

    /** The places of a stack, the first is `from`: stores where they are, for ever, and returns how
     *  many; 0 for the number 0. stack is 0 or of stack_capture(); places is not NULL. */
    size_t (*stack_places)(uint32_t stack, const void *const **places);

    /** Store a place as a line of a stack in the form of the sanitizers, as snprintf() does it, and
     *  return the length: "    #NUMBER 0xADDRESS in FUNCTION (MODULE+0xOFFSET) (BuildId: DIGITS)"
     *  and a newline, as much of it as can be told. ADDRESS and OFFSET are those of the call, and
     *  OFFSET is what addr2line(1) takes. Reads files of the system, and takes 4 KiB of stack. */
    size_t (*frame_text)(unsigned number, const void *place, char *text, size_t bytes);

    /**
     * Read a text file, such as one that an option names: call a function for each of its lines.
     * A pipe is refused.
     * For create(). It takes some calls of the system and 2 KiB of stack.
     *
     * @param path    as open(2) takes it.
     * @param line    called with a line, without its end and cut after 1023 bytes, and with data;
     *                anything but 0 ends the reading.
     * @param data    passed on to line; may be NULL.
     * @param reason  if the file cannot be read: why, a text that lives for ever. Not NULL.
     * @return 0, what line returned, or DAL_ERR_SYSTEM; DAL_ERR_UNSUPPORTED on Windows.
     */
    int (*file_lines)(const char *path, int (*line)(const char *text, void *data), void *data,
                      const char **reason);

    /** Store what an address is that is no block of the caller's, such as "on the stack of this
     *  thread", "in the data of FILE+0xOFFSET (VARIABLE+0xOFFSET)", or "not mapped", as snprintf()
     *  does it, and return the length; 0 where that cannot be known. Reads files of the system, and
     *  takes 4 KiB of stack. */
    size_t (*address_text)(const void *address, char *text, size_t bytes);

    /** Get ready for report() and leaks_find(): find the command `dispatchalloc` that was installed
     *  with the library. 0; or DAL_ERR_UNSUPPORTED where there is none such, or with raised
     *  privileges, and they do without. For create(). It takes 16 KiB of stack. */
    int (*command_prepare)(void);

    /**
     * Write a text as text() does it, with its lines of frame_text() by function, file and line.
     * The command resolves them, as a child that wait(2) does not find and that raises no SIGCHLD;
     * the thread waits for it, for ten seconds at most. If that cannot be, as in a process that has
     * put up filters of system calls, the text is written as it is.
     *
     * @param text     a report; not NULL.
     * @param bytes    of it.
     * @param resolve  an enum dal_resolve.
     */
    void (*report)(const char *text, size_t bytes, uint32_t resolve);

    /**
     * Find out which blocks nothing points to any more. The command stops all threads of the
     * process and looks through what they can reach: their registers, their stacks and thread-local
     * storage, what is mapped to be written to, and each block that is reached from there. An
     * address in the middle of a block counts, that of its end does not. What an allocator keeps
     * between blocks does not count.
     *
     * @param lists   what makes the lists of blocks, and where they are then. Not NULL.
     * @param stack   from where on the stack of this thread counts, towards its beginning; the
     *                registers of this thread do not. Not NULL.
     * @param reason  if it cannot be found out: why, a text that lives for ever. Not NULL.
     * @return 0, or DAL_ERR_UNSUPPORTED.
     *
     * A second and more where there are millions of blocks; after a minute it gives up.
     */
    int (*leaks_find)(struct dal_leak_lists *lists, const void *stack, const char **reason);

    /**
     * In the handler of a signal: the places of the stack of what it interrupted, of which the
     * first is one byte behind the start of the instruction that was interrupted, as if that had
     * been a call.
     *
     * @param context  the handler's third argument, a ucontext_t. Not NULL.
     * @param places   where they go. Not NULL.
     * @param count    how many at most.
     * @return how many there are, one where stacks cannot be followed; 0 where the registers are
     * not known either, or stacks_prepare() was not called.
     *
     * It takes 1.5 KiB of stack.
     */
    size_t (*stack_places_at)(const void *context, const void **places, size_t count);

    /** As frame_text(), but from memory alone, for a handler: no FUNCTION is told, no file is read,
     *  and 1 KiB of stack is taken. A text that was cut may be longer than it says. Needs
     *  stacks_prepare(). */
    size_t (*frame_place_text)(unsigned number, const void *place, char *text, size_t bytes);

    /** Store a text as vsnprintf() does it, and return its length, in half a KiB of stack where the
     *  conversions are %s, %.100s, %d, %u, %x with z, l or ll, %p, and %%. */
    size_t (*format)(char *text, size_t bytes, const char *format, va_list arguments)
        DAL_ATTRIBUTE_PRINTF_(3, 0);

    /** The number of this process; another one in the child of a fork. */
    uint64_t (*process)(void);

    /** The places of the stack that stack_capture() would capture, in memory of the caller's: for
     *  who has to bound it, since what is captured stays. At most count of them, 1 to
     *  DAL_STACK_PLACES_MAX; returns how many, 0 if stacks_prepare() was not called. It looks for
     *  no older walk, and so takes some times as long. */
    size_t (*stack_walk)(const void *from, const void **places, size_t count);

    /** In the handler of a signal: store the registers that stacks are followed by, as they were in
     *  what it interrupted, as frame_place_text() does: "  registers: pc 0x1, sp 0x2, fp 0x3" and a
     *  newline. context is the handler's third argument, not NULL. 0 where they are not known. */
    size_t (*registers_text)(const void *context, char *text, size_t bytes);

    /** Whose code the call before a place is, for who keeps what it knows of that: from memory,
     *  without a lock, and much quicker than frame_place_text(). The place is one whose code stays
     *  loaded meanwhile, as that of the caller's own stack does. code is not NULL. Returns 1; or 0,
     *  and nothing is stored, where no file is known. Takes half a KiB of stack, and in a handler
     *  needs stacks_prepare(). */
    int (*frame_code)(const void *place, struct dal_frame_code *code);
};

/** Most places that dal_services.stack_capture() keeps of a stack. */
#define DAL_STACK_PLACES_MAX 64

/**
 * The services of this library.
 *
 * @return a table that is valid for ever.
 *
 * Thread-safe; may be called from inside a backend.
 */
DAL_API const struct dal_services *dal_services_get(void);

/**
 * This thread's part of a record, or what stands for it, in four instructions: for what is done
 * at every call, where thread_record_enter() would be too slow.
 *
 * @param record  an open one; not NULL.
 * @return the part if this thread has one, owned by it while the record is open; else, and always
 * in a thread past its end or of a record that was opened while more than 60 were,
 * DAL_THREAD_PART_INLINE_BYTES bytes which are all 0xff and must not be written to. The part has to
 * be made such that it cannot be taken for those.
 *
 * Thread-safe; may be called from inside a backend.
 */
DAL_INLINE_ void *dal_thread_record_part(const struct dal_thread_record *record)
{
#if DAL_HAS_THREAD_POINTER_
    const void *seat = (const char *)__builtin_thread_pointer() + record->thread_offset_;
    const void *place = (const char *)*(const uintptr_t *)seat + record->part_offset_;

    return *(void *const *)place;
#else
    return record->part_(record);
#endif
}

DAL_END_DECLS_

#endif /* DISPATCHALLOC_SERVICE_H */
