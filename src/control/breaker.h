/*
 * The mass-cut breaker of a project (control.h), for people: how full it is, who waits behind it,
 * and how it is opened for a while.
 *
 * Closed until more meters go dark within CONTROL_BREAKER_S than the limit; then tripped, until the
 * window has moved on. While it is tripped one person may ask, and when another grants it is
 * released for CONTROL_BREAKER_S.
 *
 * A request is of one project and one at a time; it lapses after BREAKER_ASK_S. Whoever asked never
 * grants; the asker or anybody else may refuse. A release cuts nobody: who waits is decided again
 * with every guard, by the clock, at once.
 */
#ifndef YUFU_CONTROL_BREAKER_H
#define YUFU_CONTROL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define BREAKER_ASK_S 3600 /* nobody said anything so long: the request is over */

enum breaker_state { BREAKER_CLOSED, BREAKER_TRIPPED, BREAKER_RELEASED };
const char *breaker_state_name(enum breaker_state state); /* "closed" "tripped" "released" */

struct breaker {
    enum breaker_state state;
    int64_t meters;  /* of the project */
    int64_t cuts;    /* meters cut, or left dark by a setting, within CONTROL_BREAKER_S */
    int64_t limit;   /* the meter after so many is stopped */
    int64_t waiting; /* accounts whose cut it holds back now; 0 unless tripped */
    wall_s since;    /* when the limit was reached; 0: it is not */
    wall_s free_at;  /* when the window has moved on so far that one more passes; 0 as above */
    wall_s released_until; /* 0 unless released */
    char released_by[64];
};
[[nodiscard]] enum err breaker_look(struct store_tx *tx, int64_t project_id, wall_s now,
                                    struct breaker *out);

/* An account whose cut is held back: what was decided last. Texts live until the callback returns.
 */
struct breaker_waiting {
    int64_t account_id, available_fen;
    bool available_known;
    bool limits; /* some circuits only, before the cut */
    const char *code, *name, *place;
    wall_s decided_at;
};
typedef enum err breaker_each(void *arg, const struct breaker_waiting *one);
/* The newest decision first; at most `limit`. Ends with the first error of `each`. */
[[nodiscard]] enum err breaker_list(struct store_tx *tx, int64_t project_id, int64_t limit,
                                    breaker_each *each, void *arg);

enum breaker_answer { BREAKER_ASKED, BREAKER_GRANTED, BREAKER_REFUSED, BREAKER_LAPSED };
const char *breaker_answer_name(enum breaker_answer a); /* "asked" "granted" "refused" "lapsed" */

struct breaker_request {
    int64_t id; /* 0: there was none */
    enum breaker_answer state;
    int64_t cuts, limit, waiting;            /* when it was asked */
    wall_s asked_at, expires_at, decided_at; /* decided_at 0: not */
    char asked_by[64], decided_by[64];
    char reason[256], answer[256];
};
/* The newest of a project. */
[[nodiscard]] enum err breaker_request(struct store_tx *tx, int64_t project_id, wall_s now,
                                       struct breaker_request *out);

/* A person's word; recorded in the audit chain and told as an event. */
struct breaker_word {
    int64_t project_id;
    int64_t id;        /* of the request; ignored by breaker_ask */
    const char *actor; /* "user:3" */
    const char *reason;
    wall_s now;
};
/* ERR_CONTROL_SECOND_PERSON: not a person; ERR_CONTROL_REASON; ERR_CONTROL_NOT_TRIPPED: nothing is
 * held back, or it is released already; ERR_CONTROL_ASKED: a request waits already. */
[[nodiscard]] enum err breaker_ask(struct store_tx *tx, const struct breaker_word *word);
/* The same, and ERR_NOT_FOUND; ERR_STATE: answered already, or lapsed; ERR_CONTROL_SECOND_PERSON:
 * also whoever asked. */
[[nodiscard]] enum err breaker_grant(struct store_tx *tx, const struct breaker_word *word);
[[nodiscard]] enum err breaker_refuse(struct store_tx *tx, const struct breaker_word *word);

#endif
