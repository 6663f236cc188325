/* SPDX-License-Identifier: MIT */
/*
 * A module in C++, whose create() looks at objects that constructors made: in the module, and in
 * the library of C++ that it needs.
 */
#include <dispatchalloc/module.h>
#include <iostream>
#include <string>
#include <vector>

static std::vector<int> numbers(4, 7);
static std::string text = "longer than what a std::string holds in itself";

extern "C" {

static void *serve(size_t size, size_t align, void *ctx)
{
    return dal_instance_alloc((const struct dal_instance *)ctx, size, align);
}

static void take_back(void *ptr, size_t size, size_t align, void *ctx)
{
    dal_instance_dealloc((const struct dal_instance *)ctx, ptr, size, align);
}

static int create(const struct dal_backend_request *request, struct dal_allocator *allocator)
{
    if (numbers.size() != 4 || numbers[3] != 7 || text.size() != 46 || !std::cerr.good())
        return request->fail(request, DAL_ERR_CREATE, "the constructors have not run");
    allocator->ctx = const_cast<struct dal_instance *>(request->child);
    allocator->alloc = serve;
    allocator->dealloc = take_back;
    return DAL_OK;
}

}

static const struct dal_backend constructed = [] {
    struct dal_backend backend = {};

    backend.abi = DAL_BACKEND_ABI;
    backend.size_bytes = sizeof backend;
    backend.name = "constructed";
    backend.version = "1";
    backend.summary = "looks at what constructors made";
    backend.create = create;
    return backend;
}();

extern "C" {
DAL_MODULE(constructed);
}
