#include "sim/world/room.h"

#include <string.h>

#include "base/must.h"

#define FINE_MS 20     /* a mains cycle */
#define SECOND_MS 1000 /* while something comes up slowly */
#define TRIES 3        /* a day, for one who will not learn */
#define AGES_AGO (-(INT64_C(1) << 40))

/* --- things ---------------------------------------------------------------------------------- */

static const struct appliance *kind_of(const struct room_thing *t)
{
    return &appliances[t->kind];
}

static uint8_t bit_of(const struct room_thing *t)
{
    return (uint8_t)(1U << (t->circuit - 1));
}

static bool live(const struct room *r, const struct room_thing *t)
{
    return (r->closed & bit_of(t)) && !(r->quiet & bit_of(t));
}

static void watch_closely(struct room *r, int64_t now_ms, const struct appliance *a)
{
    int64_t fine = now_ms + appliance_close_ms(a), second = now_ms + appliance_second_ms(a);
    r->close_until_ms = fine > r->close_until_ms ? fine : r->close_until_ms;
    r->second_until_ms = second > r->second_until_ms ? second : r->second_until_ms;
}

/* It begins to draw: by a switch, by its thermostat, or because the supply is back. */
enum beginning { BY_HAND, BY_THERMOSTAT, BY_SUPPLY };

static struct room_found *found_of(struct room *r, unsigned circuit)
{
    return r->back >> (circuit - 1) & 1 ? &r->count.returned : &r->count.by_hand;
}

static void expect_trip(struct room *r, const struct room_thing *t, int64_t now_ms,
                        enum beginning how)
{
    if (!r->options.judged)
        return;
    r->count.heavy += kind_of(t)->ban == APPLIANCE_HEAVY; /* also when somebody turns it on anew */
    if (kind_of(t)->ban != APPLIANCE_HEATING || how == BY_THERMOSTAT)
        return;
    r->back = (uint8_t)(how == BY_SUPPLY ? r->back | bit_of(t) : r->back & ~bit_of(t));
    r->forbidden_ms[t->circuit - 1] = now_ms;
    found_of(r, t->circuit)->started++;
}

/* No thermostat switches after the same time twice: a fifth less or more. */
static int64_t about(const struct room *r, const struct room_thing *t, int64_t s, int64_t now_ms)
{
    uint64_t dice = room_dice(r, 2000U + (unsigned)(t - r->things), (uint64_t)now_ms);
    return s * 800 + (int64_t)(dice % (uint64_t)(s * 400 + 1));
}

static void begin_drawing(struct room *r, struct room_thing *t, int64_t now_ms, enum beginning how)
{
    const struct appliance *a = kind_of(t);
    int64_t lasts_s = how == BY_THERMOSTAT ? a->on_s : a->first_s;
    t->drawing = true;
    t->since_ms = now_ms;
    t->next_ms = a->on_s > 0 ? now_ms + about(r, t, lasts_s, now_ms) : INT64_MAX;
    if (!live(r, t))
        return;
    watch_closely(r, now_ms, a);
    expect_trip(r, t, now_ms, how);
}

static void end_drawing(struct room *r, struct room_thing *t, int64_t now_ms)
{
    if (!t->drawing)
        return;
    t->drawing = false;
    t->since_ms = now_ms;
    t->next_ms = INT64_MAX;
    if (live(r, t))
        watch_closely(r, now_ms, kind_of(t));
}

/* The thermostat. */
static void turn(struct room *r, struct room_thing *t, int64_t now_ms)
{
    if (t->drawing) {
        end_drawing(r, t, now_ms);
        t->next_ms = now_ms + about(r, t, kind_of(t)->off_s, now_ms);
    } else {
        begin_drawing(r, t, now_ms, BY_THERMOSTAT);
    }
}

static void switch_on(struct room *r, struct room_thing *t, int64_t now_ms)
{
    t->plugged = true;
    if (t->uses++ == 0)
        begin_drawing(r, t, now_ms, BY_HAND);
}

/* Forbidden heating that ran for a second and went off by itself was not found. */
static void give_up_waiting(struct room *r, unsigned circuit, int64_t now_ms)
{
    int64_t *since = &r->forbidden_ms[circuit - 1];
    if (*since != 0 && now_ms - *since > SECOND_MS)
        found_of(r, circuit)->missed++;
    *since = 0;
}

static void switch_off(struct room *r, struct room_thing *t, int64_t now_ms)
{
    t->uses = 0;
    if (kind_of(t)->ban == APPLIANCE_HEATING)
        give_up_waiting(r, t->circuit, now_ms);
    end_drawing(r, t, now_ms);
    t->next_ms = INT64_MAX;
}

/* --- deeds ----------------------------------------------------------------------------------- */

static void do_deed(struct room *r, const struct room_deed *d)
{
    struct room_thing *t = &r->things[d->thing];
    r->count.deeds++;
    switch ((enum room_deed_kind)d->what) {
    case ROOM_ON: /* nobody starts to cook in the dark */
        if (d->retry || kind_of(t)->ban == APPLIANCE_ALLOWED || (r->closed & bit_of(t)))
            switch_on(r, t, d->at_ms);
        return;
    case ROOM_OFF:
        if (t->uses > 1)
            t->uses--;
        else if (t->uses == 1)
            switch_off(r, t, d->at_ms);
        return;
    case ROOM_UNPLUG:
        if (t->plugged && (r->closed & bit_of(t)))
            r->count.unplugged += r->options.judged;
        switch_off(r, t, d->at_ms);
        t->plugged = false;
        watch_closely(r, d->at_ms, kind_of(t));
        return;
    case ROOM_PLUG:
        t->plugged = true;
        watch_closely(r, d->at_ms, kind_of(t));
        return;
    }
}

/* The next thing that happens by itself; INT64_MAX: nothing does. */
static int64_t next_turn(const struct room *r, unsigned *which)
{
    int64_t next = INT64_MAX;
    for (unsigned i = 0; i < r->thing_count; i++)
        if (r->things[i].uses > 0 && r->things[i].next_ms < next) {
            next = r->things[i].next_ms;
            *which = i;
        }
    return next;
}

static void forget_done(struct room *r)
{
    unsigned left = r->deed_count - r->next_deed;
    memmove(r->deeds, r->deeds + r->next_deed, left * sizeof r->deeds[0]);
    r->deed_count = (uint16_t)left;
    r->next_deed = 0;
}

/* Everything up to now, in the order in which it happens. */
static bool happen(struct room *r, int64_t now_ms)
{
    bool changed = false;
    for (;;) {
        unsigned which = 0;
        int64_t turns = next_turn(r, &which);
        int64_t deed = r->next_deed < r->deed_count ? r->deeds[r->next_deed].at_ms : INT64_MAX;
        int64_t day = room_day_begins_ms(r, r->day + 1);
        if (day <= now_ms && day <= turns && day <= deed) {
            forget_done(r);
            room_plan_day(r, r->day + 1);
        } else if (deed <= now_ms && deed <= turns) {
            do_deed(r, &r->deeds[r->next_deed++]);
            changed = true;
        } else if (turns <= now_ms) {
            turn(r, &r->things[which], turns);
            changed = true;
        } else {
            return changed;
        }
    }
}

/* --- electrical ------------------------------------------------------------------------------ */

static void sum_up(struct room *r, int64_t now_ms)
{
    memset(r->draw, 0, sizeof r->draw);
    for (unsigned i = 0; i < r->thing_count; i++) {
        const struct room_thing *t = &r->things[i];
        struct appliance_draw *d = &r->draw[t->circuit - 1];
        if (!t->plugged || !live(r, t))
            continue;
        if (t->drawing)
            appliance_add(d, kind_of(t), t->power_mw, now_ms - t->since_ms);
        else
            appliance_add_rest(d, kind_of(t));
    }
}

/* The supply of a circuit went or came back: what is switched on starts anew. */
static void take_relays(struct room *r, int64_t now_ms, uint8_t closed)
{
    uint8_t changed = closed ^ r->closed, back = changed & closed;
    r->closed = closed;
    for (unsigned i = 0; i < r->thing_count; i++) {
        struct room_thing *t = &r->things[i];
        if (t->uses == 0 || !(back & bit_of(t)))
            continue;
        t->drawing = false;
        if (kind_of(t)->forgets) /* somebody comes and switches it on again */
            t->next_ms = now_ms + 40'000 + t->power_mw / 5 % 150'000;
        else
            begin_drawing(r, t, now_ms, BY_SUPPLY);
    }
    for (unsigned c = 0; c < TERMINAL_CIRCUITS; c++)
        if ((changed & ~closed) >> c & 1)
            give_up_waiting(r, c + 1, now_ms);
}

static void set_wake(struct room *r, int64_t now_ms)
{
    unsigned which;
    int64_t wake = next_turn(r, &which), day = room_day_begins_ms(r, r->day + 1);
    if (r->next_deed < r->deed_count && r->deeds[r->next_deed].at_ms < wake)
        wake = r->deeds[r->next_deed].at_ms;
    wake = day < wake ? day : wake;
    int64_t fine = now_ms < r->close_until_ms    ? now_ms + FINE_MS
                   : now_ms < r->second_until_ms ? now_ms + SECOND_MS
                                                 : INT64_MAX;
    wake = fine < wake ? fine : wake;
    r->wake_ms = wake > now_ms ? wake : now_ms + 1;
}

void room_live(struct room *r, int64_t now_ms, uint8_t closed, uint16_t voltage_dv)
{
    bool moving = r->meddled || now_ms <= r->close_until_ms || now_ms <= r->second_until_ms;
    r->meddled = false;
    if (closed != r->closed) {
        take_relays(r, now_ms, closed);
        moving = true;
    }
    moving |= now_ms >= r->wake_ms && happen(r, now_ms);
    if (moving)
        sum_up(r, now_ms);
    if (moving || voltage_dv != r->voltage_dv)
        for (unsigned c = 0; c < r->options.circuits; c++)
            r->flow[c] = appliance_flow(&r->draw[c], voltage_dv);
    r->voltage_dv = voltage_dv;
    if (moving || now_ms >= r->wake_ms)
        set_wake(r, now_ms);
    r->count.samples++;
}

int64_t room_wake(const struct room *r)
{
    return r->wake_ms;
}

/* --- people and the terminal ----------------------------------------------------------------- */

static struct room_thing *culprit(struct room *r, unsigned circuit, enum appliance_ban ban)
{
    for (unsigned i = 0; i < r->thing_count; i++)
        if (r->things[i].circuit == circuit && r->things[i].uses > 0 &&
            kind_of(&r->things[i])->ban == ban)
            return &r->things[i];
    return NULL;
}

static bool pulled(const struct room *r, unsigned circuit)
{
    for (unsigned i = 0; i < r->thing_count; i++) {
        bool aircon =
            r->things[i].kind == APPLIANCE_AIRCON || r->things[i].kind == APPLIANCE_AIRCON_FIXED;
        if (aircon && r->things[i].circuit == circuit && !r->things[i].plugged)
            return true;
    }
    return false;
}

/* What the terminal did, against what was plugged in. */
static void judge(struct room *r, int64_t now_ms, unsigned circuit, enum terminal_reason cause)
{
    struct room_count *n = &r->count;
    bool heating = culprit(r, circuit, APPLIANCE_HEATING) != NULL;
    bool heavy = culprit(r, circuit, APPLIANCE_HEAVY) != NULL;
    int64_t *since = &r->forbidden_ms[circuit - 1];
    n->trips[cause]++;
    if (*since != 0) {
        bool found = now_ms - *since <= SECOND_MS;
        found_of(r, circuit)->caught += found;
        found_of(r, circuit)->late += !found;
        *since = 0;
    }
    n->heavy_caught += heavy && !heating;
    n->unplugged_caught += cause == TERMINAL_REASON_AIRCON && pulled(r, circuit);
    bool right = cause == TERMINAL_REASON_AIRCON      ? pulled(r, circuit)
                 : cause == TERMINAL_REASON_MALIGNANT ? heating
                                                      : heating || heavy;
    n->wrong += !right;
    n->wrong_by[cause] += !right;
}

/* Three in ten give up, one in seven leaves it plugged in, the others pull it out, wait until the
 * supply is back, and try once more. */
static void react(struct room *r, int64_t now_ms, struct room_thing *t)
{
    uint8_t thing = (uint8_t)(t - r->things);
    uint8_t *tries = &r->tries[t->circuit - 1];
    uint64_t dice = room_dice(r, 1000U + thing, (uint64_t)now_ms);
    unsigned mood = dice % 100;
    if (mood < 14 || r->deed_count + 3 > ROOM_DEEDS)
        return;
    int64_t at_ms = now_ms + 4'000 + (int64_t)(dice >> 8 & 0x3FFF);
    room_add_deed(r, &(struct room_deed){at_ms, thing, ROOM_OFF, true});
    if (mood < 44 || ++*tries >= TRIES)
        return;
    at_ms += 200'000 + (int64_t)(dice >> 24 & 0xFFFFF);
    room_add_deed(r, &(struct room_deed){at_ms, thing, ROOM_ON, true});
    room_add_deed(r, &(struct room_deed){at_ms + 400'000, thing, ROOM_OFF, true});
}

void room_tripped(struct room *r, int64_t now_ms, unsigned circuit, enum terminal_reason cause)
{
    MUST(circuit >= 1 && circuit <= TERMINAL_CIRCUITS && cause < TERMINAL_REASON_COUNT);
    if (r->options.judged)
        judge(r, now_ms, circuit, cause);
    struct room_thing *t = culprit(r, circuit, APPLIANCE_HEATING);
    t = t != NULL ? t : culprit(r, circuit, APPLIANCE_HEAVY);
    if (t != NULL)
        react(r, now_ms, t);
    set_wake(r, now_ms);
}

bool room_plug(struct room *r, int64_t now_ms, enum appliance_kind kind, unsigned circuit, bool on)
{
    struct room_thing *t = NULL;
    MUST(circuit >= 1 && circuit <= r->options.circuits && kind < APPLIANCE_COUNT);
    for (unsigned i = 0; i < r->thing_count && t == NULL; i++)
        if (r->things[i].kind == kind && r->things[i].circuit == circuit)
            t = &r->things[i];
    if (t == NULL && (!on || r->thing_count == ROOM_THINGS))
        return false;
    if (t == NULL) {
        t = &r->things[r->thing_count++];
        const struct appliance *a = &appliances[kind];
        *t = (struct room_thing){.kind = (uint8_t)kind,
                                 .circuit = (uint8_t)circuit,
                                 .power_mw = (a->low_w + a->high_w) * 500};
    }
    if (on && t->uses == 0) {
        switch_on(r, t, now_ms);
    } else if (!on) {
        switch_off(r, t, now_ms);
        t->plugged = false;
    }
    r->meddled = true;
    r->wake_ms = 0;
    watch_closely(r, now_ms, kind_of(t));
    return true;
}

void room_quiet(struct room *r, unsigned circuit, bool on)
{
    uint8_t bit = (uint8_t)(1U << (circuit - 1));
    r->quiet = (uint8_t)(on ? r->quiet | bit : r->quiet & ~bit);
    r->meddled = true;
    r->wake_ms = 0;
}

int32_t room_white_mw(const struct room *r)
{
    for (unsigned i = 0; i < r->thing_count; i++)
        if (kind_of(&r->things[i])->ban == APPLIANCE_WHITE)
            return r->things[i].power_mw;
    return 0;
}

/* Yesterday's plan says what is still on; nothing that is forbidden is found running. */
void room_init(struct room *r, const struct room_options *options, int64_t now_ms)
{
    *r = (struct room){.options = *options, .closed = (1U << options->circuits) - 1U};
    MUST(options->circuits >= 1 && options->circuits <= TERMINAL_CIRCUITS);
    r->options.judged = false;
    room_furnish(r);
    room_plan_day(r, room_day(r, now_ms) - 1);
    (void)happen(r, now_ms);
    for (unsigned i = 0; i < r->thing_count; i++) {
        struct room_thing *t = &r->things[i];
        if (kind_of(t)->ban >= APPLIANCE_HEAVY)
            switch_off(r, t, now_ms);
        if (t->drawing)
            t->since_ms = AGES_AGO;
    }
    memset(&r->count, 0, sizeof r->count);
    memset(r->forbidden_ms, 0, sizeof r->forbidden_ms);
    r->options.judged = options->judged;
    r->wake_ms = now_ms;
    r->close_until_ms = now_ms;
    r->second_until_ms = 0;
}
