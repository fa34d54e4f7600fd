/*
 * The least that a poll can cost: one thread, one request at a time on each line, a wait, a read.
 * Asks terminals for their voltage in DL/T 645 and looks at nothing but where the answer ends.
 * Lines are 127.0.0.1 ports of simulated meters; those of line n have the addresses 1000 n + 1 ...
 *
 *   bare_exchange SECONDS METERS PORT...
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINES 64
#define LEAD 4     /* wake-up bytes FE */
#define REQUEST 20 /* with them */
#define WAIT_MS 500

struct line {
    int fd, number, meter;
    int64_t asked_ms; /* 0: nothing is under way */
    uint8_t answer[256];
    size_t length;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

static int64_t cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1'000'000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

static int connect_to(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("bare_exchange: connect");
        exit(1);
    }
    return fd;
}

static void ask(struct line *l, int meters)
{
    uint8_t b[REQUEST] = {
        0xFE, 0xFE, 0xFE, 0xFE, 0x68, 0,    0,    0, 0,   0, 0,
        0x68, 0x11, 0x04, 0x33, 0x34, 0x34, 0x35, 0, 0x16}; /* 02010100, low byte first, plus 33 */
    l->meter = l->meter % meters + 1;
    for (int i = 0, address = l->number * 1000 + l->meter; i < 6; i++, address /= 100)
        b[LEAD + 1 + i] = (uint8_t)(address / 10 % 10 << 4 | address % 10);
    for (int i = LEAD; i < REQUEST - 2; i++)
        b[REQUEST - 2] = (uint8_t)(b[REQUEST - 2] + b[i]);
    l->length = 0;
    l->asked_ms = now_ms();
    if (write(l->fd, b, sizeof b) != (ssize_t)sizeof b)
        exit(1);
}

static bool whole(const struct line *l)
{
    size_t from = 0;
    while (from < l->length && l->answer[from] == 0xFE)
        from++;
    return l->length >= from + 12 && l->length >= from + 12 + l->answer[from + 9];
}

int main(int argc, char **argv)
{
    static struct line lines[LINES];
    int count = argc - 3;
    if (count < 1 || count > LINES)
        return 2;
    int meters = atoi(argv[2]), poll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        lines[i] = (struct line){.fd = connect_to(atoi(argv[3 + i])), .number = i + 1};
        epoll_ctl(poll, EPOLL_CTL_ADD, lines[i].fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.ptr = &lines[i]});
    }
    int64_t answered = 0, failed = 0, before = cpu_us(), end = now_ms() + 1000 * atoi(argv[1]);
    for (int i = 0; i < count; i++)
        ask(&lines[i], meters);
    while (now_ms() < end) {
        struct epoll_event events[LINES];
        int n = epoll_wait(poll, events, LINES, WAIT_MS);
        for (int i = 0; i < n; i++) {
            struct line *l = events[i].data.ptr;
            ssize_t got = read(l->fd, l->answer + l->length, sizeof l->answer - l->length);
            if (got <= 0)
                return 1;
            l->length += (size_t)got;
            if (whole(l)) {
                answered++;
                ask(l, meters);
            }
        }
        for (int i = 0; i < count; i++)
            if (now_ms() - lines[i].asked_ms > WAIT_MS) {
                failed++;
                ask(&lines[i], meters);
            }
    }
    printf("{\"answered\": %" PRId64 ", \"failed\": %" PRId64 ", \"cpu_us\": %" PRId64 "}\n",
           answered, failed, cpu_us() - before);
    return 0;
}
