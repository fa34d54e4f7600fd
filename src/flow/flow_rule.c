#include <stdio.h>

#include "flow/flow_impl.h"

#define DAY_MIN 1'440

static const struct flow_rule default_rule = {.night_from_min = 120,
                                              .night_to_min = 300,
                                              .slot_min = 60,
                                              .least_l = 10,
                                              .closed_l = 30,
                                              .exercise_days = 7,
                                              .exercise_from_min = 180,
                                              .exercise_to_min = 270};

enum err flow_rule_get(struct store_tx *tx, int64_t project_id, struct flow_rule *rule)
{
    struct query q = query_open(tx,
                                "SELECT night_from_min, night_to_min, slot_min, least_l, closed_l, "
                                "exercise_days, exercise_from_min, exercise_to_min, version, "
                                "changed_at, actor FROM flow_rule WHERE project_id = $1",
                                "i", project_id);
    *rule = default_rule;
    if (query_step(&q)) {
        *rule = (struct flow_rule){.night_from_min = query_int(&q, 0),
                                   .night_to_min = query_int(&q, 1),
                                   .slot_min = query_int(&q, 2),
                                   .least_l = query_int(&q, 3),
                                   .closed_l = query_int(&q, 4),
                                   .exercise_days = query_int(&q, 5),
                                   .exercise_from_min = query_int(&q, 6),
                                   .exercise_to_min = query_int(&q, 7),
                                   .version = query_int(&q, 8),
                                   .changed_at = {query_int(&q, 9)}};
        snprintf(rule->actor, sizeof rule->actor, "%s", query_text(&q, 10));
    }
    return query_end(&q);
}

static int64_t length(int64_t from, int64_t to)
{
    return (to - from + DAY_MIN) % DAY_MIN;
}

static bool within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

const char *flow_rule_fault(const struct flow_rule *r)
{
    if (!within(r->night_from_min, 0, DAY_MIN - 1))
        return "night_from_min";
    if (!within(r->night_to_min, 0, DAY_MIN - 1) ||
        !within(length(r->night_from_min, r->night_to_min), 60, 720))
        return "night_to_min";
    int64_t night = length(r->night_from_min, r->night_to_min);
    if (!within(r->slot_min, 15, 240) || night % r->slot_min != 0 || night / r->slot_min < 2)
        return "slot_min";
    if (!within(r->least_l, 0, 100'000))
        return "least_l";
    if (!within(r->closed_l, 10, 100'000))
        return "closed_l";
    if (!within(r->exercise_days, 0, 366))
        return "exercise_days";
    if (!within(r->exercise_from_min, 0, DAY_MIN - 1))
        return "exercise_from_min";
    if (!within(r->exercise_to_min, 0, DAY_MIN - 1) ||
        !within(length(r->exercise_from_min, r->exercise_to_min), 10, 720))
        return "exercise_to_min";
    return NULL;
}

static void put_facts(struct detail *d, const struct flow_rule *r)
{
    detail_int(d, "night_from_min", r->night_from_min);
    detail_int(d, "night_to_min", r->night_to_min);
    detail_int(d, "slot_min", r->slot_min);
    detail_int(d, "least_l", r->least_l);
    detail_int(d, "closed_l", r->closed_l);
    detail_int(d, "exercise_days", r->exercise_days);
    detail_int(d, "exercise_from_min", r->exercise_from_min);
    detail_int(d, "exercise_to_min", r->exercise_to_min);
}

/* Nights that are running end unjudged, and exercises are planned afresh. */
static enum err begin_anew(struct store_tx *tx, int64_t project_id, int64_t days, wall_s now)
{
    TRY(store_exec(tx,
                   "UPDATE flow_meter SET night_from = 0, night_to = 0, slot = -1 "
                   "WHERE meter_id IN (SELECT id FROM meter WHERE project_id = $1)",
                   "i", project_id));
    return store_exec(tx,
                      "UPDATE flow_meter SET exercise_at = CASE WHEN exercise_from + $3 > $2 "
                      "THEN exercise_from + $3 ELSE $2 END WHERE exercise_at > 0 "
                      "AND exercise_id = 0 AND meter_id IN (SELECT id FROM meter "
                      "WHERE project_id = $1)",
                      "iii", project_id, now.s, days * FLOW_DAY_S);
}

enum err flow_rule_put(struct store_tx *tx, int64_t project_id, const struct flow_rule *r,
                       const char *actor, wall_s now)
{
    struct flow_rule before;
    struct detail d = {};
    char object[40];
    if (flow_rule_fault(r))
        return ERR_RANGE;
    TRY(flow_rule_get(tx, project_id, &before));
    if (before.version != r->version)
        return ERR_STATE;
    TRY(store_exec(tx,
                   "INSERT INTO flow_rule (project_id, night_from_min, night_to_min, slot_min, "
                   "least_l, closed_l, exercise_days, exercise_from_min, exercise_to_min, version, "
                   "changed_at, actor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10, $11) "
                   "ON CONFLICT (project_id) DO UPDATE SET night_from_min = "
                   "excluded.night_from_min, night_to_min = excluded.night_to_min, slot_min = "
                   "excluded.slot_min, least_l = excluded.least_l, closed_l = excluded.closed_l, "
                   "exercise_days = excluded.exercise_days, exercise_from_min = "
                   "excluded.exercise_from_min, exercise_to_min = excluded.exercise_to_min, "
                   "version = flow_rule.version + 1, changed_at = excluded.changed_at, "
                   "actor = excluded.actor",
                   "iiiiiiiiiit", project_id, r->night_from_min, r->night_to_min, r->slot_min,
                   r->least_l, r->closed_l, r->exercise_days, r->exercise_from_min,
                   r->exercise_to_min, now.s, actor));
    TRY(begin_anew(tx, project_id, r->exercise_days, now));
    snprintf(object, sizeof object, "project:%lld", (long long)project_id);
    put_facts(&d, r);
    detail_int(&d, "version_before", before.version);
    return journal_append(tx, &(struct journal_act){.now = now,
                                                    .actor = actor,
                                                    .action = "flow.rule",
                                                    .object = object,
                                                    .detail = detail_end(&d)});
}

struct flow_hours flow_hours_of(wall_s at, int32_t offset_s, int64_t from_min, int64_t to_min)
{
    int64_t local = at.s + offset_s, midnight = local - local % FLOW_DAY_S;
    int64_t long_s = length(from_min, to_min) * FLOW_MINUTE_S;
    int64_t from = midnight + from_min * FLOW_MINUTE_S - FLOW_DAY_S;
    while (from + long_s <= local)
        from += FLOW_DAY_S;
    return (struct flow_hours){{from - offset_s}, {from + long_s - offset_s}};
}
