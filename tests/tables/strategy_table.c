/*
 * Runs tables of decisions: strategy_table FILE... Each line starts from the same comfortable account
 * and names what differs. Every reason and every action must occur in the tables at least once, and
 * every guard must occur alone. strategy_table --manual FILE... prints them for people instead.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strategy/strategy.h"

struct one {
    struct strategy_policy policy;
    struct strategy_facts facts;
};

#define NOW 1'000'000
#define ZONE_S (8 * 3600)

static bool seen_reason[STRATEGY_REASON_COUNT], seen_action[STRATEGY_ACTION_COUNT];
static uint64_t stood, alone; /* guards: in any line, as the only one */
static bool manual;

static struct one comfortable(void)
{
    return (struct one){.policy = strategy_policy_default(),
                        .facts = {.now = {NOW},
                                  .local_minute = 600,
                                  .weekday = 2,
                                  .clock_trusted = true,
                                  .account_open = true,
                                  .contract_signed = true,
                                  .available_known = true,
                                  .available_fen = 10'000,
                                  .reading_age_s = 60,
                                  .relay = STRATEGY_RELAY_CLOSED}};
}

static void make_due(struct strategy_facts *f)
{
    f->available_fen = 0;
    f->level = 3;
    f->level_at.s = 990'000;
    f->warned_level = 3;
    f->notices = 1;
    f->notice_at.s = 990'000;
    f->notice_channels = 1;
}

static enum calendar_kind day_of(const char *text)
{
    int k = 0;
    while (k < CALENDAR_KINDS && strcmp(calendar_kind_name((enum calendar_kind)k), text) != 0)
        k++;
    return (enum calendar_kind)k;
}

/* "2026-02-13T19:59:59" in UTC+8: the decision is made then, and what was set before keeps its age. */
static bool set_time(struct one *c, const char *text)
{
    int year, month, day, hour, minute, second;
    struct strategy_facts *f = &c->facts;
    if (sscanf(text, "%d-%d-%dT%d:%d:%d", &year, &month, &day, &hour, &minute, &second) != 6)
        return false;
    int32_t days = civil_days_from_date(year, (unsigned)month, (unsigned)day);
    int64_t now_s = civil_day_start(days, ZONE_S).s + hour * 3600 + minute * 60 + second;
    int64_t later_s = now_s - f->now.s;
    f->level_at.s += f->level_at.s ? later_s : 0;
    f->notice_at.s += f->notice_at.s ? later_s : 0;
    f->limited_at.s += f->limited_at.s ? later_s : 0;
    strategy_facts_time(&c->policy, (wall_s){now_s}, ZONE_S, f);
    return true;
}

static bool set_age(struct strategy_facts *f, const char *name, int64_t ago_s)
{
    wall_s at = {f->now.s - ago_s};
    if (!strcmp(name, "level_ago")) f->level_at = at;
    else if (!strcmp(name, "notice_ago")) f->notice_at = at;
    else if (!strcmp(name, "limited_ago")) f->limited_at = at;
    else return false;
    return true;
}

static bool set_fact(struct strategy_facts *f, const char *name, const char *text)
{
    int64_t v = atoll(text);
    bool on = v != 0;
    if (!strcmp(name, "available")) f->available_fen = v;
    else if (!strcmp(name, "known")) f->available_known = on;
    else if (!strcmp(name, "level")) f->level = (int)v;
    else if (!strcmp(name, "level_at")) f->level_at.s = v;
    else if (!strcmp(name, "warned")) f->warned_level = (int)v;
    else if (!strcmp(name, "notices")) f->notices = v;
    else if (!strcmp(name, "notice_at")) f->notice_at.s = v;
    else if (!strcmp(name, "open")) f->account_open = on;
    else if (!strcmp(name, "contract")) f->contract_signed = on;
    else if (!strcmp(name, "keep")) f->keep_power = on;
    else if (!strcmp(name, "no_switch")) f->no_switch = on;
    else if (!strcmp(name, "refused_at")) f->refused_at.s = v;
    else if (!strcmp(name, "payment")) f->payment_pending = on;
    else if (!strcmp(name, "vend")) f->vend_unresolved = on;
    else if (!strcmp(name, "age")) f->reading_age_s = v;
    else if (!strcmp(name, "estimated")) f->reading_estimated = on;
    else if (!strcmp(name, "clock")) f->clock_trusted = on;
    else if (!strcmp(name, "minute")) f->local_minute = (unsigned)v;
    else if (!strcmp(name, "weekday")) f->weekday = (unsigned)v;
    else if (!strcmp(name, "day")) f->day = day_of(text);
    else if (!strcmp(name, "owed")) f->other_owed_fen = v;
    else if (!strcmp(name, "true_up")) f->true_up_fen = v;
    else if (!strcmp(name, "mean")) f->mean_day_fen = v;
    else if (!strcmp(name, "recharge")) f->recharge_fen = v;
    else if (!strcmp(name, "protected"))
        f->protections |= STRATEGY_PROTECTED(strategy_protection_of(text));
    else if (!strcmp(name, "partly")) f->partly_cut = on;
    else if (!strcmp(name, "confirmed")) f->confirmed = on;
    else if (!strcmp(name, "persons")) f->approval = (enum strategy_approval)v;
    else if (!strcmp(name, "can_limit")) f->can_limit = on;
    else if (!strcmp(name, "some_limited")) f->some_limited = on;
    else if (!strcmp(name, "limited_at")) f->limited_at.s = v;
    else if (!strcmp(name, "credit")) f->emergency_fen = v;
    else if (!strcmp(name, "over")) f->notice_channels = (1u << v) - 1;
    else if (!strcmp(name, "told_today")) f->told_today = v;
    else if (!strcmp(name, "wallet")) f->wallet = STRATEGY_WALLET_METER;
    else if (!strcmp(name, "relay"))
        f->relay = text[0] == 'o' ? STRATEGY_RELAY_OPEN : STRATEGY_RELAY_UNKNOWN;
    else if (!strcmp(name, "desired"))
        f->desired = text[0] == 'm' ? STRATEGY_DESIRED_OPEN_MONEY : STRATEGY_DESIRED_OPEN_PERSON;
    else return false;
    return true;
}

static bool set_policy(struct strategy_policy *p, const char *name, int64_t v)
{
    if (!strcmp(name, "cut_at")) p->cut_at_fen = v;
    else if (!strcmp(name, "restore_above")) p->restore_above_fen = v;
    else if (!strcmp(name, "grace")) p->grace_s = v;
    else if (!strcmp(name, "notice_level")) p->notice_level = v;
    else if (!strcmp(name, "notices_wanted")) p->notices = v;
    else if (!strcmp(name, "cut_automatic")) p->cut_automatic = v != 0;
    else if (!strcmp(name, "restore_automatic")) p->restore_automatic = v != 0;
    else if (!strcmp(name, "cut_on_holidays")) p->cut_on_holidays = v != 0;
    else if (!strcmp(name, "makeup")) p->cut_on_makeup = v != 0;
    else if (!strcmp(name, "other_services")) p->allow_cut_for_other_services = v != 0;
    else if (!strcmp(name, "channels_wanted")) p->notice_channels = v;
    else if (!strcmp(name, "approval")) p->approval = (enum strategy_approval)v;
    else if (!strcmp(name, "limit")) p->limit_s = v;
    else if (!strcmp(name, "safe")) p->restore_safe = v != 0;
    else if (!strcmp(name, "tell_from")) p->tell_from = (uint16_t)v;
    else if (!strcmp(name, "tell_to")) p->tell_to = (uint16_t)v;
    else if (!strcmp(name, "cap")) p->daily_cap = v;
    else if (!strcmp(name, "all")) p->level_all = v != 0;
    else if (!strcmp(name, "days1")) p->level_days[0] = v;
    else if (!strcmp(name, "days2")) p->level_days[1] = v;
    else if (!strcmp(name, "percent1")) p->level_percent[0] = v;
    else if (!strcmp(name, "percent2")) p->level_percent[1] = v;
    else if (!strcmp(name, "of_warning")) p->percent_of = STRATEGY_OF_WARNING;
    else if (!strcmp(name, "warning_days")) p->warning_days = v;
    else if (!strcmp(name, "level4")) p->level_fen[3] = v, p->level_count = 4;
    else if (!strcmp(name, "age_max")) p->reading_age_max_s = v;
    else if (!strcmp(name, "life")) p->not_after_s = v;
    else if (!strcmp(name, "weekdays")) p->weekdays = (uint8_t)v;
    else if (!strcmp(name, "from")) p->window_from = (uint16_t)v;
    else if (!strcmp(name, "to")) p->window_to = (uint16_t)v;
    else return false;
    return true;
}

static bool apply(struct one *c, char *words)
{
    char *save = NULL;
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        char *eq = strchr(w, '=');
        if (!eq) {
            if (strcmp(w, "due") != 0)
                return false;
            make_due(&c->facts);
            continue;
        }
        *eq = '\0';
        if (!strcmp(w, "at") && set_time(c, eq + 1))
            continue;
        if (!strcmp(w, "calendar")) {
            snprintf(c->policy.calendar, sizeof c->policy.calendar, "%s", eq + 1);
            continue;
        }
        if (set_age(&c->facts, w, atoll(eq + 1)))
            continue;
        if (!set_fact(&c->facts, w, eq + 1) && !set_policy(&c->policy, w, atoll(eq + 1)))
            return false;
    }
    return true;
}

/* The life of a cut order is only told in lines that ask for it. */
static void say(const struct strategy_decision *d, char *text, size_t cap, bool with_life)
{
    size_t at = (size_t)snprintf(text, cap, "%d %s %s |", d->level, strategy_action_name(d->action),
                                 strategy_reason_name(d->reason));
    for (int i = 0; i < STRATEGY_REASON_COUNT; i++)
        if (d->guards & STRATEGY_GUARD(i)) {
            at += (size_t)snprintf(text + at, cap - at, " %s",
                                   strategy_reason_name((enum strategy_reason)i));
            seen_reason[i] = true;
        }
    seen_reason[d->reason] = seen_action[d->action] = true;
    stood |= d->guards;
    if ((d->guards & (d->guards - 1)) == 0)
        alone |= d->guards;
    if (d->action == STRATEGY_CUT && with_life)
        snprintf(text + strlen(text), cap - strlen(text), " life=%lld", (long long)d->life_s);
}

/* One line of the manual. */
static void tell(const char *name, const char *given, const struct strategy_decision *d)
{
    printf("| %s | `%s` | %d | **%s** | %s<br>%s |", name, given, d->level,
           strategy_action_name(d->action), strategy_reason_en(d->reason),
           strategy_reason_zh(d->reason));
    for (int i = 0, n = 0; i < STRATEGY_REASON_COUNT; i++)
        if (d->guards & STRATEGY_GUARD(i))
            printf("%s`%s`", n++ ? " " : " ", strategy_reason_name((enum strategy_reason)i));
    printf(" |\n");
}

/* Blanks in a row count as one, at the ends as none. */
static void squeeze(char *text)
{
    char *to = text;
    for (char *p = text; *p; p++)
        if (*p != ' ' && *p != '\n')
            *to++ = *p;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

static bool run(char *line, int number)
{
    char *save = NULL, *name = strtok_r(line, "|", &save), *given = strtok_r(NULL, "|", &save);
    char *wanted = strtok_r(NULL, "", &save), got[1024], words[512];
    struct one c = comfortable();
    snprintf(words, sizeof words, "%s", given ? given : "");
    if (!wanted || !apply(&c, given)) {
        printf("line %d: cannot be read\n", number);
        return false;
    }
    if (strategy_policy_check(&c.policy, NULL) != ERR_OK) {
        printf("line %d: the policy is not valid\n", number);
        return false;
    }
    struct strategy_decision d = strategy_decide(&c.policy, &c.facts);
    say(&d, got, sizeof got, strstr(wanted, "life="));
    squeeze(wanted);
    squeeze(name);
    squeeze(words);
    if (manual)
        tell(name, words, &d);
    squeeze(got);
    bool same = strcmp(wanted, got) == 0;
    if (!same)
        printf("line %d: %s: expected '%s', got '%s'\n", number, name, wanted, got);
    return same;
}

static int missing(void)
{
    int n = 0;
    for (int i = 0; i < STRATEGY_REASON_COUNT; i++) {
        const char *name = strategy_reason_name((enum strategy_reason)i);
        if (!seen_reason[i] && ++n)
            printf("no case shows the reason %s\n", name);
        if (stood & ~alone & STRATEGY_GUARD(i) && ++n)
            printf("no case shows the guard %s alone\n", name);
    }
    for (int i = 0; i < STRATEGY_ACTION_COUNT; i++)
        if (!seen_action[i] && ++n)
            printf("no case shows the action %s\n", strategy_action_name((enum strategy_action)i));
    return n;
}

/* "# levels" at the beginning of a group is a heading of the manual. */
static void head(const char *line)
{
    static const char *const table = "| case | facts and policy that differ | level | action | why "
                                     "原因 | guards |\n|---|---|---|---|---|---|\n";
    if (manual && strncmp(line, "## ", 3) == 0)
        printf("\n%s\n%s", line, table);
}

static bool run_file(const char *path, int *passed, int *failed)
{
    char line[1024];
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    for (int number = 1; fgets(line, sizeof line, f); number++) {
        if (line[0] == '#')
            head(line);
        else if (line[0] != '\n')
            *(run(line, number) ? passed : failed) += 1;
    }
    fclose(f);
    return true;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    manual = argc > 1 && strcmp(argv[1], "--manual") == 0;
    if (manual)
        printf("# Decisions 判定\n\nMade by `tests/tables/strategy_table --manual` from the tables in "
               "`tests/tables/strategy`, which are run\nas tests: every line is what fee control "
               "decides, with its reason in both languages and every guard that\nstands. How a line "
               "is read stands at the head of the tables.\n");
    for (int i = manual ? 2 : 1; i < argc; i++)
        if (!run_file(argv[i], &passed, &failed))
            return 2;
    failed += missing();
    if (!manual)
        printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
