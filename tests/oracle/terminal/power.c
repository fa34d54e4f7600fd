/* Reading everything, and power that fails: the terminal must wake up before or after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drive_impl.h"

static const uint32_t audited[] = {
    0x0000FF00, 0x0001FF00, 0x00900200, 0x00900201, 0x02800020, 0x03110000, 0x03300000, 0x03300400,
    0x0400010C, 0x04000401, 0x0400040E, 0x040005FF, 0x04001001, 0x04001002, 0x04001003, 0x04001004,
    0x04001005, 0x04010000, 0x04010001, 0x04010002, 0x04800306, 0x04800307, 0x04800308, 0x04800309,
    0x040501FF, 0x048001FF, 0x04800301, 0x04800302, 0x04800303, 0x04800304, 0x04802001, 0x04802002,
    0x04802003, 0x04802201, 0x04802202, 0x04802203, 0x04802401, 0x04802402, 0x04802403, 0x04802501,
    0x04802502, 0x04802503, 0x04802601, 0x04802602, 0x04802603, 0x04802700, 0x04802801, 0x04802802,
    0x04802803, 0x1D000001, 0x1E000001,
};
#define AUDITED (int)(sizeof audited / sizeof audited[0])
#define AUDITS (AUDITED + 60 + 30 + 10 + 60 + 2 * TERMINAL_DAYS + 2 * TERMINAL_MONTHS)

static uint32_t audit_di(int i)
{
    if (i < AUDITED)
        return audited[i];
    i -= AUDITED;
    if (i < 60)
        return 0x03330100 + (uint32_t)(i / 10 << 8 | (i % 10 + 1));
    i -= 60;
    if (i < 30)
        return 0x1D000101 + (uint32_t)i;
    i -= 30;
    if (i < 10)
        return 0x1E000101 + (uint32_t)i;
    i -= 10;
    if (i < 60)
        return (i < 30 ? 0x04801001 : 0x04801101) + (uint32_t)(i % 30);
    i -= 60;
    if (i < 2 * TERMINAL_DAYS)
        return (i % 2 ? 0x05060101 : 0x04803001) + (uint32_t)i / 2;
    i -= 2 * TERMINAL_DAYS;
    return (i % 2 ? 0x0001FF01 : 0x04803101) + (uint32_t)i / 2;
}

void drive_audit(struct pair *p)
{
    for (int i = 0; i < AUDITS && drive_quiet(p); i++) {
        uint32_t di = audit_di(i);
        struct op op = {
            .kind = OP_frame,
            .a = 0x11,
            .len = 4,
            .data = {(uint8_t)di, (uint8_t)(di >> 8), (uint8_t)(di >> 16), (uint8_t)(di >> 24)}};
        drive_frame(p, &op);
        if (p->difference[0] != 0 && !p->dead) {
            char text[330];
            snprintf(text, sizeof text, "%08X %.300s", di, p->difference);
            memcpy(p->difference, text, sizeof text);
        }
    }
}

/* Everything that may stand in nvram after a cut. */
struct maybe {
    struct model *list;
    int len;
};

static void maybe_add(struct maybe *all, const struct model *m)
{
    for (int i = 0; i < all->len; i++)
        if (memcmp(&all->list[i], m, sizeof *m) == 0)
            return;
    if (all->len < 96)
        all->list[all->len++] = *m;
}

/* Records that `later` has more may have been begun. */
static void doubt(struct m_books *b, const struct m_books *later)
{
    if (later->days > b->begun_days)
        b->begun_days = later->days;
    if (later->months > b->begun_months)
        b->begun_months = later->months;
    if (later->trips > b->begun_trips)
        b->begun_trips = later->trips;
    if (later->closes > b->begun_closes)
        b->begun_closes = later->closes;
}

static void maybe_mix(struct maybe *all, const struct pair *p, const struct m_books *books)
{
    struct model m = p->durable;
    m.now_ms = p->now_ms;
    m.rtc = p->rtc;
    m.books = *books;
    doubt(&m.books, &p->m.books);
    maybe_add(all, &m);
    m.config = p->m.config;
    maybe_add(all, &m);
    m.guard = p->m.guard;
    maybe_add(all, &m);
    m.config = p->durable.config;
    maybe_add(all, &m);
}

void drive_start(struct pair *p)
{
    p->dead = false;
    terminal_boot(&p->t, &p->m.setup, p->nvram);
    terminal_time(&p->t, (mono_ms){p->now_ms}, (wall_s){p->rtc}, false);
    drive_drain(p);
}

static void model_start(const struct pair *p, struct model *m)
{
    model_boot(m);
    model_time(m, p->now_ms, p->rtc, false);
}

/* Which of them is it? */
static void settle_on(struct pair *p, struct maybe *all)
{
    char first[600] = "";
    struct pair *copy = malloc(sizeof *copy);
    for (int i = 0; i < all->len; i++) {
        char out[200];
        drive_compare(p, &all->list[i], out, sizeof out);
        drive_compare_hidden(p, &all->list[i], out, sizeof out);
        if (out[0] == 0) {
            *copy = *p;
            copy->m = all->list[i];
            copy->t.nvram = copy->nvram;
            drive_audit(copy);
            snprintf(out, sizeof out, "%.199s", copy->difference);
        }
        if (out[0] == 0) {
            p->m = all->list[i];
            free(copy);
            return;
        }
        size_t n = strlen(first);
        snprintf(first + n, sizeof first - n, "%.190s; ", out);
    }
    free(copy);
    DIFFER(p, "after a cut: neither before nor after (%d states); %.700s", all->len, first);
}

/* Power failed again while it started: it has started once, or not yet. */
static void started_once(const struct pair *p, struct maybe *all)
{
    int before = all->len;
    for (int i = 0; i < before && all->len < 96; i++) {
        struct model m = all->list[i];
        struct m_books *b = &all->list[i].books;
        bool repaired = m.fault_found && all->len < 95;
        if (repaired) {
            all->list[all->len] = m;
            all->list[all->len++].fault_found = false;
        }
        model_start(p, &m);
        doubt(b, &m.books);
        all->list[all->len++] = m;
    }
}

void drive_wake(struct pair *p, int64_t gap_s)
{
    struct maybe all = {malloc(96 * sizeof *all.list), 0};
    p->now_ms += gap_s * 1000;
    p->rtc = drive_rtc(p);
    maybe_mix(&all, p, &p->m.books);
    maybe_mix(&all, p, &p->durable.books);
    for (int i = 0; i < p->history_len; i++)
        maybe_mix(&all, p, &p->history[i]);
    p->cut_in = (unsigned)p->cut_again;
    p->cut_again = 0;
    drive_start(p);
    p->cut_in = 0;
    if (p->dead) {
        started_once(p, &all);
        drive_start(p);
    }
    for (int i = 0; i < all.len; i++)
        model_start(p, &all.list[i]);
    settle_on(p, &all);
    free(all.list);
    p->history_len = 0;
    p->unsaved_mwh = 0;
    p->cuts++;
}

/* Bodies grew at their ends: books and configuration of versions 1 to 5. */
static const struct {
    size_t base, slot, body[5];
} records[] = {{0, 768, {477, 515, 539, 539, 543}}, {1536, 256, {118, 118, 210, 211, 211}}};

/* The newest record as firmware of that version would have left it. */
static void rewrite(struct pair *p, int record, unsigned newest, int version)
{
    uint8_t *at = p->nvram + records[record].base + newest * records[record].slot;
    size_t len = 8 + records[record].body[version - 1];
    if (at[2] < version) /* not written since it was older still */
        return;
    at[2] = (uint8_t)version;
    uint32_t crc = crc32c(at, len);
    for (int i = 0; i < 4; i++)
        at[len + (size_t)i] = (uint8_t)(crc >> 8 * i);
}

static void forget_freezes(struct model *m)
{
    struct m_books *b = &m->books;
    b->free_fen = b->free_month = b->freeze_day = b->freeze_month = 0;
    b->days = b->months = b->begun_days = b->begun_months = 0;
    memset(b->day, 0, sizeof b->day);
    memset(b->month, 0, sizeof b->month);
    m->config.table[1].periods = m->config.zones = 0;
    m->config.free_fen = m->config.kept = m->config.alarm4 = 0;
}

/* Firmware of that version knew no more. */
static void grow_old(struct pair *p, int version)
{
    struct model *m = &p->m;
    rewrite(p, 0, p->t.books_slot, version);
    rewrite(p, 1, p->t.config_slot, version);
    m->books.broadcast_day = version < 5 ? 0 : m->books.broadcast_day;
    m->config.unit = version < 4 ? 0 : m->config.unit;
    if (version < 3)
        forget_freezes(m);
    if (version < 2) {
        memset(m->books.hold, 0, sizeof m->books.hold);
        memset(m->books.staff, 0, sizeof m->books.staff);
        m->books.hold_day = 0;
        memset(p->nvram + 4096, 0xFF, 2048);
        model_factory_guard(m);
    }
    p->durable = *m;
}

static bool spoil(uint8_t *slot, size_t len)
{
    bool blank = true;
    for (size_t i = 0; i < len; i++)
        blank = blank && slot[i] == 0xFF;
    if (!blank) /* the whole of it: a torn write must not mend what was one wrong byte */
        memset(slot, 0xA5, len);
    return !blank;
}

/* A record of which nothing is left begins as from the factory, and the fault shows. */
static void rot(struct pair *p, int64_t which)
{
    static const size_t base[] = {0, 1536, 4096}, slot[] = {768, 256, 1024};
    struct model *m = &p->m;
    for (int i = 0; i < 3; i++) {
        if (!(which >> i & 1))
            continue;
        bool first = spoil(p->nvram + base[i], slot[i]);
        m->fault_found |= spoil(p->nvram + base[i] + slot[i], slot[i]) && first;
    }
    if (which & 1) {
        memset(&m->books, 0, sizeof m->books);
        m->books.paid_fen = m->setup.preset_fen;
        m->books.power_downs--;                   /* the start is not counted */
        memset(m->random2, 0, sizeof m->random2); /* starts are counted anew: so are challenges */
    }
    if (which & 2)
        model_factory_config(m);
    if (which & 4)
        model_factory_guard(m);
    p->durable = *m;
}

void drive_off(struct pair *p, const struct op *op)
{
    bool old = op->kind != OP_off;
    if (op->b == 1 || old) {
        terminal_save(&p->t);
        drive_drain(p);
        if (!p->dead)
            p->history_len = 0;
        p->durable.books = p->m.books;
        if (!p->dead && old)
            op->kind == OP_old ? grow_old(p, (int)op->a) : rot(p, op->a);
    }
    p->dead = true;
    drive_wake(p, old ? 1 : op->a);
}
