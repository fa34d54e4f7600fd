/*
 * The log: one line = `event key=value ...` on standard error. Event names are a table
 * (io/log_table.h), which `yufu manual logs` prints. Ids always; secrets, passwords and whole
 * phone numbers never.
 *
 *   log_event(LOG_LINE_DOWN, LOG_I("line", 3), LOG_S("endpoint", text), LOG_E("error", err));
 *
 *   line.down at=2026-11-22T10:00:00Z level=warn line=3 endpoint=serial:/dev/ttyS1 error=IO_FILE
 *
 * Values with blanks, quotes or control bytes are quoted. More than LOG_BURST lines of one event
 * within LOG_WINDOW_S seconds are counted instead of written; the count is in `suppressed=` of the
 * next line that passes.
 */
#ifndef YUFU_IO_LOG_H
#define YUFU_IO_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define LOG_BURST 50
#define LOG_WINDOW_S 10
#define LOG_LINE_MAX 1024 /* longer lines are cut */

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum log_name {
#define LOG_ROW(name, text, level, en, zh) name,
#include "io/log_table.h"
#undef LOG_ROW
    LOG_NAME_COUNT
};

struct log_field {
    enum { LOG_FIELD_END, LOG_FIELD_INT, LOG_FIELD_TEXT, LOG_FIELD_ERR } kind;
    const char *key;
    int64_t number;
    const char *text; /* NULL is written as - */
};

/* clang-format off */
#define LOG_I(k, v) {.kind = LOG_FIELD_INT, .key = (k), .number = (v)}
#define LOG_S(k, v) {.kind = LOG_FIELD_TEXT, .key = (k), .text = (v)}
#define LOG_E(k, v) {.kind = LOG_FIELD_ERR, .key = (k), .number = (v)}

#define log_event(name, ...) \
    log_write(name, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) {.kind = LOG_FIELD_END}})
/* clang-format on */

void log_write(enum log_name name, const struct log_field *fields);

/* Below this nothing is written; LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);
/* Where lines go (without line end) and what time they carry; NULL: standard error, real time. */
typedef void log_sink(void *arg, const char *line);
typedef wall_s log_clock(void *arg);
void log_set_sink(log_sink *sink, void *arg);
void log_set_clock(log_clock *clock, void *arg);

#endif
