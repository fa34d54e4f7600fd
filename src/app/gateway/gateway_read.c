/* `yufu-gateway read` and `yufu-gateway test`: one meter, asked by an installer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/gateway/gateway_probe.h"
#include "app/gateway/gateway_profile.h"
#include "app/gateway/gateway_words.h"
#include "app/options.h"
#include "base/must.h"
#include "gateway/scan.h"

#define READ_ATTEMPTS 3
#define TEST_MAX 10'000

struct job {
    const char *address, *model, *baud, *parity, *count, *lang;
    const char *wake;
    const char *profile, *group, *blocks, *step; /* read: load records */
    struct bus bus;
    struct meter_unit unit;
    struct probe probe;
    int64_t rounds, round; /* test: so many questions; read: rows */
    uint8_t item;
    struct meter_values shown;
    bool testing, asked;
    size_t told;
    int64_t answered, silent, damaged, refused, unfit;
    int64_t quickest_ms, slowest_ms, sum_ms;
    mono_ms sent;
};

static struct job the_job; /* a process has one */

/* --- asking
 * ----------------------------------------------------------------------------------------- */

static void ask(struct job *j)
{
    struct bus_job job = {
        .priority = BUS_ORDER, .attempts = j->testing ? 1 : READ_ATTEMPTS, .tag = 1};
    struct writer w = writer_of(job.request, sizeof job.request);
    meter_ask_item(&j->unit, j->item, &w);
    MUST(w.err == ERR_OK);
    job.len = (uint16_t)w.len;
    MUST(bus_submit(&j->bus, &job) == ERR_OK);
    j->asked = true;
}

/* A telegram that another led to tells the meter's state once more. */
static bool was_shown(const struct job *j, const struct meter_value *v)
{
    return meter_values_get(&j->shown, v->point, INT64_MIN) == v->value;
}

static void show_values(struct job *j, const struct meter_values *v)
{
    bool electric = j->unit.model->kind == METER_KIND_ELECTRICITY;
    for (size_t i = 0; i < v->count; i++) {
        char text[96];
        if (v->list[i].point == POINT_ENERGY_WH && !electric)
            continue; /* what is charged, in another unit: its own register is shown */
        if (was_shown(j, &v->list[i]))
            continue;
        meter_values_add(&j->shown, v->list[i].point, v->list[i].value);
        point_value_text(v->list[i].point, v->list[i].value, j->probe.chinese, text, sizeof text);
        printf("%-20s %s\n", point_words(v->list[i].point, j->probe.chinese), text);
        j->told++;
    }
}

/* True: it leads to the row after it. */
static bool take_answer(struct job *j, const struct bus_result *r)
{
    struct meter_values v = {.next_item = -1};
    enum err e = meter_take_item(&j->unit, j->item, (struct bytes){r->answer, r->len}, &v);
    int64_t ms = j->bus.peers[0].slowest_ms;
    j->answered++;
    j->refused += e == ERR_METER_REFUSED;
    j->unfit += e != ERR_OK && e != ERR_METER_REFUSED;
    if (j->testing) {
        ms = (int64_t)j->bus.peers[0].turnaround_ms - j->sum_ms;
        j->sum_ms += ms;
        j->quickest_ms = j->answered == 1 || ms < j->quickest_ms ? ms : j->quickest_ms;
        j->slowest_ms = ms > j->slowest_ms ? ms : j->slowest_ms;
        return false;
    }
    if (e == ERR_OK)
        show_values(j, &v);
    else
        printf("%-20s %s\n", j->unit.model->items[j->item].name,
               j->probe.chinese ? err_text_zh(e) : err_text_en(e));
    return e == ERR_OK && v.next_item >= 0;
}

/* The row that is asked after this one: what only another row leads to is asked if that one did.
 * `led`: this one leads to the next. */
static uint8_t row_after(const struct meter_model *m, uint8_t item, bool led)
{
    bool skipped = !led;
    do {
        skipped = skipped && m->items[item].next != METER_NEXT_NEVER;
        item++;
    } while (skipped && item < m->item_count);
    return item;
}

static void take(struct job *j, const struct bus_result *r)
{
    j->asked = false;
    bool leads = r->err == ERR_OK && take_answer(j, r);
    j->silent += r->err == ERR_BUS_SILENT;
    j->damaged += r->err == ERR_BUS_DAMAGED;
    if (j->testing) {
        fputc(r->err == ERR_OK ? '.' : r->err == ERR_BUS_DAMAGED ? 'x' : '-', stdout);
        fflush(stdout);
    } else if (r->err != ERR_OK) {
        printf("%-20s %s\n", j->unit.model->items[j->item].name,
               j->probe.chinese ? err_text_zh(r->err) : err_text_en(r->err));
    }
    j->round++;
    if (!j->testing)
        j->item = row_after(j->unit.model, j->item, leads);
}

/* Nobody there: the other rows will not be answered either. */
static bool over(const struct job *j)
{
    if (j->testing)
        return j->round == j->rounds;
    return j->item == j->rounds || (j->round == 1 && j->silent == 1);
}

static bool turn(void *arg, mono_ms now)
{
    struct job *j = arg;
    struct bus_result r;
    bus_tick(&j->bus, now);
    if (bus_result(&j->bus, &r))
        take(j, &r);
    if (over(j))
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
    if (!j->wake)
        return;
    bus_peer_speaks(&j->bus, 0, NULL, baud, parity); /* what wakes it may have another parity */
    bus_peer_sleeps(&j->bus, 0, scan_model_rouse(j->unit.model));
}

/* --- what to do next
 * ---------------------------------------------------------------------------------- */

#define DISTURBED_PART 10 /* of what is heard: more of it is garbage */

struct advice {
    const char *en, *zh;
};

static const struct advice NO_ANSWER = {
    "No answer. Next: does the meter have power; are A and B exchanged; is the address right "
    "(yufu-gateway "
    "scan finds it); is the speed right (--baud, --parity)?",
    "无应答。请检查：表计是否上电、A/B 是否接反、表号是否正确（可用 yufu-gateway scan "
    "扫描)、波特率和校验是否正确"
    "(--baud、--parity)。"};
static const struct advice WRONG_SPEED = {
    "Something answers, but not in this protocol at this speed. Next: try --baud and --parity; or "
    "scan.",
    "有数据但无法识别。请更换 --baud、--parity，或先执行 scan 扫描。"};
static const struct advice BAD_LINE = {"Some answers are lost or damaged. Next: terminate both "
                                       "ends of the line (120 ohm), look for long "
                                       "branches and loose screws, keep away from power cables; is "
                                       "there a second meter with this address or "
                                       "a second master on the line?",
                                       "部分应答丢失或损坏。请检查：总线两端是否接 120 Ω "
                                       "终端电阻、分支是否过长、接线是否松动、是否靠近动力电缆；"
                                       "是否有同地址的表或第二台主机。"};
static const struct advice WRONG_MODEL = {
    "The meter refuses what this model asks. Next: scan proposes the model that fits.",
    "表计拒绝该型号的请求。请执行 scan 以匹配型号。"};
static const struct advice WRONG_ANSWER = {
    "Good frames arrive, but they answer something else: another address, other registers. Next: "
    "is the address right (yufu-gateway scan finds it); does the model fit; does another master "
    "ask?",
    "收到完整报文，但不是对本次请求的应答（地址或寄存器不同）。请检查：表号是否正确"
    "（可用 yufu-gateway scan 扫描）、型号是否相符、总线上是否有另一台主机。"};
static const struct advice WRONG_LAYOUT = {
    "The answers arrive whole, but their values cannot be what this model says. Next: another "
    "model; or a model file of your own with the meter's registers and order of words.",
    "应答完整，但数值与该型号不符。请更换型号，或按表计的寄存器和字序编写自己的型号文件。"};
static const struct advice DISTURBED = {
    "The meter is heard well, but something else sends on this line. Next: take devices off one by "
    "one until it is quiet; is a device broken, is there a second master, are both ends biased?",
    "该表通信良好，但总线上另有设备在发送。请逐个断开设备查找；检查是否有设备损坏、是否有第二台主机"
    "、"
    "总线偏置电阻是否正常。"};
static const struct advice GOOD = {"The line to this meter is good.", "该表通信良好。"};

static const struct advice *advice_for(const struct job *j)
{
    uint64_t heard = j->bus.stats.received_bytes - j->bus.stats.echoes;
    if (j->answered == 0 && j->damaged == 0 && j->bus.stats.strays > 0)
        return &WRONG_ANSWER;
    if (j->answered == 0)
        return heard > 8 && j->bus.stats.absent == 0 ? &WRONG_SPEED : &NO_ANSWER;
    if (j->silent + j->damaged > 0)
        return &BAD_LINE;
    if (j->unfit > 0)
        return &WRONG_LAYOUT;
    if (j->refused == j->answered)
        return &WRONG_MODEL;
    return j->bus.stats.garbage_bytes * DISTURBED_PART > heard ? &DISTURBED : &GOOD;
}

static int conclude(struct job *j)
{
    const struct advice *a = advice_for(j);
    const struct bus_stats *s = &j->bus.stats;
    if (j->testing) {
        int64_t mean = j->answered > 0 ? j->sum_ms / j->answered : 0;
        printf(probe_text(&j->probe,
                          "\n%" PRId64 " asked, %" PRId64 " answered, %" PRId64 " silent, %" PRId64
                          " damaged; answers after %" PRId64 " / %" PRId64 " / %" PRId64
                          " ms (least, mean, most)\n",
                          "\n请求 %" PRId64 "，应答 %" PRId64 "，无应答 %" PRId64 "，损坏 %" PRId64
                          "；应答延时 %" PRId64 " / %" PRId64 " / %" PRId64
                          " ms（最短、平均、最长）\n"),
               j->round, j->answered, j->silent, j->damaged, j->quickest_ms, mean, j->slowest_ms);
        printf(probe_text(&j->probe,
                          "echoed bytes %" PRIu64 ", frames of others %" PRIu64 ", garbage %" PRIu64
                          " bytes, collisions %" PRIu64 "\n",
                          "回波 %" PRIu64 " 字节，他人报文 %" PRIu64 "，杂散 %" PRIu64
                          " 字节，冲突 %" PRIu64 "\n"),
               s->echoes, s->strays, s->garbage_bytes, s->collisions);
    }
    if (j->testing || a != &GOOD)
        printf("%s\n", j->probe.chinese ? a->zh : a->en);
    return a == &GOOD ? 0 : 1;
}

/* --- the commands
 * ------------------------------------------------------------------------------------- */

static void list_models(void)
{
    const struct meter_model *m;
    for (size_t i = 0; (m = meter_model_at(i)) != NULL; i++)
        fprintf(stderr, "  %-28s %s %s\n", m->name, m->title_en, m->title_zh);
}

static bool wrong(const struct job *j, const char *en, const char *zh)
{
    fprintf(stderr, "%s\n", probe_text(&j->probe, en, zh));
    return false;
}

static bool check(struct job *j)
{
    int32_t baud;
    char parity;
    if (probe_speed(j->baud, j->parity, &baud, &parity) != ERR_OK)
        return wrong(j, "--baud is 300 to 921600, --parity one of N, E, O.",
                     "--baud 为 300 至 921600,--parity 为 N、E 或 O。");
    enum err e = j->model && j->address ? meter_unit_init(&j->unit, j->model, j->address, "", 0)
                                        : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        (void)wrong(j, "--address and --model are needed; the models are:",
                    "需要 --address 和 --model。可用型号：");
        list_models();
        return false;
    }
    if (e != ERR_OK)
        return wrong(j, "This is no address of that model's protocol.",
                     "该地址不符合此型号的通信协议。");
    if (j->wake && !scan_model_rouse(j->unit.model))
        return wrong(j,
                     "--wake: meters of this model's protocol do not sleep; M-Bus and CJ/T 188 do.",
                     "--wake：该型号的规约没有唤醒方式，仅 M-Bus 和 CJ/T 188 有。");
    if (!j->testing) {
        j->rounds = j->unit.model->item_count;
        return true;
    }
    if (options_number(j->count, 1, TEST_MAX, &j->rounds) != ERR_OK)
        return wrong(j, "--count is 1 to 10000.", "--count 为 1 至 10000。");
    return true;
}

static int run_profile(const struct job *j, const char *endpoint, const char *to)
{
    int32_t baud;
    char parity;
    enum err e = probe_speed(j->baud, j->parity, &baud, &parity);
    MUST(e == ERR_OK); /* check() has seen it */
    return gateway_profile(&(struct profile_wish){.unit = &j->unit,
                                                  .from = j->profile,
                                                  .to = to,
                                                  .group = j->group,
                                                  .blocks = j->blocks,
                                                  .step = j->step,
                                                  .endpoint = endpoint,
                                                  .baud = baud,
                                                  .parity = parity,
                                                  .chinese = j->probe.chinese});
}

static void add_profile_rows(struct job *j, struct option_row *rows)
{
    rows[0] = (struct option_row){"--profile", "FROM TO", &j->profile,
                                  "load records as CSV; times like 2026-11-25T06:00"};
    rows[1] = (struct option_row){"--group", "NAME", &j->group,
                                  "of them: all, voltage, power, factor, energy, reactive, demand"};
    rows[2] = (struct option_row){"--blocks", "N", &j->blocks, "records asked for at once"};
    rows[3] = (struct option_row){"--step", "MINUTES", &j->step, "where the meter has a hole"};
}

static int run(int argc, char **argv, bool testing)
{
    the_job = (struct job){.baud = "2400",
                           .parity = "E",
                           .count = "20",
                           .group = "all",
                           .blocks = "8",
                           .step = "15",
                           .testing = testing};
    struct option_row rows[11] = {
        {"--address", "NUMBER", &the_job.address, "the meter's, as on its label"},
        {"--model", "NAME", &the_job.model, "what it is; scan proposes one"},
        {"--baud", "RATE", &the_job.baud, "speed; of a tcp: endpoint the one set there"},
        {"--parity", "N|E|O", &the_job.parity, "parity"},
        {"--wake", NULL, &the_job.wake, "wake the meter first (M-Bus, CJ/T 188)"},
        {"--lang", "zh|en", &the_job.lang, "language; as the environment says unless told"}};
    if (testing)
        rows[6] = (struct option_row){"--count", "N", &the_job.count, "questions"};
    else
        add_profile_rows(&the_job, rows + 6);
    int words;
    enum options_result r =
        options_parse(argc, argv, "ENDPOINT --address A --model M", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    the_job.probe = (struct probe){
        .bus = &the_job.bus, .turn = turn, .arg = &the_job, .chinese = probe_chinese(the_job.lang)};
    int32_t baud;
    char parity;
    if (words != 1 && !(the_job.profile && words == 2)) {
        (void)wrong(&the_job, "Which line? For example: serial:/dev/ttyS1",
                    "请指定端口，例如：serial:/dev/ttyS1");
        return 2;
    }
    if (!check(&the_job) || probe_speed(the_job.baud, the_job.parity, &baud, &parity) != ERR_OK)
        return 2;
    if (the_job.profile)
        return run_profile(&the_job, argv[1], words == 2 ? argv[2] : NULL);
    if (probe_run(&the_job.probe, argv[1], baud, parity, begin) != ERR_OK)
        return 1;
    return conclude(&the_job);
}

/* --- for `probe` */

struct bus *read_found_begin(const struct scan_found *f, bool chinese, mono_ms now)
{
    struct job *j = &the_job;
    *j = (struct job){.probe = {.chinese = chinese}};
    enum err e = meter_unit_init(&j->unit, f->model->name, f->address, "", 0);
    MUST(e == ERR_OK); /* the scan has asked it as this model */
    j->rounds = j->unit.model->item_count;
    probe_bus_init(&j->bus, &j->unit, f->baud, now);
    bus_peer_speaks(&j->bus, 0, NULL, f->baud, f->parity);
    bus_peer_sleeps(&j->bus, 0, f->rouse ? scan_protocol_rouse(f->protocol) : NULL);
    return &j->bus;
}

bool read_found_turn(mono_ms now)
{
    return turn(&the_job, now);
}

int read_found_end(void)
{
    return conclude(&the_job);
}

int gateway_read_main(int argc, char **argv)
{
    return run(argc, argv, false);
}

int gateway_test_main(int argc, char **argv)
{
    return run(argc, argv, true);
}
