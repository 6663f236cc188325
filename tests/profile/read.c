/* SPDX-License-Identifier: MIT */
/* Shows a file of the layer profile: totals, then for each site the bytes that were allocated, are
 * live and were at the peak, with the modules of its frames, the innermost first. */
#include <dispatchalloc.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

static void *file;
static size_t bytes;

static int show(const struct dal_profile_site *site, void *data)
{
    char module[512];
    uint32_t last = 0;

    (void)data;
    printf("site %llu %llu %llu", (unsigned long long)site->allocated_bytes,
           (unsigned long long)site->live_bytes, (unsigned long long)site->peak_bytes);
    for (uint32_t i = 0; i < site->frame_count; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "module.%u", (unsigned)site->frames[i].module);
        if (site->frames[i].module != last &&
            dal_profile_file_text(file, bytes, key, module, sizeof module) == 0)
            printf(" %s", module);
        last = site->frames[i].module;
    }
    printf("\n");
    return 0;
}

int main(int argc, char **argv)
{
    static const char *const keys[] = {"samples",    "allocated_blocks", "allocated_bytes",
                                       "live_bytes", "peak_bytes",       "lost_blocks",
                                       "lost_sites", "lost_modules"};
    int opened = argc > 1 ? open(argv[1], O_RDONLY) : -1;
    struct stat status;

    if (opened < 0 || fstat(opened, &status) != 0)
        return 2;
    bytes = (size_t)status.st_size;
    file = mmap(NULL, bytes, PROT_READ, MAP_SHARED, opened, 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint64_t value = 0;

        if (dal_profile_file_get(file, bytes, keys[i], &value) != 0)
            return 3;
        printf("%s %llu\n", keys[i], (unsigned long long)value);
    }
    return dal_profile_file_visit(file, bytes, show, NULL) != 0;
}
