/* SPDX-License-Identifier: MIT */
/* Makes one allocation and says who served it. An argument is a spec to choose first. */
#include <stdio.h>

#include <dispatchalloc.h>

int main(int argc, char **argv)
{
    void *ptr;

    if (argc > 1 && dal_global_set_spec(argv[1]) != 0)
        puts("refused");
    ptr = dal_alloc(100, 64);
    dal_dealloc(ptr, 100, 64);
    printf("%s\n", ptr ? dal_global_name() : "nothing");
    return 0;
}
