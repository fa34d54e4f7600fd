#include "tests/unit/uplink/random_message.h"

#include <string.h>

/* NULL: the largest of everything. */
static struct rand_stream *dice;

static struct uplink_config_line lines[UPLINK_CONFIG_LINES_MAX];
static struct uplink_config_meter meters[UPLINK_CONFIG_METERS_MAX];
static struct uplink_reading readings[UPLINK_READINGS_MAX];
static struct uplink_permit_meter permit_meters[UPLINK_PERMIT_METERS_MAX];
static struct uplink_permit_window permit_windows[UPLINK_PERMIT_WINDOWS_MAX];
static uint8_t bytes_a[UPLINK_CERTIFICATE_MAX], bytes_b[UPLINK_CERTIFICATE_MAX];

/* Of every size from one bit to all, both signs. */
static int64_t any(void)
{
    if (dice == NULL)
        return INT64_MIN;
    uint64_t bits = rand_u64(dice), v = bits >> rand_below(dice, 64);
    return rand_chance(dice, 300) ? (int64_t) ~(v >> 1) : (int64_t)(v >> 1);
}

static wall_s any_time(void)
{
    return (wall_s){any()};
}

static size_t up_to(size_t max)
{
    return dice == NULL ? max : (size_t)rand_below(dice, max + 1);
}

static unsigned choice(unsigned low, unsigned high)
{
    return dice == NULL ? high : low + (unsigned)rand_below(dice, high - low + 1);
}

static bool flag(void)
{
    return dice == NULL || rand_chance(dice, 500);
}

static void text(char *out, size_t cap)
{
    static const char *const PARTS[] = {"a", "Z", "0", " ", "\"", "/", "宿", "é", "𝄞", "~"};
    size_t len = 0, wish = up_to(cap - 1);
    while (len < wish) {
        const char *part = dice == NULL ? "x" : PARTS[rand_below(dice, 10)];
        if (len + strlen(part) > cap - 1)
            break;
        memcpy(out + len, part, strlen(part));
        len += strlen(part);
    }
}

static struct bytes some(uint8_t *store, size_t max)
{
    size_t len = up_to(max);
    for (size_t i = 0; i < len; i++)
        store[i] = (uint8_t)any();
    return len == 0 ? (struct bytes){0} : (struct bytes){store, len};
}

static void octets(uint8_t *data, size_t max, size_t *len)
{
    *len = up_to(max);
    for (size_t i = 0; i < *len; i++)
        data[i] = (uint8_t)any();
}

static void fill_hello(struct uplink_message *m)
{
    m->hello.queue_epoch = any();
    m->hello.config_version = any();
    m->hello.wall = any_time();
    m->hello.wall_trusted = flag();
    text(m->hello.program, sizeof m->hello.program);
    m->hello.permits = flag();
    m->hello.updates = flag();
}

static void fill_welcome(struct uplink_message *m)
{
    m->welcome.wall = any_time();
    m->welcome.acked_epoch = any();
    m->welcome.acked_seq = any();
    m->welcome.config_version = any();
}

static void fill_ack(struct uplink_message *m)
{
    m->ack.epoch = any();
    m->ack.seq = any();
}

static void fill_config(struct uplink_message *m)
{
    struct uplink_config *c = &m->config;
    memset(lines, 0, sizeof lines);
    memset(meters, 0, sizeof meters);
    c->version = any();
    c->part = any();
    c->parts = any();
    c->line_count = up_to(UPLINK_CONFIG_LINES_MAX);
    c->meter_count = up_to(UPLINK_CONFIG_METERS_MAX);
    for (size_t i = 0; i < c->line_count; i++) {
        lines[i].number = any();
        text(lines[i].endpoint, sizeof lines[i].endpoint);
        lines[i].baud = any();
        lines[i].parity = "NEO"[choice(0, 2)];
    }
    for (size_t i = 0; i < c->meter_count; i++) {
        meters[i].meter_id = any();
        meters[i].line = any();
        text(meters[i].address, sizeof meters[i].address);
        text(meters[i].model, sizeof meters[i].model);
        meters[i].epoch = any();
        text(meters[i].customer_number, sizeof meters[i].customer_number);
        meters[i].circuits = any();
    }
    c->lines = c->line_count > 0 ? lines : NULL;
    c->meters = c->meter_count > 0 ? meters : NULL;
}

static void fill_applied(struct uplink_message *m)
{
    m->config_version = any();
}

static void fill_command(struct uplink_message *m)
{
    struct uplink_command *c = &m->command;
    c->id = any();
    c->kind = choice(UPLINK_VEND, UPLINK_EXERCISE);
    c->meter_id = any();
    c->epoch = any();
    c->not_after = any_time();
    c->n = any();
    c->amount_fen = any();
    c->circuit = any();
    c->version = any();
    c->open = flag();
    c->on = flag();
    c->item = any();
    octets(c->data, sizeof c->data, &c->data_len);
}

static void fill_fence(struct uplink_message *m)
{
    m->fence_id = any();
}

static void fill_clock(struct uplink_message *m)
{
    m->wall = any_time();
}

static void fill_readings(struct uplink_message *m)
{
    memset(readings, 0, sizeof readings);
    m->readings.count = up_to(UPLINK_READINGS_MAX);
    m->readings.readings = m->readings.count > 0 ? readings : NULL;
    m->readings.seq_epoch = m->epoch;
    m->readings.seq = m->seq;
    for (size_t i = 0; i < m->readings.count; i++) {
        struct uplink_reading *r = &readings[i];
        r->meter_id = any();
        r->epoch = any();
        r->at = any_time();
        r->point_count = up_to(UPLINK_POINTS_MAX);
        for (size_t p = 0; p < r->point_count; p++) {
            r->points[p].point = any();
            r->points[p].value = any();
        }
    }
}

static void fill_outcome(struct uplink_message *m)
{
    struct uplink_outcome *o = &m->outcome;
    o->command_id = any();
    o->meter_id = any();
    o->epoch = any();
    o->kind = choice(UPLINK_VEND, UPLINK_EXERCISE);
    o->status = choice(UPLINK_DONE, UPLINK_NO_METER);
    o->at = any_time();
    o->sent = flag();
    o->reply = choice(UPLINK_REPLY_NONE, UPLINK_REPLY_OTHER);
    o->count = any();
    o->record_n = any();
    o->record_amount_fen = any();
    o->purchased_fen = any();
    o->balance_fen = dice == NULL ? INT64_MAX : any(); /* INT64_MIN is what is left out */
    o->circuit = any();
    o->version = any();
    o->relay_open = any();
    o->keep_power = any();
    o->item = any();
    octets(o->data, sizeof o->data, &o->data_len);
}

static void fill_event(struct uplink_message *m)
{
    m->event.kind = choice(UPLINK_METER_SILENT, UPLINK_AWAY_CUT);
    m->event.at = any_time();
    m->event.meter_id = any();
    m->event.line = any();
    m->event.value = any();
    m->event.command_id = any();
}

static void fill_trip(struct uplink_message *m)
{
    struct uplink_trip *t = &m->trip;
    int64_t *const fields[] = {&t->meter_id, &t->epoch,   &t->number,      &t->at.s,
                               &t->circuit,  &t->reason,  &t->power_w,     &t->balance_fen,
                               &t->verdict,  &t->flags,   &t->step_mw,     &t->step_mvar,
                               &t->factor,   &t->inrush,  &t->third,       &t->value,
                               &t->limit};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        *fields[i] = any();
}

static void fill_line_meters(struct uplink_line_meter *list, size_t *count, unsigned high)
{
    *count = up_to(high);
    for (size_t i = 0; i < *count; i++)
        list[i] = (struct uplink_line_meter){any(), any()};
}

static void fill_line(struct uplink_message *m)
{
    static struct uplink_line_meter slow[UPLINK_LINE_SLOW_MAX], quiet[UPLINK_LINE_SILENT_MAX];
    struct uplink_line *l = &m->line;
    int64_t *const fields[] = {
        &l->number,  &l->period_ms, &l->meters,        &l->silent,  &l->exchanges, &l->answered,
        &l->retries, &l->timeouts,  &l->damaged,       &l->strays,  &l->foreign,   &l->collisions,
        &l->pushed,  &l->echoes,    &l->garbage_bytes, &l->busy_ms, &l->useful_ms, &l->yielded_ms};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        *fields[i] = any();
    l->slow = slow;
    l->quiet = quiet;
    fill_line_meters(slow, &l->slow_count, UPLINK_LINE_SLOW_MAX);
    fill_line_meters(quiet, &l->quiet_count, UPLINK_LINE_SILENT_MAX);
}

static void fill_permit(struct uplink_message *m)
{
    struct uplink_permit *p = &m->permit;
    memset(permit_meters, 0, sizeof permit_meters);
    memset(permit_windows, 0, sizeof permit_windows);
    p->account_id = any();
    p->at = any_time();
    p->valid_from = any_time();
    p->valid_until = any_time();
    p->left_wh = any();
    p->grace_s = any();
    p->window_count = up_to(UPLINK_PERMIT_WINDOWS_MAX);
    p->meter_count = up_to(UPLINK_PERMIT_METERS_MAX);
    for (size_t i = 0; i < p->window_count; i++)
        permit_windows[i] = (struct uplink_permit_window){any_time(), any_time()};
    for (size_t i = 0; i < p->meter_count; i++)
        permit_meters[i] =
            (struct uplink_permit_meter){any(), any(), any(), any(), any(), any(), any()};
    p->windows = p->window_count > 0 ? permit_windows : NULL;
    p->meters = p->meter_count > 0 ? permit_meters : NULL;
}

static void fill_update(struct uplink_message *m)
{
    struct uplink_update *u = &m->update;
    u->id = any();
    u->size = any();
    octets(u->sha256, sizeof u->sha256, &u->sha256_len);
    u->trial_s = any();
    u->from_minute = any();
    u->until_minute = any();
    u->downgrade = flag();
}

static void fill_ask(struct uplink_message *m)
{
    m->ask = (struct uplink_ask){any(), any()};
}

static void fill_block(struct uplink_message *m)
{
    m->block.id = any();
    m->block.offset = any();
    m->block.data = some(bytes_a, UPLINK_BLOCK_MAX);
}

static void fill_program(struct uplink_message *m)
{
    struct uplink_program *p = &m->program;
    p->id = any();
    p->stage = (enum uplink_update_stage)choice(UPLINK_UPDATE_NONE, UPLINK_UPDATE_WITHDRAWN);
    p->received = any();
    text(p->error, sizeof p->error);
    text(p->version, sizeof p->version);
    text(p->machine, sizeof p->machine);
    p->store = any();
    text(p->place, sizeof p->place);
    p->trial = flag();
    text(p->last, sizeof p->last);
    text(p->left, sizeof p->left);
}

static void fill_claim(struct uplink_message *m)
{
    text(m->claim.serial, sizeof m->claim.serial);
    text(m->claim.code, sizeof m->claim.code);
    m->claim.request = some(bytes_a, UPLINK_REQUEST_MAX);
}

static void fill_claimed(struct uplink_message *m)
{
    m->claimed.gateway_id = any();
    m->claimed.secret = some(bytes_b, 32);
    m->claimed.certificate = some(bytes_a, UPLINK_CERTIFICATE_MAX);
    text(m->claimed.refusal, sizeof m->claimed.refusal);
}

static void (*const FILL[RANDOM_KINDS + 1])(struct uplink_message *) = {
    [UPLINK_HELLO] = fill_hello,     [UPLINK_WELCOME] = fill_welcome,
    [UPLINK_ACK] = fill_ack,         [UPLINK_CONFIG] = fill_config,
    [UPLINK_APPLIED] = fill_applied, [UPLINK_COMMAND] = fill_command,
    [UPLINK_FENCE] = fill_fence,     [UPLINK_PING] = fill_clock,
    [UPLINK_PONG] = fill_clock,      [UPLINK_READINGS] = fill_readings,
    [UPLINK_OUTCOME] = fill_outcome, [UPLINK_EVENT] = fill_event,
    [UPLINK_CLAIM] = fill_claim,     [UPLINK_CLAIMED] = fill_claimed,
    [UPLINK_TRIP] = fill_trip,       [UPLINK_LINE] = fill_line,
    [UPLINK_PERMIT] = fill_permit,   [UPLINK_UPDATE] = fill_update,
    [UPLINK_ASK] = fill_ask,         [UPLINK_BLOCK] = fill_block,
    [UPLINK_PROGRAM] = fill_program,
};

static void fill(enum uplink_kind kind, struct uplink_message *m)
{
    memset(m, 0, sizeof *m); /* padding too: messages are compared as memory */
    m->kind = kind;
    m->epoch = flag() ? any() : 0;
    m->seq = flag() ? any() : 0;
    FILL[kind](m);
}

void random_message(struct rand_stream *r, enum uplink_kind kind, struct uplink_message *m)
{
    dice = r;
    fill(kind, m);
}

void largest_message(enum uplink_kind kind, struct uplink_message *m)
{
    dice = NULL;
    fill(kind, m);
}
