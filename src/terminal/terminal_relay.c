/*
 * Relays. What wants a circuit open are flags in the money record; the table of rules says which of
 * them counts; the relay follows. Every change of a relay is an event with its cause.
 */
#include <string.h>

#include "terminal/terminal_impl.h"

/* Status word bits of protocols.md 1.3. */
enum {
    DONE_CLOSE = 1,
    DONE_ALLOW = 2,
    DONE_TRIP = 4,
    DONE_TIMED = 0x10,
    DONE_KEEP_ON = 0x100,
    DONE_KEEP_OFF = 0x200,
    DONE_ALARM_ON = 0x400,
    DONE_ALARM_OFF = 0x800
};
enum {
    NOT_OTHER = ORDER_REFUSED_OTHER,
    NOT_KEEP = 0x20,
    NOT_KEEP_TIMED = 0x40,
    NOT_DURATION = 0x80,
    NOT_TRIPPED = 0x100
};

uint8_t relay_mask_all(const struct terminal *t)
{
    return (uint8_t)((1U << t->setup.circuits) - 1);
}

/* An operator's code stands with what was ordered over the line, at once or for a time. */
static bool ordered(enum terminal_reason reason)
{
    return reason == TERMINAL_REASON_REMOTE || reason == TERMINAL_REASON_TIMED;
}

/* The only circuit of a three-phase meter carries all phases. */
static int64_t circuit_power_mw(const struct terminal *t, unsigned index)
{
    const int32_t *mw = t->sample.power_mw;
    return t->setup.phases == 3 ? (int64_t)mw[0] + mw[1] + mw[2] : mw[index];
}

/* What a trip rested on. A power cut may have left the reason of a trip that was never counted: it
 * is not the one of the next trip with its number. */
static void note_why(struct terminal *t, unsigned index, uint32_t number, bool held)
{
    struct terminal_why *why = &t->why[index], stale;
    bool own = held && why->number == 0;
    if (!own && !why_read(t, number, &stale))
        return;
    if (!own)
        *why = (struct terminal_why){0};
    why->number = number;
    t->why_dirty |= (uint8_t)(1U << index);
}

/* Where the next event waits for its write. A host that never writes loses the oldest. */
static struct terminal_event *next_event(struct terminal *t, bool opened)
{
    if (t->waiting_count == TERMINAL_WAITING)
        memmove(t->waiting, t->waiting + 1, --t->waiting_count * sizeof t->waiting[0]);
    struct terminal_waiting *w = &t->waiting[t->waiting_count++];
    w->opened = opened;
    return &w->event;
}

static void note_event(struct terminal *t, unsigned index, bool opened)
{
    struct terminal_books *b = &t->books;
    uint32_t number = opened ? ++b->trips : ++b->closes;
    struct terminal_event *e = next_event(t, opened);
    enum terminal_reason reason = rules_reason(t, index);
    int64_t power_mw = circuit_power_mw(t, index);
    *e = (struct terminal_event){
        .number = number,
        .at = clock_stamp(t),
        .circuit = (uint8_t)(index + 1),
        .reason = (uint8_t)reason,
        .operator_code = ordered(reason) || !opened ? b->operator_code : 0,
        .balance_fen = b->balance_fen,
        .energy_mwh = terminal_register_mwh(t, 0, 0),
        .power_mw = power_mw > 0 ? (uint32_t)power_mw : 0,
    };
    if (!opened) {
        t->watch[index].closed_since = t->now;
        return;
    }
    note_why(t, index, number, reason == b->hold[index].cause);
}

void relay_settle(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    if (!t->running)
        return;
    credit_evaluate(t);
    uint8_t open = 0;
    for (unsigned i = 0; i < t->setup.circuits; i++)
        if (rules_open(t, i))
            open |= (uint8_t)(1U << i);
    for (unsigned i = 0; i < t->setup.circuits; i++)
        if ((open ^ b->was_open) >> i & 1)
            note_event(t, i, open >> i & 1);
    if (open != b->was_open)
        t->books_dirty = true;
    b->was_open = open;
    t->open_now = open;
}

void relay_timers(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    guard_timers(t);
    int64_t now = clock_now_s(t);
    if (b->timed != 0 && now >= b->timed_until_s) {
        if (b->timed == ORDER_TRIP_THEN_ALLOW)
            b->key_wait = relay_mask_all(t);
        b->timed = 0;
        t->books_dirty = true;
    }
    if (b->pretrip == 1 && t->config.pretrip == TERMINAL_PRETRIP_RECLOSE &&
        now >= b->pretrip_until_s) {
        b->pretrip = 2;
        t->books_dirty = true;
    }
}

bool relay_order_trips(uint8_t n1)
{
    return n1 == ORDER_TRIP || n1 == ORDER_TRIP_THEN_CLOSE || n1 == ORDER_TRIP_THEN_ALLOW;
}

static bool refuse(uint16_t *word, uint16_t why)
{
    *word = why;
    return false;
}

static bool order_timed(struct terminal *t, uint8_t n1, uint8_t n2, uint16_t *word)
{
    struct terminal_books *b = &t->books;
    if (n2 == 0)
        return refuse(word, NOT_DURATION);
    if (b->keep_power)
        return refuse(word, NOT_KEEP_TIMED);
    bool tripped = b->remote_cut != 0 || b->overdraft_cut || b->pretrip == 1;
    if (tripped)
        return refuse(word, NOT_TRIPPED);
    b->timed = n1;
    b->timed_until_s = clock_now_s(t) + n2 * 300;
    *word = DONE_TIMED;
    return true;
}

static bool order_circuit(struct terminal *t, uint8_t n1, uint8_t n2, uint16_t *word)
{
    struct terminal_books *b = &t->books;
    if (n2 > t->setup.circuits)
        return refuse(word, NOT_OTHER);
    if (n1 == ORDER_TRIP && b->keep_power)
        return refuse(word, NOT_KEEP);
    uint8_t mask = n2 == 0 ? relay_mask_all(t) : (uint8_t)(1U << (n2 - 1));
    uint8_t others = (uint8_t)~mask;
    if (n1 == ORDER_TRIP) {
        b->remote_cut |= mask;
        b->key_wait &= others;
    } else if (n1 == ORDER_ALLOW) {
        b->key_wait |= b->timed != 0 ? mask : (uint8_t)(b->remote_cut & mask);
        b->remote_cut &= others;
    } else {
        b->remote_cut &= others;
        b->key_wait &= others;
    }
    b->timed = 0;
    *word = n1 == ORDER_TRIP ? DONE_TRIP : n1 == ORDER_ALLOW ? DONE_ALLOW : DONE_CLOSE;
    return true;
}

static bool order_state(struct terminal *t, uint8_t n1, uint16_t *word)
{
    struct terminal_books *b = &t->books;
    switch (n1) {
    case ORDER_ALARM_ON:
    case ORDER_ALARM_OFF:
        b->alarm_ordered = n1 == ORDER_ALARM_ON;
        *word = n1 == ORDER_ALARM_ON ? DONE_ALARM_ON : DONE_ALARM_OFF;
        return true;
    case ORDER_KEEP_ON:
        b->timed = 0;
        b->keep_power = true;
        *word = DONE_KEEP_ON;
        return true;
    case ORDER_KEEP_OFF:
        b->keep_power = false;
        *word = DONE_KEEP_OFF;
        return true;
    default:
        return refuse(word, NOT_OTHER);
    }
}

bool relay_order(struct terminal *t, uint8_t n1, uint8_t n2, uint16_t *word)
{
    bool done;
    if (n1 == ORDER_TRIP_THEN_CLOSE || n1 == ORDER_TRIP_THEN_ALLOW)
        done = order_timed(t, n1, n2, word);
    else if (n1 == ORDER_TRIP || n1 == ORDER_ALLOW || n1 == ORDER_CLOSE)
        done = order_circuit(t, n1, n2, word);
    else
        done = order_state(t, n1, word);
    if (done) {
        t->books_dirty = true;
        relay_settle(t);
    }
    return done;
}
