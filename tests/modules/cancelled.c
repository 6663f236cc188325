/* SPDX-License-Identifier: MIT */
/* Makes an instance of each argument in a thread that is cancelled already: no call is where that
 * takes effect. Prints those that did not come back, or failed. */
#include <pthread.h>
#include <stdio.h>

#include <dispatchalloc.h>

struct call {
    const char *spec;
    char message[1024];
    int is_done;
};

static void *make_one(void *data)
{
    struct call *call = data;
    const struct dal_instance *instance = NULL;

    pthread_cancel(pthread_self());
    (void)dal_backend_find("no-module-of-this-name");
    if (dal_instance_create_spec(call->spec, &instance, call->message, sizeof call->message) == 0)
        dal_instance_destroy(instance);
    call->is_done = 1;
    pthread_testcancel();
    return NULL;
}

int main(int argc, char **argv)
{
    int left = 0;

    for (int i = 1; i < argc; i++) {
        struct call call = {argv[i], "", 0};
        pthread_t thread;
        void *result = NULL;

        if (pthread_create(&thread, NULL, make_one, &call) != 0 ||
            pthread_join(thread, &result) != 0 || result != PTHREAD_CANCELED)
            return 2;
        if (!call.is_done || call.message[0])
            printf("%s: %s\n", argv[i], call.is_done ? call.message : "cancelled");
        left |= !call.is_done || call.message[0];
    }
    return left;
}
