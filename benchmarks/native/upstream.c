/* An engine that costs next to nothing: the far end of the relay benchmarks.
 *
 *     upstream PORT          (0: any free one; the port is printed)
 *
 * GET answers 200 "ok". POST answers a small chat completion; with the header `X-Bench: EVENTS INTERVAL_US` it streams
 * so many events instead, each in a write and a chunk of its own, the interval apart (0: as fast as the socket takes
 * them). Of a paced stream the first event comes at once, the second within one interval, at random, so that a relay
 * that lets requests through in bursts does not get its own bursts back for as long as the streams last. The text of an
 * event is the time at which it was written, in nanoseconds of CLOCK_MONOTONIC, so that the load generator knows how
 * long it was under way. One thread, epoll, no timer slack; connections are kept.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FDS = 65536, HEAD_BYTES = 16384, OUT_BYTES = 2048 };

typedef struct {
    char head[HEAD_BYTES];         /* of the request that comes */
    size_t head_bytes, body_left;
    int in_body;
    char out[OUT_BYTES];           /* what the socket did not take */
    size_t out_bytes;
    int streaming, gone, queued;   /* gone: closed as soon as it is not queued any more */
    long events, interval_us;      /* still to be sent; -1: not even the end */
    uint64_t due;                  /* of the next event, when paced */
    int next;                      /* in the queue of paced streams, which is in order */
} Connection;

static Connection *connections[MAX_FDS];
static int poll_fd, first_due = -1, last_due = -1;

static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";
static const char STREAM_END[] =
    "data: {\"choices\":[],\"created\":1767225600,\"id\":\"chatcmpl-0123456789abcdef\",\"model\":\"bench\","
    "\"object\":\"chat.completion.chunk\",\"usage\":{\"completion_tokens\":64,\"prompt_tokens\":21,\"total_tokens\":85}}"
    "\n\ndata: [DONE]\n\n";
static const char SMALL[] =
    "{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    "\"Hello! How can I help you today?\"}}],\"created\":1767225600,\"model\":\"bench\",\"object\":\"chat.completion\","
    "\"usage\":{\"completion_tokens\":9,\"prompt_tokens\":21,\"total_tokens\":30},\"id\":\"chatcmpl-0123456789abcdef\"}";

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void watch(int fd, uint32_t events, int op) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poll_fd, op, fd, &event);
}

static void drop(int fd) {
    Connection *c = connections[fd];
    if (!c->gone) watch(fd, 0, EPOLL_CTL_DEL);
    c->gone = 1;
    if (c->queued) return;
    free(c);
    connections[fd] = NULL;
    close(fd);
}

static void put(int fd, const char *data, size_t size) {
    Connection *c = connections[fd];
    ssize_t sent = c->out_bytes ? 0 : send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0) sent = 0; /* full, or broken: then the next read tells */
    if ((size_t)sent == size) return;
    if (c->out_bytes + size - sent > OUT_BYTES) { fprintf(stderr, "upstream: a reader is stuck\n"); exit(1); }
    if (!c->out_bytes) watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    memcpy(c->out + c->out_bytes, data + sent, size - sent);
    c->out_bytes += size - sent;
}

static void put_event(int fd, const char *head) {
    char event[512], out[1024];
    int size = snprintf(event, sizeof event,
        "data: {\"choices\":[{\"finish_reason\":null,\"index\":0,\"delta\":{\"content\":\" t=%020llu\"}}],"
        "\"created\":1767225600,\"id\":\"chatcmpl-0123456789abcdef\",\"model\":\"bench\","
        "\"object\":\"chat.completion.chunk\"}\n\n", (unsigned long long)now_ns());
    put(fd, out, snprintf(out, sizeof out, "%s%x\r\n%s\r\n", head, size, event));
    connections[fd]->events--;
}

static void put_end(int fd) {
    char out[512];
    connections[fd]->streaming = 0;
    put(fd, out, snprintf(out, sizeof out, "%zx\r\n%s\r\n0\r\n\r\n", sizeof STREAM_END - 1, STREAM_END));
}

static void burst(int fd) {
    Connection *c = connections[fd];
    while (c->events > 0 && !c->out_bytes) put_event(fd, "");
    if (!c->events && !c->out_bytes) put_end(fd);
}

static void queue(int fd, uint64_t due) {
    Connection *c = connections[fd];
    int before = last_due;
    c->due = due, c->queued = 1;
    if (before >= 0 && connections[before]->due > due) { /* one that begins: its place is somewhere in between */
        before = -1;
        for (int at = first_due; at >= 0 && connections[at]->due <= due; at = connections[at]->next) before = at;
    }
    c->next = before < 0 ? first_due : connections[before]->next;
    if (before < 0) first_due = fd; else connections[before]->next = fd;
    if (c->next < 0) last_due = fd;
}

static void run_due(void) {
    uint64_t now = now_ns();
    while (first_due >= 0 && connections[first_due]->due <= now) {
        int fd = first_due;
        Connection *c = connections[fd];
        first_due = c->next, c->queued = 0;
        if (first_due < 0) last_due = -1;
        if (c->gone) { drop(fd); continue; }
        if (!c->events) { put_end(fd); continue; }
        put_event(fd, "");
        queue(fd, c->due + (uint64_t)c->interval_us * 1000);
    }
}

static void answer(int fd, int is_get) {
    Connection *c = connections[fd];
    if (c->events > 0) {
        c->streaming = 1;
        put_event(fd, STREAM_HEAD);
        if (c->interval_us) queue(fd, now_ns() + (uint64_t)(drand48() * c->interval_us * 1000)); else burst(fd);
        return;
    }
    char out[1024];
    const char *body = is_get ? "ok" : SMALL;
    put(fd, out, snprintf(out, sizeof out,
        "HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nContent-Type: application/json; charset=utf-8\r\n"
        "Content-Length: %zu\r\n\r\n%s", strlen(body), body));
}

static void begin_request(Connection *c) {
    char *length = strcasestr(c->head, "\r\ncontent-length:"), *bench = strcasestr(c->head, "\r\nx-bench:");
    c->body_left = length ? strtoul(length + 17, NULL, 10) : 0;
    c->events = c->interval_us = 0;
    if (bench) sscanf(bench + 10, "%ld %ld", &c->events, &c->interval_us);
    c->in_body = 1;
}

static size_t take_head(Connection *c, const char *data, size_t size) {
    size_t before = c->head_bytes, room = HEAD_BYTES - 1 - before;
    memcpy(c->head + before, data, size < room ? size : room);
    c->head_bytes += size < room ? size : room;
    c->head[c->head_bytes] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return size;
    *end = 0;
    begin_request(c);
    return end + 4 - c->head - before;
}

static void readable(int fd) {
    static char data[262144];
    Connection *c = connections[fd];
    ssize_t got = recv(fd, data, sizeof data, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) { drop(fd); return; }
    for (char *at = data; at < data + got;) {
        size_t size = data + got - at;
        if (!c->in_body) at += take_head(c, at, size);
        else if (size < c->body_left) c->body_left -= size, at += size;
        else at += c->body_left, c->body_left = 0;
        if (c->in_body && !c->body_left) {
            c->in_body = 0, c->head_bytes = 0;
            answer(fd, !strncmp(c->head, "GET ", 4));
        }
    }
}

static void writable(int fd) {
    Connection *c = connections[fd];
    ssize_t sent = send(fd, c->out, c->out_bytes, MSG_NOSIGNAL);
    if (sent > 0) memmove(c->out, c->out + sent, c->out_bytes -= sent);
    if (c->out_bytes) return;
    watch(fd, EPOLLIN, EPOLL_CTL_MOD);
    if (c->streaming && !c->interval_us) burst(fd);
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= MAX_FDS) { close(fd); continue; }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connections[fd] = calloc(1, sizeof(Connection));
        watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
}

static int wait_for_events(struct epoll_event *events, int most) {
    if (first_due < 0) return epoll_wait(poll_fd, events, most, -1);
    uint64_t due = connections[first_due]->due, now = now_ns(), left = due > now ? due - now : 0;
    struct timespec pause = {left / 1000000000u, left % 1000000000u};
    return epoll_pwait2(poll_fd, events, most, &pause, NULL);
}

int main(int argc, char **argv) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 16384)) { perror("upstream"); return 1; }
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    prctl(PR_SET_TIMERSLACK, 1);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        struct epoll_event events[512];
        int count = wait_for_events(events, 512);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) { accept_all(listener); continue; }
            if (events[i].events & ~EPOLLOUT && connections[fd]) readable(fd);
            if (events[i].events & EPOLLOUT && connections[fd] && !connections[fd]->gone) writable(fd);
        }
        run_due();
    }
}
