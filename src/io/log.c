#include "io/log.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

static const struct {
    const char *text;
    enum log_level level;
} NAMES[LOG_NAME_COUNT] = {
#define LOG_ROW(name, text, level, en, zh) [name] = {text, LOG_LEVEL_##level},
#include "io/log_table.h"
#undef LOG_ROW
};

/* The log belongs to the process, like standard error itself. */
static struct {
    enum log_level level;
    log_sink *sink;
    void *sink_arg;
    log_clock *clock;
    void *clock_arg;
    struct {
        int64_t window, count, suppressed;
    } rate[LOG_NAME_COUNT];
} log_state = {.level = LOG_LEVEL_INFO};

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
};

static void put(struct line *l, const char *text, size_t len)
{
    size_t left = sizeof l->text - 2 - l->len;
    if (len > left)
        len = left;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

static bool plain(const char *text)
{
    if (*text == '\0')
        return false;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7F)
            return false;
    return true;
}

/* Control bytes never reach a terminal or split a line. Bytes above 7F are UTF-8 and pass. */
static void put_value(struct line *l, const char *text)
{
    if (plain(text)) {
        put_text(l, text);
        return;
    }
    put_text(l, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        char escaped[8];
        if (*p == '"' || *p == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", *p);
        else if (*p < ' ' || *p == 0x7F)
            snprintf(escaped, sizeof escaped, "\\x%02x", *p);
        else
            snprintf(escaped, sizeof escaped, "%c", *p);
        put_text(l, escaped);
    }
    put_text(l, "\"");
}

static void put_field(struct line *l, const struct log_field *f)
{
    char number[24];
    put_text(l, " ");
    put_text(l, f->key);
    put_text(l, "=");
    switch (f->kind) {
    case LOG_FIELD_INT:
        snprintf(number, sizeof number, "%" PRId64, f->number);
        put_text(l, number);
        break;
    case LOG_FIELD_ERR:
        put_text(l, err_name((enum err)f->number));
        break;
    case LOG_FIELD_TEXT:
        put_value(l, f->text == NULL ? "-" : f->text);
        break;
    case LOG_FIELD_END:
        break;
    }
}

static const char *level_text(enum log_level level)
{
    static const char *const TEXTS[] = {"debug", "info", "warn", "error"};
    return TEXTS[level];
}

static wall_s now(void)
{
    struct timespec t;
    if (log_state.clock != NULL)
        return log_state.clock(log_state.clock_arg);
    MUST(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return (wall_s){t.tv_sec};
}

/* False: too many of this name in this window. */
static bool may_pass(enum log_name name, wall_s at, int64_t *suppressed)
{
    int64_t window = at.s / LOG_WINDOW_S;
    if (log_state.rate[name].window != window) {
        log_state.rate[name].window = window;
        log_state.rate[name].count = 0;
    }
    if (++log_state.rate[name].count > LOG_BURST) {
        log_state.rate[name].suppressed++;
        return false;
    }
    *suppressed = log_state.rate[name].suppressed;
    log_state.rate[name].suppressed = 0;
    return true;
}

static void emit(struct line *l)
{
    if (log_state.sink != NULL) {
        l->text[l->len] = '\0';
        log_state.sink(log_state.sink_arg, l->text);
        return;
    }
    l->text[l->len++] = '\n';
    /* One write a line, so that processes sharing a terminal or file do not mix theirs. A log that
     * cannot be written is no reason to stop. */
    ssize_t n = write(STDERR_FILENO, l->text, l->len);
    (void)n;
}

void log_write(enum log_name name, const struct log_field *fields)
{
    MUST(name < LOG_NAME_COUNT);
    int64_t suppressed = 0;
    wall_s at = now();
    if (NAMES[name].level < log_state.level || !may_pass(name, at, &suppressed))
        return;
    struct line l = {.len = 0};
    struct civil c = civil_from_wall(at, 0);
    char stamp[64];
    snprintf(stamp, sizeof stamp, " at=%04d-%02u-%02uT%02u:%02u:%02uZ level=", (int)c.year,
             (unsigned)c.month, (unsigned)c.day, (unsigned)c.hour, (unsigned)c.minute,
             (unsigned)c.second);
    put_text(&l, NAMES[name].text);
    put_text(&l, stamp);
    put_text(&l, level_text(NAMES[name].level));
    for (; fields->kind != LOG_FIELD_END; fields++)
        put_field(&l, fields);
    if (suppressed > 0)
        put_field(&l, &(struct log_field)LOG_I("suppressed", suppressed));
    emit(&l);
}

void log_set_level(enum log_level level)
{
    log_state.level = level;
}

void log_set_sink(log_sink *sink, void *arg)
{
    log_state.sink = sink;
    log_state.sink_arg = arg;
}

void log_set_clock(log_clock *clock, void *arg)
{
    log_state.clock = clock;
    log_state.clock_arg = arg;
}
