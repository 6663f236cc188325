// SPDX-License-Identifier: MIT
// Containers of the C++ library on an allocator of ours: an adapter for any instance, here
// an arena of the program's own and the allocator that serves the whole process.
#include <dispatchalloc.h>

#include <cstdio>
#include <new>
#include <string>
#include <vector>

template <typename T>
class allocator {
public:
    using value_type = T;

    explicit allocator(const dal_instance *instance = dal_global()) noexcept : instance_(instance) {}
    template <typename U>
    allocator(const allocator<U> &other) noexcept : instance_(other.instance()) {}

    T *allocate(std::size_t count)
    {
        void *block = nullptr;

        if (count <= PTRDIFF_MAX / sizeof(T))
            block = dal_instance_alloc(instance_, count * sizeof(T), alignof(T));
        if (block == nullptr)
            throw std::bad_alloc();
        return static_cast<T *>(block);
    }
    void deallocate(T *block, std::size_t count) noexcept
    {
        dal_instance_dealloc(instance_, block, count * sizeof(T), alignof(T));
    }
    const dal_instance *instance() const noexcept { return instance_; }

private:
    const dal_instance *instance_;
};

template <typename T, typename U>
bool operator==(const allocator<T> &a, const allocator<U> &b) { return a.instance() == b.instance(); }
template <typename T, typename U>
bool operator!=(const allocator<T> &a, const allocator<U> &b) { return !(a == b); }

int main()
{
    const dal_instance *arena;
    char message[200];

    if (dal_instance_create_spec("arena", &arena, message, sizeof message) != 0) {
        std::fprintf(stderr, "cxx: %s\n", message);
        return 1;
    }
    {
        std::vector<int, allocator<int>> squares{allocator<int>(arena)};
        for (int i = 0; i < 1000; i++)
            squares.push_back(i * i);

        using text = std::basic_string<char, std::char_traits<char>, allocator<char>>;
        std::vector<text, allocator<text>> names;
        names.push_back(text("a string that is too long to be kept inside its own object"));

        std::printf("%s: the last square is %d\n", arena->name, squares.back());
        std::printf("%s: %zu letters\n", dal_global_name(), names[0].size());
    }
    dal_instance_destroy(arena);
    return 0;
}
