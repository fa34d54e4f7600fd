/* The event list, and the sentences of events. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "journal/journal.h"
#include "strategy/strategy.h"
#include "terminal/load.h"
#include "terminal/terminal.h"
#include "terminals/terminals.h"

/* Words of the rooms that people do not know by these names. */
static const struct {
    const char *code, *en, *zh;
} words[] = {
    {"open", "off", "断电"},
    {"closed", "on", "通电"},
    {"unknown", "unknown", "未知"},
    {"manual", "by hand", "人工操作"},
    {"arrears", "arrears", "欠费"},
    {"payment", "a payment came in", "已缴费"},
    {"keep_power", "keep-power", "保电"},
    {"withdrawn", "the wish was withdrawn", "已撤回"},
    {"paid_up", "the balance is sufficient again", "余额已恢复"},
    {"refused", "the meter said no", "表计拒绝"},
    {"cancel", "on request", "应要求撤销"},
    {"expired", "it did not arrive in time", "未及时送达"},
    {"lost", "there is no such meter", "该处已无此表"},
    {"reset", "the reset", "复位"},
    {"lock", "the lock", "锁定"},
    {"learn", "learning", "现场学习"},
    {"limits", "the limits", "限值"},
    {"workday", "the hours of working days", "工作日时段"},
    {"holiday", "the hours of holidays", "节假日时段"},
    {"calendar", "the calendar", "日历"},
    {"white_list", "the white list", "白名单"},
};

/* Why a terminal tripped, and what it took a load for; NULL: no such word. */
static const char *terminal_word(const char *code, bool english)
{
    for (int64_t r = 1; r < TERMINAL_REASON_COUNT; r++)
        if (strcmp(terminals_reason_name(r), code) == 0)
            return english ? terminals_reason_en(r) : terminals_reason_zh(r);
    for (int v = 0; v < LOAD_VERDICT_COUNT; v++)
        if (strcmp(load_verdict_name((enum load_verdict)v), code) == 0)
            return english ? load_verdict_en((enum load_verdict)v)
                           : load_verdict_zh((enum load_verdict)v);
    return NULL;
}

static const char *word(const char *code, bool english)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].code, code) == 0)
            return english ? words[i].en : words[i].zh;
    for (unsigned r = 0; r < STRATEGY_REASON_COUNT; r++)
        if (strcmp(strategy_reason_name((enum strategy_reason)r), code) == 0)
            return english ? strategy_reason_en((enum strategy_reason)r)
                           : strategy_reason_zh((enum strategy_reason)r);
    const char *of_terminal = terminal_word(code, english);
    if (of_terminal)
        return of_terminal;
    for (unsigned e = 0; e < ERR_COUNT; e++)
        if (strcmp(err_name((enum err)e), code) == 0)
            return english ? err_text_en((enum err)e) : err_text_zh((enum err)e);
    return code;
}

/* The same of what opens and closes a valve. */
static const struct {
    enum journal_kind kind;
    const char *en, *zh;
} valve_sentences[] = {
    {EVENT_RELAY_CUT, "Closing the valve was ordered: {reason}.", "已下达关阀：{reason}。"},
    {EVENT_RELAY_RESTORE, "Opening the valve was ordered: {reason}.", "已下达开阀：{reason}。"},
    {EVENT_RELAY_DONE, "The meter confirmed: its valve is {state}.", "表计已确认：阀门{state}。"},
    {EVENT_RELAY_REFUSED, "The meter refused to move its valve.", "表计拒绝动作阀门。"},
    {EVENT_RELAY_EXPIRED, "Closing a valve expired unused: its deadline had passed.",
     "关阀命令超过时限，未执行。"},
    {EVENT_RELAY_CANCELLED, "Closing the valve was cancelled: {reason}.",
     "待执行的关阀已取消：{reason}。"},
    {EVENT_RELAY_MISMATCH, "The valve is {state}, but should be {desired}.",
     "阀门实际{state}，应为{desired}。"},
    {EVENT_RELAY_LEAK, "The register moves on although the valve is closed: {energy_wh} {unit}.",
     "关阀后示值仍在增加：{energy_wh} {unit}。"},
    {EVENT_RELAY_LATE, "Opening the valve has not succeeded for {minutes} minutes.",
     "开阀 {minutes} 分钟仍未成功。"},
    {EVENT_RELAY_LOCAL, "The meter moved its valve by itself: it is {state}.",
     "表计自行动作：阀门{state}。"},
    {EVENT_KEEP_ON, "The supply is kept on: {reason}.", "已设置保供：{reason}。"},
    {EVENT_KEEP_OFF, "The supply is not kept on any more: {reason}.", "已解除保供：{reason}。"},
};

static const char *valve_sentence(enum journal_kind kind, bool english)
{
    for (size_t i = 0; i < sizeof valve_sentences / sizeof valve_sentences[0]; i++)
        if (valve_sentences[i].kind == kind)
            return english ? valve_sentences[i].en : valve_sentences[i].zh;
    return NULL;
}

static const char *valve_word(const char *code, bool english)
{
    if (strcmp(code, "open") == 0) /* the circuit: no supply */
        return english ? "closed" : "已关";
    if (strcmp(code, "closed") == 0)
        return english ? "open" : "已开";
    return strcmp(code, "keep_power") == 0 ? english ? "the supply is kept on" : "保供" : NULL;
}

/* Thousandths of m³ and GJ. */
static const char *valve_unit(const char *meter_kind)
{
    return strcmp(meter_kind, "water") == 0 || strcmp(meter_kind, "gas") == 0 ? "L" : "MJ";
}

struct sentence {
    char *out;
    size_t cap, len;
    const json_t *detail;
    const char *valve; /* what a meter with a valve measures; NULL: other meters, or none */
    bool english;
};

static void put(struct sentence *s, const char *text, size_t len)
{
    size_t room = s->cap - s->len - 1;
    size_t n = len < room ? len : room;
    memcpy(s->out + s->len, text, n);
    s->len += n;
}

/* Without the full stop: it stands inside another sentence. */
static void put_word(struct sentence *s, const char *text)
{
    size_t len = strlen(text);
    if (len >= 3 && strcmp(text + len - 3, "。") == 0)
        len -= 3;
    else if (len >= 1 && text[len - 1] == '.')
        len--;
    put(s, text, len);
}

static void put_code(struct sentence *s, const char *code)
{
    const char *of_valve = s->valve ? valve_word(code, s->english) : NULL;
    put_word(s, of_valve ? of_valve : word(code, s->english));
}

static void put_member(struct sentence *s, const char *name)
{
    const json_t *v = json_object_get(s->detail, name);
    char number[24];
    if (s->valve && strcmp(name, "unit") == 0) {
        put_word(s, valve_unit(s->valve));
    } else if (json_is_string(v)) {
        put_code(s, json_string_value(v));
    } else if (json_is_integer(v)) {
        int n = snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
        put(s, number, (size_t)n);
    } else {
        put_word(s, "–");
    }
}

/* Fills the {words} of a sentence. */
static void render(struct sentence *s, const char *text)
{
    s->len = 0;
    while (*text) {
        const char *end = *text == '{' ? strchr(text, '}') : NULL;
        char name[32];
        if (end && (size_t)(end - text - 1) < sizeof name) {
            snprintf(name, sizeof name, "%.*s", (int)(end - text - 1), text + 1);
            put_member(s, name);
            text = end + 1;
        } else {
            put(s, text++, 1);
        }
    }
    s->out[s->len] = '\0';
}

static void put_sentences(struct jwrite *w, const char *kind, const char *detail_text,
                          const char *valve)
{
    char text[1024];
    enum journal_kind k = journal_kind_of(kind);
    if (k == EVENT_COUNT)
        return;
    const char *zh = valve ? valve_sentence(k, false) : NULL;
    const char *en = valve ? valve_sentence(k, true) : NULL;
    json_t *detail = json_loads(detail_text, 0, NULL);
    struct sentence s = {.out = text, .cap = sizeof text, .detail = detail, .valve = valve};
    render(&s, zh ? zh : journal_kind_zh(k));
    jwrite_text(w, "text_zh", text);
    s.english = true;
    render(&s, en ? en : journal_kind_en(k));
    jwrite_text(w, "text_en", text);
    json_decref(detail);
}

/* These groups are about money, whether or not one of their events names an amount. */
static bool is_money_group(const char *kind)
{
    static const char *const groups[] = {"order.", "vend.", "wallet.", "charge.", "fee."};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strncmp(kind, groups[i], strlen(groups[i])) == 0)
            return true;
    return false;
}

bool api_event_tells_money(const char *kind, const char *detail)
{
    enum journal_kind k = journal_kind_of(kind);
    if (is_money_group(kind) || strstr(detail, "_fen\":"))
        return true;
    return k != EVENT_COUNT &&
           (strstr(journal_kind_en(k), "_fen}") || strstr(journal_kind_zh(k), "_fen}"));
}

void api_put_event(struct jwrite *w, const char *key, const struct query *q)
{
    const char *meter_kind = query_null(q, 9) ? NULL : query_text(q, 9);
    bool valve = meter_kind && strcmp(meter_kind, "electricity") != 0;
    jwrite_object(w, key);
    jwrite_int(w, "id", query_int(q, 0));
    jwrite_int(w, "at", query_int(q, 1));
    jwrite_int(w, "project_id", query_int(q, 2));
    jwrite_id(w, "account_id", query_int(q, 3));
    if (query_null(q, 8))
        jwrite_null(w, "account_code");
    else
        jwrite_text(w, "account_code", query_text(q, 8));
    jwrite_id(w, "meter_id", query_int(q, 4));
    jwrite_text(w, "meter_kind", meter_kind);
    jwrite_text(w, "kind", query_text(q, 5));
    jwrite_text(w, "severity", query_text(q, 6));
    jwrite_raw(w, "detail", query_text(q, 7));
    put_sentences(w, query_text(q, 5), query_text(q, 7), valve ? meter_kind : NULL);
    jwrite_end(w);
}

struct filter {
    int64_t before, account, limit;
    const char *kind, *severity;
};

static enum err take_filter(struct call *c, struct filter *f)
{
    *f = (struct filter){.before = INT64_MAX};
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &f->before));
    TRY(api_query_account(c, "account", &f->account));
    TRY(api_query_text(c, "kind", 64, &f->kind));
    TRY(api_query_text(c, "severity", 16, &f->severity));
    return api_query_limit(c, &f->limit);
}

enum err api_events(struct call *c)
{
    struct filter f;
    TRY(take_filter(c, &f));
    struct query q = query_open(
        c->tx,
        "SELECT " API_EVENT_COLUMNS " FROM event LEFT JOIN account ON account.id = event.account_id"
        " WHERE event.project_id = $1 AND event.id < $2"
        " AND ($3 = 0 OR event.account_id = $3)"
        " AND ($4 = '' OR event.kind = $4) AND ($5 = '' OR event.severity = $5)"
        " ORDER BY event.id DESC",
        "iiitt", c->id, f.before, f.account, f.kind ? f.kind : "", f.severity ? f.severity : "");
    bool money = api_may(c, AUTH_MONEY);
    int64_t last = 0, count = 0;
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "events");
    while (count < f.limit && query_step(&q)) {
        if (!money && api_event_tells_money(query_text(&q, 5), query_text(&q, 7)))
            continue;
        count++;
        last = query_int(&q, 0);
        api_put_event(&c->out, NULL, &q);
    }
    TRY(query_end(&q));
    jwrite_end(&c->out);
    jwrite_id(&c->out, "next_before", count == f.limit ? last : 0);
    jwrite_end(&c->out);
    return ERR_OK;
}
