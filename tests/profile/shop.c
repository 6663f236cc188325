/* SPDX-License-Identifier: MIT */
/*
 * A small server, for doc/profiling.md: who asks for "/?user=NUMBER" is logged in, and gets a page.
 * It leaks. Started with a port, it serves 127.0.0.1 until it is ended.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { USERS = 64, HISTORY_BYTES = 16384, PAGE_BYTES = 65536, CATALOGUE_BYTES = 8 << 20 };

struct session {
    int user;
    char *history; /* the pages that were seen */
};

static struct session *sessions[USERS];
static char *catalogue;

static struct session *session_new(int user)
{
    struct session *session = malloc(sizeof *session);

    session->user = user;
    session->history = malloc(HISTORY_BYTES);
    memset(session->history, 0, HISTORY_BYTES);
    snprintf(session->history, HISTORY_BYTES, "/?user=%d", user);
    return session;
}

static void session_end(struct session *session)
{
    free(session);
}

/* Who logs in again has a new session. */
static struct session *log_in(int user)
{
    struct session **session = &sessions[user % USERS];

    session_end(*session);
    *session = session_new(user);
    return *session;
}

static void answer(int connection, int user)
{
    struct session *session = log_in(user);
    char *page = malloc(PAGE_BYTES);
    int length = snprintf(page, PAGE_BYTES,
                          "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
                          "Hello %d! %.20s\nYou have seen: %s\n",
                          session->user, catalogue, session->history);

    if (write(connection, page, (size_t)length) != length)
        perror("shop: write");
    free(page);
}

static void load_catalogue(void)
{
    catalogue = malloc(CATALOGUE_BYTES);
    memset(catalogue, '.', CATALOGUE_BYTES - 1);
    catalogue[CATALOGUE_BYTES - 1] = '\0';
}

static int listen_on(int port)
{
    int server = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 64) != 0) {
        perror("shop");
        exit(1);
    }
    return server;
}

int main(int argc, char **argv)
{
    int server = listen_on(argc > 1 ? atoi(argv[1]) : 8080);

    load_catalogue();
    for (;;) {
        int connection = accept(server, NULL, NULL), user = 0;
        char request[1024];
        ssize_t length = read(connection, request, sizeof request - 1);

        request[length > 0 ? length : 0] = '\0';
        if (sscanf(request, "GET /?user=%d", &user) == 1)
            answer(connection, user);
        (void)shutdown(connection, SHUT_WR);
        (void)close(connection);
    }
}
