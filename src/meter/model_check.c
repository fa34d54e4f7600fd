/* What a table of members cannot say about a model, and what follows from what it says. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "meter/meter_impl.h"
#include "meter/shape_impl.h"

struct check {
    struct meter_model *m;
    struct meter_faults *faults;
    char place[96];
};

__attribute__((format(printf, 2, 3))) static void at(struct check *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->place, sizeof c->place, format, args);
    va_end(args);
}

static bool faulty(const struct meter_faults *faults, const char *place)
{
    for (size_t i = 0; i < faults->count && i < METER_FAULTS_MAX; i++)
        if (strcmp(faults->list[i].place, place) == 0)
            return true;
    return false;
}

/* What the table found wrong is not said again as something else. */
#define FAULT(c, kind, ...)                                                                        \
    do {                                                                                           \
        if (!faulty((c)->faults, (c)->place))                                                      \
            meter_fault_add((c)->faults, (c)->place, METER_FAULT_##kind, __VA_ARGS__);             \
    } while (0)

static bool is_modbus(const struct meter_model *m)
{
    return m->protocol == METER_MODBUS_RTU || m->protocol == METER_MODBUS_TCP;
}

static bool is_dlt645(const struct meter_model *m)
{
    return m->protocol == METER_DLT645 || m->protocol == METER_DLT645_1997;
}

/* --- rows
 * ------------------------------------------------------------------------------------------- */

static bool form_fits(const struct meter_model *m, const struct meter_field *f)
{
    switch ((enum meter_form)f->form) {
    case METER_FORM_TABLE:
        return is_dlt645(m) || m->protocol == METER_MBUS;
    case METER_FORM_BCD_UNIT:
        return m->protocol == METER_CJT188;
    case METER_FORM_REAL:
        return is_modbus(m) && f->bytes == 4;
    case METER_FORM_CLOCK:
        return m->protocol == METER_DLT645 || m->protocol == METER_CJT188;
    default:
        return m->protocol != METER_MBUS && (!is_modbus(m) || f->bytes % 2 == 0);
    }
}

static bool is_tabled(const struct meter_model *m, uint32_t id)
{
    return m->protocol == METER_DLT645 ? dlt645_item_find(id) != NULL
                                       : dlt645_item_find_1997((uint16_t)id) != NULL;
}

#define ANSWER_MAX 252 /* bytes behind the identifier of the longest frame */

/* Of numbers that lie at a place of the answer, within their bytes. */
static void check_place(struct check *c, size_t r, size_t i)
{
    const struct meter_field *f = &c->m->items[r].fields[i];
    if (f->form == METER_FORM_TABLE)
        return;
    at(c, "/rows/%zu/points/%zu/bit", r, i);
    if (f->bit >= 0 && f->bit + f->bits > 8 * f->bytes)
        FAULT(c, RANGE, "%d bits", 8 * f->bytes);
    at(c, "/rows/%zu/points/%zu/at", r, i);
    if (!is_modbus(c->m) && f->at + f->bytes > ANSWER_MAX)
        FAULT(c, RANGE, "0 .. %d", ANSWER_MAX - f->bytes);
}

static void check_field(struct check *c, size_t r, size_t i)
{
    const struct meter_item *row = &c->m->items[r];
    const struct meter_field *f = &row->fields[i];
    if (!form_fits(c->m, f)) {
        at(c, "/rows/%zu/points/%zu/form", r, i);
        FAULT(c, DRIVER, "%s", "");
    } else if (f->form == METER_FORM_TABLE && is_dlt645(c->m) && !is_tabled(c->m, row->id)) {
        at(c, "/rows/%zu/id", r);
        FAULT(c, DRIVER, "%08lX", (unsigned long)row->id);
    }
    check_place(c, r, i);
    at(c, "/rows/%zu/points/%zu", r, i);
    if ((f->form == METER_FORM_TABLE) != (row->fields[0].form == METER_FORM_TABLE))
        FAULT(c, DRIVER, "%s", "table and other forms in one row");
    if ((f->form == METER_FORM_CLOCK) != (f->point == POINT_CLOCK_S) &&
        c->m->protocol != METER_MBUS)
        FAULT(c, UNIT, "%s", "clock");
    if (f->form == METER_FORM_BCD_UNIT &&
        meter_point_dimension((enum meter_point)f->point) == METER_PLAIN)
        FAULT(c, UNIT, "%s", "bcd-unit");
    if (f->quantity != METER_QUANTITY_NONE &&
        meter_quantity_dimension(f->quantity) != meter_point_dimension((enum meter_point)f->point))
        FAULT(c, UNIT, "%s", meter_quantity_name(f->quantity));
    if ((c->m->protocol == METER_MBUS) != (f->quantity != METER_QUANTITY_NONE))
        FAULT(c, DRIVER, "%s", "quantity");
    for (size_t k = 0; k < i; k++)
        if (row->fields[k].point == f->point && !(f->if_positive || row->fields[k].if_positive))
            FAULT(c, POINT_TWICE, "%s", meter_point_name((enum meter_point)f->point));
}

/* The registers that the points of a Modbus row need, as one block. */
static void settle_block(struct check *c, size_t r)
{
    struct meter_item *row = &c->m->items[r];
    uint32_t low = UINT16_MAX, high = 0;
    for (size_t i = 0; i < row->field_count; i++) {
        const struct meter_field *f = &row->fields[i];
        uint32_t end = f->at + f->bytes / 2u;
        low = f->at < low ? f->at : low;
        high = end > high ? end : high;
    }
    at(c, "/rows/%zu", r);
    if (row->id == 0 && row->count == 0)
        row->id = low;
    uint32_t count = row->count ? row->count : high - row->id;
    if (low < row->id || high > row->id + count || count > c->m->limits.block_max)
        FAULT(c, BLOCK, "%lu .. %lu, at most %u registers", (unsigned long)low,
              (unsigned long)high - 1, c->m->limits.block_max);
    else
        row->count = (uint16_t)count;
}

static void check_step(struct check *c, size_t r, unsigned *data_rows)
{
    struct meter_item *row = &c->m->items[r];
    at(c, "/rows/%zu/step", r);
    if (row->id < METER_MBUS_RESET || row->id > METER_MBUS_DATA)
        FAULT(c, MISSING, "%s", "");
    bool data = row->id == METER_MBUS_DATA;
    if (row->id == METER_MBUS_SELECT && c->m->quirks.addressing != METER_ADDRESS_SECONDARY)
        FAULT(c, DRIVER, "%s", "primary");
    at(c, "/rows/%zu/points", r);
    if (data && row->field_count == 0)
        FAULT(c, MISSING, "%s", "");
    if (!data && row->field_count > 0)
        FAULT(c, DRIVER, "%s", "");
    row->function = data ? (uint8_t)(++*data_rows % 2 ? 0x7B : 0x5B) : 0;
}

/* Every row is asked by time, or another leads to it, but not both. */
static void check_lead(struct check *c, size_t r)
{
    const struct meter_item *rows = c->m->items;
    bool led = r > 0 && rows[r - 1].next != METER_NEXT_NEVER;
    at(c, "/rows/%zu/every_s", r);
    if (led == (rows[r].period_s > 0))
        FAULT(c, LEAD, "%s", "");
    at(c, "/rows/%zu/next", r);
    if (rows[r].next != METER_NEXT_NEVER && r + 1 == c->m->item_count)
        FAULT(c, LEAD, "%s", "");
}

static void check_names(struct check *c, size_t r)
{
    for (size_t k = 0; k < r; k++)
        if (strcmp(c->m->items[k].name, c->m->items[r].name) == 0) {
            at(c, "/rows/%zu/name", r);
            FAULT(c, TWICE, "%s", c->m->items[r].name);
        }
}

/* A row that leads another one on must have what its driver looks at. */
static void check_next(struct check *c, size_t r)
{
    static const char *const names[] = {
        [METER_NEXT_ZERO] = "zero", [METER_NEXT_MORE] = "more", [METER_NEXT_ALWAYS] = "always"};
    const struct meter_item *row = &c->m->items[r];
    bool number = row->decode == METER_DECODE_FIELDS && row->fields[0].form != METER_FORM_CLOCK;
    bool mbus = c->m->protocol == METER_MBUS, data = row->id == METER_MBUS_DATA;
    bool fits = row->next == METER_NEXT_NEVER  ? true
                : row->next == METER_NEXT_ZERO ? is_dlt645(c->m) && number
                                               : mbus && data == (row->next == METER_NEXT_MORE);
    at(c, "/rows/%zu/next", r);
    if (!fits)
        FAULT(c, DRIVER, "%s", names[row->next]);
}

/* The row before leads to it, as to every one back to `first`. */
static bool is_led_from(const struct meter_model *m, size_t first, size_t r)
{
    while (r > first && m->items[r - 1].next != METER_NEXT_NEVER)
        r--;
    return r == first;
}

/* What two rows tell would be now the one's, now the other's: unless the one is asked because the
 * other did not tell it, or tells it in place of something else. */
static void check_elsewhere(struct check *c, size_t r, size_t i)
{
    const struct meter_field *f = &c->m->items[r].fields[i];
    at(c, "/rows/%zu/points/%zu", r, i);
    for (size_t k = 0; k < r && !f->if_positive && f->point != 0; k++)
        for (size_t j = 0; j < c->m->items[k].field_count && !is_led_from(c->m, k, r); j++) {
            const struct meter_field *g = &c->m->items[k].fields[j];
            if (g->point == f->point && !g->if_positive)
                FAULT(c, POINT_ELSEWHERE, "%s (%s)", meter_point_name((enum meter_point)f->point),
                      c->m->items[k].name);
        }
}

/* c->place is that of the identifier. Of 2007 those of the energies begin with four zeros. */
static void check_id(struct check *c, uint32_t id)
{
    if (c->m->protocol == METER_DLT645 && id <= UINT16_MAX && !is_tabled(c->m, id))
        FAULT(c, DRIVER, "%s", "8 digits");
    bool two_bytes = c->m->protocol == METER_CJT188 || c->m->protocol == METER_DLT645_1997;
    if (id > UINT16_MAX && (two_bytes || is_modbus(c->m)))
        FAULT(c, DRIVER, "%s", "two bytes");
    if (id == 0 && two_bytes)
        FAULT(c, MISSING, "%s", "");
}

static void check_kind_of_row(struct check *c, size_t r, unsigned *data_rows)
{
    struct meter_item *row = &c->m->items[r];
    at(c, "/rows/%zu/id", r);
    check_id(c, row->id);
    at(c, "/rows/%zu/tells", r);
    if (row->decode == METER_DECODE_CIRCUITS && c->m->protocol != METER_DLT645)
        FAULT(c, DRIVER, "%s", "");
    at(c, "/rows/%zu/points", r);
    if (c->m->protocol != METER_MBUS && row->field_count == 0 &&
        row->decode != METER_DECODE_CIRCUITS)
        FAULT(c, MISSING, "%s", "");
    if (is_modbus(c->m))
        settle_block(c, r);
    if (c->m->protocol == METER_MBUS)
        check_step(c, r, data_rows);
}

#define POINT_BIT(point) (UINT64_C(1) << ((point)&63))

/* All points of a sweep must find room, those that drivers add by themselves as well, and the
 * register that bills are made of must be among them. A point whose name is wrong is point 0. */
static void check_sum(struct check *c)
{
    enum meter_point charged = meter_charged_point(c->m);
    uint64_t seen = 0;
    int own = 0;
    for (size_t r = 0; r < c->m->item_count; r++) {
        own = c->m->items[r].decode == METER_DECODE_CIRCUITS ? METER_CIRCUITS_POINTS : own;
        for (size_t i = 0; i < c->m->items[r].field_count; i++)
            seen |= POINT_BIT(c->m->items[r].fields[i].point);
    }
    at(c, "/rows");
    if (__builtin_popcountll(seen | POINT_BIT(POINT_ENERGY_WH)) + own > METER_VALUES_MAX)
        FAULT(c, COUNT, "%d points", METER_VALUES_MAX - own);
    if (own == 0 && seen && !(seen & (POINT_BIT(charged) | POINT_BIT(0))))
        FAULT(c, MISSING, "%s", meter_point_name(charged));
}

static void check_rows(struct check *c)
{
    unsigned data_rows = 0;
    for (size_t r = 0; r < c->m->item_count; r++) {
        check_names(c, r);
        check_kind_of_row(c, r, &data_rows);
        for (size_t i = 0; i < c->m->items[r].field_count; i++)
            check_field(c, r, i);
        for (size_t i = 0; i < c->m->items[r].field_count; i++)
            check_elsewhere(c, r, i);
        check_lead(c, r);
        check_next(c, r);
    }
    check_sum(c);
}

/* --- orders
 * ----------------------------------------------------------------------------------------- */

static const char *const order_names[METER_ORDERS] = {[METER_ORDER_OPEN] = "cut",
                                                      [METER_ORDER_CLOSE] = "restore",
                                                      [METER_ORDER_KEEP_ON] = "keep_on",
                                                      [METER_ORDER_KEEP_OFF] = "keep_off",
                                                      [METER_ORDER_EXERCISE] = "exercise"};

static bool how_fits(const struct meter_model *m, enum meter_how how)
{
    switch (how) {
    case METER_HOW_CONTROL:
    case METER_HOW_SEALED:
        return m->protocol == METER_DLT645;
    case METER_HOW_ONE:
        return is_modbus(m);
    default:
        return m->protocol != METER_MBUS;
    }
}

static bool value_fits(const struct meter_model *m, const struct meter_action *a)
{
    if (a->how == METER_HOW_CONTROL || a->how == METER_HOW_ONE)
        return a->len == (a->how == METER_HOW_ONE ? 2 : 1);
    return a->how == METER_HOW_SEALED || (a->len > 0 && (!is_modbus(m) || a->len % 2 == 0));
}

static bool tells(const struct meter_item *row, enum meter_point point)
{
    bool block = row->decode == METER_DECODE_CIRCUITS && point == POINT_RELAY_OPEN;
    for (size_t i = 0; i < row->field_count && !block; i++)
        block = row->fields[i].point == point;
    return block;
}

static void check_proof(struct check *c, enum meter_order order)
{
    struct meter_action *a = &c->m->actions[order];
    bool keeps = order == METER_ORDER_KEEP_ON || order == METER_ORDER_KEEP_OFF;
    size_t r = 0;
    while (r < c->m->item_count && strcmp(c->m->items[r].name, a->proof) != 0)
        r++;
    a->row = (uint8_t)r;
    at(c, "/orders/%s/proof", order_names[order]);
    if (r == c->m->item_count)
        FAULT(c, NO_ROW, "%s", a->proof);
    else if (!tells(&c->m->items[r], keeps ? POINT_KEEP_POWER : POINT_RELAY_OPEN))
        FAULT(c, PROOF, "%s", keeps ? "keep_power" : "relay_open");
}

static void check_order(struct check *c, enum meter_order order)
{
    const struct meter_action *a = &c->m->actions[order];
    if (a->how == METER_HOW_NOT)
        return;
    at(c, "/orders/%s/how", order_names[order]);
    if (!how_fits(c->m, (enum meter_how)a->how))
        FAULT(c, DRIVER, "%s", "");
    at(c, "/orders/%s/id", order_names[order]);
    if (a->how == METER_HOW_WRITE || a->how == METER_HOW_ONE)
        check_id(c, a->id);
    at(c, "/orders/%s/value", order_names[order]);
    if (!value_fits(c->m, a))
        FAULT(c, TEXT, "%s", "");
    check_proof(c, order);
}

/* Who can be cut off must be able to be restored, and the other way round. */
static void check_pair(struct check *c, enum meter_order one, enum meter_order other)
{
    const struct meter_action *a = c->m->actions;
    if ((a[one].how == METER_HOW_NOT) == (a[other].how == METER_HOW_NOT))
        return;
    at(c, "/orders/%s", order_names[a[one].how == METER_HOW_NOT ? one : other]);
    FAULT(c, MISSING, "%s", "");
}

/* --- wallet
 * ----------------------------------------------------------------------------------------- */

static void check_wallet(struct check *c)
{
    const struct meter_wallet *w = &c->m->wallet;
    uint8_t class = c->m->class;
    bool counts = w->ids[METER_WALLET_COUNT] && w->ids[METER_WALLET_RECORD_COUNT] &&
                  w->ids[METER_WALLET_RECORD_AMOUNT];
    at(c, "/vend/how");
    bool fits = class == METER_CLASS_D   ? w->how == METER_VEND_NONE
                : class == METER_CLASS_C ? w->how == METER_VEND_ORDER
                : class == METER_CLASS_B ? w->how == METER_VEND_COUNT && counts
                                         : w->how == METER_VEND_SEALED && counts;
    if (!fits)
        FAULT(c, VEND, "%s", "");
    if (w->how != METER_VEND_NONE && c->m->protocol != METER_DLT645)
        FAULT(c, DRIVER, "%s", "");
}

/* --- settings
 * --------------------------------------------------------------------------------------- */

static void check_setting(struct check *c, size_t i)
{
    struct meter_setting *s = &c->m->settings[i];
    if (s->read_id == UINT32_MAX)
        s->read_id = s->id;
    at(c, "/settings/%zu", i);
    if (c->m->protocol == METER_MBUS || c->m->protocol == METER_DLT645_1997)
        FAULT(c, DRIVER, "%s", "");
    at(c, "/settings/%zu/id", i);
    check_id(c, s->id);
    at(c, "/settings/%zu/read_id", i);
    if (s->read_id != s->id)
        check_id(c, s->read_id);
    at(c, "/settings/%zu/bytes", i);
    if (is_modbus(c->m) && s->bytes % 2)
        FAULT(c, DRIVER, "%s", "whole registers");
    at(c, "/settings/%zu/high", i);
    if (s->high < s->low)
        FAULT(c, RANGE, "%lld ..", (long long)s->low);
    for (size_t k = 0; k < i; k++)
        if (strcmp(c->m->settings[k].name, s->name) == 0) {
            at(c, "/settings/%zu/name", i);
            FAULT(c, TWICE, "%s", s->name);
        }
}

/* --- what holds for all of it
 * --------------------------------------------------------------- */

/* What only another driver looks at, and is not as it is without the member. */
static void check_quirks(struct check *c)
{
    const struct meter_quirks *q = &c->m->quirks;
    bool is_645 = c->m->protocol == METER_DLT645, is_188 = c->m->protocol == METER_CJT188;
    const struct {
        const char *name;
        bool set, fits;
    } quirks[] = {
        {"level", q->level != 0x02, is_645},
        {"password", q->password_len > 0, is_645},
        {"operator", q->operator_len > 0, is_645},
        {"meter_type", q->meter_type != 0x10, is_188},
        {"read_id_order", q->read_high_first, is_188},
        {"write_id_order", !q->write_high_first, is_188},
        {"unit_first", q->unit_first, is_188},
        {"addressing", q->addressing != METER_ADDRESS_PRIMARY, c->m->protocol == METER_MBUS},
    };
    for (size_t i = 0; i < sizeof quirks / sizeof *quirks; i++) {
        at(c, "/quirks/%s", quirks[i].name);
        if (quirks[i].set && !quirks[i].fits)
            FAULT(c, DRIVER, "%s", "");
    }
}

bool meter_line_baud(int64_t baud)
{
    static const int64_t rates[] = {300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (rates[i] == baud)
            return true;
    return false;
}

static void check_line(struct check *c)
{
    at(c, "/line/baud");
    if (!meter_line_baud(c->m->baud))
        FAULT(c, RANGE, "%s", "300 600 1200 2400 4800 9600 19200 38400 57600 115200");
}

static void check_charged(struct check *c)
{
    at(c, "/charged");
    if (c->m->charged != METER_CHARGED_GJ && c->m->kind != METER_KIND_HEAT &&
        c->m->kind != METER_KIND_COOLING)
        FAULT(c, UNIT, "%s", "heat, cooling");
}

static void settle(struct meter_model *m)
{
    m->driver = meter_driver_of((enum meter_protocol)m->protocol);
    m->keep_power = m->actions[METER_ORDER_KEEP_ON].how != METER_HOW_NOT &&
                    m->actions[METER_ORDER_KEEP_ON].how != METER_HOW_SEALED;
    m->state_item = m->actions[METER_ORDER_KEEP_ON].row;
    m->relay_item = m->actions[METER_ORDER_OPEN].row;
}

void meter_model_check(struct meter_model *m, struct meter_faults *faults)
{
    struct check c = {.m = m, .faults = faults};
    if (faulty(faults, "/driver"))
        return;
    check_rows(&c);
    check_quirks(&c);
    check_line(&c);
    check_charged(&c);
    for (int order = 0; order < METER_ORDERS; order++)
        check_order(&c, (enum meter_order)order);
    check_pair(&c, METER_ORDER_OPEN, METER_ORDER_CLOSE);
    check_pair(&c, METER_ORDER_KEEP_ON, METER_ORDER_KEEP_OFF);
    for (size_t i = 0; i < m->setting_count; i++)
        check_setting(&c, i);
    if (!faulty(faults, "/class") && !faulty(faults, "/class/letter"))
        check_wallet(&c);
    settle(m);
}
