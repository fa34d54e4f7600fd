/* Find an account by anything that stands on a receipt, a door or a meter. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"

struct finder {
    struct call *call;
    const char *text;
    int64_t left;
};

/* What made the account match, for the eye. */
struct match {
    const char *kind, *text;
    int64_t meter_id;
    char masked[SITE_PHONE_MAX + 1];
    struct site_customer customer;
    char address[16];
};

struct meter_finder {
    const char *text;
    struct match *match;
};

static enum err match_meter(void *arg, const struct site_meter *m)
{
    struct meter_finder *f = arg;
    if (!f->match->kind && strcasestr(m->address, f->text)) {
        snprintf(f->match->address, sizeof f->match->address, "%s", m->address);
        f->match->kind = "meter";
        f->match->text = f->match->address;
        f->match->meter_id = m->id;
    }
    return ERR_OK;
}

/* The digits that were searched for may be seen; the rest is hidden. */
static void mask_around(const char *phone, const char *text, char *out)
{
    const char *at = strstr(phone, text);
    size_t len = strlen(phone), from = at ? (size_t)(at - phone) : len;
    for (size_t i = 0; i < len; i++)
        out[i] = i >= from && i < from + strlen(text) ? phone[i] : '*';
    out[len] = '\0';
}

static enum err match_customer(struct call *c, const struct site_account *a, const char *text,
                               struct match *m)
{
    if (!a->customer_id)
        return ERR_OK;
    TRY(site_customer_get(c->tx, a->customer_id, &m->customer));
    if (strcasestr(m->customer.name, text) || strcasestr(m->customer.code, text)) {
        m->kind = "customer";
        m->text = m->customer.name;
    } else if (*m->customer.phone && strstr(m->customer.phone, text)) {
        mask_around(m->customer.phone, text, m->masked);
        m->kind = "customer";
        m->text = m->masked;
    }
    return ERR_OK;
}

static enum err put_hit(struct call *c, const struct site_account *a, const struct match *m,
                        const char *order_id)
{
    struct site_place place;
    TRY(site_place_get(c->tx, a->place_id, &place));
    jwrite_object(&c->out, NULL);
    jwrite_text(&c->out, "kind", m->kind ? m->kind : "account");
    jwrite_int(&c->out, "account_id", a->id);
    jwrite_int(&c->out, "project_id", a->project_id);
    jwrite_text(&c->out, "code", a->code);
    jwrite_text(&c->out, "name", a->name);
    jwrite_text(&c->out, "place", place.code);
    jwrite_text(&c->out, "matched", m->kind ? m->text : a->code);
    if (order_id)
        jwrite_text(&c->out, "order_id", order_id);
    if (m->meter_id)
        jwrite_int(&c->out, "meter_id", m->meter_id);
    jwrite_end(&c->out);
    return ERR_OK;
}

static enum err found(void *arg, const struct site_account *a)
{
    struct finder *f = arg;
    struct match m = {};
    if (!auth_sees(&f->call->who, a->project_id) || f->left <= 0)
        return ERR_OK;
    if (!strcasestr(a->code, f->text) && !strcasestr(a->name, f->text)) {
        TRY(match_customer(f->call, a, f->text, &m));
        struct meter_finder finder = {f->text, &m};
        if (!m.kind)
            TRY(site_meters_of_account(f->call->tx, a->id, match_meter, &finder));
    }
    f->left--;
    return put_hit(f->call, a, &m, NULL);
}

/* Orders are found by the beginning of their id, from eight characters. */
static enum err find_orders(struct finder *f)
{
    struct call *c = f->call;
    if (!api_key_ok(f->text) || !auth_role_may(c->who.role, AUTH_MONEY))
        return ERR_OK;
    struct query q = query_open(c->tx,
                                "SELECT account_id, order_id FROM sale_order "
                                "WHERE order_id >= $1 AND order_id < $1 || '~' LIMIT 20",
                                "t", f->text);
    enum err e = ERR_OK;
    while (e == ERR_OK && f->left > 0 && query_step(&q)) {
        struct site_account a;
        struct match m = {.kind = "order", .text = query_text(&q, 1)};
        e = site_account_get(c->tx, query_int(&q, 0), &a);
        if (e == ERR_OK && auth_sees(&c->who, a.project_id)) {
            f->left--;
            e = put_hit(c, &a, &m, query_text(&q, 1));
        }
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

/* Those who see everything are asked for once; others project by project, so that what they may not
 * see never fills their list. */
static enum err find_accounts(struct finder *f)
{
    struct call *c = f->call;
    if (c->who.role == AUTH_ADMIN)
        return site_accounts_find(c->tx, 0, f->text, f->left, found, f);
    for (size_t i = 0; i < c->who.project_count && f->left > 0; i++)
        TRY(site_accounts_find(c->tx, c->who.projects[i], f->text, f->left, found, f));
    return ERR_OK;
}

enum err api_search(struct call *c)
{
    struct finder f = {.call = c};
    TRY(api_query_text(c, "q", 64, &f.text));
    if (!f.text || !*f.text)
        return api_bad(c, "q", ERR_API_FIELD, "what shall be found is missing");
    TRY(api_query_limit(c, &f.left));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "hits");
    TRY(find_orders(&f));
    TRY(find_accounts(&f));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
