#include "app/demo_site.h"

#include <stdbool.h>

#define ROOM_FLOORS 5
#define ROOMS_A_FLOOR 24
#define SHOP_FLOORS 2
#define SHOPS_A_FLOOR 40

const struct demo_document demo_plans[] = {
    {"dorm", "{\"kind\":\"flat\",\"price\":\"0.5583\"}"},
    {"shop",
     "{\"kind\":\"time_of_use\","
     "\"prices\":{\"sharp\":\"1.2206\",\"peak\":\"1.0172\",\"flat\":\"0.6358\",\"valley\":\"0.2861\"},"
     "\"periods\":["
     "{\"from\":\"00:00\",\"to\":\"08:00\",\"rate\":\"valley\"},"
     "{\"from\":\"08:00\",\"to\":\"10:00\",\"rate\":\"flat\"},"
     "{\"from\":\"10:00\",\"to\":\"12:00\",\"rate\":\"peak\"},"
     "{\"from\":\"12:00\",\"to\":\"14:00\",\"rate\":\"flat\"},"
     "{\"from\":\"14:00\",\"to\":\"19:00\",\"rate\":\"peak\"},"
     "{\"from\":\"19:00\",\"to\":\"21:00\",\"rate\":\"sharp\"},"
     "{\"from\":\"21:00\",\"to\":\"24:00\",\"rate\":\"flat\"}]}"},
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
    fprintf(out, "P1,%d,,S%u,P1-S%u,%s %u号铺,P1-S%u,%s%s,139%08u,%s,shop,standard,2026-08-15,", floor,
            number, number, trades[index % 16], number, number, surnames[index * 3 % 20],
            given[index * 11 % 13], 10'000'000 + index * 6151 % 89'999'999,
            index % 4 == 3 ? "platform" : "meter");
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

void demo_site_write(FILE *out, const uint16_t line_ports[DEMO_LINES])
{
    fprintf(out, "project,project_name,zone,organisation,building,floor,room,shop,account,"
                 "account_name,customer,customer_name,phone,wallet,plan,strategy,contract,gateway,"
                 "gateway_name,line,endpoint,baud,parity,address,model,kind,circuits,"
                 "customer_number\n");
    unsigned index = 0, per_line = (ROOM_FLOORS * ROOMS_A_FLOOR + SHOP_FLOORS * SHOPS_A_FLOOR) /
                                   DEMO_LINES;
    for (int floor = 1; floor <= ROOM_FLOORS; floor++)
        for (int room = 1; room <= ROOMS_A_FLOOR; room++, index++) {
            unsigned line = index / per_line;
            fprintf(out, "%s,%s,%s,yufu,", DEMO_PROJECT, "玉府园区 Yufu Park", "Asia/Shanghai");
            write_room(out, floor, room, index);
            write_meter(out, line + 1, line_ports[line], index % per_line == 0,
                        (unsigned)(100'000 + floor * 100 + room));
            fprintf(out, "yufu-dorm3,electricity,3,%012u\n", 500'000 + index);
        }
    for (int floor = 1; floor <= SHOP_FLOORS; floor++)
        for (int shop = 1; shop <= SHOPS_A_FLOOR; shop++, index++) {
            unsigned line = index / per_line;
            fprintf(out, "%s,%s,%s,yufu,", DEMO_PROJECT, "玉府园区 Yufu Park", "Asia/Shanghai");
            write_shop(out, floor, shop, index);
            write_meter(out, line + 1, line_ports[line], index % per_line == 0,
                        (unsigned)(200'000 + floor * 100 + shop));
            fprintf(out, "yufu-shop3p,electricity,1,%012u\n", 600'000 + index);
        }
}

int64_t demo_site_opening_fen(unsigned account)
{
    if (account % 23 == 5)
        return 3; /* gone within minutes */
    if (account % 17 == 4)
        return 400; /* below the first alarm */
    return 2'000 + (int64_t)(account * 7919 % 160) * 100;
}
