#include "tests/unit/uplink/session_rig.h"

_Alignas(16) uint8_t session_arena[UPLINK_ARENA];
const uint8_t SESSION_SECRET[UPLINK_SECRET] = "the secret of gateway forty-two";
bool session_legacy;
int64_t session_legacy_until = INT64_MAX;
static uint8_t salt; /* makes the randoms of each connection differ */

static void fresh(uint8_t random[UPLINK_RANDOM])
{
    memset(random, ++salt, UPLINK_RANDOM);
}

void session_init(struct session_pair *p, int64_t epoch, const uint8_t *secret)
{
    uint8_t random[UPLINK_RANDOM];
    *p = (struct session_pair){.now = {{1000}, {1'700'000'000}},
                               .chance = rand_split(salt, "pieces")};
    fresh(random);
    struct uplink_client c = {SESSION_GATEWAY, epoch, secret, random};
    c.legacy = session_legacy;
    if (epoch == 0)
        c = (struct uplink_client){.random = random};
    uplink_client_init(&p->gateway, &c, p->now);
    fresh(random);
    uplink_server_init(&p->platform, random, p->now);
}

void session_end(struct session_pair *p)
{
    uplink_close(&p->gateway);
    uplink_close(&p->platform);
}

uint8_t session_tape[SESSION_TAPE];
size_t session_tape_len;

/* Moves all output of one end to the other. */
void session_carry(struct session_pair *p, struct uplink *from, struct uplink *to)
{
    struct bytes out = uplink_output(from);
    if (from == &p->gateway && session_tape_len + out.len <= sizeof session_tape) {
        memcpy(session_tape + session_tape_len, out.data, out.len);
        session_tape_len += out.len;
    }
    while (out.len > 0) {
        size_t n = p->dribble ? 1 + (size_t)rand_below(&p->chance, 40) : out.len;
        if (n > out.len)
            n = out.len;
        if (uplink_receive(to, p->now, out.data, n) != ERR_OK)
            assert_true(uplink_error(to) != ERR_OK);
        uplink_output_taken(from, n);
        out = uplink_output(from);
    }
}

enum uplink_step session_turn_gateway(struct session_pair *p)
{
    for (;;) {
        struct uplink_message m;
        enum uplink_step step = uplink_next(&p->gateway, p->now, session_arena, &m);
        if (step == UPLINK_STEP_OPENED)
            p->gateway_opened = true;
        else if (step == UPLINK_STEP_MESSAGE)
            p->at_gateway[p->gateway_got++ % 8] = m;
        else
            return step;
    }
}

enum uplink_step session_turn_platform(struct session_pair *p, const uint8_t *secret, int64_t known)
{
    for (;;) {
        struct uplink_message m;
        enum uplink_step step = uplink_next(&p->platform, p->now, session_arena, &m);
        if (step == UPLINK_STEP_OPENED)
            p->platform_opened = true;
        else if (step == UPLINK_STEP_MESSAGE)
            p->at_platform[p->platform_got++ % 8] = m;
        else if (step != UPLINK_STEP_SECRET)
            return step;
        if (step != UPLINK_STEP_SECRET)
            continue;
        if (uplink_is_legacy(&p->platform) && session_legacy_until > 0)
            uplink_allow_legacy(&p->platform, (wall_s){session_legacy_until});
        if (secret == NULL)
            uplink_refuse(&p->platform, ERR_NOT_FOUND, 0);
        else if (uplink_accept(&p->platform, secret, known) != ERR_OK)
            assert_true(uplink_error(&p->platform) != ERR_OK);
    }
}

/* Until nothing moves any more. */
void session_settle(struct session_pair *p, const uint8_t *secret, int64_t known)
{
    do {
        session_carry(p, &p->gateway, &p->platform);
        session_turn_platform(p, secret, known);
        session_carry(p, &p->platform, &p->gateway);
        session_turn_gateway(p);
    } while (uplink_output(&p->gateway).len > 0);
}

void session_open(struct session_pair *p)
{
    session_init(p, 7, SESSION_SECRET);
    session_settle(p, SESSION_SECRET, 6);
    assert_true(p->gateway_opened && p->platform_opened);
    assert_true(uplink_is_open(&p->gateway) && uplink_is_open(&p->platform));
    assert_int_equal(uplink_gateway(&p->platform), SESSION_GATEWAY);
    assert_int_equal(uplink_epoch(&p->platform), 7);
}

struct uplink_message session_hello(int64_t version)
{
    return (struct uplink_message){.kind = UPLINK_HELLO, .hello.config_version = version};
}

struct uplink_message session_fence(int64_t id)
{
    return (struct uplink_message){.kind = UPLINK_FENCE, .fence_id = id};
}
