/* SPDX-License-Identifier: MIT */
/* Faults in a signal handler on a stack of 8 KiB, with a page behind it that cannot be touched.
 * Exits 0 if it survives them, 77 where the frame of a signal alone is too large. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef AT_MINSIGSTKSZ
# define AT_MINSIGSTKSZ 51
#endif

enum { STACK_BYTES = 8192, PAGE_BYTES = 4096 };

static char data[100];
static void *volatile given_back, *volatile block;

static void on_signal(int signal)
{
    (void)signal;
    free(given_back);
    free(data);
    free((char *)block + 1);
    free((void *)(uintptr_t)0x1234);
    free(&signal);
    block = realloc((char *)block + 8, 50) ? NULL : block;
}

int main(void)
{
    char *pages = mmap(NULL, STACK_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = pages + PAGE_BYTES, .ss_size = STACK_BYTES};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};

    if (getauxval(AT_MINSIGSTKSZ) > 4096)
        return 77;
    if (pages == MAP_FAILED || mprotect(pages, PAGE_BYTES, PROT_NONE) != 0 ||
        sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0)
        return 1;
    block = malloc(100);
    given_back = malloc(100);
    free(given_back);
    raise(SIGUSR1);
    return block == NULL;
}
