#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/gateway/gateway_page.h"
#include "base/must.h"

#define SLOWEST 5
#define SILENT_SHOWN 64
#define CELL 400

/* A page being written. */
struct sheet {
    struct jwrite *w;
    const struct program *program;
    bool chinese;
};

static void put(struct sheet *s, const char *text)
{
    jwrite_put(s->w, text, strlen(text));
}

static void say(struct sheet *s, const char *en, const char *zh)
{
    put(s, s->chinese ? zh : en);
}

/* Texts that others wrote. */
static void put_safe(struct sheet *s, const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c == '<' || *c == '>' || *c == '&' || *c == '"' || *c == '\'') {
            char code[8];
            snprintf(code, sizeof code, "&#%d;", *c);
            put(s, code);
        } else {
            jwrite_put(s->w, c, 1);
        }
}

static void put_number(struct sheet *s, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    put(s, text);
}

static void put_share(struct sheet *s, int64_t permille)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64 ".%" PRId64 " %%", permille / 10, permille % 10);
    put(s, text);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void head_cell(struct sheet *s, const char *en, const char *zh)
{
    put(s, "<th scope=col>");
    say(s, en, zh);
    put(s, "</th>");
}

static void number_cell(struct sheet *s, int64_t number)
{
    put(s, "<td class=n>");
    put_number(s, number);
    put(s, "</td>");
}

static void text_cell(struct sheet *s, const char *text)
{
    put(s, "<td>");
    put_safe(s, text);
    put(s, "</td>");
}

static void fact(struct sheet *s, const char *en, const char *zh)
{
    put(s, "<dt>");
    say(s, en, zh);
    put(s, "</dt><dd>");
}

/* good, warning, bad: told by words and by a class. */
static void verdict(struct sheet *s, const char *kind, const char *en, const char *zh)
{
    put(s, "<span class=");
    put(s, kind);
    put(s, ">");
    say(s, en, zh);
    put(s, "</span>");
}

/* --- the gateway itself ----------------------------------------------------------------------- */

static void tell_uplink(struct sheet *s, const struct gateway_status *g)
{
    const struct link *l = &s->program->link;
    char port[8];
    fact(s, "Platform", "平台");
    put_safe(s, l->host);
    snprintf(port, sizeof port, ":%u", l->port);
    put(s, port);
    put(s, " ");
    if (l->identity.gateway_id == 0)
        verdict(s, "bad", "not claimed yet: start with --claim CODE",
                "尚未认领：请用 --claim CODE 启动");
    else if (g->welcomed)
        verdict(s, "good", "connected", "已连接");
    else if (g->connected)
        verdict(s, "warn", "connecting", "正在建立会话");
    else
        verdict(s, "bad", "no connection; readings are kept here, orders are not received",
                "未连接：数据在本机暂存，收不到命令");
    put(s, "</dd>");
}

static void tell_clock(struct sheet *s)
{
    char text[32];
    time_t local = (time_t)(program_now(s->program).wall.s + s->program->offset_s);
    struct tm t;
    MUST(gmtime_r(&local, &t) != NULL);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S ", &t);
    fact(s, "Clock", "时钟");
    put(s, text);
    if (s->program->clock.trusted)
        verdict(s, "good", "set by the platform", "已由平台校准");
    else
        verdict(s, "warn", "not set by the platform yet: nothing is cut until then",
                "尚未由平台校准：此前不会执行拉闸");
    put(s, "</dd>");
}

static void tell_backlog(struct sheet *s, const struct gateway_status *g)
{
    fact(s, "Waiting for the platform", "待上传");
    put_number(s, g->queue_rows);
    say(s, " messages, ", " 条，");
    put_number(s, (g->queue_bytes + 1023) / 1024);
    put(s, " KiB");
    if (g->dropped_rows > 0) {
        put(s, " ");
        put(s, "<span class=bad>");
        put_number(s, g->dropped_rows);
        say(s, " of the oldest readings were dropped", " 条最旧的数据已丢弃");
        put(s, "</span>");
    }
    put(s, "</dd>");
    fact(s, "Orders", "命令");
    put_number(s, g->commands_waiting);
    say(s, " waiting, ", " 条等待，");
    put_number(s, g->commands_started);
    say(s, " under way", " 条执行中");
    put(s, "</dd>");
}

static void tell_program(struct sheet *s, const struct update_watch *u)
{
    char version[UPDATE_VERSION_TEXT];
    update_version_text(gateway_own()->release.version, version);
    put(s, "yufu-gateway ");
    put(s, version);
    put(s, " ");
    if (u->state.trial)
        verdict(s, "warn", "on trial", "试运行中");
    if (u->state.last < UPDATE_LAST_STARTS)
        return;
    update_version_text(u->state.left, version);
    put(s, version);
    put(s, " ");
    if (u->state.last == UPDATE_LAST_HAND || u->state.last == UPDATE_LAST_PACKAGE)
        verdict(s, "warn", "was taken back", "已退回");
    else
        verdict(s, "bad", "failed its trial", "试运行未通过");
}

static void tell_gateway(struct sheet *s)
{
    struct gateway_status g;
    gateway_status_get(s->program->gateway, &g);
    put(s, "<dl>");
    tell_uplink(s, &g);
    tell_clock(s);
    tell_backlog(s, &g);
    fact(s, "Configuration", "配置版本");
    put_number(s, g.config_version);
    put(s, "</dd>");
    fact(s, "Meters", "表计");
    put_number(s, (int64_t)g.meters);
    if (g.meters_silent > 0) {
        put(s, " <span class=bad>");
        put_number(s, (int64_t)g.meters_silent);
        say(s, " silent", " 块无应答");
        put(s, "</span>");
    }
    if (g.meters_left_out > 0) {
        put(s, " <span class=bad>");
        put_number(s, (int64_t)g.meters_left_out);
        say(s, " that this program cannot read", " 块无法抄读（型号或表号）");
        put(s, "</span>");
    }
    put(s, "</dd>");
    fact(s, "Program", "程序");
    tell_program(s, &s->program->update);
    put(s, "</dd></dl>");
}

/* --- lines ------------------------------------------------------------------------------------ */

static void line_heads(struct sheet *s)
{
    put(s, "<tr>");
    head_cell(s, "Line", "总线");
    head_cell(s, "Port", "端口");
    head_cell(s, "State", "状态");
    head_cell(s, "Meters", "表计");
    head_cell(s, "Silent", "无应答");
    head_cell(s, "Answered", "应答");
    head_cell(s, "Retries", "重试");
    head_cell(s, "Time-outs", "超时");
    head_cell(s, "Damaged", "坏帧");
    head_cell(s, "Collisions", "冲突");
    head_cell(s, "Useful / limit", "有效/极限");
    head_cell(s, "…of exchanges", "…占通信时间");
    put(s, "</tr>");
}

static void share_cell(struct sheet *s, int64_t permille)
{
    put(s, "<td class=n>");
    put_share(s, permille);
    put(s, "</td>");
}

static void line_row(struct sheet *s, const struct gateway_line_look *l)
{
    char port[CELL];
    snprintf(port, sizeof port, "%s %" PRId64 " 8%c1", l->config->endpoint, l->config->baud,
             (char)l->config->parity);
    put(s, "<tr>");
    number_cell(s, l->config->number);
    text_cell(s, port);
    put(s, "<td>");
    if (l->up)
        verdict(s, "good", "open", "已打开");
    else
        verdict(s, "bad", "closed", "未打开");
    put(s, "</td>");
    const int64_t numbers[] = {(int64_t)l->meters,           (int64_t)l->silent,
                               (int64_t)l->stats->answered,  (int64_t)l->stats->retries,
                               (int64_t)l->stats->timeouts,  (int64_t)l->stats->damaged,
                               (int64_t)l->stats->collisions};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        number_cell(s, numbers[i]);
    share_cell(s, l->useful_of_all);
    share_cell(s, l->useful_of_busy);
    put(s, "</tr>");
}

static void tell_lines(struct sheet *s)
{
    struct gateway_line_look l;
    put(s, "<h2>");
    say(s, "Lines", "总线");
    put(s, "</h2><div class=wide><table>");
    line_heads(s);
    for (size_t i = 0; gateway_line_look(s->program->gateway, io_mono(s->program->io), i, &l); i++)
        line_row(s, &l);
    put(s, "</table></div><p class=note>");
    say(s,
        "Counted since the configuration was applied. Useful: time of answered exchanges on the "
        "wire, "
        "with the meters' own turnaround.",
        "自本次配置生效起统计。有效时间：得到应答的通信在线路上的时间，含表计自身的响应时间。");
    put(s, "</p>");
}

/* --- meters ----------------------------------------------------------------------------------- */

static void meter_row(struct sheet *s, int64_t line, const struct gateway_meter_look *m)
{
    put(s, "<tr>");
    number_cell(s, line);
    text_cell(s, m->address);
    text_cell(s, m->model);
    if (m->silent)
        number_cell(s, (m->probe_in_ms + 999) / 1000);
    else {
        number_cell(s, m->average_ms);
        number_cell(s, m->slowest_ms);
    }
    number_cell(s, m->answers);
    number_cell(s, m->timeouts);
    number_cell(s, m->damaged);
    put(s, "</tr>");
}

static void meter_heads(struct sheet *s, bool silent)
{
    put(s, "<div class=wide><table><tr>");
    head_cell(s, "Line", "总线");
    head_cell(s, "Address", "表号");
    head_cell(s, "Model", "型号");
    if (silent) {
        head_cell(s, "Asked again in, s", "再次询问（秒后）");
    } else {
        head_cell(s, "Average, ms", "平均响应（毫秒）");
        head_cell(s, "Slowest, ms", "最慢响应（毫秒）");
    }
    head_cell(s, "Answers", "应答");
    head_cell(s, "Time-outs", "超时");
    head_cell(s, "Damaged", "坏帧");
    put(s, "</tr>");
}

static void tell_silent(struct sheet *s)
{
    const struct program *p = s->program;
    struct gateway_line_look l;
    struct gateway_meter_look m;
    size_t shown = 0;
    for (size_t i = 0; gateway_line_look(p->gateway, io_mono(p->io), i, &l); i++)
        for (size_t k = 0; k < l.meters && shown < SILENT_SHOWN; k++) {
            gateway_meter_look(p->gateway, io_mono(p->io), i, k, &m);
            if (!m.silent)
                continue;
            if (shown++ == 0) {
                put(s, "<h2>");
                say(s, "Silent meters", "无应答的表计");
                put(s, "</h2>");
                meter_heads(s, true);
            }
            meter_row(s, l.config->number, &m);
        }
    if (shown > 0)
        put(s, "</table></div>");
}

static void tell_slowest(struct sheet *s)
{
    const struct program *p = s->program;
    struct gateway_line_look l;
    struct gateway_meter_look m;
    uint16_t slowest[SLOWEST];
    put(s, "<h2>");
    say(s, "Slowest meters of each line", "各总线响应最慢的表计");
    put(s, "</h2>");
    meter_heads(s, false);
    for (size_t i = 0; gateway_line_look(p->gateway, io_mono(p->io), i, &l); i++) {
        size_t count = gateway_slowest(p->gateway, i, slowest, SLOWEST);
        for (size_t k = 0; k < count; k++) {
            gateway_meter_look(p->gateway, io_mono(p->io), i, slowest[k], &m);
            if (!m.silent)
                meter_row(s, l.config->number, &m);
        }
    }
    put(s, "</table></div>");
}

/* --- standing permissions --------------------------------------------------------------------- */

static const struct {
    const char *en, *zh;
} verdicts[AWAY_VERDICTS] = {
    [AWAY_CUT] = {"used up: it is cut now", "已用尽，即将停供"},
    [AWAY_ACTED] = {"was used", "已使用"},
    [AWAY_CONNECTED] = {"the platform decides", "由平台决定"},
    [AWAY_SOON] = {"the platform is gone for less than ten minutes", "与平台失联不足十分钟"},
    [AWAY_CLOCK] = {"the clock is in doubt", "时钟不可信"},
    [AWAY_EARLY] = {"not valid yet", "尚未生效"},
    [AWAY_OVER] = {"not valid any more", "已过期"},
    [AWAY_METER] = {"a meter is not the same any more", "表计已变更"},
    [AWAY_STRANGE] = {"a register is in doubt", "示值可疑"},
    [AWAY_UNREAD] = {"not read lately", "近期未抄到"},
    [AWAY_KEPT] = {"keep-power", "保电"},
    [AWAY_OFF] = {"off already", "已断开"},
    [AWAY_CREDIT] = {"energy is left", "尚有余量"},
    [AWAY_GRACE] = {"used up, waits for the grace", "已用尽，宽限中"},
    [AWAY_WINDOW] = {"no cuts at this time", "当前时段不停供"},
    [AWAY_BUSY] = {"an order is under way", "有命令执行中"},
    [AWAY_BREAKER] = {"enough was cut in this hour", "本小时停供数已达上限"},
};

/* The day and time on site. */
static void time_cell(struct sheet *s, wall_s at)
{
    char text[32];
    time_t local = (time_t)(at.s + s->program->offset_s);
    struct tm t;
    MUST(gmtime_r(&local, &t) != NULL);
    strftime(text, sizeof text, "%m-%d %H:%M", &t);
    put(s, "<td class=n>");
    put(s, text);
    put(s, "</td>");
}

/* Thousandths of what is measured; "at most" where nothing was read since. */
static void left_cell(struct sheet *s, const struct gateway_permit_look *l)
{
    char text[40];
    snprintf(text, sizeof text, "%s%" PRId64 ".%03" PRId64, l->read ? "" : "≤ ", l->left_wh / 1000,
             l->left_wh % 1000);
    put(s, "<td class=n>");
    put(s, text);
    put(s, "</td>");
}

static void permit_row(struct sheet *s, const struct gateway_permit_look *l,
                       const struct gateway_permit_meter *m)
{
    bool alarm = l->verdict == AWAY_CUT || l->verdict == AWAY_ACTED || l->verdict == AWAY_GRACE;
    put(s, "<tr>");
    number_cell(s, m->line);
    text_cell(s, m->address);
    time_cell(s, l->valid_from);
    time_cell(s, l->valid_until);
    left_cell(s, l);
    if (m->read_ago_ms < 0)
        text_cell(s, "—");
    else
        number_cell(s, m->read_ago_ms / 1000);
    put(s, "<td>");
    verdict(s, alarm ? "warn" : "good", verdicts[l->verdict].en, verdicts[l->verdict].zh);
    put(s, "</td></tr>");
}

static void permit_heads(struct sheet *s)
{
    put(s, "<h2>");
    say(s, "Standing permissions", "常备许可");
    put(s, "</h2><p class=note>");
    say(s,
        "Whose supply may be cut here while the platform cannot be reached, when what is left is "
        "used up.",
        "与平台失联期间，余量用尽后本机可停供的表计。");
    put(s, "</p><div class=wide><table><tr>");
    head_cell(s, "Line", "总线");
    head_cell(s, "Address", "表号");
    head_cell(s, "From", "自");
    head_cell(s, "Until", "至");
    head_cell(s, "Left of the account, kWh (m³)", "户余量 kWh(m³)");
    head_cell(s, "Read, s ago", "抄表（秒前）");
    head_cell(s, "Now", "当前");
    put(s, "</tr>");
}

static void tell_permits(struct sheet *s)
{
    const struct gateway_now now = program_now(s->program);
    struct gateway_permit_look l;
    size_t shown = 0;
    for (size_t i = 0; gateway_permit_look(s->program->gateway, &now, i, &l); i++)
        for (size_t k = 0; k < l.meter_count; k++) {
            if (shown++ == 0)
                permit_heads(s);
            permit_row(s, &l, &l.meters[k]);
        }
    if (shown > 0)
        put(s, "</table></div>");
}

/* --- the page --------------------------------------------------------------------------------- */

static const char style[] =
    "<style>body{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;margin:0 "
    "auto;max-width:76rem;"
    "padding:1rem;color:#1b2733;background:#fff}h1{font-size:1.35rem;margin:0}h2{font-size:1.05rem;"
    "margin:1.6rem 0 .5rem}header{display:flex;justify-content:space-between;align-items:baseline;"
    "gap:1rem;border-bottom:1px solid #cdd6df;padding-bottom:.6rem}dl{display:grid;"
    "grid-template-columns:max-content 1fr;gap:.3rem 1.2rem}dt{color:#52606d}dd{margin:0}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;white-space:nowrap}th,td{"
    "text-align:left;padding:.35rem .7rem .35rem 0;border-bottom:1px solid "
    "#e3e8ee}th{color:#52606d;"
    "font-weight:600}.n{font-variant-numeric:tabular-nums}.good{color:#17693b}.warn{color:#8a5300}"
    ".bad{color:#b3261e;font-weight:600}.note{color:#52606d;font-size:.87rem}a{color:#0b57a4}"
    "@media(prefers-color-scheme:dark){body{background:#12181f;color:#e4eaf0}dt,th,.note{color:#"
    "9fb0bf}"
    "th,td,header{border-color:#2d3945}.good{color:#6fd49a}.warn{color:#f0b45b}.bad{color:#ff8f86}"
    "a{color:#82bdf5}}@media(max-width:36rem){dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 "
    ".6rem}}"
    "</style>";

static void begin(struct sheet *s)
{
    put(s, s->chinese ? "<!doctype html><html lang=zh-CN>" : "<!doctype html><html lang=en>");
    put(s, "<meta charset=utf-8><meta name=viewport content='width=device-width'>"
           "<meta http-equiv=refresh content=10><title>");
    put_safe(s, s->program->link.serial);
    say(s, " · gateway", " · 通信管理机");
    put(s, "</title>");
    put(s, style);
    put(s, "<header><h1>");
    say(s, "Gateway ", "通信管理机 ");
    put_safe(s, s->program->link.serial);
    put(s, "</h1><nav>");
    put(s, s->chinese ? "<a href='/?lang=en' lang=en>English</a>"
                      : "<a href='/?lang=zh' lang=zh-CN>中文</a>");
    put(s, "</nav></header><main>");
}

void page_html(struct jwrite *w, const struct program *p, bool chinese)
{
    struct sheet s = {w, p, chinese};
    begin(&s);
    tell_gateway(&s);
    tell_lines(&s);
    tell_permits(&s);
    tell_silent(&s);
    tell_slowest(&s);
    put(&s, "</main></html>\n");
}
