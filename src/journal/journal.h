/*
 * The journal: what was done, by whom, as a chain that shows tampering (`audit`); what
 * must be told to the world after the commit (`outbox`); what happened, in words for people
 * (`event`). All of it is written in the same transaction as the thing itself.
 *
 * The canonical bytes and the chain are described in docs/formats/journal.md.
 */
#ifndef YUFU_JOURNAL_JOURNAL_H
#define YUFU_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define JOURNAL_HASH_SIZE 32

/* --- audit ---------------------------------------------------------------------------------- */

struct journal_act {
    wall_s now;
    const char *actor;  /* 'user:3', 'gateway:1', 'system' */
    const char *action; /* 'order.create', 'relay.set' ... */
    const char *object; /* 'account:17', 'relay:12/0' ... */
    const char *detail; /* JSON object: facts and reason, before and after; see journal/detail.h */
};

/* Adds one row at the end of the chain. None of the texts may be NULL or empty. */
[[nodiscard]] enum err journal_append(struct store_tx *tx, const struct journal_act *act);

struct journal_head {
    int64_t seq; /* 0: nothing yet */
    uint8_t hash[JOURNAL_HASH_SIZE];
};

[[nodiscard]] enum err journal_head(struct store_tx *tx, struct journal_head *head);

/* Called now and then while a long check runs, with the number of rows done. NULL is allowed. */
typedef void journal_progress(void *arg, int64_t rows);

struct journal_check {
    int64_t rows;    /* rows whose hash, predecessor and number are right */
    int64_t bad_seq; /* the first row that is not; 0: none */
    struct journal_head head;
};

/* Walks the whole chain. ERR_JOURNAL_CHAIN at the first row that was changed, removed or
 * inserted, or if rows are missing at the end; `out` says where. */
[[nodiscard]] enum err journal_verify(struct store_tx *tx, journal_progress *progress, void *arg,
                                      struct journal_check *out);

/* SHA-256 by OpenSSL; also for the rooms that keep chains of their own. */
void journal_sha256(const void *data, size_t len, uint8_t hash[JOURNAL_HASH_SIZE]);

/* --- outbox --------------------------------------------------------------------------------- */

/* account_id 0: none. */
[[nodiscard]] enum err journal_outbox_put(struct store_tx *tx, const char *topic,
                                          int64_t account_id, const char *json, wall_s now);

struct journal_note {
    int64_t id;
    wall_s at;
    int64_t account_id; /* 0: none */
    const char *body;   /* JSON */
};
typedef enum err journal_note_each(void *arg, const struct journal_note *note);

/* Takes up to `limit` waiting notes of a topic, oldest first: marks each taken at `now` and hands
 * it to `each` in the same transaction. An error of `each` ends the walk and is returned. */
[[nodiscard]] enum err journal_outbox_take(struct store_tx *tx, const char *topic, int64_t limit,
                                           wall_s now, journal_note_each *each, void *arg);
[[nodiscard]] enum err journal_outbox_waiting(struct store_tx *tx, const char *topic,
                                              int64_t *count);

/* --- events --------------------------------------------------------------------------------- */

enum journal_severity { JOURNAL_INFO, JOURNAL_WARNING, JOURNAL_ALARM };

enum journal_kind {
#define EVENT_ROW(id, name, severity, en, zh) EVENT_##id,
#include "journal/event_table.h"
#undef EVENT_ROW
    EVENT_COUNT
};

struct journal_event {
    wall_s at;
    enum journal_kind kind;
    int64_t project_id;
    int64_t account_id; /* 0: none */
    int64_t meter_id;   /* 0: none */
    const char *detail; /* JSON object with the facts that the sentence names; NULL: {} */
};

[[nodiscard]] enum err journal_event(struct store_tx *tx, const struct journal_event *event);

/* The stable name ('vend.confirmed'), severity and sentence template of a kind. The template's
 * {words} are members of the event's detail. Never NULL. */
const char *journal_kind_name(enum journal_kind kind);
enum journal_severity journal_kind_severity(enum journal_kind kind);
const char *journal_severity_name(enum journal_severity severity);
const char *journal_kind_en(enum journal_kind kind);
const char *journal_kind_zh(enum journal_kind kind);
/* EVENT_COUNT if the name is unknown. */
enum journal_kind journal_kind_of(const char *name);

#endif
