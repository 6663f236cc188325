// SPDX-License-Identifier: MIT
// A plug-in that allocates when it is opened and closed, and keeps thread-local objects; those
// may hold it open.
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

static std::map<std::string, std::vector<int>> statics = {{"a string that is not short at all", {1, 2, 3}}};
static thread_local std::vector<std::string> local(20, "another string that is not short at all");

extern "C" int plugin_check()
{
    statics["a second string that is not short"].resize(5000);
    local.push_back("one more string that is not short at all");
    return statics.size() == 2 && local.size() > 20 && local[0] == local[19];
}

extern "C" char *plugin_make()
{
    return strdup("made by a plug-in");
}

extern "C" __attribute__((destructor)) void plugin_stop()
{
    std::free(std::malloc(777));
}
