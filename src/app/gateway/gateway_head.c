/*
 * `yufu-gateway probe`: one meter before an optical head, or alone on an RS-485 stick. Nobody knows
 * its speed, protocol or number: they are found by the questions that everybody answers, asleep or
 * awake, and the meter is read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/gateway/gateway_probe.h"
#include "app/options.h"
#include "base/must.h"
#include "gateway/scan.h"
#include "meter/meter_model.h"

#define M645 (1U << SCAN_DLT645 | 1U << SCAN_DLT645_1997)
#define M188 (1U << SCAN_CJT188)
#define MBUS (1U << SCAN_MBUS_ANY | 1U << SCAN_MBUS_SECONDARY)
#define ALL (M645 | M188 | MBUS)

struct job {
    const char *baud, *parity, *protocols, *lang;
    struct scan scan;
    struct scan_options options;
    struct probe probe;
    size_t told_speed;
    enum scan_protocol told_protocol;
    bool terminal; /* progress overwrites itself */
    bool reading;
};

/* In the order of how often they are met; DL/T 645's infrared window has 1200 8E1. */
static const struct scan_speed usual[] = {
    {1200, 'E', M645 | M188, false}, {2400, 'E', ALL, false},
    {9600, 'E', ALL, false},         {4800, 'E', M645 | M188, false},
    {2400, 'E', M188 | MBUS, true},  {300, 'E', MBUS, false},
    {300, 'E', MBUS, true},          {1200, 'E', M188, true},
    {600, 'E', M645, false},         {9600, 'N', M645 | M188, false},
    {2400, 'N', M645 | M188, false}, {1200, 'N', M645 | M188, false},
    {2400, 'O', M645 | M188, false}, {1200, 'O', M645 | M188, false},
};

/* --- options ---------------------------------------------------------------------------------- */

static bool pick_protocols(const char *text, unsigned *bits)
{
    static const struct {
        const char *name;
        unsigned bits;
    } names[] = {
        {"645", 1U << SCAN_DLT645}, {"97", 1U << SCAN_DLT645_1997}, {"188", M188}, {"mbus", MBUS}};
    *bits = text ? 0 : ALL;
    for (const char *p = text; p && *p;) {
        size_t len = strcspn(p, ","), k = 0, count = sizeof names / sizeof names[0];
        while (k < count && (strlen(names[k].name) != len || strncmp(names[k].name, p, len) != 0))
            k++;
        if (k == count)
            return false;
        *bits |= names[k].bits;
        p += len + (p[len] == ',');
    }
    return *bits != 0;
}

static void add_speed(struct job *j, int32_t baud, char parity, unsigned protocols, bool rouse)
{
    struct scan_options *o = &j->options;
    if (protocols == 0)
        return;
    MUST(o->speed_count < SCAN_SPEEDS_MAX);
    o->speeds[o->speed_count++] = (struct scan_speed){baud, parity, protocols, rouse};
}

/* A given speed is tried with the parities that are not ruled out, and on meters that sleep. */
static bool pick_given(struct job *j, bool tcp, unsigned protocols)
{
    int32_t baud;
    char parity;
    const char *parities = j->parity ? j->parity : tcp ? "E" : "ENO";
    if (probe_speed(j->baud ? j->baud : "2400", j->parity ? j->parity : "E", &baud, &parity) !=
        ERR_OK)
        return false;
    for (const char *p = parities; *p; p++)
        add_speed(j, baud, *p, protocols, false);
    add_speed(j, baud, parity, protocols & (M188 | MBUS), true);
    return true;
}

static bool pick_speeds(struct job *j, const char *endpoint, unsigned protocols)
{
    bool tcp = strncmp(endpoint, "tcp:", 4) == 0;
    if (j->baud || tcp) /* a serial server's speed is set there */
        return pick_given(j, tcp, protocols);
    if (j->parity && (strlen(j->parity) != 1 || !strchr("NEO", j->parity[0])))
        return false;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (!j->parity || usual[i].parity == j->parity[0])
            add_speed(j, usual[i].baud, usual[i].parity, usual[i].protocols & protocols,
                      usual[i].rouse);
    return j->options.speed_count > 0;
}

/* --- on the way ------------------------------------------------------------------------------- */

static void clear_progress(const struct job *j)
{
    if (j->terminal)
        fprintf(stderr, "\r%*s\r", 72, "");
}

static void show_progress(struct job *j)
{
    const struct scan *s = &j->scan;
    if (s->phase != SCAN_SEARCHING ||
        (s->speed == j->told_speed && s->protocol == j->told_protocol))
        return;
    j->told_speed = s->speed;
    j->told_protocol = s->protocol;
    const struct scan_speed *v = &j->options.speeds[s->speed];
    bool roused = v->rouse && scan_protocol_rouse(s->protocol);
    fprintf(stderr, "%s%3u %%  %" PRId32 " 8%c1  %-26s %s%s", j->terminal ? "\r" : "",
            scan_progress(s) / 10, v->baud, v->parity, scan_protocol_name(s->protocol),
            roused ? probe_text(&j->probe, "waking it first", "先唤醒") : "",
            j->terminal ? "     " : "\n");
    fflush(stderr);
}

static const struct scan_found *only_one(const struct scan *s)
{
    const struct scan_found *f = &s->found[0];
    return s->found_count == 1 && !f->twin && !(s->remarks >> SCAN_REMARK_CROWD & 1) ? f : NULL;
}

static void show_found(const struct job *j, const struct scan_found *f)
{
    printf(probe_text(&j->probe, "%s meter %s, %" PRId32 " 8%c1%s", "%s 表 %s，%" PRId32 " 8%c1%s"),
           scan_protocol_name(f->protocol), f->address, f->baud, f->parity,
           f->rouse ? probe_text(&j->probe, ", asleep until it was woken", "，需先唤醒") : "");
    printf(probe_text(&j->probe, ", model %s\n", "，型号 %s\n"),
           f->model ? f->model->name : probe_text(&j->probe, "unknown", "未知"));
}

static bool turn(void *arg, mono_ms now)
{
    struct job *j = arg;
    if (j->reading)
        return read_found_turn(now);
    scan_turn(&j->scan, now);
    show_progress(j);
    if (!scan_over(&j->scan))
        return false;
    clear_progress(j);
    const struct scan_found *f = only_one(&j->scan);
    if (!f || !f->model)
        return true;
    show_found(j, f);
    fflush(stdout);
    j->reading = true;
    j->probe.bus = read_found_begin(f, j->probe.chinese, now);
    return read_found_turn(now);
}

static mono_ms wake(const void *arg)
{
    const struct job *j = arg;
    return j->reading ? MONO_NEVER : scan_wake(&j->scan);
}

static void begin(void *arg, mono_ms now)
{
    struct job *j = arg;
    scan_begin(&j->scan, &j->options, now);
}

/* --- what to check ---------------------------------------------------------------------------- */

enum why { NOTHING, ONLY_ECHO, NOISE, SEVERAL, TWINS, NO_MODEL, WHYS };

static const struct {
    const char *en, *zh;
} words[WHYS] = {
    [NOTHING] =
        {"Nothing answered. Check in this order:\n"
         "1. The port: is it the head's (unplug it and see which device goes away)? Does its light "
         "blink now and then while this runs?\n"
         "2. The head: straight before the infrared window, steady, out of the sun and of "
         "fluorescent light. A modulated head (38 kHz, electricity meters) and a contact head "
         "(magnet, heat and water meters) do not understand each other.\n"
         "3. The meter: has it power, is its display alive? A battery meter mostly listens for a "
         "few seconds after its key was pressed: press it and begin again.\n"
         "4. An RS-485 stick instead: are A and B exchanged? Does nothing else hang on it?\n"
         "5. A speed that is not tried by itself: --baud.",
         "无任何应答。请依次检查：\n"
         "1. 端口：是否为红外头的端口（拔下后看哪个设备消失）？运行时指示灯是否闪烁？\n"
         "2. 红外头：是否正对红外窗口并保持稳定，是否避开阳光和日光灯？调制式（38 kHz，电表）与"
         "接触式（磁吸，热量表、水表）红外头互不通用。\n"
         "3. 表计：是否有电，屏幕是否有显示？电池供电的表多在按键后数秒内才接收，请按键后重试。\n"
         "4. 使用 RS-485 转换器时：A/B 是否接反？是否只接了这一块表？\n"
         "5. 未自动尝试的波特率请用 --baud 指定。"},
    [ONLY_ECHO] =
        {"The head works: it hears what it sends itself. The meter does not answer. Check in this "
         "order:\n"
         "1. The head: straight before the infrared window, nearer, steady; is it the right kind "
         "(38 kHz modulated for electricity meters, contact head for heat and water meters)?\n"
         "2. The meter: has it power? A battery meter mostly listens for a few seconds after its "
         "key was pressed: press it and begin again.\n"
         "3. A speed that is not tried by itself: --baud.",
         "红外头工作正常（能收到自身回波），但表计无应答。请依次检查：\n"
         "1. 红外头：是否正对红外窗口、足够近且稳定；类型是否正确（电表为 38 kHz "
         "调制式，热量表、水表为接触式）？\n"
         "2. 表计：是否有电？电池供电的表多在按键后数秒内才接收，请按键后重试。\n"
         "3. 未自动尝试的波特率请用 --baud 指定。"},
    [NOISE] =
        {"Bytes were heard, but nothing that can be understood: another speed or parity, light, "
         "or two meters that answer at once. Keep the head still, out of sun and lamps; cover "
         "the windows of other meters near by; on RS-485, leave one meter and exchange A and "
         "B. Then try --baud and --parity.",
         "收到数据但无法识别：波特率或校验不符、光线干扰，或有两块表同时应答。请保持红外头稳定并"
         "避开阳光和灯光，遮挡邻近表计的窗口；RS-485 请只保留一块表并检查 A/B 是否接反；再尝试 "
         "--baud 和 --parity。"},
    [SEVERAL] =
        {"More than one meter answers; none was read, so that nobody takes one for another. "
         "Hold the head nearer to one and cover the windows of the others, or leave one on "
         "the stick. (To read one of them by its number: yufu-gateway read.)",
         "有多块表应答；为避免混淆，未抄读任何一块。请将红外头靠近其中一块并遮挡其余表的"
         "窗口，或在转换器上只保留一块。（按表号抄读其中一块：yufu-gateway read。）"},
    [TWINS] = {"Two meters answer to one number at once, or another head is talking. Leave one "
               "meter only before the head or on the stick.",
               "两块同号的表同时应答，或附近另有红外头在通信。请只保留一块表。"},
    [NO_MODEL] = {"The meter answers, but fits no model that this program knows. Write a model "
                  "file for it (yufu model check), or read it as a similar one: yufu-gateway read "
                  "--model.",
                  "表计有应答，但不符合任何已知型号。请编写型号文件（yufu model check），或用 "
                  "yufu-gateway read --model 按相近型号抄读。"},
};

static enum why why_not(const struct scan *s)
{
    const struct bus_stats *b = &s->bus.stats;
    /* An echo leaves its preambles over, four bytes a request. */
    bool more = b->received_bytes > b->echoes + 4 * b->exchanges;
    if (s->found_count > 1 || s->remarks >> SCAN_REMARK_CROWD & 1)
        return SEVERAL;
    if (s->found_count == 1)
        return s->found[0].twin ? TWINS : NO_MODEL;
    if (more || b->damaged > 0)
        return NOISE;
    return b->echoes > 0 ? ONLY_ECHO : NOTHING;
}

static int conclude(struct job *j)
{
    clear_progress(j);
    if (j->reading)
        return read_found_end();
    scan_stop(&j->scan);
    for (size_t i = 0; i < j->scan.found_count; i++)
        show_found(j, &j->scan.found[i]);
    if (j->probe.stopped && j->scan.found_count == 0) {
        printf("%s\n", probe_text(&j->probe, "Stopped.", "已中止。"));
        return 1;
    }
    enum why w = why_not(&j->scan);
    printf("%s\n", j->probe.chinese ? words[w].zh : words[w].en);
    return 1;
}

int gateway_head_main(int argc, char **argv)
{
    static struct job j;
    j = (struct job){.told_speed = SCAN_SPEEDS_MAX, .options.alone = true};
    const struct option_row rows[] = {
        {"--baud", "RATE", &j.baud, "only this speed; of a tcp: endpoint the one set there [2400]"},
        {"--parity", "N|E|O", &j.parity, "only this parity"},
        {"--protocols", "LIST", &j.protocols, "of 645,97,188,mbus; all unless told"},
        {"--lang", "zh|en", &j.lang, "language; as the environment says unless told"},
        {0}};
    unsigned protocols;
    int count;
    enum options_result r = options_parse(
        argc, argv, "ENDPOINT [OPTION...]   (one meter before an optical head or a stick)", rows,
        &count);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    j.probe = (struct probe){.bus = &j.scan.bus, .turn = turn, .wake = wake, .arg = &j};
    j.probe.chinese = probe_chinese(j.lang);
    j.terminal = isatty(STDERR_FILENO);
    if (count != 1 || !pick_protocols(j.protocols, &protocols) ||
        !pick_speeds(&j, argv[1], protocols)) {
        fprintf(stderr, "%s\n",
                probe_text(&j.probe,
                           "Which port? For example: yufu-gateway probe serial:/dev/ttyUSB0. Or "
                           "wrong --protocols (645,97,188,mbus), --baud or --parity (N, E, O).",
                           "请指定端口，例如：yufu-gateway probe serial:/dev/ttyUSB0；或 "
                           "--protocols(645,97,188,mbus)、--baud、--parity（N、E、O）有误。"));
        return 2;
    }
    if (probe_run(&j.probe, argv[1], j.options.speeds[0].baud, j.options.speeds[0].parity, begin) !=
        ERR_OK)
        return 1;
    return conclude(&j);
}
