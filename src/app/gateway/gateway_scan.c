/* `yufu-gateway scan`: what hangs on this line, and the import file for it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/gateway/gateway_probe.h"
#include "app/options.h"
#include "base/must.h"
#include "gateway/scan.h"
#include "meter/meter_model.h"

#define TEXT_MAX 64
#define ENDPOINT_MAX 80
/* a row: four texts, two addresses, a model's name, a kind and commas; one row has the endpoint */
#define ROW_MAX (4 * TEXT_MAX + 2 * SCAN_ADDRESS + 32 + 16 + 16)
#define FILE_MAX_BYTES (SCAN_FOUND_MAX * ROW_MAX + 256)
#define MARKED (1U << SCAN_DLT645 | 1U << SCAN_DLT645_1997 | 1U << SCAN_CJT188 | 1U << SCAN_MBUS)
#define SECONDARY (1U << SCAN_MBUS_SECONDARY)
#define MODBUS (1U << SCAN_MODBUS)
#define MODBUS_TCP (1U << SCAN_MODBUS_TCP)
#define ALL (((1U << SCAN_PROTOCOLS) - 1) & ~(1U << SCAN_MBUS_ANY | MODBUS_TCP))

struct arguments {
    const char *baud, *parity, *protocols, *units, *slow, *thorough, *addresses, *wake, *output,
        *lang;
    const char *project, *building, *gateway, *line;
};

struct job {
    struct arguments a;
    const char *endpoint;
    struct scan scan;
    struct scan_options options;
    struct probe probe;
    unsigned told;
    size_t shown;
    bool terminal; /* progress overwrites itself */
};

/* --- options
 * -------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned bits;
} protocol_names[] = {
    {"645", 1U << SCAN_DLT645}, {"97", 1U << SCAN_DLT645_1997},        {"188", 1U << SCAN_CJT188},
    {"modbus", MODBUS},         {"mbus", 1U << SCAN_MBUS | SECONDARY}, {"modbus-tcp", MODBUS_TCP},
};

static bool pick_protocols(const char *text, unsigned *bits)
{
    *bits = text ? 0 : ALL;
    for (const char *p = text; p && *p;) {
        size_t len = strcspn(p, ","), k = 0,
               count = sizeof protocol_names / sizeof protocol_names[0];
        while (k < count && (strlen(protocol_names[k].name) != len ||
                             strncmp(protocol_names[k].name, p, len) != 0))
            k++;
        if (k == count)
            return false;
        *bits |= protocol_names[k].bits;
        p += len + (p[len] == ',');
    }
    return *bits != 0;
}

/* What goes into the import file must stand in it as it is, and short enough for a row. */
static bool fits_file(const char *text, size_t most)
{
    return strlen(text) <= most && strpbrk(text, ",\"\r\n") == NULL;
}

static bool check_texts(const struct job *j)
{
    const struct {
        const char *option, *text;
        size_t most;
    } rows[] = {{"--project", j->a.project, TEXT_MAX},
                {"--building", j->a.building, TEXT_MAX},
                {"--gateway", j->a.gateway, TEXT_MAX},
                {"--line", j->a.line, TEXT_MAX},
                {j->endpoint, j->a.output ? j->endpoint : "", ENDPOINT_MAX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!fits_file(rows[i].text, rows[i].most)) {
            fprintf(stderr,
                    probe_text(&j->probe,
                               "%s: at most %zu characters for the import file, no comma, quote or "
                               "line break.\n",
                               "%s：导入文件中最多 %zu 个字符，不得含逗号、引号或换行。\n"),
                    rows[i].option, rows[i].most);
            return false;
        }
    return true;
}

/* In the order of how often they are met. */
static const struct scan_speed usual[] = {
    {2400, 'E', MARKED | SECONDARY},
    {9600, 'E', MARKED | MODBUS},
    {9600, 'N', MODBUS},
    {1200, 'E', MARKED},
    {4800, 'E', MARKED},
    {4800, 'N', MODBUS},
    {19200, 'N', MODBUS},
    {2400, 'N', MODBUS},
    {300, 'E', 1U << SCAN_MBUS},
};

static bool is_tcp(const struct job *j)
{
    return strncmp(j->endpoint, "tcp:", 4) == 0;
}

static bool pick_speeds(struct job *j, unsigned protocols)
{
    struct scan_options *o = &j->options;
    if (j->a.baud || j->a.parity || is_tcp(j)) { /* a serial server's speed is set there */
        struct scan_speed *s = &o->speeds[o->speed_count++];
        s->protocols = protocols;
        s->rouse = j->a.wake != NULL;
        return probe_speed(j->a.baud ? j->a.baud : "2400", j->a.parity ? j->a.parity : "E",
                           &s->baud, &s->parity) == ERR_OK;
    }
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (usual[i].protocols & protocols) {
            o->speeds[o->speed_count] = usual[i];
            o->speeds[o->speed_count].rouse = j->a.wake != NULL;
            o->speeds[o->speed_count++].protocols &= protocols;
        }
    return o->speed_count > 0;
}

static bool pick_units(const char *text, struct scan_options *o)
{
    char *end;
    if (!text)
        return true;
    unsigned long first = strtoul(text, &end, 10), last = first;
    if (*end == '-')
        last = strtoul(end + 1, &end, 10);
    o->first_unit = (uint8_t)first;
    o->last_unit = (uint8_t)last;
    return *end == '\0' && first >= 1 && first <= last && last <= 250;
}

/* --- progress
 * ------------------------------------------------------------------------------------- */

static void show_found(struct job *j, const struct scan_found *f)
{
    const struct meter_model *m = f->model;
    const char *title = m ? (j->probe.chinese ? m->title_zh : m->title_en) : "-";
    printf("%-24s %-16s %6" PRId32 " %c  %4" PRId32 " ms  %s", scan_protocol_name(f->protocol),
           f->address, f->baud, f->parity, f->turnaround_ms,
           f->twin ? probe_text(&j->probe, "TWO METERS", "地址重复")
           : m     ? m->name
                   : "-");
    if (m)
        printf("  (%s; %u/%u)", title, f->told, f->rows);
    if (f->others > 0)
        printf(probe_text(&j->probe, "  or one of %u others", "  或另外 %u 种型号"), f->others);
    printf("\n");
}

/* Finished meters are told as they come, so that a stopped scan has told what it knows. */
static void show_new(struct job *j)
{
    size_t done = j->scan.found_count;
    if (j->scan.phase == SCAN_CHECKING || j->scan.phase == SCAN_MODELLING)
        done = j->scan.subject;
    else if (j->scan.phase == SCAN_SEARCHING)
        done = j->scan.first_of_speed;
    if (j->shown < done && j->terminal)
        fprintf(stderr, "\r%*s\r", 72, "");
    for (; j->shown < done; j->shown++)
        show_found(j, &j->scan.found[j->shown]);
    fflush(stdout);
}

static void show_progress(struct job *j)
{
    unsigned percent = scan_progress(&j->scan) / 10;
    const struct scan_speed *s =
        &j->options.speeds[j->scan.speed < j->options.speed_count ? j->scan.speed
                                                                  : j->options.speed_count - 1];
    if (percent == j->told || (!j->terminal && percent < j->told + 5))
        return;
    j->told = percent;
    fprintf(stderr, "%s%3u %%  %" PRId32 " 8%c1  %-26s %zu %s %s", j->terminal ? "\r" : "", percent,
            s->baud, s->parity, scan_protocol_name(j->scan.protocol), j->scan.found_count,
            probe_text(&j->probe, "found", "块"), j->terminal ? "" : "\n");
    fflush(stderr);
}

static bool turn(void *arg, mono_ms now)
{
    struct job *j = arg;
    scan_turn(&j->scan, now);
    show_new(j);
    show_progress(j);
    return scan_over(&j->scan);
}

static mono_ms wake(const void *arg)
{
    return scan_wake(&((const struct job *)arg)->scan);
}

static void begin(void *arg, mono_ms now)
{
    struct job *j = arg;
    scan_begin(&j->scan, &j->options, now);
}

/* --- the import file
 * ------------------------------------------------------------------------------ */

static bool goes_in(const struct scan_found *f, int32_t baud, char parity)
{
    return f->model && !f->twin && f->baud == baud && f->parity == parity;
}

/* One row a meter; the place is named after it, to be changed where it has a better name. */
static size_t write_rows(const struct job *j, char *out, size_t cap)
{
    int32_t baud = 0;
    char parity = 0;
    size_t rows = 0;
    int len = snprintf(out, cap,
                       "project,building,room,gateway,line,endpoint,baud,parity,address,"
                       "model,kind\n");
    if (!scan_line_speed(&j->scan, &baud, &parity))
        return (size_t)len;
    for (size_t i = 0; i < j->scan.found_count; i++) {
        const struct scan_found *f = &j->scan.found[i];
        if (!goes_in(f, baud, parity))
            continue;
        char line[ENDPOINT_MAX + 16] = ",,";
        if (rows++ == 0)
            snprintf(line, sizeof line, "%s,%" PRId32 ",%c", j->endpoint, baud, parity);
        len += snprintf(out + len, cap - (size_t)len, "%s,%s,M%s,%s,%s,%s,%s,%s,%s\n", j->a.project,
                        j->a.building, f->address, j->a.gateway, j->a.line, line, f->address,
                        f->model->name, meter_kind_name(f->model->kind));
        MUST((size_t)len < cap);
    }
    return (size_t)len;
}

static enum err write_file(struct job *j)
{
    static char text[FILE_MAX_BYTES];
    size_t len = write_rows(j, text, sizeof text);
    TRY(io_file_write(j->a.output, (struct bytes){(const uint8_t *)text, len}, 0644));
    printf(
        probe_text(&j->probe,
                   "%s is written. Fill in the rooms; then: yufu import --data DIR --dry-run %s\n",
                   "已写入 %s。请补充房间等信息，然后执行：yufu import --data DIR --dry-run %s\n"),
        j->a.output, j->a.output);
    return ERR_OK;
}

/* --- the command
 * ---------------------------------------------------------------------------------- */

static void conclude(struct job *j)
{
    scan_stop(&j->scan);
    if (j->terminal)
        fprintf(stderr, "\r%*s\r", 72, "");
    show_new(j);
    if (j->probe.stopped)
        printf("%s\n", probe_text(&j->probe, "Stopped: what was found so far stands above.",
                                  "已中止，以上为目前找到的表计。"));
    printf(probe_text(&j->probe, "%zu meters found.\n", "共找到 %zu 块表。\n"),
           j->scan.found_count);
    for (enum scan_remark r = 0; r < SCAN_REMARKS; r++) {
        bool noise = r == SCAN_REMARK_NOTHING && j->probe.stopped;
        if ((j->scan.remarks >> r & 1) && !noise)
            printf("- %s\n", j->probe.chinese ? scan_remark_zh(r) : scan_remark_en(r));
    }
    if (j->scan.found_count == 0 && !j->a.protocols && is_tcp(j))
        printf("- %s\n",
               probe_text(&j->probe,
                          "A device of Modbus TCP is searched for by --protocols modbus-tcp.",
                          "Modbus TCP 设备请用 --protocols modbus-tcp 查找。"));
}

/* Before it begins: nobody waits a quarter of an hour without knowing. */
static void tell_price(const struct job *j)
{
    int32_t seconds = scan_slow_s(&j->options);
    if (seconds > 0)
        fprintf(stderr,
                probe_text(&j->probe,
                           "--slow: 2 s for each Modbus unit that does not answer: up to %" PRId32
                           " min %" PRId32 " s. --units and --baud make it shorter.\n",
                           "--slow：每个未应答的 Modbus 地址等待 2 秒，最长约 %" PRId32
                           " 分 %" PRId32 " 秒。可用 --units 与 --baud 缩短。\n"),
                seconds / 60, seconds % 60);
}

static int run(struct job *j)
{
    unsigned protocols;
    if (!pick_protocols(j->a.protocols, &protocols) || !pick_speeds(j, protocols) ||
        !pick_units(j->a.units, &j->options)) {
        fprintf(
            stderr, "%s\n",
            probe_text(
                &j->probe,
                "Wrong --protocols (645,97,188,modbus,mbus,modbus-tcp), --units (1-247), --baud or "
                "--parity (N, E, O).",
                "--protocols(645,97,188,modbus,mbus,modbus-tcp)、--units(1-247)、--baud 或 "
                "--parity（N、E、O）有误。"));
        return 2;
    }
    if (!check_texts(j))
        return 2;
    j->options.slow = j->a.slow != NULL;
    tell_price(j);
    j->options.thorough = j->a.thorough != NULL;
    j->options.addresses = j->a.addresses != NULL;
    j->probe.bus = &j->scan.bus;
    if (probe_run(&j->probe, j->endpoint, j->options.speeds[0].baud, j->options.speeds[0].parity,
                  begin) != ERR_OK)
        return 1;
    conclude(j);
    enum err e = j->a.output ? write_file(j) : ERR_OK;
    if (e != ERR_OK)
        fprintf(stderr, "%s: %s\n", j->a.output,
                j->probe.chinese ? err_text_zh(e) : err_text_en(e));
    return e == ERR_OK && j->scan.found_count > 0 ? 0 : 1;
}

int gateway_scan_main(int argc, char **argv)
{
    static struct job j;
    j = (struct job){.a = {.project = "site", .building = "B1", .gateway = "GW-0001", .line = "1"}};
    const struct option_row rows[] = {
        {"--baud", "RATE", &j.a.baud,
         "only this speed; of a tcp: endpoint the one set there [2400]"},
        {"--parity", "N|E|O", &j.a.parity, "only this parity [E]"},
        {"--protocols", "LIST", &j.a.protocols,
         "of 645,97,188,modbus,mbus (all unless told), modbus-tcp"},
        {"--units", "A-B", &j.a.units, "Modbus units and M-Bus numbers; all unless told"},
        {"--slow", NULL, &j.a.slow, "wait 2 s for each Modbus unit, whoever was heard before"},
        {"--thorough", NULL, &j.a.thorough, "every speed and protocol, and ask twice"},
        {"--addresses", NULL, &j.a.addresses, "do not look for models"},
        {"--wake", NULL, &j.a.wake, "wake the meters before each question (M-Bus, CJ/T 188)"},
        {"--output", "FILE.csv", &j.a.output, "write the import file for the platform"},
        {"--project", "CODE", &j.a.project, "for the import file"},
        {"--building", "CODE", &j.a.building, "for the import file"},
        {"--gateway", "SERIAL", &j.a.gateway, "for the import file"},
        {"--line", "N", &j.a.line, "for the import file"},
        {"--lang", "zh|en", &j.a.lang, "language; as the environment says unless told"},
        {0}};
    int words;
    enum options_result r = options_parse(argc, argv, "ENDPOINT [OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    j.probe =
        (struct probe){.turn = turn, .wake = wake, .arg = &j, .chinese = probe_chinese(j.a.lang)};
    j.terminal = isatty(STDERR_FILENO);
    if (words != 1) {
        fprintf(stderr, "%s\n",
                probe_text(&j.probe, "Which line? For example: yufu-gateway scan serial:/dev/ttyS1",
                           "请指定端口，例如：yufu-gateway scan serial:/dev/ttyS1"));
        return 2;
    }
    j.endpoint = argv[1];
    return run(&j);
}
