/*
 * One line in an installer's hands: opens the port, drives a bus by the loop, until the work is
 * done, Ctrl-C is pressed, or the port cannot be opened. For the commands scan, probe, read,
 * set and test.
 */
#ifndef YUFU_APP_GATEWAY_PROBE_H
#define YUFU_APP_GATEWAY_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"
#include "io/io.h"

struct probe {
    struct bus *bus;
    /* Called whenever something happened; true: done. */
    bool (*turn)(void *arg, mono_ms now);
    mono_ms (*wake)(const void *arg); /* NULL: when the bus has something to do */
    void *arg;
    /* the probe's own */
    struct io *io;
    struct io_line *line;
    struct io_timer timer;
    mono_ms give_up;
    enum err why;
    bool stopped, chinese, opened, ended;
};

/* `begin` is called once the port is open. ERR_OK also if it was stopped by hand (then `stopped`);
 * else why the port could not be used, which is also told on standard error, with what to do. */
[[nodiscard]] enum err probe_run(struct probe *p, const char *endpoint, int32_t baud, char parity,
                                 void (*begin)(void *arg, mono_ms now));

/* Sets the bus up for one meter: its protocol, and how long its model takes to answer. */
void probe_bus_init(struct bus *b, const struct meter_unit *unit, int32_t baud, mono_ms now);

/* "zh" or "en" by --lang or the environment. */
bool probe_chinese(const char *lang);
/* One of two texts. */
const char *probe_text(const struct probe *p, const char *en, const char *zh);

/* The commands; argv[0] is the command's name. */
int gateway_scan_main(int argc, char **argv);
int gateway_read_main(int argc, char **argv);
int gateway_test_main(int argc, char **argv);
int gateway_set_main(int argc, char **argv);
int gateway_head_main(int argc, char **argv);

/* A meter that a scan has found, with its model, is read: its values go to standard output. Returns
 * the bus that is to be driven; then a turn whenever something happened, until it is true; then the
 * end, which says what to do next and returns the exit status. One at a time. */
struct scan_found;
struct bus *read_found_begin(const struct scan_found *f, bool chinese, mono_ms now);
bool read_found_turn(mono_ms now);
int read_found_end(void);

/* A speed as --baud and --parity give it. ERR_SYNTAX, ERR_RANGE. */
[[nodiscard]] enum err probe_speed(const char *baud, const char *parity, int32_t *baud_out,
                                   char *parity_out);

#endif
