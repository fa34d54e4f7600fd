/*
 * Notify: messages to people. Takes the outbox's notes of topic 'message'
 * (docs/formats/message.md), renders them in Chinese and English, and gives them to each channel
 * that the note names. A message is sent once per (account, template, episode, level, subject) and
 * channel: a repeated note is taken and changes nothing. Each channel has its own row, its own
 * state and its own delivery.
 *
 * 'console': the message stands on the account's page, so it is delivered when it is written.
 * Others are structs of the same functions; a channel that a note names and nobody has connected
 * fails visibly, it never counts as delivered.
 */
#ifndef YUFU_NOTIFY_NOTIFY_H
#define YUFU_NOTIFY_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define NOTIFY_TOPIC "message"

enum notify_template {
#define NOTIFY_TEMPLATE(name, text, en, zh) NOTIFY_##name,
#include "notify/template_table.h"
#undef NOTIFY_TEMPLATE
    NOTIFY_TEMPLATE_COUNT
};
const char *notify_template_name(enum notify_template t); /* "balance_low" ...; never NULL */

#define NOTIFY_TEXT_MAX 512

struct notify_message {
    int64_t id, account_id, project_id;
    wall_s at;
    enum notify_template template;
    int64_t level, episode;
    const char *subject; /* what it is about, if there may be several an episode: an order; "" */
    const char *channel; /* "console" ... */
    char text_zh[NOTIFY_TEXT_MAX], text_en[NOTIFY_TEXT_MAX];
};

/* How messages leave. `send` runs in the transaction that stores the message. *delivered: it has
 * reached the person now; else the channel reports later. An error means: could not be handed over.
 */
struct notify_channel {
    const char *name;
    enum err (*send)(void *self, struct store_tx *tx, const struct notify_message *m,
                     bool *delivered);
    void *self;
};
extern const struct notify_channel notify_console;

/* Told of each delivery in the same transaction: fee control counts it. */
typedef enum err notify_delivered(void *arg, struct store_tx *tx, const struct notify_message *m,
                                  wall_s at);

#define NOTIFY_CHANNELS_MAX 8

struct notify {
    /* The first takes what names no channel; the list ends with NULL. */
    const struct notify_channel *channels[NOTIFY_CHANNELS_MAX];
    notify_delivered *delivered; /* NULL: nobody asks */
    void *arg;
};

struct notify_done {
    int64_t taken;    /* notes */
    int64_t sent;     /* messages, one a channel */
    int64_t repeated; /* messages that were sent before */
    int64_t failed;   /* messages that no channel took */
    int64_t refused;  /* notes that could not be understood */
};
/* Takes up to `limit` notes. A note that cannot be understood is taken, counted as refused and
 * recorded as an event; it does not stop the others. */
[[nodiscard]] enum err notify_run(const struct notify *n, struct store_tx *tx, wall_s now,
                                  int64_t limit, struct notify_done *done);

/* A channel says later what became of a message that it took: it reached the person at `at`, or
 * never will. ERR_NOT_FOUND; ERR_STATE: it does not wait. */
struct notify_report {
    int64_t message_id;
    bool delivered;
    wall_s at;
};
[[nodiscard]] enum err notify_report(const struct notify *n, struct store_tx *tx,
                                     const struct notify_report *report);

/* One message of an account as the console shows it; texts live until the callback returns. */
struct notify_row {
    int64_t id;
    wall_s at;
    const char *template, *channel, *state, *text_zh, *text_en;
    int64_t level, episode;
    wall_s delivered_at; /* 0: not yet */
};
typedef enum err notify_each(void *arg, const struct notify_row *row);
/* Newest first, ids below `before` (0: from the newest). account_id 0: all. */
[[nodiscard]] enum err notify_list(struct store_tx *tx, int64_t account_id, int64_t before,
                                   int64_t limit, notify_each *each, void *arg);

#endif
