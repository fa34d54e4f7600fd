/* Shared by the parts of terminals/ only. */
#ifndef YUFU_TERMINALS_TERMINALS_IMPL_H
#define YUFU_TERMINALS_TERMINALS_IMPL_H

#include "base/rand.h"
#include "terminals/terminals.h"

#define TERMINALS_BELOW 200

struct terminals_turn {
    struct store_tx *tx;
    wall_s now;
    struct rand_stream ids;
};

static inline struct terminals_turn terminals_turn_of(struct store_tx *tx, wall_s now,
                                                      uint64_t random)
{
    return (struct terminals_turn){tx, now, {random}};
}

struct terminals_meter {
    int64_t id, project_id, account_id, place_id, epoch, circuits;
    bool terminal;
};
/* From a row that begins project_id, account_id, place_id, epoch, circuits, model. */
struct terminals_meter terminals_meter_of(const struct query *q, int64_t meter_id);
enum err terminals_meter_load(struct store_tx *tx, int64_t meter_id, struct terminals_meter *m);

struct terminals_row {
    struct terminals_register r;
    int64_t meter_id, command_id, attempt;
    wall_s next_at; /* 0: nothing is due */
};
/* A register that has no row yet reads as its defaults. */
enum err terminals_row_load(struct store_tx *tx, int64_t meter_id, int64_t circuit,
                            enum meter_terminal_item item, struct terminals_row *row);
enum err terminals_row_save(struct store_tx *tx, const struct terminals_row *row);

/* Puts a command for the row: writes row->r.wanted if `write`, else only reads. */
enum err terminals_send(struct terminals_turn *t, const struct terminals_meter *m,
                        struct terminals_row *row, bool write);
/* Reads a register again, unless a command for it is on its way. */
enum err terminals_look(struct terminals_turn *t, const struct terminals_meter *m, int64_t circuit,
                        enum meter_terminal_item item);

/* A wish that leaves a circuit dark counts with the project's cuts. ERR_CONTROL_BREAKER: one too
 * many. */
enum err terminals_count_dark(struct terminals_turn *t, const struct terminals_meter *m,
                              const struct terminals_wish *w);

/* What is done once and shows in another register. */
bool terminals_is_order(enum meter_terminal_item item);
/* "D1" as "D1/", so that D1 holds D1/101 and not D10; NULL and "" as "". */
void terminals_below(const char *under, char out[TERMINALS_BELOW]);

#endif
