/*
 * The plan of a day: a pure function of seed and date.
 *
 * What the habits are fitted to: two dormitory rooms whose balances were recorded for 466 and 936
 * days (not part of this project; measured for these figures only). Room A, with accounts for
 * light and sockets, and for air conditioning, used 10 to 14 kWh a day of the first in term, 0.3 in
 * the winter holiday, 8 in August: these people stayed. By hour of the day 140 W from 5 to 8, 230 W
 * at eleven, 480 W from 13 to 15, rising to 730 W at 23, 450 W after midnight, 260 W until four.
 * Room B used 2.1 to 3.4 kWh a day in months without cooling, and nothing at all in July and
 * August. Cooling of room A: none from November to March, 4 to 8 kWh a day in April and May, 17 to
 * 19 in June and July, 13 in August, 8 in September, 1 in October; of room B a quarter of that. A
 * room here lies between the two.
 */
#include "base/bytes.h"
#include "base/must.h"
#include "sim/world/room.h"

#define MIN_MS 60'000
#define DAY_MS 86'400'000
#define DAY_BEGIN_MS (5 * 60 * MIN_MS)
#define MISCHIEF_USUAL 10

/* Habits, so that no two share their dice. */
enum habit {
    RESIDENTS,
    SUMMER,
    OWNS,
    SPECIMEN,
    AWAY_WEEKEND,
    MORNING_CLASS,
    AFTERNOON_CLASS,
    LIBRARY,
    WAKE,
    BED,
    NOON,
    COMPUTER,
    LEFT_ON,
    CHARGE,
    DESK,
    LIGHT,
    FAN,
    COOL,
    PRINT,
    CLEAN,
    WARM_BED,
    FORBIDDEN,
    FORBIDDEN_AT,
    FORBIDDEN_FOR,
    PULL,
    PULL_AT,
    HOLIDAY,
    JITTER
};

uint64_t room_dice(const struct room *r, uint32_t habit, uint64_t occasion)
{
    uint64_t h = r->options.seed ^ (habit + 1) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 29) + occasion * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    h = (h ^ h >> 29) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 32;
}

static bool chance(const struct room *r, uint32_t habit, uint64_t occasion, unsigned permille)
{
    return room_dice(r, habit, occasion) % 1000 < permille;
}

static int64_t between(const struct room *r, uint32_t habit, uint64_t occasion, int64_t low,
                       int64_t high)
{
    return low + (int64_t)(room_dice(r, habit, occasion) % (uint64_t)(high - low + 1));
}

/* --- what they own --------------------------------------------------------------------------- */

static const struct own {
    uint8_t kind, circuit;
    uint8_t at_most;   /* one a resident, or one a room */
    uint16_t permille; /* of residents or rooms that have it */
    bool per_resident;
} belongings[] = {
    {APPLIANCE_LED, 1, 2, 1000, false}, /* of the room: two lamps at the ceiling */
    {APPLIANCE_FAN, 1, 1, 800, false},
    {APPLIANCE_ROUTER, 2, 1, 850, false},
    {APPLIANCE_FRIDGE, 2, 1, 300, false},
    {APPLIANCE_DISPENSER, 2, 1, 250, false},
    {APPLIANCE_PRINTER, 2, 1, 60, false},
    {APPLIANCE_VACUUM, 2, 1, 120, false},
    {APPLIANCE_LAPTOP, 2, 1, 650, true},
    {APPLIANCE_DESKTOP, 2, 1, 520, true},
    {APPLIANCE_CHARGER, 2, 1, 1000, true},
    {APPLIANCE_LED, 2, 1, 600, true}, /* on the desk */
    {APPLIANCE_LAMP, 2, 1, 80, true},
    {APPLIANCE_BLANKET, 2, 1, 250, true},
    {APPLIANCE_AIRCON, 3, 1, 600, false},
    {APPLIANCE_AIRCON_FIXED, 3, 1, 1000, false}, /* who has no other */
};

/* How often what is forbidden is used, per mille of days, and for how long. */
static const struct forbidden {
    uint8_t kind;
    uint16_t owned, winter, summer; /* per mille */
    uint16_t low_s, high_s;
    uint8_t from_h, to_h;
} forbidden[] = {
    {APPLIANCE_KETTLE, 600, 50, 30, 110, 330, 6, 23},
    {APPLIANCE_HAIR_DRYER, 550, 60, 60, 60, 300, 6, 23},
    {APPLIANCE_COOKER, 300, 35, 25, 1500, 3600, 11, 20},
    {APPLIANCE_QUARTZ, 250, 70, 0, 1800, 9000, 17, 24},
    {APPLIANCE_HOT_PLATE, 120, 20, 15, 600, 1800, 11, 21},
    {APPLIANCE_INDUCTION, 150, 25, 25, 600, 1800, 11, 25},
};

#define FORBIDDEN_KINDS (sizeof forbidden / sizeof forbidden[0])

static struct room_thing *own(struct room *r, uint8_t kind, uint8_t circuit)
{
    MUST(r->thing_count < ROOM_THINGS);
    struct room_thing *t = &r->things[r->thing_count];
    const struct appliance *a = &appliances[kind];
    *t = (struct room_thing){
        .kind = kind,
        .circuit = r->options.circuits == 3 ? circuit : 1,
        .power_mw = 1000 * (int32_t)between(r, SPECIMEN, r->thing_count, a->low_w, a->high_w)};
    r->thing_count++;
    return t;
}

static bool owns(const struct room *r, uint8_t kind)
{
    for (unsigned i = 0; i < r->thing_count; i++)
        if (r->things[i].kind == kind)
            return true;
    return false;
}

void room_furnish(struct room *r)
{
    r->residents = (uint8_t)between(r, RESIDENTS, 0, 3, ROOM_RESIDENTS);
    r->summer = chance(r, SUMMER, 0, 150);
    for (unsigned i = 0; i < sizeof belongings / sizeof belongings[0]; i++) {
        const struct own *o = &belongings[i];
        unsigned times = o->per_resident ? r->residents : o->at_most;
        for (unsigned k = 0; k < times; k++) {
            bool second = o->kind == APPLIANCE_AIRCON_FIXED && owns(r, APPLIANCE_AIRCON);
            if (!second && chance(r, OWNS, i * 64 + k, o->permille))
                own(r, o->kind, o->circuit)->plugged = o->circuit == 3;
        }
    }
    for (unsigned i = 0; i < FORBIDDEN_KINDS; i++)
        if (chance(r, OWNS, 10'000 + i, forbidden[i].owned))
            own(r, forbidden[i].kind, 2);
}

/* --- days ------------------------------------------------------------------------------------ */

uint32_t room_day(const struct room *r, int64_t now_ms)
{
    return (uint32_t)((now_ms + r->options.zone_s * INT64_C(1000) - DAY_BEGIN_MS) / DAY_MS);
}

int64_t room_day_begins_ms(const struct room *r, uint32_t day)
{
    return (int64_t)day * DAY_MS + DAY_BEGIN_MS - r->options.zone_s * INT64_C(1000);
}

void room_add_deed(struct room *r, const struct room_deed *d)
{
    MUST(r->deed_count < ROOM_DEEDS);
    unsigned place = r->deed_count++;
    while (place > r->next_deed && r->deeds[place - 1].at_ms > d->at_ms) {
        r->deeds[place] = r->deeds[place - 1];
        place--;
    }
    r->deeds[place] = *d;
}

/* One day of one room, while it is planned. */
struct plan {
    struct room *r;
    uint32_t day;
    struct civil date;
    bool weekend;
    uint8_t at_home;   /* residents */
    uint64_t occasion; /* unique within the day */
    struct stay {
        int64_t from_min, to_min; /* since midnight of the day */
    } stays[ROOM_RESIDENTS][4];
    uint8_t stay_count[ROOM_RESIDENTS];
};

static uint64_t occasion(struct plan *p)
{
    return (uint64_t)p->day << 10 | (p->occasion++ & 1023);
}

static int64_t wall_ms(const struct plan *p, int64_t minute)
{
    return room_day_begins_ms(p->r, p->day) - DAY_BEGIN_MS + minute * MIN_MS;
}

/* Nobody switches on the second. */
static void use_ms(struct plan *p, unsigned thing, int64_t from_ms, int64_t to_ms)
{
    from_ms += between(p->r, JITTER, occasion(p), 0, 59'999);
    if (to_ms <= from_ms || p->r->deed_count + 2 > ROOM_DEEDS - 16)
        return;
    room_add_deed(p->r, &(struct room_deed){from_ms, (uint8_t)thing, ROOM_ON, false});
    room_add_deed(p->r, &(struct room_deed){to_ms, (uint8_t)thing, ROOM_OFF, false});
}

static void use(struct plan *p, unsigned thing, int64_t from_min, int64_t to_min)
{
    use_ms(p, thing, wall_ms(p, from_min), wall_ms(p, to_min));
}

static unsigned date_of(struct civil c)
{
    return c.month * 100U + c.day;
}

/* Terms: from the last days of February to early July, from September to the middle of January. */
static bool is_break(const struct room *r, struct civil c)
{
    unsigned d = date_of(c);
    bool winter = d >= 115 && d <= 224, summer = d >= 708 && d <= 831;
    bool week = (d >= 1001 && d <= 1007) || (d >= 501 && d <= 505);
    if (week)
        return chance(r, HOLIDAY, (uint64_t)c.year << 16 | d / 100, 300);
    return winter || (summer && !r->summer);
}

static bool is_cold(struct civil c)
{
    return c.month >= 11 || c.month <= 3;
}

/* --- who is at home, and when ---------------------------------------------------------------- */

static void stay(struct plan *p, unsigned who, int64_t from_min, int64_t to_min)
{
    if (to_min - from_min >= 15 && p->stay_count[who] < 4)
        p->stays[who][p->stay_count[who]++] = (struct stay){from_min, to_min};
}

static void plan_weekday(struct plan *p, unsigned who)
{
    struct room *r = p->r;
    int64_t wake = between(r, WAKE, occasion(p), 380, 460);
    int64_t bed = between(r, BED, occasion(p), 1360, 1500);
    if (chance(r, MORNING_CLASS, occasion(p), 720)) {
        stay(p, who, wake, 465);
        stay(p, who, between(r, NOON, occasion(p), 715, 750), 820);
    } else {
        stay(p, who, wake + 90, 820);
    }
    if (!chance(r, AFTERNOON_CLASS, occasion(p), 550))
        stay(p, who, 825, 1050);
    bool library = chance(r, LIBRARY, occasion(p), 330);
    stay(p, who, library ? 1300 : between(r, NOON, occasion(p), 1060, 1130), bed);
}

static void plan_weekend(struct plan *p, unsigned who)
{
    struct room *r = p->r;
    if (chance(r, AWAY_WEEKEND, occasion(p), 200))
        return;
    int64_t wake = between(r, WAKE, occasion(p), 520, 660);
    int64_t bed = between(r, BED, occasion(p), 1400, 1560);
    if (chance(r, AFTERNOON_CLASS, occasion(p), 350)) {
        stay(p, who, wake, 780);
        stay(p, who, between(r, NOON, occasion(p), 1080, 1260), bed);
    } else {
        stay(p, who, wake, bed);
    }
}

static void plan_stays(struct plan *p)
{
    for (unsigned i = 0; i < p->r->residents; i++) {
        if (p->weekend)
            plan_weekend(p, i);
        else
            plan_weekday(p, i);
        p->at_home += p->stay_count[i] > 0;
    }
}

/* First and last minute at which anybody is up between two times; false: nobody. */
static bool anybody(const struct plan *p, int64_t from_min, int64_t to_min, int64_t *first,
                    int64_t *last)
{
    *first = INT64_MAX;
    *last = 0;
    for (unsigned i = 0; i < p->r->residents; i++)
        for (unsigned k = 0; k < p->stay_count[i]; k++) {
            const struct stay *s = &p->stays[i][k];
            int64_t a = s->from_min > from_min ? s->from_min : from_min;
            int64_t b = s->to_min < to_min ? s->to_min : to_min;
            if (b <= a)
                continue;
            *first = a < *first ? a : *first;
            *last = b > *last ? b : *last;
        }
    return *last > *first;
}

/* --- what they do ---------------------------------------------------------------------------- */

/* The nth thing of a kind on a circuit; -1: there is none. Things of residents come in order. */
static int find(const struct room *r, uint8_t kind, uint8_t circuit, unsigned nth)
{
    for (unsigned i = 0; i < r->thing_count; i++) {
        bool there = r->options.circuits != 3 || r->things[i].circuit == circuit;
        if (r->things[i].kind == kind && there && nth-- == 0)
            return (int)i;
    }
    return -1;
}

static void plan_always(struct plan *p)
{
    static const uint8_t kinds[] = {APPLIANCE_ROUTER, APPLIANCE_FRIDGE};
    for (unsigned i = 0; i < sizeof kinds; i++) {
        int thing = find(p->r, kinds[i], 2, 0);
        /* planned a day at a time, each a little into the next: nothing is switched at the seam */
        if (thing >= 0)
            use_ms(p, (unsigned)thing, room_day_begins_ms(p->r, p->day),
                   room_day_begins_ms(p->r, p->day + 1) + 5 * MIN_MS);
    }
}

static void plan_computers(struct plan *p, unsigned who)
{
    struct room *r = p->r;
    int laptop = find(r, APPLIANCE_LAPTOP, 2, who), desktop = find(r, APPLIANCE_DESKTOP, 2, who);
    bool prefers = desktop >= 0 && (laptop < 0 || chance(r, COMPUTER, occasion(p), 700));
    int thing = prefers ? desktop : laptop;
    bool left_on = chance(r, LEFT_ON, occasion(p), 400);
    for (unsigned k = 0; k < p->stay_count[who] && thing >= 0; k++) {
        struct stay s = p->stays[who][k];
        bool last = k + 1U == p->stay_count[who];
        if (s.to_min - s.from_min < 30 || !chance(r, COMPUTER, occasion(p), 880))
            continue;
        int64_t to_min = s.to_min;
        if (left_on && prefers) /* until they are back, or through half of the night */
            to_min = last ? s.to_min + between(r, LEFT_ON, occasion(p), 30, 420)
                          : p->stays[who][k + 1].from_min;
        use(p, (unsigned)thing, s.from_min + between(r, COMPUTER, occasion(p), 2, 25), to_min);
    }
}

static void plan_resident(struct plan *p, unsigned who)
{
    struct room *r = p->r;
    int charger = find(r, APPLIANCE_CHARGER, 2, who), desk = find(r, APPLIANCE_LED, 2, who);
    int lamp = find(r, APPLIANCE_LAMP, 2, who), blanket = find(r, APPLIANCE_BLANKET, 2, who);
    plan_computers(p, who);
    if (p->stay_count[who] == 0)
        return;
    struct stay s = p->stays[who][p->stay_count[who] - 1];
    if (charger >= 0) {
        int64_t until_min = s.to_min + between(r, CHARGE, occasion(p), 60, 200);
        use(p, (unsigned)charger, s.to_min - between(r, CHARGE, occasion(p), 0, 240), until_min);
    }
    if (desk < 0)
        desk = lamp;
    int64_t dark = s.from_min > 1080 ? s.from_min : 1080;
    if (desk >= 0 && chance(r, DESK, occasion(p), 700))
        use(p, (unsigned)desk, dark, s.to_min - between(r, DESK, occasion(p), 0, 40));
    if (blanket >= 0 && is_cold(p->date) && chance(r, WARM_BED, occasion(p), 500))
        use(p, (unsigned)blanket, s.to_min - 30,
            s.to_min + between(r, WARM_BED, occasion(p), 30, 360));
}

static void plan_light(struct plan *p)
{
    struct room *r = p->r;
    int64_t first, last, dusk = is_cold(p->date) ? 1040 : 1125;
    for (unsigned i = 0; i < 2; i++) {
        int thing = find(r, APPLIANCE_LED, 1, i);
        if (thing < 0)
            continue;
        if (anybody(p, dusk, 1530, &first, &last))
            use(p, (unsigned)thing, first, last - between(r, LIGHT, occasion(p), 0, 50));
        if (i == 0 && anybody(p, 360, is_cold(p->date) ? 460 : 395, &first, &last))
            use(p, (unsigned)thing, first, last);
    }
}

/* Hot water while anybody is up. */
static void plan_dispenser(struct plan *p)
{
    int64_t first, last;
    int thing = find(p->r, APPLIANCE_DISPENSER, 2, 0);
    if (thing >= 0 && anybody(p, 420, 1400, &first, &last))
        use(p, (unsigned)thing, first, last);
}

static void plan_fan(struct plan *p)
{
    int64_t first, last;
    int thing = find(p->r, APPLIANCE_FAN, 1, 0);
    bool warm = p->date.month >= 5 && p->date.month <= 9;
    if (thing >= 0 && warm && anybody(p, 660, 1500, &first, &last))
        use(p, (unsigned)thing, first, last);
}

/* How likely a room cools (or, a little, heats) in a night and in an afternoon, per mille. */
static const uint16_t cooling_night[12] = {30, 10, 20, 200, 450, 850, 950, 950, 500, 80, 10, 40};
static const uint16_t cooling_day[12] = {20, 5, 10, 120, 300, 800, 900, 900, 420, 50, 5, 30};

static void plan_cooling(struct plan *p)
{
    struct room *r = p->r;
    int64_t first, last;
    int thing = find(r, APPLIANCE_AIRCON, 3, 0);
    thing = thing >= 0 ? thing : find(r, APPLIANCE_AIRCON_FIXED, 3, 0);
    unsigned month = p->date.month - 1U;
    if (thing < 0)
        return;
    if (chance(r, COOL, occasion(p), cooling_day[month]) && anybody(p, 700, 1080, &first, &last))
        use(p, (unsigned)thing, first + 5, last);
    if (chance(r, COOL, occasion(p), cooling_night[month]) && anybody(p, 1140, 1560, &first, &last))
        use(p, (unsigned)thing, first + 10,
            last + between(r, COOL, occasion(p), 60, month >= 5 && month <= 7 ? 400 : 200));
}

static void plan_errands(struct plan *p)
{
    struct room *r = p->r;
    int64_t first, last;
    int printer = find(r, APPLIANCE_PRINTER, 2, 0), vacuum = find(r, APPLIANCE_VACUUM, 2, 0);
    if (!anybody(p, 720, 1320, &first, &last))
        return;
    if (printer >= 0 && chance(r, PRINT, occasion(p), 400)) {
        int64_t at = between(r, PRINT, occasion(p), first, last);
        use_ms(p, (unsigned)printer, wall_ms(p, at), wall_ms(p, at + 3));
    }
    if (vacuum >= 0 && chance(r, CLEAN, occasion(p), 250)) {
        int64_t at = between(r, CLEAN, occasion(p), first, last);
        use_ms(p, (unsigned)vacuum, wall_ms(p, at), wall_ms(p, at + 4));
    }
}

/* Somebody who is at home does it, at a minute of its hours. */
static void plan_forbidden(struct plan *p)
{
    struct room *r = p->r;
    for (unsigned i = 0; i < FORBIDDEN_KINDS; i++) {
        const struct forbidden *f = &forbidden[i];
        int thing = find(r, f->kind, 2, 0);
        unsigned rate =
            (is_cold(p->date) ? f->winter : f->summer) * r->options.mischief / MISCHIEF_USUAL;
        uint64_t when = occasion(p);
        int64_t first, last;
        if (thing < 0 || !chance(r, FORBIDDEN, when, rate > 900 ? 900 : rate) ||
            !anybody(p, f->from_h * 60, f->to_h * 60, &first, &last))
            continue;
        int64_t at_ms = wall_ms(p, between(r, FORBIDDEN_AT, when, first, last));
        use_ms(p, (unsigned)thing, at_ms,
               at_ms + MIN_MS + 1000 * between(r, FORBIDDEN_FOR, when, f->low_s, f->high_s));
    }
}

/* Somebody takes the air conditioner's plug out of its socket, for a kettle perhaps. */
static void plan_pulled_plug(struct plan *p)
{
    struct room *r = p->r;
    int thing = find(r, APPLIANCE_AIRCON, 3, 0);
    thing = thing >= 0 ? thing : find(r, APPLIANCE_AIRCON_FIXED, 3, 0);
    uint64_t when = occasion(p);
    unsigned rate = 4U * r->options.mischief / MISCHIEF_USUAL;
    int64_t first, last;
    if (r->options.circuits != 3 || thing < 0 || !chance(r, PULL, when, rate) ||
        !anybody(p, 720, 1380, &first, &last))
        return;
    int64_t at_ms = wall_ms(p, between(r, PULL_AT, when, first, last));
    room_add_deed(r, &(struct room_deed){at_ms, (uint8_t)thing, ROOM_UNPLUG, false});
    at_ms += between(r, PULL_AT, when + 1, 15, 180) * MIN_MS;
    room_add_deed(r, &(struct room_deed){at_ms, (uint8_t)thing, ROOM_PLUG, false});
}

void room_plan_day(struct room *r, uint32_t day)
{
    struct plan p = {.r = r, .day = day};
    p.date = civil_from_wall((wall_s){room_day_begins_ms(r, day) / 1000}, r->options.zone_s);
    p.weekend = p.date.weekday == 0 || p.date.weekday == 6;
    r->day = day;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        r->tries[i] = 0;
    if (is_break(r, p.date)) {
        int router = find(r, APPLIANCE_ROUTER, 2, 0); /* what stays plugged in an empty room */
        if (router >= 0)
            use_ms(&p, (unsigned)router, room_day_begins_ms(r, day),
                   room_day_begins_ms(r, day + 1) + 5 * MIN_MS);
        return;
    }
    plan_stays(&p);
    plan_always(&p);
    for (unsigned i = 0; i < r->residents; i++)
        plan_resident(&p, i);
    plan_light(&p);
    plan_fan(&p);
    plan_dispenser(&p);
    plan_cooling(&p);
    plan_errands(&p);
    plan_forbidden(&p);
    plan_pulled_plug(&p);
}
