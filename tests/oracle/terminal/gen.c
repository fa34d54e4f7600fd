/* Chance: the next operation of a sequence, with a liking for the edges of every rule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen_impl.h"

uint64_t dice_next(struct dice *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t dice(struct dice *d, int64_t low, int64_t high)
{
    return low + (int64_t)(dice_next(d) % (uint64_t)(high - low + 1));
}

int64_t dice_product(struct dice *d, int64_t a, int64_t b, int64_t from, int64_t to)
{
    int64_t first = dice(d, a, b);
    return first * dice(d, from, to);
}

static const int motors[] = {0, 0, 60, 150, 400, 1000};

/* To a fen at which something changes, or a little. */
static void energy(struct dice *d, const struct pair *p, struct op *op)
{
    const struct model *m = &p->m;
    op->kind = OP_energy;
    op->a = dice(d, 1, m->setup.circuits);
    op->b = one_in(d, 2) ? dice(d, 0, 6000) : dice(d, 0, 300) * 1000;
    if (one_in(d, 100))
        op->b = 1000000000;
    uint32_t price = m->config.price[model_rate(m) - 1];
    if (!m->setup.wallet || price == 0 || !one_in(d, 2))
        return;
    const int64_t edges[] = {m->config.limit[0], m->config.limit[1], 0, -1, -m->config.limit[2]};
    int64_t fen = model_balance(m) - PICK(d, edges);
    int64_t need = (fen * E8 - model_carry(m) + price - 1) / price - one_in(d, 3);
    if (need > 0 && need < 1000000000)
        op->b = need;
}

/* Until something that is under way ends, or a second before or after. */
static int64_t deadline(struct dice *d, const struct model *m)
{
    const struct m_books *b = &m->books;
    const int64_t ends[] = {b->timed ? b->timed_until : 0, b->pretrip == 1 ? b->pretrip_until : 0,
                            b->hold[0].cause ? b->hold[0].until : 0,
                            b->hold[1].cause ? b->hold[1].until : 0,
                            b->hold[2].cause ? b->hold[2].until : 0};
    int64_t left = PICK(d, ends) - m->rtc;
    left += dice(d, -1, 1);
    return left > 0 && left < 7200 ? left : 0;
}

static void passing(struct dice *d, const struct pair *p, struct op *op)
{
    int64_t left = deadline(d, &p->m);
    op->kind = OP_time;
    op->a = one_in(d, 3) ? dice(d, 0, 60000) : dice(d, 0, 60) * 1000;
    if (left > 0 && one_in(d, 2)) {
        op->kind = OP_pass;
        op->a = left;
    } else if (one_in(d, 25)) {
        op->kind = OP_pass;
        op->a = dice(d, 60, one_in(d, 10) ? 40000 : 2000);
    } else if (one_in(d, 60)) {
        op->kind = OP_lost;
        op->b = one_in(d, 4);
    }
}

static void power(struct dice *d, const struct pair *p, struct op *op)
{
    if (one_in(d, 3)) {
        int64_t left = deadline(d, &p->m);
        op->kind = OP_off;
        op->a = left > 0 ? left : dice_product(d, 0, 40, 1, 4000);
        op->b = one_in(d, 2);
        return;
    }
    op->kind = OP_cut;
    op->a = dice(d, 1, 3);
    op->b = one_in(d, 4) ? dice(d, 0, 3) : dice(d, 0, 700);
    op->c = dice(d, 0, 1);
    op->c |= one_in(d, 3) ? dice(d, 1, 3) << 1 : 0;
}

/* What changes rarely. */
static void conditions(struct dice *d, const struct pair *p, struct op *op)
{
    static const int rates[] = {1000, 1000, 500, 200, 100, 20};
    static const int mains[] = {2200, 2200, 2200, 2310, 1980, 1610, 1590, 900};
    switch (dice(d, 0, 6)) {
    case 0:
        *op = (struct op){.kind = OP_rate, .a = PICK(d, rates), .b = p->told};
        return;
    case 1:
    case 2:
        *op = (struct op){.kind = OP_mains, .a = PICK(d, mains)};
        return;
    case 3:
        *op = (struct op){.kind = OP_chip, .a = dice_product(d, -3, 3, 1, 90000)};
        return;
    case 5:
        *op = (struct op){.kind = OP_rot, .a = dice(d, 1, 7)};
        return;
    case 4:
        *op = (struct op){.kind = OP_old, .a = dice(d, 1, 5)};
        return;
    default:
        *op = (struct op){.kind = OP_guess, .a = dice(d, 9, 11)};
        op->b = dice(d, 0, 1);
    }
}

static void loads(struct dice *d, const struct pair *p, struct op *op)
{
    int c = (int)dice(d, 1, p->m.setup.circuits);
    const struct m_world *w = &p->world[c - 1];
    op->a = c;
    int64_t kind = dice(d, 0, 19);
    bool motor = w->motor_w[0] + w->motor_w[1] + w->motor_w[2] > 0;
    const struct m_rules *r = &p->m.guard.rules[c - 1];
    bool closed = !p->m.books.open[c - 1];
    if (kind < (r->malignant && closed ? 6 : 1) && !motor) {
        op->kind = one_in(d, 5) ? OP_learn : OP_heat;
        op->b = PICK(d, heaters);
    } else if (kind < (r->aircon && closed ? 9 : 1)) {
        op->kind = OP_unplug;
    } else if (kind < 10) {
        static const int watts[] = {0, 0, 299, 300, 301, 999, 1000, 1001, 3300, 3301};
        op->kind = OP_plug;
        op->b = w->heater_w > 0 ? 0 : one_in(d, 30) ? 5 : dice(d, 0, 4);
        op->c = op->b == 0   ? (motor ? 0 : PICK(d, watts))
                : op->b == 4 ? dice(d, 0, 2) * 15
                : op->b == 5 ? dice(d, 0, 2) * 600
                             : PICK(d, motors);
    } else {
        op->kind = OP_measure;
        op->a = one_in(d, 2) ? 1000 : dice(d, 0, 5) * 1000;
    }
}

void gen_op(struct dice *d, const struct pair *p, struct op *op)
{
    memset(op, 0, sizeof *op);
    int64_t kind = dice(d, 0, 999);
    if (p->inputs == 0 && one_in(d, 3)) /* what the chip tells does not change later */
        *op = (struct op){.kind = OP_rate, .a = 1000, .b = dice(d, 1, 3)};
    else if (p->m.config.unit == 0 && one_in(d, 80)) {
        gen_unit(d, p, op);
    } else if (kind < 480 || (kind < 540 && p->m.config.unit == 0))
        gen_frame(d, p, op);
    else if (kind < 550)
        gen_modbus(d, p, op);
    else if (kind < 700)
        energy(d, p, op);
    else if (kind < 850)
        passing(d, p, op);
    else if (kind < 930)
        loads(d, p, op);
    else if (kind < 960)
        op->kind = OP_key;
    else if (kind < 970)
        *op = (struct op){.kind = OP_programming, .a = dice(d, 0, 1)};
    else if (kind < 995)
        power(d, p, op);
    else if (kind < 998)
        conditions(d, p, op);
    else if (one_in(d, 6))
        *op = (struct op){.kind = OP_fail, .a = dice(d, 180, 210)};
    else
        op->kind = OP_audit;
}

/* ---- text ---- */

static const char *const names[] = {
#define OP(name) #name,
    OPS
#undef OP
};

void op_text(const struct op *op, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%s %lld %lld %lld ", names[op->kind], (long long)op->a,
                     (long long)op->b, (long long)op->c);
    for (int i = 0; i < op->len && (size_t)n + 3 < cap; i++)
        n += snprintf(out + n, cap - (size_t)n, "%02X", op->data[i]);
}

bool op_parse(const char *line, struct op *op)
{
    char name[20], hex[500] = "";
    long long a = 0, b = 0, c = 0;
    int used = 0;
    memset(op, 0, sizeof *op);
    if (sscanf(line, "%19s %lld %lld %lld %n%499s %n", name, &a, &b, &c, &used, hex, &used) < 4 ||
        line[used] != '\0')
        return false;
    op->kind = OP_KINDS;
    for (int i = 0; i < OP_KINDS; i++)
        if (strcmp(name, names[i]) == 0)
            op->kind = (enum op_kind)i;
    op->a = a;
    op->b = b;
    op->c = c;
    size_t digits = strspn(hex, "0123456789ABCDEFabcdef");
    if (op->kind == OP_KINDS || hex[digits] != '\0' || digits % 2 != 0 ||
        digits / 2 > sizeof op->data)
        return false;
    unsigned byte;
    for (const char *h = hex; sscanf(h, "%2x", &byte) == 1; h += 2)
        op->data[op->len++] = (uint8_t)byte;
    return true;
}
