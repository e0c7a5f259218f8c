/* The near end of the relay benchmarks: many clients in one thread.
 *
 *     load PORT CONNECTIONS REQUESTS EVENTS INTERVAL_US MODEL [MESSAGE_BYTES]
 *
 * Sends so many requests in all, over so many kept connections. EVENTS 0: small ones. Else each is a stream of EVENTS
 * events, INTERVAL_US apart (0: as fast as can be); paced streams begin spread over 25 intervals. Prints one line of
 * JSON: what came, and percentiles in microseconds: `request` from the first byte sent to the last received, `first`
 * from the first byte sent to the first event received, `delay` from an event's writing to its reading.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 8192, MOST_SAMPLES = 1 << 22 };
enum { HEAD, SIZED, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER };

typedef struct {
    int fd, state, status, closes, is_done, has_body;
    size_t left, line_bytes, text_bytes;
    char line[LINE_BYTES], text[LINE_BYTES]; /* of the framing, and of the body */
    long events;
    uint64_t began;
} Client;

typedef struct { float *values; size_t count; } Samples;

static struct sockaddr_in address = {.sin_family = AF_INET};
static Client *clients;
static char *request;
static size_t request_bytes;
static long to_send, finished, failed, events_seen, events_wanted, chunk_count, bytes_seen;
static Samples request_us, first_us, delay_us;
static int poll_fd;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void sample(Samples *s, uint64_t from, uint64_t to) {
    if (!s->values) s->values = malloc(sizeof(float) * MOST_SAMPLES);
    if (s->count < MOST_SAMPLES) s->values[s->count++] = (to - from) / 1000.0f;
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print(const char *name, Samples *s) {
    printf(", \"%s\": ", name);
    if (!s->count) { printf("null"); return; }
    qsort(s->values, s->count, sizeof(float), by_value);
    printf("{\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}", s->values[s->count / 2],
        s->values[s->count * 9 / 10], s->values[s->count * 99 / 100], s->values[s->count - 1]);
}

static void connect_client(Client *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) { perror("load: connect"); exit(1); }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void ask(Client *c) {
    if (to_send <= 0) { c->is_done = 1; close(c->fd); return; }
    to_send--;
    c->state = HEAD, c->line_bytes = c->text_bytes = c->events = 0, c->closes = 0;
    c->began = now_ns();
    if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes) { perror("load: send"); exit(1); }
}

static void again(Client *c, int is_good) {
    if (is_good && c->status == 200 && c->events == events_wanted) finished++; else failed++;
    sample(&request_us, c->began, now_ns());
    if (!is_good || c->closes) { close(c->fd); if (to_send > 0) connect_client(c); else { c->is_done = 1; return; } }
    ask(c);
}

static void body_line(Client *c, uint64_t now) {
    char *stamp = strstr(c->text, " t=");
    if (!stamp) return;
    if (!c->events++) sample(&first_us, c->began, now);
    events_seen++;
    sample(&delay_us, strtoull(stamp + 3, NULL, 10), now);
}

static void body(Client *c, const char *data, size_t size, uint64_t now) {
    bytes_seen += size;
    if (!events_wanted) return;
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\n') { if (c->text_bytes < LINE_BYTES - 1) c->text[c->text_bytes++] = data[i]; continue; }
        c->text[c->text_bytes] = 0;
        c->text_bytes = 0;
        body_line(c, now);
    }
}

static int framing_line(Client *c) { /* answers whether the message ends here */
    char *line = c->line;
    switch (c->state) {
    case HEAD:
        if (!strncmp(line, "HTTP/1.", 7)) { c->status = atoi(line + 9); c->left = 0; c->has_body = SIZED; }
        else if (!strncasecmp(line, "content-length:", 15)) c->left = strtoul(line + 15, NULL, 10);
        else if (!strncasecmp(line, "transfer-encoding: chunked", 26)) c->has_body = CHUNK_SIZE;
        else if (!strncasecmp(line, "connection: close", 17)) c->closes = 1;
        else if (!*line) { c->state = c->has_body; return c->state == SIZED && !c->left; }
        return 0;
    case CHUNK_SIZE:
        chunk_count++;
        c->left = strtoul(line, NULL, 16);
        c->state = c->left ? CHUNK : TRAILER;
        return 0;
    case CHUNK_END:
        c->state = CHUNK_SIZE;
        return 0;
    default:
        return !*line; /* of the trailers */
    }
}

static void received(Client *c, const char *data, size_t size) {
    uint64_t now = now_ns();
    while (size && !c->is_done) {
        if (c->state == SIZED || c->state == CHUNK) {
            size_t used = size < c->left ? size : c->left;
            body(c, data, used, now);
            data += used, size -= used, c->left -= used;
            if (c->left) continue;
            if (c->state == CHUNK) c->state = CHUNK_END; else again(c, 1);
            continue;
        }
        char byte = *data++;
        size--;
        if (byte != '\n') { if (byte != '\r' && c->line_bytes < LINE_BYTES - 1) c->line[c->line_bytes++] = byte; continue; }
        c->line[c->line_bytes] = 0;
        c->line_bytes = 0;
        if (framing_line(c)) again(c, 1);
    }
}

static void make_request(int port, long events, long interval_us, const char *model, size_t message_bytes) {
    char *body, *message = malloc(message_bytes + 1), bench[64] = "";
    memset(message, 'x', message_bytes);
    message[message_bytes] = 0;
    if (events) snprintf(bench, sizeof bench, "X-Bench: %ld %ld\r\n", events, interval_us);
    int size = asprintf(&body, "{\"model\": \"%s\", \"stream\": %s, \"max_tokens\": 64, \"temperature\": 0.7, "
        "\"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]}", model, events ? "true" : "false", message);
    request_bytes = asprintf(&request,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: application/json\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
        "User-Agent: OpenAI/Python 2.8.1\r\nX-Stainless-Lang: python\r\nAuthorization: Bearer sk-none\r\n%s"
        "Content-Length: %d\r\n\r\n%s", port, bench, size, body);
}

int main(int argc, char **argv) {
    if (argc < 7) { fprintf(stderr, "load PORT CONNECTIONS REQUESTS EVENTS INTERVAL_US MODEL [MESSAGE_BYTES]\n"); return 2; }
    long count = atol(argv[2]), interval_us = atol(argv[5]);
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to_send = atol(argv[3]), events_wanted = atol(argv[4]);
    make_request(atoi(argv[1]), events_wanted, interval_us, argv[6], argc > 7 ? atol(argv[7]) : 64);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc(count, sizeof(Client));
    long wanted = to_send;
    for (long i = 0; i < count; i++) connect_client(&clients[i]);
    uint64_t began = now_ns();
    for (long begun = 0; finished + failed < wanted;) {
        static char data[262144];
        struct epoll_event events[512];
        struct timespec pause = {30, 0};
        for (; begun < count; begun++) {
            uint64_t due = began + (events_wanted ? 25 * interval_us * 1000 * begun / count : 0), now = now_ns();
            if (due > now) { pause = (struct timespec){0, due - now}; break; }
            ask(&clients[begun]);
        }
        int ready = epoll_pwait2(poll_fd, events, 512, &pause, NULL);
        if (ready <= 0 && begun == count) { fprintf(stderr, "load: nothing has come for 30 s\n"); return 1; }
        for (int i = 0; i < ready; i++) {
            Client *c = events[i].data.ptr;
            if (c->is_done) continue;
            ssize_t got = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got > 0) received(c, data, got); else again(c, 0);
        }
    }
    printf("{\"seconds\": %.6f, \"finished\": %ld, \"failed\": %ld, \"events\": %ld, \"chunks\": %ld, \"bytes\": %ld",
        (now_ns() - began) / 1e9, finished, failed, events_seen, chunk_count, bytes_seen);
    print("request", &request_us);
    print("first", &first_us);
    print("delay", &delay_us);
    printf("}\n");
    return 0;
}
