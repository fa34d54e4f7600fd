#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive_impl.h"

static const uint32_t price_sets[][4] = {
    {5000, 5000, 5000, 5000},
    {12000, 9000, 6000, 3000},
    {1, 33333, 0, 999999},
};

/* Chosen so that every kind is met; 0 is the plain one of the worked examples. */
struct terminal_setup drive_setup(int64_t which)
{
    struct dice d = {(uint64_t)which * 977 + 5};
    struct terminal_setup s = {.circuits = 3,
                               .phases = 1,
                               .wallet = true,
                               .rating_ma = 15000,
                               .zone_s = 28800,
                               .address = {0x12, 0, 0x51, 5, 3, 0x26}};
    memcpy(s.price_e4, price_sets[0], sizeof s.price_e4);
    if (which == 0)
        return s;
    memcpy(s.price_e4, price_sets[dice(&d, 0, 2)], sizeof s.price_e4);
    s.circuits = (uint8_t)dice(&d, 1, 3);
    s.wallet = dice(&d, 0, 9) > 0;
    if (dice(&d, 0, 9) == 0) {
        s.phases = 3;
        s.circuits = 1;
    }
    s.rating_ma = dice(&d, 0, 9) == 0 ? 0 : dice(&d, 0, 4) == 0 ? 10000 : 15000;
    s.preset_fen = s.wallet ? dice_product(&d, 0, 2, 0, 3000) : 0;
    s.alarm1_fen = dice(&d, 0, 3) * 500;
    s.alarm2_fen = dice(&d, 0, 2) * 300;
    s.overdraft_fen = dice(&d, 0, 2) * 250;
    s.hoard_fen = dice(&d, 0, 2) * 5000;
    s.close_allowed_fen = dice(&d, 0, 2) * 100;
    if (dice(&d, 0, 1) == 0)
        return s;
    static const struct terminal_period periods[] = {
        {0, 0, 4}, {6, 30, 3}, {8, 0, 2}, {11, 15, 1}, {23, 59, 3}};
    s.period_count = 5;
    memcpy(s.periods, periods, sizeof periods);
    return s;
}

/* ---- differences ---- */

static void same(char *out, size_t cap, const char *what, int64_t library, int64_t model)
{
    if (library != model && out[0] == 0)
        snprintf(out, cap, "%s: library %lld, model %lld", what, (long long)library,
                 (long long)model);
}

static void compare_circuit(const struct pair *p, const struct model *m, int c, char *out,
                            size_t cap)
{
    static const char *const name[] = {"circuit 1", "circuit 2", "circuit 3"};
    struct terminal_output o = terminal_output(&p->t);
    bool open;
    int reason = model_reason(m, c, &open);
    char what[40];
    snprintf(what, sizeof what, "%s open", name[c]);
    same(out, cap, what, !o.closed[c], open);
    snprintf(what, sizeof what, "%s reason", name[c]);
    same(out, cap, what, o.reason[c], reason);
    snprintf(what, sizeof what, "%s locked", name[c]);
    same(out, cap, what, o.locked[c], m->books.hold[c].cause != 0 && m->books.hold[c].locked);
}

/* What shows without asking. */
void drive_compare(const struct pair *p, const struct model *m, char *out, size_t cap)
{
    struct terminal_output o = terminal_output(&p->t);
    const struct terminal_books *b = &p->t.books;
    out[0] = 0;
    same(out, cap, "circuits", o.circuits, m->setup.circuits);
    for (int c = 0; c < m->setup.circuits; c++)
        compare_circuit(p, m, c, out, cap);
    struct terminal_display page = terminal_display(&p->t);
    same(out, cap, "page", page.page, m->page);
    same(out, cap, "value of the page", page.value, model_page_value(m));
    same(out, cap, "alarm", o.alarm, model_alarm(m));
    bool lit = model_alarm(m) > 0 || m->books.alarm_ordered || m->now_ms < m->light_until_ms;
    same(out, cap, "backlight", o.backlight, lit);
    if (m->setup.wallet) {
        same(out, cap, "balance", b->balance_fen, model_balance(m));
        same(out, cap, "free", b->free_fen, m->books.free_fen);
        same(out, cap, "carry", (int64_t)b->carry, model_carry(m));
    }
    same(out, cap, "purchase count", b->count, m->books.count);
    same(out, cap, "trips", b->trips, m->books.trips);
    same(out, cap, "closes", b->closes, m->books.closes);
    same(out, cap, "days", b->days, m->books.days);
    same(out, cap, "months", b->months, m->books.months);
    same(out, cap, "energy", (int64_t)terminal_register_mwh(&p->t, 0, 0),
         (int64_t)model_mwh(m, 0, 0));
    same(out, cap, "rate", terminal_rate_now(&p->t), model_rate(m));
    struct civil at = terminal_local_time(&p->t);
    struct m_date d = model_local(m);
    same(out, cap, "day", at.day, d.day);
    same(out, cap, "second of the day", at.hour * 3600 + at.minute * 60 + at.second,
         d.hour * 3600 + d.minute * 60 + d.second);
    same(out, cap, "weekday", at.weekday, d.weekday);
}

/* What shows only later: it tells after a cut which state it is. */
void drive_compare_hidden(const struct pair *p, const struct model *m, char *out, size_t cap)
{
    const struct terminal_books *b = &p->t.books;
    const struct m_books *k = &m->books;
    int remote = 0, key_wait = 0;
    for (int c = 0; c < 3; c++) {
        remote |= k->remote[c] << c;
        key_wait |= k->key_wait[c] << c;
        same(out, cap, "recloses", b->hold[c].recloses, k->hold[c].recloses);
    }
    same(out, cap, "password 02", memcmp(p->t.config.password2, m->config.password[0], 3), 0);
    same(out, cap, "password 04", memcmp(p->t.config.password4, m->config.password[1], 3), 0);
    same(out, cap, "operator", b->operator_code, k->operator_code);
    same(out, cap, "remote", b->remote_cut, remote);
    same(out, cap, "waits for the key", b->key_wait, key_wait);
    same(out, cap, "pre-trip", b->pretrip, k->pretrip);
    same(out, cap, "timed", b->timed, k->timed);
    if (k->timed != 0)
        same(out, cap, "timed until", b->timed_until_s - b->clock_correction_s, k->timed_until);
    if (k->pretrip == 1)
        same(out, cap, "pre-trip until", b->pretrip_until_s - b->clock_correction_s,
             k->pretrip_until);
    same(out, cap, "free month", b->free_month, k->free_month);
    same(out, cap, "alarm ordered", b->alarm_ordered, k->alarm_ordered);
}

/* ---- the bench ---- */

void drive_drain(struct pair *p)
{
    struct terminal_write w;
    while (!p->dead && terminal_next_write(&p->t, &w)) {
        size_t len = w.len;
        if (w.offset + w.len > TERMINAL_NVRAM_SIZE || terminal_take_answer(&p->t).len != 0) {
            DIFFER(p, "a write outside, or an answer before its writes");
            return;
        }
        if (p->cut_in > 0 && --p->cut_in == 0) {
            p->dead = true;
            len = p->cut_bytes < w.len ? (size_t)p->cut_bytes : w.len;
            if (p->cut_garbage && len < w.len)
                p->nvram[w.offset + len] = w.data[len] ^ 0x5A;
        }
        memcpy(p->nvram + w.offset, w.data, len);
    }
}

int64_t drive_rtc(const struct pair *p)
{
    return 1767225600 + p->now_ms / 1000 + p->chip_s;
}

void drive_tick(struct pair *p, int64_t ms, bool lost)
{
    p->now_ms += ms;
    p->rtc = drive_rtc(p);
    terminal_time(&p->t, (mono_ms){p->now_ms}, (wall_s){p->rtc}, lost);
    drive_drain(p);
    model_time(&p->m, p->now_ms, p->rtc, lost);
    p->inputs++;
}

bool drive_quiet(const struct pair *p)
{
    return !p->dead && p->difference[0] == 0;
}

/* Books that differ from the durable ones by energy alone may still wait. */
static void remember(struct pair *p)
{
    struct m_books b = p->m.books;
    const struct m_books *old = &p->durable.books;
    memcpy(b.mwh, old->mwh, sizeof b.mwh);
    b.used_e8 = old->used_e8;
    b.paid_fen = old->paid_fen; /* what was free was paid for */
    b.free_fen = old->free_fen;
    b.hold_day = old->hold_day;
    for (int c = 0; c < 3; c++)
        b.hold[c].recloses = old->hold[c].recloses;
    bool visible = memcmp(&b, old, sizeof b) != 0;
    if (visible || p->unsaved_mwh >= 10000 || p->history_len == HISTORY) {
        p->history_len = 0;
        p->unsaved_mwh = 0;
    } else if (memcmp(&p->m.books, old, sizeof *old) != 0) {
        p->history[p->history_len++] = *old;
    }
    p->durable = p->m;
}

/* After every input. */
void drive_check(struct pair *p)
{
    if (!drive_quiet(p))
        return;
    char out[200];
    drive_compare(p, &p->m, out, sizeof out);
    if (out[0] != 0)
        DIFFER(p, "%s", out);
    remember(p);
}

/* ---- one operation ---- */

static void begin(struct pair *p, const struct op *op)
{
    struct terminal_setup s = drive_setup(op->a);
    memset(p, 0, sizeof *p);
    memset(p->nvram, 0xFF, sizeof p->nvram);
    p->sample_ms = 1000;
    p->mains_dv = 2200;
    p->now_ms = 1000;
    p->rtc = 1767225600 + 1;
    model_new(&p->m, &s);
    drive_start(p);
    model_time(&p->m, p->now_ms, p->rtc, false);
}

static void work(struct pair *p, const struct op *op)
{
    switch (op->kind) {
    case OP_time:
    case OP_lost:
        if (op->b == 1)
            p->chip_s = 946684800 - 1767225600 - p->now_ms / 1000;
        drive_tick(p, op->a, op->kind == OP_lost);
        return;
    case OP_pass:
        for (int64_t s = op->a; s > 0 && drive_quiet(p); s -= 60) {
            drive_tick(p, (s < 60 ? s : 60) * 1000, false);
            drive_check(p);
        }
        return;
    case OP_energy:
        terminal_energy(&p->t, (unsigned)op->a, (uint64_t)op->b);
        drive_drain(p);
        model_energy(&p->m, (int)op->a - 1, (uint64_t)op->b);
        p->unsaved_mwh += (uint64_t)op->b;
        p->inputs++;
        return;
    case OP_measure:
        drive_measure(p, op->a);
        return;
    case OP_plug:
        load_plug(p, op);
        return;
    case OP_key:
        terminal_key(&p->t);
        drive_drain(p);
        model_key(&p->m);
        p->inputs++;
        return;
    case OP_programming:
        terminal_set_programming(&p->t, op->a != 0);
        p->m.programming = op->a != 0;
        p->inputs++;
        return;
    case OP_frame:
        drive_frame(p, op);
        if (p->m.complaint[0] != 0)
            DIFFER(p, "%s", p->m.complaint);
        return;
    case OP_heat:
        load_heat(p, op);
        return;
    case OP_unplug:
        load_unplug(p, op);
        return;
    case OP_learn:
        load_learn(p, op);
        return;
    case OP_fail:
        for (int64_t i = 0; i < op->a && drive_quiet(p); i++) {
            struct op wrong = {.a = 3, .len = 32, .data = {0xFF, 0, 0, 7, [8] = 1}};
            drive_frame(p, &wrong);
            drive_check(p);
        }
        return;
    case OP_modbus:
        drive_modbus(p, op);
        return;
    case OP_rate:
        p->sample_ms = op->a;
        p->told = op->b;
        return;
    case OP_mains:
        p->mains_dv = (uint16_t)op->a;
        return;
    case OP_chip:
        p->chip_s += op->a;
        drive_tick(p, 1000, false);
        return;
    case OP_guess:
        for (int64_t i = 0; i < op->a && drive_quiet(p); i++) {
            struct op wrong = {
                .a = 0x1C, .c = op->b == 1 ? SHAPE_INFRARED : SHAPE_PLAIN, .len = 16, .data = {3}};
            drive_frame(p, &wrong);
            drive_check(p);
        }
        return;
    case OP_audit:
        drive_audit(p);
        return;
    default:
        return;
    }
}

bool drive(struct pair *p, const struct op *op)
{
    if (op->kind == OP_setup) {
        begin(p, op);
    } else if (op->kind == OP_cut) {
        p->cut_in = (unsigned)op->a;
        p->cut_bytes = op->b;
        p->cut_garbage = op->c & 1;
        p->cut_again = op->c >> 1;
        return true;
    } else if (op->kind == OP_off || op->kind == OP_old || op->kind == OP_rot) {
        drive_off(p, op);
    } else {
        work(p, op);
    }
    if (p->dead && p->difference[0] == 0)
        drive_wake(p, 1);
    drive_check(p);
    return p->difference[0] == 0;
}
