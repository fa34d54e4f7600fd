/* The night: many accounts at once come to what each would come to alone. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"
#include "billing/night.h"
#include "rating/statement.h"
#include "tests/unit/check.h"

#define ROWS 500

static const char plan_text[] = "{\"kind\":\"time_of_use_ladder\",\"cycle\":\"month\",\"prices\":{"
                                "\"peak\":\"0.568\",\"valley\":"
                                "\"0.288\"},\"periods\":[{\"from\":\"08:00\",\"to\":\"22:00\","
                                "\"rate\":\"peak\"},{\"from\":\"22:00\","
                                "\"to\":\"08:00\",\"rate\":\"valley\"}],\"steps\":[{\"to\":\"200\","
                                "\"surcharge\":\"0\"},{\"to\":"
                                "\"400\",\"surcharge\":\"0.05\"},{\"surcharge\":\"0.3\"}]}";

static const struct night_policy policies[] = {
    {.overdraft_fen = 0, .level_fen = {3'000, 1'000, 0}, .level_count = 3},
    {.overdraft_fen = 500, .level_fen = {2'000, 500, 0, -500}, .level_count = 4}};

struct room {
    struct store *store;
    struct rating_plan plan;
    struct rating_compiled compiled;
    struct night night;
    struct ledger_run run;
    struct night_result result;
    /* columns */
    int64_t account_id[ROWS], from_wh[RATING_RATES + 1][ROWS], to_wh[RATING_RATES + 1][ROWS];
    int64_t position_wh[ROWS], carry[ROWS], balance_fen[ROWS], ahead_fen[ROWS];
    uint16_t plan_of[ROWS], policy[ROWS];
    uint8_t level[ROWS];
    struct night_page page;
};

static enum err open_run(struct store_tx *tx, void *arg)
{
    struct room *r = arg;
    return ledger_run_open(tx,
                           &(struct ledger_run_entry){.key = "night:1",
                                                      .kind = "settlement",
                                                      .actor = "system",
                                                      .now = {1'700'000'000},
                                                      .business_day = 19675,
                                                      .from = LEDGER_PREPAYMENT,
                                                      .to = LEDGER_REVENUE},
                           &r->run);
}

static int open_room(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    *state = r;
    if (store_open(&r->store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) ||
        rating_plan_parse(plan_text, sizeof plan_text - 1, &r->plan, NULL) ||
        rating_compile(&r->plan, (struct rating_class){.month = 1}, &r->compiled) ||
        store_run(r->store, open_run, r))
        return 1;
    r->night = (struct night){&r->compiled, 1, policies, 2};
    r->page = (struct night_page){.account_id = r->account_id,
                                  .usage = {.count = ROWS,
                                            .position_wh = r->position_wh,
                                            .carry = r->carry,
                                            .plan = r->plan_of},
                                  .balance_fen = r->balance_fen,
                                  .ahead_fen = r->ahead_fen,
                                  .policy = r->policy,
                                  .level = r->level};
    for (size_t k = 0; k <= RATING_RATES; k++) {
        r->page.usage.from_wh[k] = r->from_wh[k];
        r->page.usage.to_wh[k] = r->to_wh[k];
    }
    for (size_t i = 0; i < ROWS; i++)
        r->account_id[i] = 10 + 2 * (int64_t)i;
    return 0;
}

static int close_room(void **state)
{
    struct room *r = *state;
    store_close(r->store);
    free(r);
    return 0;
}

static enum err put(struct store_tx *tx, void *arg)
{
    struct room *r = arg;
    return night_put(tx, &r->night, &r->page, &r->run, &r->result);
}

/* --- against one account at a time
 * ----------------------------------------------------------------- */

struct heard {
    struct room *room;
    int64_t selected[ROWS], denied[ROWS];
    int reached[ROWS];
    int pages;
};

static enum err hear(void *arg, const struct night_word *w)
{
    struct heard *h = arg;
    size_t i = (size_t)(w->account_id - 10) / 2;
    h->selected[i] += w->why == NIGHT_SELECTED;
    h->denied[i] += w->why == NIGHT_REFUSED ? (int64_t)w->reason : 0;
    h->reached[i] += w->why == NIGHT_LEVEL ? w->level : 0;
    return ERR_OK;
}

static void check_row(const struct heard *h, const struct ledger_run_rows *rows,
                      const struct night_evidence *e, size_t i)
{
    const struct room *r = h->room;
    const struct night_policy *p = &policies[r->policy[i]];
    struct rating_used used = {};
    struct rating_statement s;
    bool backwards = r->to_wh[RATING_TOTAL][i] < r->from_wh[RATING_TOTAL][i];
    assert_int_equal(h->denied[i], backwards ? ERR_RATING_BACKWARDS : ERR_OK);
    assert_int_equal(e->plan, r->plan_of[i]);
    if (backwards) {
        assert_int_equal(rows->amount_fen[i], 0);
        assert_int_equal(e->carry, r->carry[i]);
        assert_int_equal(h->selected[i] + h->reached[i], 0);
        return;
    }
    for (size_t k = 0; k < RATING_RATES; k++) {
        used.rate_wh[k] = r->to_wh[k][i] - r->from_wh[k][i];
        assert_int_equal(e->rate_wh[k], used.rate_wh[k]);
    }
    used.total_wh = r->to_wh[RATING_TOTAL][i] - r->from_wh[RATING_TOTAL][i];
    assert_int_equal(e->total_wh, used.total_wh);
    assert_ok(rating_state(&r->plan,
                           &(struct rating_request){.rows = &used,
                                                    .row_count = 1,
                                                    .used_before_wh = r->position_wh[i],
                                                    .month = 1,
                                                    .carry = r->carry[i]},
                           &s));
    int64_t left_fen = r->balance_fen[i] - s.amount_fen;
    int level = 0;
    for (int k = 0; k < p->level_count; k++)
        level += left_fen <= p->level_fen[k];
    assert_int_equal(rows->amount_fen[i], s.amount_fen);
    assert_int_equal(e->carry, s.carry);
    assert_int_equal(h->selected[i], left_fen + p->overdraft_fen < r->ahead_fen[i]);
    assert_int_equal(h->reached[i], level > r->level[i] ? level : 0);
}

static enum err check_page(void *arg, int64_t page, const struct ledger_run_rows *rows)
{
    struct heard *h = arg;
    static struct night_evidence evidence[ROWS];
    (void)page;
    assert_int_equal(rows->count, ROWS);
    assert_ok(night_evidence(rows, evidence));
    assert_ok(night_read(rows, hear, h));
    for (size_t i = 0; i < rows->count; i++)
        check_row(h, rows, &evidence[i], i);
    h->pages++;
    return ERR_OK;
}

static enum err read_pages(struct store_tx *tx, void *arg)
{
    struct heard *h = arg;
    return ledger_run_pages(tx, h->room->run.id, 1, check_page, h);
}

static void fill(struct room *r, struct rand_stream *chance)
{
    for (size_t i = 0; i < ROWS; i++) {
        int64_t sum_wh = 0;
        for (size_t k = 0; k < RATING_RATES; k++) {
            bool priced = k == RATING_PEAK || k == RATING_VALLEY;
            int64_t used_wh = priced ? (int64_t)rand_below(chance, 20'000) : 0;
            r->from_wh[k][i] = (int64_t)rand_below(chance, 1'000'000);
            r->to_wh[k][i] = r->from_wh[k][i] + used_wh;
            sum_wh += used_wh;
        }
        r->from_wh[RATING_TOTAL][i] = 5'000'000;
        r->to_wh[RATING_TOTAL][i] = 5'000'000 + sum_wh + (int64_t)rand_below(chance, 41) - 20;
        if (i % 50 == 49)
            r->to_wh[RATING_TOTAL][i] = 4'999'999;
        r->position_wh[i] = (int64_t)rand_below(chance, 500'000);
        r->carry[i] = (int64_t)rand_below(chance, UNITS_EXACT_PER_FEN) - UNITS_EXACT_PER_FEN / 2;
        r->balance_fen[i] = (int64_t)rand_below(chance, 6'000) - 600;
        r->ahead_fen[i] = (int64_t)rand_below(chance, 4'000);
        r->policy[i] = (uint16_t)rand_below(chance, 2);
        r->level[i] = (uint8_t)rand_below(chance, 4);
    }
}

static void test_each_as_alone(void **state)
{
    struct room *r = *state;
    struct rand_stream chance = rand_split(3, "night");
    struct heard h = {.room = r};
    fill(r, &chance);
    assert_ok(store_run(r->store, put, r));
    assert_ok(store_read(r->store, read_pages, &h));
    assert_int_equal(h.pages, 1);
    assert_int_equal(r->result.accounts, ROWS);
    assert_int_equal(r->result.refused, ROWS / 50);
    assert_int_equal(r->result.amount_fen, r->run.amount_fen);
    assert_true(r->result.selected > 0 && r->result.warned > 0);
}

/* Nothing is used; what is left is the balance, exactly at a threshold and one fen beside it. */
static void test_thresholds(void **state)
{
    struct room *r = *state;
    struct heard h = {.room = r};
    static const struct {
        int64_t balance_fen, ahead_fen;
        uint16_t policy;
        int reached, selected;
    } cases[] = {
        {3'001, 3'001, 0, 0, 0}, {3'000, 3'001, 0, 1, 1}, {2'999, 2'999, 0, 1, 0},
        {1'001, 0, 0, 1, 0},     {1'000, 0, 0, 2, 0},     {1, 0, 0, 2, 0},
        {0, 0, 0, 3, 0},         {-1, 0, 0, 3, 1},        {-499, 0, 1, 3, 0},
        {-500, 0, 1, 4, 0},      {-501, 0, 1, 4, 1},
    };
    size_t count = sizeof cases / sizeof *cases;
    for (size_t i = 0; i < count; i++) {
        r->balance_fen[i] = cases[i].balance_fen;
        r->ahead_fen[i] = cases[i].ahead_fen;
        r->policy[i] = cases[i].policy;
    }
    for (size_t i = count; i < ROWS; i++)
        r->balance_fen[i] = 100'000;
    assert_ok(store_run(r->store, put, r));
    assert_ok(store_read(r->store, read_pages, &h));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(h.reached[i], cases[i].reached);
        assert_int_equal(h.selected[i], cases[i].selected);
    }
}

static void test_refusals(void **state)
{
    struct room *r = *state;
    r->page.usage.count = 0;
    assert_err(ERR_RANGE, store_run(r->store, put, r));
    r->page.usage.count = NIGHT_ROWS_MAX + 1;
    assert_err(ERR_RANGE, store_run(r->store, put, r));
    r->page.usage.count = ROWS;
    r->policy[7] = 2;
    assert_err(ERR_RANGE, store_run(r->store, put, r));
    assert_int_equal(r->run.pages, 0);
    assert_int_equal(r->result.accounts, 0);
    r->policy[7] = 1;
    assert_ok(store_run(r->store, put, r));
    assert_err(ERR_LEDGER_RUN_ORDER, store_run(r->store, put, r));
    assert_int_equal(r->result.accounts, ROWS);
}

static enum err ignore(void *arg, const struct night_word *word)
{
    (void)arg;
    (void)word;
    return ERR_OK;
}

static void test_damaged_notes(void **state)
{
    (void)state;
    int64_t accounts[] = {1, 2}, amounts[] = {0, 0};
    struct night_evidence e[2];
    uint8_t note[64] = {RATING_RATES};
    /* the number of rates, two rows of nothing, three empty lists */
    struct ledger_run_rows rows = {2, accounts, amounts, {note, 1 + 2 * (3 + RATING_RATES) + 3}};
    assert_ok(night_read(&rows, ignore, NULL));
    assert_ok(night_evidence(&rows, e));
    for (size_t len = 0; len < rows.note.len; len++) {
        struct ledger_run_rows cut = rows;
        cut.note.len = len;
        assert_err(ERR_LEDGER_CHAIN, night_read(&cut, ignore, NULL));
    }
    struct ledger_run_rows tall = rows;
    tall.note.len++;
    assert_err(ERR_LEDGER_CHAIN, night_read(&tall, ignore, NULL));
    note[0] = RATING_RATES + 1;
    assert_err(ERR_LEDGER_CHAIN, night_read(&rows, ignore, NULL));
    note[0] = RATING_RATES;
    note[rows.note.len - 3] = 1; /* one is selected: the row after the last */
    note[rows.note.len - 2] = 2;
    tall = rows;
    tall.note.len++;
    assert_err(ERR_LEDGER_CHAIN, night_read(&tall, ignore, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_as_alone, open_room, close_room),
        cmocka_unit_test_setup_teardown(test_thresholds, open_room, close_room),
        cmocka_unit_test_setup_teardown(test_refusals, open_room, close_room),
        cmocka_unit_test(test_damaged_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
