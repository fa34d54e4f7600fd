/* Projects, places, gateways, freshness. */
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/zone.h"
#include "headend/headend.h"

#define FRESH_S 180

void api_put_project(struct jwrite *w, const char *key, const struct site_project *p)
{
    int32_t offset_s = 0;
    if (!zone_offset(p->zone, &offset_s))
        offset_s = 0; /* an unknown zone is shown in UTC; billing refuses it by itself */
    jwrite_object(w, key);
    jwrite_int(w, "id", p->id);
    jwrite_text(w, "code", p->code);
    jwrite_text(w, "name", p->name);
    jwrite_text(w, "zone", p->zone);
    jwrite_int(w, "utc_offset_s", offset_s);
    jwrite_end(w);
}

static enum err put_visible(void *arg, const struct site_project *p)
{
    struct call *c = arg;
    if (auth_sees(&c->who, p->id))
        api_put_project(&c->out, NULL, p);
    return ERR_OK;
}

enum err api_projects(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "projects");
    TRY(site_projects(c->tx, put_visible, c));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

void api_put_place(struct jwrite *w, const char *key, const struct site_place *p)
{
    jwrite_object(w, key);
    jwrite_int(w, "id", p->id);
    jwrite_id(w, "parent_id", p->parent_id);
    jwrite_text(w, "kind", site_place_kind_name(p->kind));
    jwrite_text(w, "code", p->code);
    jwrite_text(w, "name", p->name);
    jwrite_end(w);
}

static enum err put_one_place(void *arg, const struct site_place *p)
{
    api_put_place(arg, NULL, p);
    return ERR_OK;
}

enum err api_places(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "places");
    TRY(site_places(c->tx, c->id, put_one_place, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

static enum err put_person(void *arg, const struct auth_person *p)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", p->id);
    jwrite_text(w, "name", p->name);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_people(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "people");
    TRY(auth_people(c->tx, c->id, put_person, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- gateways ---- */

struct line_sum {
    int64_t line_id, meters, fresh, oldest_s; /* oldest -1: none was ever read */
};

struct gateway_walk {
    struct call *call;
    struct line_sum *sums; /* of one gateway, by line number */
    int64_t meters, fresh;
};

static enum err add_meter(void *arg, const struct site_meter *m)
{
    struct gateway_walk *g = arg;
    struct call *c = g->call;
    if (m->line_number < 0 || m->line_number > SITE_LINES_MAX)
        return ERR_BUG;
    struct line_sum *sum = &g->sums[m->line_number];
    int64_t age_s = readings_age_s(c->api->options.readings, m->id, c->now);
    g->meters++;
    sum->meters++;
    if (age_s == INT64_MAX)
        return ERR_OK;
    if (age_s > sum->oldest_s)
        sum->oldest_s = age_s;
    sum->fresh += age_s <= FRESH_S;
    g->fresh += age_s <= FRESH_S;
    return ERR_OK;
}

static enum err put_line(void *arg, const struct site_line *line)
{
    struct gateway_walk *g = arg;
    struct jwrite *w = &g->call->out;
    const struct line_sum *sum = &g->sums[line->number];
    char parity[2] = {line->parity};
    jwrite_object(w, NULL);
    jwrite_int(w, "id", line->id);
    jwrite_int(w, "number", line->number);
    jwrite_text(w, "endpoint", line->endpoint);
    jwrite_int(w, "baud", line->baud);
    jwrite_text(w, "parity", parity);
    jwrite_int(w, "meters", sum->meters);
    jwrite_int(w, "fresh", sum->fresh);
    if (sum->oldest_s < 0)
        jwrite_null(w, "oldest_age_s");
    else
        jwrite_int(w, "oldest_age_s", sum->oldest_s);
    jwrite_end(w);
    return ERR_OK;
}

static const char *gateway_state(const struct call *c, const struct site_gateway *g)
{
    const struct headend *h = c->api->options.headend;
    if (g->revoked)
        return "revoked";
    if (!g->claimed)
        return "unclaimed";
    return h && headend_online(h, g->id) ? "online" : "offline";
}

static enum err put_gateway(void *arg, const struct site_gateway *g)
{
    struct gateway_walk *walk = arg;
    struct jwrite *w = &walk->call->out;
    for (size_t i = 0; i <= SITE_LINES_MAX; i++)
        walk->sums[i] = (struct line_sum){.oldest_s = -1};
    walk->meters = walk->fresh = 0;
    TRY(site_meters_of_gateway(walk->call->tx, g->id, add_meter, walk));
    jwrite_object(w, NULL);
    jwrite_int(w, "id", g->id);
    jwrite_text(w, "serial", g->serial);
    jwrite_text(w, "name", g->name);
    jwrite_text(w, "state", gateway_state(walk->call, g));
    jwrite_id(w, "last_seen", g->last_seen.s);
    jwrite_int(w, "config_version", g->config_version);
    jwrite_int(w, "config_applied", g->config_applied);
    jwrite_int(w, "meters", walk->meters);
    jwrite_int(w, "fresh", walk->fresh);
    TRY(api_put_legacy(walk->call, g->id));
    TRY(api_put_program(walk->call, g->id));
    jwrite_array(w, "lines");
    TRY(site_lines(walk->call->tx, g->id, put_line, walk));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_gateways(struct call *c)
{
    struct line_sum sums[SITE_LINES_MAX + 1];
    struct gateway_walk walk = {.call = c, .sums = sums};
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "gateways");
    TRY(site_gateways(c->tx, c->id, put_gateway, &walk));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- freshness ---- */

static const int64_t bounds_s[] = {30, 60, 90, 120, 150, 180, 300, 900, 3600};
#define BOUNDS (sizeof bounds_s / sizeof bounds_s[0])

struct ages {
    struct call *call;
    int64_t *age_s;
    size_t count, cap;
    int64_t never;
};

static enum err add_age(void *arg, const struct site_meter *m)
{
    struct ages *a = arg;
    int64_t age_s = readings_age_s(a->call->api->options.readings, m->id, a->call->now);
    if (age_s == INT64_MAX) {
        a->never++;
        return ERR_OK;
    }
    if (a->count == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 256;
        int64_t *more = realloc(a->age_s, cap * sizeof *more);
        if (!more)
            return ERR_MEMORY;
        a->age_s = more;
        a->cap = cap;
    }
    a->age_s[a->count++] = age_s;
    return ERR_OK;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest age that at least `permille` of the meters do not exceed. */
static void put_quantile(struct jwrite *w, const char *key, const struct ages *a, size_t permille)
{
    if (a->count == 0)
        jwrite_null(w, key);
    else
        jwrite_int(w, key, a->age_s[(a->count * permille + 999) / 1000 - 1]);
}

static void put_buckets(struct jwrite *w, const struct ages *a)
{
    size_t at = 0;
    jwrite_array(w, "buckets");
    for (size_t b = 0; b <= BOUNDS; b++) {
        int64_t meters = 0;
        for (; at < a->count && (b == BOUNDS || a->age_s[at] <= bounds_s[b]); at++)
            meters++;
        jwrite_object(w, NULL);
        if (b < BOUNDS)
            jwrite_int(w, "le_s", bounds_s[b]);
        else
            jwrite_null(w, "le_s");
        jwrite_int(w, "meters", meters);
        jwrite_end(w);
    }
    jwrite_end(w);
}

enum err api_freshness(struct call *c)
{
    struct ages a = {.call = c};
    struct jwrite *w = &c->out;
    enum err e = site_meters(c->tx, c->id, add_age, &a);
    if (e == ERR_OK) {
        if (a.count > 0)
            qsort(a.age_s, a.count, sizeof *a.age_s, ascending);
        jwrite_object(w, NULL);
        jwrite_int(w, "now", c->now.s);
        jwrite_int(w, "promise_s", FRESH_S);
        jwrite_int(w, "meters", (int64_t)a.count + a.never);
        jwrite_int(w, "never", a.never);
        put_quantile(w, "max_age_s", &a, 1000);
        put_quantile(w, "p50_s", &a, 500);
        put_quantile(w, "p99_s", &a, 990);
        put_buckets(w, &a);
        jwrite_end(w);
    }
    free(a.age_s);
    return e;
}
