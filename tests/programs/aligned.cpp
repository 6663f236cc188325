// SPDX-License-Identifier: MIT
// A C++ program with over-aligned classes in containers, threads and smart pointers. It prints
// the same under every allocator, and exits 1 if a block is not as its class wants it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

template <std::size_t Align> struct alignas(Align) Vector {
    float values[8];
    explicit Vector(int seed = 0) { std::iota(values, values + 8, static_cast<float>(seed)); }
    float sum() const
    {
        if (reinterpret_cast<std::uintptr_t>(this) % Align != 0)
            std::exit(1);
        return std::accumulate(values, values + 8, 0.0f);
    }
};

template <std::size_t Align> static double churn(int rounds)
{
    std::vector<std::unique_ptr<Vector<Align>>> kept(97);
    std::vector<Vector<Align>> grown;
    std::map<int, std::shared_ptr<Vector<Align>>> shared;
    double total = 0;

    for (int i = 0; i < rounds; i++) {
        auto &slot = kept[static_cast<std::size_t>(i) % kept.size()];
        if (slot)
            total += slot->sum();
        slot = std::make_unique<Vector<Align>>(i % 50);
        grown.emplace_back(i % 7);
        total += grown.back().sum();
        shared[i % 31] = std::make_shared<Vector<Align>>(i % 11);
        total += shared[i * 7 % 31] ? shared[i * 7 % 31]->sum() : 0;
        std::unique_ptr<Vector<Align>[]> array(new Vector<Align>[static_cast<std::size_t>(i % 5 + 1)]);
        total += array[static_cast<std::size_t>(i % 5)].sum();
    }
    return total;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? std::atoi(argv[1]) : 1000;
    double totals[4] = {};
    std::vector<std::thread> threads;
    std::unordered_map<std::string, int> words;

    threads.emplace_back([&] { totals[0] = churn<16>(rounds); });
    threads.emplace_back([&] { totals[1] = churn<64>(rounds); });
    threads.emplace_back([&] { totals[2] = churn<256>(rounds); });
    threads.emplace_back([&] { totals[3] = churn<4096>(rounds / 8); });
    for (int i = 0; i < rounds; i++)
        words["a word that is not a short one " + std::to_string(i % 211)]++;
    for (auto &thread : threads)
        thread.join();
    for (double total : totals)
        std::printf("%.0f\n", total);
    std::printf("%zu %d\n", words.size(), std::max_element(words.begin(), words.end(), [](auto &a, auto &b) {
                    return a.second < b.second;
                })->second);
    return 0;
}
