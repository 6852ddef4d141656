/* Traffic for the benchmark of networks, the same program at both ends, compiled where it runs:
 *
 *     traffic serve PORT              a sink for streams, and one byte for each connection to PORT + 1
 *     traffic stream ADDRESS PORT MS  bytes a second into the sink
 *     traffic connect ADDRESS PORT MS connections a second, one after another, each ended by a reset
 *     traffic ping ADDRESS PORT MS    median round trip of one byte over one connection, in nanoseconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char block[1 << 18];

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static int stream_socket(void) {
    int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) fail("socket");
    return made;
}

static int listen_at(int port) {
    int one = 1, listener = stream_socket();
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) fail("listen");
    return listener;
}

static int connect_to(const char *address, int port) {
    int one = 1, made = stream_socket();
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    if (connect(made, (struct sockaddr *)&to, sizeof to)) fail("connect");
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return made;
}

/* Streams are swallowed; a first byte of 'p' asks for its echo. */
static void swallow(int connection) {
    for (;;) {
        ssize_t got = read(connection, block, sizeof block);
        if (got <= 0) _exit(0);
        if (got == 1 && block[0] == 'p' && write(connection, block, 1) != 1) _exit(0);
    }
}

static void serve(int port) {
    int streams = listen_at(port), short_ones = listen_at(port + 1);
    if (fork() == 0)
        for (;;) {
            int connection = accept(short_ones, NULL, NULL);
            if (connection < 0) continue;
            if (write(connection, "x", 1) != 1) fail("write");
            close(connection);
        }
    puts("up");
    fflush(stdout);
    for (;;) {
        int connection = accept(streams, NULL, NULL), one = 1;
        if (connection < 0) continue;
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (fork() == 0) swallow(connection);
        close(connection);
        while (waitpid(-1, NULL, WNOHANG) > 0) {}
    }
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "serve")) serve(atoi(words[2]));
    if (count != 5) return 2;
    int port = atoi(words[3]);
    double seconds = atoi(words[4]) / 1000.0, begun = now(), done = 0;
    if (!strcmp(words[1], "stream")) {
        int to = connect_to(words[2], port);
        while (now() - begun < seconds) {
            ssize_t sent = write(to, block, sizeof block);
            if (sent < 0) fail("write");
            done += sent;
        }
        printf("%.0f\n", done / (now() - begun));
    } else if (!strcmp(words[1], "connect")) {
        struct linger reset = {.l_onoff = 1};
        while (now() - begun < seconds) {
            int to = connect_to(words[2], port + 1);
            if (read(to, block, 1) != 1) fail("read");
            setsockopt(to, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            close(to);
            done += 1;
        }
        printf("%.0f\n", done / (now() - begun));
    } else {
        static double took[1000000];
        int to = connect_to(words[2], port), rounds = 0;
        while (now() - begun < seconds && rounds < 1000000) {
            double sent = now();
            if (write(to, "p", 1) != 1 || read(to, block, 1) != 1) fail("ping");
            took[rounds++] = now() - sent;
        }
        qsort(took, rounds, sizeof *took, by_size);
        printf("%.0f\n", took[rounds / 2] * 1e9);
    }
    return 0;
}
