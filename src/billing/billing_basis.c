/* What settlements were made from: the rows of settlement_basis. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jread.h"
#include "base/text.h"
#include "billing/billing_impl.h"

/* --- positions as text
 * ----------------------------------------------------------------------------- */

/* Members of rating_position by name. What a row does not have is 0, most of it mostly: a new member
 * is a line here. */
#define NAME_MAX_LEN 24
#define NAMED(name, member)                                                                        \
    {                                                                                              \
        name, offsetof(struct rating_position, member),                                            \
            sizeof(((struct rating_position *)0)->member)                                          \
    }
#define POSITION(member) NAMED(#member, member)
#define SHARED(member) NAMED(#member, shared.member)
static const struct {
    char name[NAME_MAX_LEN + 1];
    size_t offset, size;
} members[] = {
    POSITION(cycle_day),
    POSITION(used_wh),
    NAMED("fee_day", paid.day),
    NAMED("fee_month", paid.month),
    NAMED("part_days", paid.part_days),
    POSITION(month),
    POSITION(month_fen),
    POSITION(factor_fen),
    POSITION(active_wh),
    POSITION(reactive_wh),
    POSITION(demand_milli_kw),
    POSITION(contracted_milli_kw),
    POSITION(capacity_milli_kva),
    POSITION(others_wh),
    SHARED(until_s),
    NAMED("account_day", shared.paid.day),
    NAMED("account_month", shared.paid.month),
    NAMED("account_part_days", shared.paid.part_days),
    SHARED(quota_day),
    SHARED(quota_left_wh),
    NAMED("subsidy_month", shared.month),
    NAMED("subsidy_month_fen", shared.month_fen),
    SHARED(subsidy_fen[0]),
    SHARED(subsidy_fen[1]),
    SHARED(subsidy_fen[2]),
    SHARED(subsidy_fen[3]),
    SHARED(season_day),
    SHARED(season_fen),
    SHARED(season_milli_m2),
    SHARED(season_limit_fen),
    SHARED(season_most_e8),
    SHARED(season_least_e8),
    POSITION(carry),
};
_Static_assert(RATING_SUBSIDIES_MAX == 4, "a row for each");
#define MEMBERS (sizeof members / sizeof *members)
_Static_assert(MEMBERS *(NAME_MAX_LEN + 4 + TEXT_INT_MAX) + 16 <= POSITION_MAX, "room for all");

static int64_t member_of(const struct rating_position *p, size_t i)
{
    const char *at = (const char *)p + members[i].offset;
    int64_t wide = 0;
    int32_t narrow = 0;
    if (members[i].size == sizeof wide)
        memcpy(&wide, at, sizeof wide);
    else
        memcpy(&narrow, at, sizeof narrow);
    return members[i].size == sizeof wide ? wide : narrow;
}

static void set_member(struct rating_position *p, size_t i, int64_t value)
{
    char *at = (char *)p + members[i].offset;
    int32_t narrow = (int32_t)value;
    if (members[i].size == sizeof value)
        memcpy(at, &value, sizeof value);
    else
        memcpy(at, &narrow, sizeof narrow);
}

void position_print(const struct rating_position *p, char out[POSITION_MAX])
{
    char *at = stpcpy(out, p->begun ? "{\"begun\":1" : "{\"begun\":0");
    for (size_t i = 0; i < MEMBERS; i++) {
        if (member_of(p, i) == 0)
            continue;
        *at++ = ',';
        *at++ = '"';
        at = stpcpy(at, members[i].name);
        *at++ = '"';
        *at++ = ':';
        at += text_int(at, member_of(p, i));
    }
    *at++ = '}';
    *at = '\0';
}

/* Of rows that are older than what an account shares: there each meter counted it alone. */
static void inherit(struct rating_position *p)
{
    if (!p->begun || p->shared.until_s != 0)
        return;
    p->shared.until_s = INT64_MIN;
    p->shared.paid = p->paid;
    p->shared.month = p->month;
    p->shared.month_fen = p->month_fen;
}

/* They come in the order in which they are printed. MEMBERS: unknown. */
static size_t find_member(const char *name, size_t next)
{
    for (size_t k = 0; k < MEMBERS; k++) {
        size_t i = (next + k) % MEMBERS;
        if (strcmp(name, members[i].name) == 0)
            return i;
    }
    return MEMBERS;
}

enum err position_read(const char *text, struct rating_position *p)
{
    size_t next = 0;
    struct jread j = jread_of(text, strlen(text));
    char name[32];
    *p = (struct rating_position){};
    jread_object(&j);
    while (jread_member(&j, name, sizeof name)) {
        int64_t value = jread_int(&j);
        p->begun = p->begun || (strcmp(name, "begun") == 0 && value == 1);
        size_t i = find_member(name, next);
        if (i < MEMBERS) {
            set_member(p, i, value);
            next = i + 1;
        }
    }
    inherit(p);
    return jread_end(&j);
}

/* --- rows
 * ------------------------------------------------------------------------------------------ */

#define COLUMNS                                                                                    \
    "account_id, meter_id, epoch, opened_at, closed_at, plan_code, plan_version, offset_s, "       \
    "from_at, from_total_wh, from_rate1_wh, from_rate2_wh, from_rate3_wh, from_rate4_wh, "         \
    "to_at, to_total_wh, to_rate1_wh, to_rate2_wh, to_rate3_wh, to_rate4_wh, ratio, estimated, "   \
    "position, amount_fen, energy_wh"

enum err basis_put(struct store_tx *tx, const struct basis *b)
{
    char position[POSITION_MAX];
    position_print(&b->before, position);
    return store_exec(
        tx,
        "INSERT OR REPLACE INTO settlement_basis (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
        "$8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
        "iiiiitiiiiiiiiiiiiiiiitii", b->account_id, b->meter_id, b->epoch, b->opened_at.s,
        b->closed_at.s, b->plan_code, b->plan_version, (int64_t)b->offset_s, b->from.at.s,
        b->from.wh[0], b->from.wh[1], b->from.wh[2], b->from.wh[3], b->from.wh[4], b->to.at.s,
        b->to.wh[0], b->to.wh[1], b->to.wh[2], b->to.wh[3], b->to.wh[4], b->ratio,
        (int64_t)b->estimated, position, b->amount_fen, b->energy_wh);
}

static enum err read_basis(const struct query *q, struct basis *b)
{
    *b = (struct basis){.account_id = query_int(q, 0),
                        .meter_id = query_int(q, 1),
                        .epoch = query_int(q, 2),
                        .opened_at = {query_int(q, 3)},
                        .closed_at = {query_int(q, 4)},
                        .plan_version = query_int(q, 6),
                        .offset_s = (int32_t)query_int(q, 7),
                        .from = {.at = {query_int(q, 8)}},
                        .to = {.at = {query_int(q, 14)}},
                        .ratio = query_int(q, 20),
                        .estimated = (unsigned)query_int(q, 21),
                        .amount_fen = query_int(q, 23),
                        .energy_wh = query_int(q, 24)};
    for (int i = 0; i < READINGS_REGISTERS; i++) {
        b->from.wh[i] = query_int(q, 9 + i);
        b->to.wh[i] = query_int(q, 15 + i);
    }
    snprintf(b->plan_code, sizeof b->plan_code, "%s", query_text(q, 5));
    return position_read(query_text(q, 22), &b->before);
}

static enum err grow(struct basis **list, size_t count, size_t *cap)
{
    if (count < *cap)
        return ERR_OK;
    size_t more = *cap ? *cap * 2 : 64;
    struct basis *bigger = realloc(*list, more * sizeof **list);
    if (!bigger)
        return ERR_MEMORY;
    *list = bigger;
    *cap = more;
    return ERR_OK;
}

enum err basis_list(struct store_tx *tx, int64_t account_id, int64_t meter_id, wall_s since,
                    struct basis **list, size_t *count)
{
    size_t cap = 0;
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT " COLUMNS " FROM settlement_basis WHERE account_id = $1 "
                                "AND meter_id = $2 AND closed_at > $3 ORDER BY closed_at",
                                "iii", account_id, meter_id, since.s);
    *list = NULL;
    *count = 0;
    while (e == ERR_OK && query_step(&q)) {
        e = grow(list, *count, &cap);
        if (e == ERR_OK)
            e = read_basis(&q, &(*list)[*count]);
        *count += e == ERR_OK;
    }
    enum err end = query_end(&q);
    e = e != ERR_OK ? e : end;
    if (e != ERR_OK) {
        free(*list);
        *list = NULL;
        *count = 0;
    }
    return e;
}
