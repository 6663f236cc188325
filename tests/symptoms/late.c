/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

struct session {
    int id, uses;
};

static struct session *last;

static void end(struct session *session)
{
    free(session);
}

int main(void)
{
    last = malloc(sizeof *last);
    last->id = 7;
    end(last);
    last->uses = 1;
    return 0;
}
