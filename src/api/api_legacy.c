/* Leave for the legacy seal of one communication manager. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "journal/detail.h"
#include "journal/journal.h"

static void time_text(wall_s t, char out[24])
{
    struct civil c = civil_from_wall(t, 0);
    snprintf(out, 24, "%04d-%02u-%02u %02u:%02u", (int)(c.year % 10'000), c.month % 100U,
             c.day % 100U, c.hour % 100U, c.minute % 100U);
}

/* In the audit chain, and as an event for everybody who looks after the site. */
static enum err note(struct call *c, const struct site_legacy *l, bool allowed)
{
    char object[48], until[24];
    struct detail d = {};
    snprintf(object, sizeof object, "gateway:%lld", (long long)c->id);
    time_text(l->until, until);
    detail_text(&d, "serial", c->gateway.serial);
    detail_text(&d, "why", l->reason);
    if (allowed)
        detail_text(&d, "until", until);
    const char *detail = detail_end(&d);
    TRY(journal_append(c->tx, &(struct journal_act){.now = c->now,
                                                    .actor = l->actor,
                                                    .action = allowed ? "gateway.legacy_allow"
                                                                      : "gateway.legacy_end",
                                                    .object = object,
                                                    .detail = detail}));
    return journal_event(c->tx,
                         &(struct journal_event){.at = c->now,
                                                 .kind = allowed ? EVENT_GATEWAY_LEGACY_ALLOWED
                                                                 : EVENT_GATEWAY_LEGACY_ENDED,
                                                 .project_id = c->gateway.project_id,
                                                 .detail = detail});
}

enum err api_put_legacy(struct call *c, int64_t gateway_id)
{
    struct site_legacy l;
    struct jwrite *w = &c->out;
    enum err e = site_legacy_get(c->tx, gateway_id, &l);
    if (e == ERR_NOT_FOUND) {
        jwrite_null(w, "legacy");
        return ERR_OK;
    }
    TRY(e);
    jwrite_object(w, "legacy");
    jwrite_int(w, "until", l.until.s);
    jwrite_bool(w, "over", l.until.s <= c->now.s);
    jwrite_text(w, "reason", l.reason);
    jwrite_text(w, "actor", l.actor);
    jwrite_int(w, "allowed_at", l.allowed_at.s);
    jwrite_id(w, "used_at", l.used_at.s);
    jwrite_end(w);
    return ERR_OK;
}

/* until 0: no longer. */
enum err api_legacy_seal(struct call *c)
{
    const char *reason = "";
    int64_t until = 0;
    struct site_legacy l = {.allowed_at = c->now};
    TRY(api_fields(
        c, (struct api_field[]){{"until", API_FIELD_INT, 0, INT64_C(253'402'300'799), &until},
                                {"reason", API_FIELD_TEXT, 1, SITE_LEGACY_REASON_MAX, &reason},
                                {}}));
    l.until.s = until;
    snprintf(l.reason, sizeof l.reason, "%s", reason);
    api_actor(c, l.actor);
    if (until > 0)
        TRY(site_legacy_allow(c->tx, c->id, &l));
    else
        TRY(site_legacy_end(c->tx, c->id));
    TRY(note(c, &l, until > 0));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "gateway_id", c->id);
    TRY(api_put_legacy(c, c->id));
    jwrite_end(&c->out);
    return ERR_OK;
}
