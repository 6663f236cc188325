// SPDX-License-Identifier: MIT
// An unmodified C++ program whose statics and thread-local objects allocate when they are made
// and when they end, after main as well. Prints how many ended and exits 0.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> ended;

struct Traced {
    std::unique_ptr<std::string> text = std::make_unique<std::string>(200, 'x');
    std::vector<char> many = std::vector<char>(100000, 'y');

    ~Traced()
    {
        std::vector<std::string> last(50, *text);
        ended += last.back().size() == 200 && many[99999] == 'y';
    }
};

static Traced of_the_program;
static thread_local Traced of_a_thread;

static void at_exit()
{
    static Traced late; // ends after this handler, before of_the_program
    std::string text(5000, 'z');
    if (late.many.size() != 100000 || text.size() != 5000)
        std::_Exit(1);
}

// The last of all: constructed before the others, in a function of a lower priority.
__attribute__((destructor(101))) static void count()
{
    std::printf("%d\n", ended.load());
    std::fflush(stdout);
}

int main()
{
    std::atexit(at_exit);
    of_a_thread.text->append("?");
    of_a_thread.text->pop_back();
    for (int round = 0; round < 5; round++) {
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++)
            threads.emplace_back([] { of_a_thread.many[0] = 'y'; });
        for (auto &thread : threads)
            thread.join();
    }
    return of_the_program.many.size() == 100000 ? 0 : 1;
}
