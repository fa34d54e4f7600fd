/*
 * Rounds work on many things: accounts, orders, relays. One that cannot be worked on, as its record
 * is odd, keeps no other waiting: what was written for it is undone, it is told (`work.failed`:
 * once, as long as the reason is the same) and put aside until it is tried again. Only what is
 * wrong with the machine (the disk is full, the database busy) ends the round, which then changes
 * nothing.
 *
 * A round asks for what is due without what is put aside:
 *   ... AND NOT EXISTS (SELECT 1 FROM aside s WHERE s.work = 'relay' AND s.id = r.meter_id
 *   AND s.part = r.circuit AND s.again_at > $1)
 */
#ifndef YUFU_JOURNAL_ASIDE_H
#define YUFU_JOURNAL_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define ASIDE_AGAIN_S 180

struct aside {
    const char *work; /* 'vend', 'relay' ...: what is done */
    int64_t id, part; /* to what; unique with `work` */
    wall_s now;
    int64_t project_id, account_id, meter_id; /* whose it is; 0: none, or as the others say */
};

/* Does the work as a part of the transaction (store_part); ERR_OK also if it was put aside. */
[[nodiscard]] enum err aside_do(struct store_tx *tx, const struct aside *a, store_work *work,
                                void *arg);
/* Tells that the work failed, and that alone. */
[[nodiscard]] enum err aside_tell(struct store_tx *tx, const struct aside *a, enum err why);
/* Not about the thing: the next one would fare no better. */
bool aside_is_of_machine(enum err e);

#endif
