#include "app/demo/demo_site.h"

#include <stdbool.h>

#define ROOM_FLOORS 5
#define ROOMS_A_FLOOR 24
#define SHOP_FLOORS 2
#define SHOPS_A_FLOOR 40
#define POWER_LINES 8
#define PER_LINE ((ROOM_FLOORS * ROOMS_A_FLOOR + SHOP_FLOORS * SHOPS_A_FLOOR) / POWER_LINES)
#define FLATS_A_FLOOR 4

const struct demo_document demo_plans[] = {
    {"dorm", "{\"kind\":\"flat\",\"price\":\"0.5583\"}"},
    {"shop", "{\"kind\":\"time_of_use\","
             "\"prices\":{\"sharp\":\"1.2206\",\"peak\":\"1.0172\",\"flat\":\"0.6358\",\"valley\":"
             "\"0.2861\"},"
             "\"periods\":["
             "{\"from\":\"00:00\",\"to\":\"08:00\",\"rate\":\"valley\"},"
             "{\"from\":\"08:00\",\"to\":\"10:00\",\"rate\":\"flat\"},"
             "{\"from\":\"10:00\",\"to\":\"12:00\",\"rate\":\"peak\"},"
             "{\"from\":\"12:00\",\"to\":\"14:00\",\"rate\":\"flat\"},"
             "{\"from\":\"14:00\",\"to\":\"19:00\",\"rate\":\"peak\"},"
             "{\"from\":\"19:00\",\"to\":\"21:00\",\"rate\":\"sharp\"},"
             "{\"from\":\"21:00\",\"to\":\"24:00\",\"rate\":\"flat\"}]}"},
    {"water", "{\"kind\":\"flat\",\"unit\":\"m3\",\"price\":\"3.4500\"}"},
    {"hot-water", "{\"kind\":\"flat\",\"unit\":\"m3\",\"price\":\"24.0000\"}"},
    {"gas", "{\"kind\":\"flat\",\"unit\":\"m3\",\"price\":\"2.6300\"}"},
    {"heat", "{\"kind\":\"flat\",\"unit\":\"GJ\",\"price\":\"36.0000\"}"}, /* of cooling too */
    {NULL, NULL}};

/* Cuts at any hour and after a minute's grace, so that one can be watched; docs/formats/strategy.md
 * has the defaults for a real site. */
const struct demo_document demo_strategies[] = {
    {"standard",
     "{\"levels\":[\"10.00\",\"3.00\",\"0.00\"],"
     "\"cut\":{\"automatic\":true,\"at\":\"0.00\",\"notice_level\":2,\"notices\":1,\"grace_s\":60,"
     "\"reading_age_max_s\":3600,\"from\":\"00:00\",\"to\":\"24:00\","
     "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true},"
     "\"restore\":{\"automatic\":true,\"above\":\"0.00\"}}"},
    {"remind", /* heating is never turned off by itself */
     "{\"levels\":[\"30.00\",\"10.00\",\"0.00\"],\"cut\":{\"automatic\":false}}"},
    {NULL, NULL}};

static const char *const surnames[] = {"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴",
                                       "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗"};
static const char *const given[] = {"子涵", "浩然", "欣怡", "宇轩", "诗涵", "俊杰", "梓萱",
                                    "博文", "雨桐", "嘉豪", "思远", "佳琪", "晨曦"};
static const char *const trades[] = {
    "兰州拉面", "星光咖啡", "小鹿书店", "鲜果时光", "川味小馆", "阳光药房", "童趣乐园", "雅致女装",
    "便利生活", "手机之家", "鲜花坊",   "烘焙工坊", "健身空间", "眼镜城",   "美发沙龙", "面包新语"};

static bool dorm_in_meter(int floor)
{
    return floor > 3; /* floors 4 and 5 hold their balance in the terminal */
}

static void write_room(FILE *out, int floor, int room, unsigned index)
{
    unsigned number = (unsigned)(floor * 100 + room);
    fprintf(out, "D1,%d,%u,,D1-%u,%u寝室,D1-%u,%s%s,138%08u,%s,dorm,standard,2026-09-01,", floor,
            number, number, number, number, surnames[index * 7 % 20], given[index * 5 % 13],
            10'000'000 + index * 7919 % 89'999'999, dorm_in_meter(floor) ? "meter" : "platform");
}

static void write_shop(FILE *out, int floor, int shop, unsigned index)
{
    unsigned number = (unsigned)(floor * 100 + shop);
    fprintf(out, "P1,%d,,S%u,P1-S%u,%s %u号铺,P1-S%u,%s%s,139%08u,%s,shop,standard,2026-08-15,",
            floor, number, number, trades[index % 16], number, number, surnames[index * 3 % 20],
            given[index * 11 % 13], 10'000'000 + index * 6151 % 89'999'999,
            index % 4 == 3 ? "platform" : "meter");
}

/* What a flat may have; the first `flats` of the house have it. */
static const struct {
    const char *code, *name, *model, *kind, *plan, *strategy;
    unsigned flats;
} services[] = {
    {"W", "冷水", "water-valve-188", "water", "water", "standard", 12},
    {"R", "热水", "hot-water-188", "water", "hot-water", "remind", 4},
    {"G", "燃气", "gas-valve-188", "gas", "gas", "standard", 4},
    {"H", "供暖", "heat-188", "heat", "heat", "remind", 6},
    {"C", "供冷", "cooling-188", "cooling", "heat", "remind", 2},
};

static void write_flat(FILE *out, size_t service, unsigned flat)
{
    unsigned number = (flat / FLATS_A_FLOOR + 1) * 100 + flat % FLATS_A_FLOOR + 1;
    fprintf(out, "R1,%u,%u,,R1-%u-%s,%u室 %s,R1-%u,%s%s,137%08u,platform,%s,%s,2026-10-15,",
            flat / FLATS_A_FLOOR + 1, number, number, services[service].code, number,
            services[service].name, number, surnames[(flat + 3) * 7 % 20], given[flat * 5 % 13],
            10'000'000 + flat * 7001, services[service].plan, services[service].strategy);
}

static void write_meter(FILE *out, unsigned line, uint16_t port, bool first, unsigned address)
{
    fprintf(out, "%s,%s,%u,", DEMO_GATEWAY, first ? "园区通信管理机" : "", line);
    if (first)
        fprintf(out, "tcp:127.0.0.1:%u,2400,E,", port);
    else
        fprintf(out, ",,,");
    fprintf(out, "%012u,", address);
}

static void begin_row(FILE *out)
{
    fprintf(out, "%s,%s,%s,yufu,", DEMO_PROJECT, "玉府园区 Yufu Park", "Asia/Shanghai");
}

static unsigned write_rooms(FILE *out, const uint16_t line_ports[DEMO_LINES])
{
    unsigned index = 0;
    for (int floor = 1; floor <= ROOM_FLOORS; floor++)
        for (int room = 1; room <= ROOMS_A_FLOOR; room++, index++) {
            unsigned line = index / PER_LINE;
            begin_row(out);
            write_room(out, floor, room, index);
            write_meter(out, line + 1, line_ports[line], index % PER_LINE == 0,
                        (unsigned)(100'000 + floor * 100 + room));
            fprintf(out, "yufu-dorm3,electricity,3,%012u\n", 500'000 + index);
        }
    return index;
}

static void write_shops(FILE *out, const uint16_t line_ports[DEMO_LINES], unsigned index)
{
    for (int floor = 1; floor <= SHOP_FLOORS; floor++)
        for (int shop = 1; shop <= SHOPS_A_FLOOR; shop++, index++) {
            unsigned line = index / PER_LINE;
            begin_row(out);
            write_shop(out, floor, shop, index);
            write_meter(out, line + 1, line_ports[line], index % PER_LINE == 0,
                        (unsigned)(200'000 + floor * 100 + shop));
            fprintf(out, "yufu-shop3p,electricity,1,%012u\n", 600'000 + index);
        }
}

/* All on the line behind the others; their addresses have 14 digits. */
static void write_flats(FILE *out, const uint16_t line_ports[DEMO_LINES])
{
    for (size_t s = 0; s < sizeof services / sizeof *services; s++)
        for (unsigned flat = 0; flat < services[s].flats; flat++) {
            bool first = s == 0 && flat == 0;
            begin_row(out);
            write_flat(out, s, flat);
            fprintf(out, "%s,,%u,", DEMO_GATEWAY, DEMO_LINES);
            if (first)
                fprintf(out, "tcp:127.0.0.1:%u,2400,E,", line_ports[DEMO_LINES - 1]);
            else
                fprintf(out, ",,,");
            fprintf(out, "2605%02u%08u,%s,%s,1,\n", (unsigned)s + 10, 1'000 + flat * 37,
                    services[s].model, services[s].kind);
        }
}

void demo_site_write(FILE *out, const uint16_t line_ports[DEMO_LINES])
{
    fprintf(out, "project,project_name,zone,organisation,building,floor,room,shop,account,"
                 "account_name,customer,customer_name,phone,wallet,plan,strategy,contract,gateway,"
                 "gateway_name,line,endpoint,baud,parity,address,model,kind,circuits,"
                 "customer_number\n");
    write_shops(out, line_ports, write_rooms(out, line_ports));
    write_flats(out, line_ports);
}

int64_t demo_site_opening_fen(unsigned account)
{
    if (account % 23 == 5)
        return 3; /* gone within minutes */
    if (account % 17 == 4)
        return 400; /* below the first alarm */
    return 2'000 + (int64_t)(account * 7919 % 160) * 100;
}
