/* A new gateway proves itself with a one-time code and gets a secret and a certificate. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "headend/headend_impl.h"
#include "journal/journal.h"

#define PEM_MAX 8192

struct claim {
    struct headend_job job;
    char serial[UPLINK_TEXT_MAX];
    uint8_t code_hash[32], secret[32], certificate_hash[32];
    uint8_t pem[PEM_MAX];
    size_t pem_len;
    wall_s now;
    int64_t gateway_id;
};

static enum err check(struct store_tx *tx, void *arg)
{
    struct claim *c = arg;
    return site_claim_check(tx, c->serial, c->code_hash, c->now, &c->gateway_id);
}

static enum err use(struct store_tx *tx, void *arg)
{
    struct claim *c = arg;
    struct site_gateway g;
    struct headend_session *s = c->job.session;
    TRY(site_claim_use(
        tx, &(struct site_claim){c->serial, c->code_hash, c->secret, c->certificate_hash, c->now},
        &c->gateway_id));
    TRY(site_gateway_get(tx, c->gateway_id, &g));
    s->project_id = g.project_id;
    memcpy(s->serial, g.serial, sizeof s->serial);
    return headend_note_now(tx, s, ERR_OK, EVENT_GATEWAY_CLAIMED);
}

static void answer(struct headend_session *s, const struct claim *c, enum err result)
{
    struct uplink_message m = {.kind = UPLINK_CLAIMED};
    if (result == ERR_OK) {
        m.claimed.gateway_id = c->gateway_id;
        m.claimed.secret = (struct bytes){c->secret, sizeof c->secret};
        m.claimed.certificate = (struct bytes){c->pem, c->pem_len};
    } else {
        strncpy(m.claimed.refusal, err_name(result), sizeof m.claimed.refusal - 1);
    }
    enum err e = uplink_send(&s->link, &m);
    if (e != ERR_OK)
        headend_end(s, e, 0);
    else
        headend_flush(s);
}

static void used(void *arg, enum err result)
{
    struct claim *c = arg;
    struct headend_session *s = c->job.session;
    if (result == ERR_OK) /* the old identity ended in the same commit */
        headend_kick(s->headend, c->gateway_id, s->headend->now);
    if (s->state == HEADEND_CLAIMING) {
        s->state = HEADEND_OPENING;
        answer(s, c, result);
    }
    explicit_bzero(c, sizeof *c);
    free(c);
}

static enum err prepare(struct headend_session *s, struct claim *c, struct bytes request)
{
    struct headend *h = s->headend;
    struct writer pem = writer_of(c->pem, sizeof c->pem);
    if (h->claims++ >= HEADEND_CLAIMS_PER_MINUTE)
        return ERR_HEADEND_CLAIMS;
    /* Looked at first, so that nobody gets a signature for a guess. */
    TRY(store_read(h->config.ledger, check, c));
    if (!h->config.sinks.sign)
        return ERR_STATE;
    TRY(h->config.sinks.sign(h->config.sinks.ctx, c->serial, request, &pem, c->certificate_hash));
    TRY(pem.err);
    c->pem_len = pem.len;
    return ERR_OK;
}

void headend_claim(struct headend_session *s, const struct uplink_claim *claim)
{
    struct claim *c = calloc(1, sizeof *c);
    MUST(c);
    c->job = (struct headend_job){s, use, used};
    c->now = s->headend->now.wall;
    memcpy(c->serial, claim->serial, sizeof c->serial);
    memcpy(c->secret, s->secret, sizeof c->secret);
    journal_sha256(claim->code, strnlen(claim->code, sizeof claim->code), c->code_hash);
    enum err e = prepare(s, c, claim->request);
    if (e == ERR_OK) {
        s->state = HEADEND_CLAIMING;
        headend_submit(s->headend->config.ledger, &c->job);
        return;
    }
    answer(s, c, e);
    explicit_bzero(c, sizeof *c);
    free(c);
}
