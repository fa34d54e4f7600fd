/*
 * `yufu-gateway set`: one parameter of one meter, in an installer's hands: read, written, read
 * back. Without a name it shows what stands in the meter.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/gateway/gateway_probe.h"
#include "app/options.h"
#include "base/must.h"

#define READ_ATTEMPTS 3

enum step { STEP_BEFORE, STEP_WRITE, STEP_AFTER };

struct job {
    const char *address, *model, *baud, *parity, *lang;
    struct bus bus;
    struct meter_unit unit;
    struct probe probe;
    bool writing, asked, over;
    unsigned setting;
    enum step step;
    int64_t wish, value; /* value: read last */
    enum err why;        /* of the last reading */
    bool missing;        /* a reading failed */
    bool refused;        /* what the meter said to the write; the reading decides */
};

static const struct meter_setting *setting_of(const struct job *j)
{
    return &j->unit.model->settings[j->setting];
}

/* --- on the line ------------------------------------------------------------------------------ */

static void ask(struct job *j)
{
    /* A write is sent once: what came of it is read, not repeated blindly. */
    bool write = j->step == STEP_WRITE;
    struct bus_job job = {.priority = BUS_ORDER, .attempts = write ? 1 : READ_ATTEMPTS, .tag = 1};
    struct writer w = writer_of(job.request, sizeof job.request);
    if (write) {
        enum err e = meter_ask_set(&j->unit, j->setting, j->wish, &w);
        MUST(e == ERR_OK); /* tried before the port was opened */
    } else {
        meter_ask_setting(&j->unit, j->setting, &w);
    }
    MUST(w.err == ERR_OK);
    job.len = (uint16_t)w.len;
    MUST(bus_submit(&j->bus, &job) == ERR_OK);
    j->asked = true;
}

static void show(const struct job *j)
{
    const struct meter_setting *s = setting_of(j);
    if (j->why == ERR_OK)
        printf("%-24s %-12" PRId64 " (%" PRId64 " .. %" PRId64 ")\n", s->name, j->value, s->low,
               s->high);
    else
        printf("%-24s %s\n", s->name, j->probe.chinese ? err_text_zh(j->why) : err_text_en(j->why));
}

static void next(struct job *j)
{
    if (!j->writing) {
        show(j);
        j->setting++;
        j->over = j->setting == j->unit.model->setting_count || j->why == ERR_BUS_SILENT;
    } else if (j->step == STEP_BEFORE) {
        show(j);
        j->over = j->why != ERR_OK || j->value == j->wish;
        j->step = j->over ? STEP_BEFORE : STEP_WRITE;
    } else {
        j->over = j->step == STEP_AFTER;
        j->step = STEP_AFTER;
    }
}

static void take(struct job *j, const struct bus_result *r)
{
    struct bytes answer = {r->answer, r->len};
    j->asked = false;
    if (j->step == STEP_WRITE)
        j->refused = r->err == ERR_OK && meter_take_order(&j->unit, answer) != METER_REPLY_OK;
    else
        j->why =
            r->err == ERR_OK ? meter_take_setting(&j->unit, j->setting, answer, &j->value) : r->err;
    j->missing |= j->step != STEP_WRITE && j->why != ERR_OK;
    next(j);
}

static bool turn(void *arg, mono_ms now)
{
    struct job *j = arg;
    struct bus_result r;
    bus_tick(&j->bus, now);
    if (bus_result(&j->bus, &r))
        take(j, &r);
    if (j->over)
        return true;
    if (!j->asked)
        ask(j);
    return false;
}

static void begin(void *arg, mono_ms now)
{
    struct job *j = arg;
    int32_t baud = 2400;
    char parity = 'E';
    enum err e = probe_speed(j->baud, j->parity, &baud, &parity);
    MUST(e == ERR_OK);
    probe_bus_init(&j->bus, &j->unit, baud, now);
}

/* --- what is wished -----------------------------------------------------------------------------
 */

static bool wrong(const struct job *j, const char *en, const char *zh)
{
    fprintf(stderr, "%s\n", probe_text(&j->probe, en, zh));
    return false;
}

static bool check_unit(struct job *j)
{
    enum err e = j->model && j->address ? meter_unit_init(&j->unit, j->model, j->address, "", 0)
                                        : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND)
        return wrong(j, "--address and --model are needed; yufu-gateway read lists the models.",
                     "需要 --address 和 --model；可用型号见 yufu-gateway read。");
    if (e != ERR_OK)
        return wrong(j, "This is no address of that model's protocol.",
                     "该地址不符合此型号的通信协议。");
    if (j->unit.model->setting_count == 0 || !j->unit.model->driver->ask_write)
        return wrong(j, "This model has no parameters.", "该型号没有可设置的参数。");
    return true;
}

static bool check_wish(struct job *j, const char *name, const char *value)
{
    uint8_t room[METER_FRAME_MAX];
    struct writer w = writer_of(room, sizeof room);
    int found = meter_setting_find(j->unit.model, name);
    if (found < 0)
        return wrong(j, "The model has no such parameter; without a name they are listed.",
                     "该型号没有此参数；不带参数名可列出全部。");
    j->setting = (unsigned)found;
    if (options_number(value, INT64_MIN, INT64_MAX, &j->wish) == ERR_OK &&
        meter_ask_set(&j->unit, j->setting, j->wish, &w) == ERR_OK)
        return true;
    fprintf(stderr,
            probe_text(&j->probe, "%s is a whole number from %" PRId64 " to %" PRId64 ".\n",
                       "%s 应为 %" PRId64 " 至 %" PRId64 " 的整数。\n"),
            name, setting_of(j)->low, setting_of(j)->high);
    return false;
}

static int conclude(const struct job *j)
{
    if (!j->writing || (j->step == STEP_BEFORE && j->missing))
        return j->missing;
    if (j->step == STEP_AFTER)
        show(j);
    if (j->why != ERR_OK)
        (void)wrong(j, "Not known: it could not be read back. Ask again.",
                    "结果未知：未能回读，请重新查询。");
    else if (j->value == j->wish)
        printf("%s\n", probe_text(&j->probe, "So it stands in the meter.", "表内即为此值。"));
    else if (j->refused)
        (void)wrong(j,
                    "The meter refused, and holds another value. Does it want its programming key "
                    "pressed, or its maker's password?",
                    "表计拒绝写入，表内为其他值。是否需要按下编程键，或需要厂家密码？");
    else
        (void)wrong(j, "The meter holds another value.", "表内为其他值。");
    return j->why != ERR_OK || j->value != j->wish;
}

int gateway_set_main(int argc, char **argv)
{
    static struct job j;
    int words;
    int32_t baud;
    char parity;
    j = (struct job){.baud = "2400", .parity = "E"};
    const struct option_row rows[] = {
        {"--address", "NUMBER", &j.address, "the meter's, as on its label"},
        {"--model", "NAME", &j.model, "what it is; scan proposes one"},
        {"--baud", "RATE", &j.baud, "speed; of a tcp: endpoint the one set there"},
        {"--parity", "N|E|O", &j.parity, "parity"},
        {"--lang", "zh|en", &j.lang, "language; as the environment says unless told"},
        {}};
    enum options_result r =
        options_parse(argc, argv, "ENDPOINT [NAME VALUE] --address A --model M", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    j.probe =
        (struct probe){.bus = &j.bus, .turn = turn, .arg = &j, .chinese = probe_chinese(j.lang)};
    j.writing = words == 3;
    if (words != 1 && words != 3) {
        (void)wrong(&j,
                    "A line, or a line, a parameter and its value: serial:/dev/ttyS1 NAME VALUE",
                    "请指定端口，或端口、参数名和值：serial:/dev/ttyS1 参数名 值");
        return 2;
    }
    if (probe_speed(j.baud, j.parity, &baud, &parity) != ERR_OK) {
        (void)wrong(&j, "--baud is 300 to 921600, --parity one of N, E, O.",
                    "--baud 为 300 至 921600,--parity 为 N、E 或 O。");
        return 2;
    }
    if (!check_unit(&j) || (j.writing && !check_wish(&j, argv[2], argv[3])))
        return 2;
    if (probe_run(&j.probe, argv[1], baud, parity, begin) != ERR_OK)
        return 1;
    if (j.probe.stopped)
        return 1;
    return conclude(&j);
}
