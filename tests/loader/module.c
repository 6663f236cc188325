/* SPDX-License-Identifier: MIT */
/*
 * A module over its child allocator, called NAME, with one fault at a time:
 *
 *   FAULT_ABI       made for another version of the interface
 *   FAULT_TAIL      longer than what the library knows, and the rest is not zero
 *   LONGER          longer, and the rest is zero: to be taken
 *   SHORTER         ends after create: to be taken
 *   FAULT_NAME      names itself other than its file
 *   FAULT_SYMBOL    needs a symbol that nobody has
 *   FAULT_TLS       needs more static thread-local storage than the loader keeps: a number of bytes
 *   FAULT_OPTION    a default that its own option does not accept
 *   FAULT_TYPE      an option of a type that only a later version has
 */
#include <dispatchalloc/module.h>

#ifdef FAULT_SYMBOL
void nobody_has_this(void);
#endif
#ifdef FAULT_TLS
static _Thread_local volatile char large[FAULT_TLS] __attribute__((tls_model("initial-exec")));
#endif

static void *module_alloc(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc(ctx, size, align);
}

static void module_dealloc(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_instance_dealloc(ctx, ptr, size, align);
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
#ifdef FAULT_SYMBOL
    nobody_has_this();
#endif
#ifdef FAULT_TLS
    large[1] = 1;
#endif
    allocator->ctx = (void *)(uintptr_t)request->child;
    allocator->alloc = module_alloc;
    allocator->dealloc = module_dealloc;
    return 0;
}

#ifdef FAULT_OPTION
static const struct dal_option options[] = {
    {"size", DAL_OPTION_BYTES, 0, 1, 10, "11", NULL, "too large by default"},
};
#elif defined FAULT_TYPE
static const struct dal_option options[] = {
    {"size", 99, 0, 1, 10, NULL, NULL, "of a type that nobody knows"},
};
#endif

static const struct {
    struct dal_backend backend;
    unsigned long later;
} module = {{
                .abi = DAL_BACKEND_ABI
#ifdef FAULT_ABI
                       + 6
#endif
                ,
#if defined LONGER || defined FAULT_TAIL
                .size_bytes = sizeof module,
#elif defined SHORTER
                .size_bytes = offsetof(struct dal_backend, destroy),
#else
        .size_bytes = sizeof(struct dal_backend),
#endif
#ifdef FAULT_NAME
                .name = "other",
#else
                .name = NAME,
#endif
                .version = "1.2.3",
                .option_bytes = sizeof(struct dal_option),
                .summary = "a module of the test suite",
#if defined FAULT_OPTION || defined FAULT_TYPE
                .option_count = 1,
                .options = options,
#endif
                .create = create,
            },
#ifdef FAULT_TAIL
            1
#else
            0
#endif
};

DAL_MODULE(module.backend);
