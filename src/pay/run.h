/*
 * Runs over very many accounts: free credit by a rule, and shares of common usage.
 *
 *   proposed ──► running ──► done ──► reversing ──► reversed      approved by another person than
 *      └───► rejected                                             asked, taken back by another than
 *                                                                 approved
 *   running, reversing ◄──► stopped ──► done                      stopped, resumed, given up by anybody
 *
 * Proposing writes the list of lines: what anybody looks at before approving is what is posted.
 * Then run_tick posts a bounded number of lines a transaction and moves the cursor with them: a
 * process that dies goes on behind the last commit, and nothing is posted twice. One run a rule and
 * period.
 *
 * Whoever keeps the books may stop a run at work: with that commit nothing more is posted or taken
 * back. Resumed it goes on behind its cursor; given up, the lines that are left are passed over for
 * good ('given_up') and those behind the cursor stay as they are. Of two who decide at once the one
 * who commits first is followed, and the other is told ERR_RUN_STATE.
 *
 * Free credit lies in the prepayment like money, or was sold into the meter, but it is used first:
 * what is taken for energy is held against the grants, earliest end first, and what a grant has
 * left at its end, or when its account is closed, goes back (run_expire). Out of a meter nothing
 * can be taken: there it becomes what the account owes, and is kept from its next sales
 * (vend/vend.h).
 */
#ifndef YUFU_PAY_RUN_H
#define YUFU_PAY_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define RUN_LINES_MAX 1'000'000
#define RUN_CODE_MAX 48
#define RUN_PERIOD_MAX 16
#define RUN_TITLE_MAX 96
#define RUN_NOTE_MAX 200
#define RUN_METERS_MAX 32
#define RUN_MONEY_MAX_FEN 100'000'000'000 /* of a whole run */

/* --- sharing out, pure --------------------------------------------------------------------- */

/* total_fen in parts by weight, exactly: whole parts are rounded down, and the fen that are left go
 * one by one to the largest remainders (equal ones: to the first). ERR_RANGE: negative total or
 * weight; ERR_RUN_EMPTY: no weight at all. */
[[nodiscard]] enum err run_share(int64_t total_fen, const int64_t *weight, size_t count,
                                 int64_t *part_fen);

/* --- proposing ----------------------------------------------------------------------------- */

/* Who takes part: open accounts of the project under a place, or a list. */
struct run_members {
    const char *place; /* code of a place: it and all below; "": everywhere */
    const char *list;  /* lines "ACCOUNT-CODE,WEIGHT" (weight may be left out: 1); "": by place */
};
struct run_ask {
    int64_t project_id;
    const char *code, *period, *title; /* period: '2026-10', '2026-W41' ... */
    const char *actor;
    wall_s now;
    struct run_members members;
};
/* What a line's weight is: that of the list (1 without one), 1, the energy settled in the span, the
 * area in 1/1000 m2 or the persons that the account's terms (site/site.h) say. */
enum run_method { RUN_GIVEN, RUN_EQUAL, RUN_USAGE, RUN_AREA, RUN_PERSONS, RUN_METHOD_COUNT };
const char *run_method_name(enum run_method m); /* "given" ...; never NULL */

struct run_subsidy {
    struct run_ask ask;
    enum run_method method; /* not RUN_USAGE: there is no span */
    int64_t each_fen;       /* a unit of weight: a bed */
    wall_s expires_at;      /* 0: carried over for ever */
};
/* ERR_RANGE, ERR_SITE_TEXT (code, period or title), ERR_RUN_MEMBER, ERR_RUN_EMPTY, ERR_RUN_TWICE.
 */
[[nodiscard]] enum err run_ask_subsidy(struct store_tx *tx, const struct run_subsidy *s,
                                       int64_t *run_id);

/* What the common meters counted, taken by the caller from the readings store, with the newest
 * registers at or before each end. */
struct run_meter {
    int64_t meter_id;
    bool sub; /* subtracted */
    wall_s from_at, to_at;
    int64_t from_wh, to_wh;
    int64_t ratio; /* registers times this */
};
struct run_common {
    struct run_ask ask;
    const struct run_meter *meters;
    size_t meter_count;
    wall_s from, to;
    int64_t price_e8; /* yuan a kWh, 1e-8 */
    enum run_method method;
};
/* ERR_RUN_USAGE: nothing is left to share; else as run_ask_subsidy. Whether it is owed as energy or
 * beside it is the project's policy (pay/shift.h). */
[[nodiscard]] enum err run_ask_share(struct store_tx *tx, const struct run_common *c,
                                     int64_t *run_id);

/* --- deciding ------------------------------------------------------------------------------ */

struct run_verdict {
    int64_t project_id, run_id;
    const char *actor, *note; /* note: may be empty but for a reversal */
    wall_s now;
};
/* ERR_NOT_FOUND, ERR_RUN_STATE; ERR_SHIFT_PERSON: the same person asked. */
[[nodiscard]] enum err run_approve(struct store_tx *tx, const struct run_verdict *v);
/* By anybody who may decide, or by who asked. */
[[nodiscard]] enum err run_reject(struct store_tx *tx, const struct run_verdict *v);
/* Takes a done run back as a whole. ERR_RUN_REASON: a reason is needed; ERR_SHIFT_PERSON: who
 * approved it may not take it back alone. */
[[nodiscard]] enum err run_reverse(struct store_tx *tx, const struct run_verdict *v);

/* Stops a run at work. ERR_RUN_REASON: a reason is needed. */
[[nodiscard]] enum err run_stop(struct store_tx *tx, const struct run_verdict *v);
/* A stopped run goes on: whoever may stop it, the approval stands. One that was put aside is tried
 * at once. */
[[nodiscard]] enum err run_resume(struct store_tx *tx, const struct run_verdict *v);
/* Ends a stopped run where it stands: it is done, and so is one whose taking back is given up; what
 * is left of it can be taken back later. ERR_RUN_REASON: a reason is needed. */
[[nodiscard]] enum err run_give_up(struct store_tx *tx, const struct run_verdict *v);

/* --- working ------------------------------------------------------------------------------- */

#define RUN_LIMIT_MAX 256
struct run_turn {
    wall_s now;
    int64_t limit; /* lines */
    uint64_t random;
};
/* Up to `limit` lines of the oldest run at work. *worked: lines looked at; call again while equal
 * to limit. A line that cannot be posted is passed over and says why: 'closed', 'in_meter' (credit
 * in a meter cannot be taken back), 'meter_wallet' (energy shares need a balance on the platform),
 * 'given_up', or the name of an error. A pending cut of who got credit is withdrawn; whether supply
 * returns is for the next fee check. ERR_RANGE: a limit above RUN_LIMIT_MAX. */
[[nodiscard]] enum err run_tick(struct store_tx *tx, const struct run_turn *turn, int64_t *worked);
/* Takes back what is left of up to `limit` grants whose end has come; an account whose charges
 * before that end are not settled yet is waited for, for three days, and so are all while a run of
 * the ledger is not folded. A grant in a meter is waited for until its meter was read, however long
 * it takes; one that is still on its way there is taken back by a fence first. */
[[nodiscard]] enum err run_expire(struct store_tx *tx, const struct run_turn *turn,
                                  int64_t *worked);
/* Of the prepayment, what was given free and is not used up: never paid out. */
[[nodiscard]] enum err run_free_left(struct store_tx *tx, int64_t account_id, int64_t *left_fen);

/* --- looking ------------------------------------------------------------------------------- */

struct run {
    int64_t id, project_id;
    const char *kind, *code, *period, *title, *method, *booking;
    const char *state; /* as above; given up: 'done', with given_up_at */
    int64_t lines, total_fen, done, done_fen, failed;
    wall_s expires_at, asked_at, approved_at, reversed_at, stopped_at, given_up_at, ended_at;
    /* 0: not */
    const char *asked_by, *approved_by, *reversed_by, *stopped_by, *given_up_by;
    const char *note, *stop_reason;
    const char *evidence; /* JSON */
};
typedef enum err run_each(void *arg, const struct run *r);
/* Newest first, those with id < before (0: all). */
[[nodiscard]] enum err run_list(struct store_tx *tx, int64_t project_id, int64_t before,
                                int64_t limit, run_each *each, void *arg);
struct run_line {
    int64_t account_id;
    const char *account_code, *account_name, *error;
    int64_t weight, amount_fen, taken_back_fen;
    bool posted;
    /* Its end has come, but what is left is not taken back yet: "on_its_way" (a fence or a person
     * decides whether the meter has it), "not_read" (what was used before the end is not settled),
     * "not_proven" (the meter contradicts itself); "": neither. */
    const char *waits;
};
typedef enum err run_line_each(void *arg, const struct run_line *line);
/* In order of accounts, those above `after`. ERR_NOT_FOUND: no such run of the project. */
struct run_page {
    int64_t project_id, run_id, after, limit;
    wall_s now;
};
[[nodiscard]] enum err run_lines(struct store_tx *tx, const struct run_page *page,
                                 run_line_each *each, void *arg);

#endif
