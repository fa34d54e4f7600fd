/* Shared by the parts of the preview only. */
#ifndef YUFU_CONTROL_PREVIEW_IMPL_H
#define YUFU_CONTROL_PREVIEW_IMPL_H

#include "control/fee_impl.h"
#include "control/preview.h"

#define PREVIEW_HOUR_S INT64_C(3600)
#define PREVIEW_DAY_S (24 * PREVIEW_HOUR_S)

struct preview_list {
    void *items;
    size_t count, room;
};

struct preview_move { /* of the book that the balance lives in */
    wall_s at;
    int64_t amount_fen;
    int64_t other_fen; /* of it, for other services */
    int64_t due_fen;   /* of what is owed for them beside it; negative: owed */
};
struct preview_period { /* of one meter: settled, or still open */
    int64_t meter_id;
    wall_s opened_at, closed_at; /* open: of the newest reading */
    wall_s booked_at;            /* when the books had it; open: never */
    int64_t amount_fen;
    bool open;
};
struct preview_order {
    wall_s from, until; /* on its way */
    wall_s paid_at;     /* 0: never, or given back */
    int64_t amount_fen;
};
struct preview_protection {
    wall_s from, until;
    enum strategy_protection kind;
};
struct preview_flight {
    wall_s from, until;
};
struct preview_true_up { /* cuts nobody by itself */
    wall_s from, until;
    int64_t amount_fen;
};

struct preview_hour {
    int64_t used_wh; /* from the beginning of the history to the end of the hour */
    int64_t read;    /* hours up to and with the last one in which the meter was read; 0: none */
};

/* What is known of an account's past. */
struct preview_history {
    const struct site_account *account;
    wall_s from, until;
    int32_t offset_s;                        /* of the project's zone */
    int64_t balance_fen, other_fen, due_fen; /* just before `from` */
    bool keep_power, can_cut;                /* can_cut: a meter of the account can */
    wall_s person_at; /* since when a person holds the relay open; 0: nobody does */
    struct preview_meter {
        int64_t id, circuits;
        struct preview_hour *hours; /* since `from`; NULL: no readings are at hand */
    } meters[BILLING_METERS_MAX];
    size_t meter_count, hour_count;
    /* each ascending in time */
    struct preview_list moves, periods, orders, protections, flights, true_ups;
};

/* Everything between from and until; h->account, from, until and offset_s are given. */
struct preview_source {
    struct store_tx *tx;
    struct readings *readings;             /* NULL: none */
    struct store *readings_store;          /* NULL: none */
    const struct billing_outlook *outlook; /* of now; NULL: not known */
};
enum err preview_history_load(const struct preview_source *source, struct preview_history *h);
void preview_history_free(struct preview_history *h);

/* Lives through [h->from, h->until); days from the one that begins at `first` on are told to
 * days[] and summed up in *past. Pure. */
void preview_replay(const struct preview_history *h, const struct strategy_policy *policy,
                    wall_s first, struct control_preview_day *days,
                    struct control_preview_past *past);

#endif
