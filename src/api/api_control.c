/* Relays and keep-power by hand; one-time codes of gateways. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "control/control.h"
#include "control/fee.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define CLAIM_S 3600

void api_put_relay(struct jwrite *w, const char *key, const struct control_relay *r)
{
    jwrite_object(w, key);
    jwrite_int(w, "meter_id", r->meter_id);
    jwrite_int(w, "circuit", r->circuit);
    jwrite_text(w, "state", control_state_name(r->state));
    jwrite_id(w, "state_at", r->state_at.s);
    jwrite_text(w, "desired", control_desired_name(r->desired));
    jwrite_int(w, "version", r->version);
    jwrite_text(w, "reason", r->reason);
    jwrite_text(w, "actor", r->actor);
    jwrite_id(w, "changed_at", r->changed_at.s);
    jwrite_id(w, "not_after", r->not_after.s);
    jwrite_bool(w, "keep", r->keep_power);
    jwrite_bool(w, "pending", r->pending);
    jwrite_end(w);
}

static int64_t mask_of(const struct site_meter *m, int64_t circuit)
{
    return circuit == 0 ? (INT64_C(1) << m->circuits) - 1 : INT64_C(1) << (circuit - 1);
}

struct fold {
    const struct site_meter *meter;
    struct api_outputs *out;
    int64_t read_s; /* of the reading that is in `out` */
};

/* What was read back after a command counts from then on, until the meter is polled again. */
static enum err fold_relay(void *arg, const struct control_relay *r)
{
    struct fold *f = arg;
    int64_t mask = mask_of(f->meter, r->circuit);
    f->out->keep = f->out->keep || r->keep_power;
    f->out->pending = f->out->pending || r->pending;
    if (r->state == CONTROL_UNKNOWN || r->state_at.s < f->read_s)
        return ERR_OK;
    bool all_open =
        (f->out->open & mask) == mask; /* a whole meter is closed when not all are open */
    if (r->state == CONTROL_IS_OPEN)
        f->out->open |= mask;
    else if (all_open || r->circuit != 0)
        f->out->open &= ~mask;
    f->out->known |= mask;
    if (r->state_at.s > f->out->at.s)
        f->out->at = r->state_at;
    return ERR_OK;
}

enum err api_outputs(struct api *a, struct store_tx *tx, const struct site_meter *m,
                     struct api_outputs *out)
{
    int64_t value;
    *out = (struct api_outputs){};
    if (readings_value(a->options.readings, m->id, POINT_RELAY_OPEN, &out->open, &out->at))
        out->known = mask_of(m, 0);
    if (readings_value(a->options.readings, m->id, POINT_KEEP_POWER, &value, NULL))
        out->keep = value != 0;
    struct fold f = {m, out, out->at.s};
    return control_list(tx, m->id, fold_relay, &f);
}

enum err api_load_relay(struct api *a, struct store_tx *tx, const struct site_meter *m,
                        struct control_relay *relay)
{
    struct api_outputs outputs;
    TRY(api_outputs(a, tx, m, &outputs));
    TRY(control_get(tx, m->id, relay->circuit, relay));
    int64_t mask = mask_of(m, relay->circuit);
    relay->keep_power = outputs.keep;
    if ((outputs.known & mask) == mask) {
        relay->state = (outputs.open & mask) == mask ? CONTROL_IS_OPEN : CONTROL_IS_CLOSED;
        relay->state_at = outputs.at;
    }
    return ERR_OK;
}

static enum err answer_relay(struct call *c, int64_t circuit)
{
    struct control_relay relay = {.circuit = circuit};
    TRY(api_load_relay(c->api, c->tx, &c->meter, &relay));
    api_put_relay(&c->out, NULL, &relay);
    c->status = 202;
    c->wrote_account = c->meter.account_id;
    return ERR_OK;
}

/* A warden restores the rooms of the dormitory; to cut is not his. */
static enum err check_desired(struct call *c, const char *desired, enum control_desired *out)
{
    if (strcmp(desired, "open") == 0)
        *out = CONTROL_OPEN;
    else if (strcmp(desired, "closed") == 0)
        *out = CONTROL_CLOSED;
    else
        return api_bad(c, "desired", ERR_API_FIELD, "open or closed is expected");
    return *out == CONTROL_OPEN && c->who.role == AUTH_WARDEN ? ERR_AUTH_FORBIDDEN : ERR_OK;
}

/* A circuit that is not held open by itself returns with the whole meter only. */
static enum err check_circuit(struct call *c, int64_t circuit, enum control_desired wish)
{
    struct control_relay whole, own;
    if (circuit < 1 || c->meter.circuits < 2 || wish != CONTROL_CLOSED)
        return ERR_OK;
    TRY(control_get(c->tx, c->id, 0, &whole));
    TRY(control_get(c->tx, c->id, circuit, &own));
    return whole.desired == CONTROL_OPEN && own.desired != CONTROL_OPEN ? ERR_CONTROL_WHOLE
                                                                        : ERR_OK;
}

enum err api_relay(struct call *c)
{
    const char *desired = "", *reason = "";
    int64_t circuit = 0;
    enum control_desired wish = CONTROL_NONE;
    char actor[32];
    TRY(api_fields(c,
                   (struct api_field[]){{"circuit", API_FIELD_INT, 0, SITE_CIRCUITS_MAX, &circuit},
                                        {"desired", API_FIELD_TEXT, 1, 16, &desired},
                                        {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                        {}}));
    TRY(check_desired(c, desired, &wish));
    TRY(check_circuit(c, circuit, wish));
    api_actor(c, actor);
    struct detail d = {};
    detail_text(&d, "text", reason);
    enum err e = control_wish(c->tx,
                              &(struct control_wish){.meter_id = c->id,
                                                     .circuit = circuit,
                                                     .desired = wish,
                                                     .reason = "manual",
                                                     .detail = detail_end(&d),
                                                     .actor = actor,
                                                     .now = c->now,
                                                     .random = api_draw()},
                              NULL);
    if (e == ERR_CONTROL_CIRCUIT)
        c->field = "circuit";
    TRY(e);
    return answer_relay(c, circuit);
}

enum err api_keep(struct call *c)
{
    const char *reason = "";
    bool on = false;
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"on", API_FIELD_BOOL, 0, 0, &on},
                                           {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                           {}}));
    api_actor(c, actor);
    TRY(control_keep(c->tx, &(struct control_keep){.meter_id = c->id,
                                                   .on = on,
                                                   .reason = reason,
                                                   .actor = actor,
                                                   .now = c->now,
                                                   .random = api_draw()}));
    return answer_relay(c, 0);
}

/* 120 random bits, in groups that can be read out over the telephone. */
static void make_code(char code[40])
{
    static const char letters[] = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    uint8_t random[24];
    size_t len = 0;
    io_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        if (i > 0 && i % 6 == 0)
            code[len++] = '-';
        code[len++] = letters[random[i] % (sizeof letters - 1)];
    }
    code[len] = '\0';
}

static enum err note_claim(struct call *c)
{
    char actor[32], object[48];
    struct detail d = {};
    api_actor(c, actor);
    snprintf(object, sizeof object, "gateway:%lld", (long long)c->id);
    detail_text(&d, "serial", c->gateway.serial);
    return journal_append(c->tx, &(struct journal_act){.now = c->now,
                                                       .actor = actor,
                                                       .action = "gateway.claim_code",
                                                       .object = object,
                                                       .detail = detail_end(&d)});
}

enum err api_claim_code(struct call *c)
{
    char code[40];
    uint8_t hash[JOURNAL_HASH_SIZE];
    wall_s until = {c->now.s + CLAIM_S};
    make_code(code);
    journal_sha256(code, strlen(code), hash);
    TRY(site_claim_create(c->tx, c->id, hash, until));
    TRY(note_claim(c));
    c->status = 201;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "gateway_id", c->id);
    jwrite_text(&c->out, "serial", c->gateway.serial);
    jwrite_text(&c->out, "code", code);
    jwrite_int(&c->out, "valid_until", until.s);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_grounds_changed(struct call *c, int64_t project_id)
{
    return control_grounds_changed(c->tx,
                                   &(struct control_grounds){project_id, c->now, api_draw()});
}
