#include "proto/dlt645_load.h"

#include <string.h>

#include "base/must.h"

#define GOOD_MARK 0xA0
#define DOUBTFUL_MARK 0xE0
#define GROUP_END 0xAA
#define RECORD_END 0xE5
#define HEAD 3 /* two marks and n */
#define TAIL 2 /* sum and end */
#define TIME 5

#define ROW(en, zh, kind, len, decimals, unit)                                                     \
    {                                                                                              \
        en, zh, kind, len, decimals, unit, NULL, NULL                                              \
    }
#define VOLT(en, zh) ROW("voltage, phase " en, zh "相电压", DLT645_BCD, 2, 1, DLT645_VOLT)
#define AMPERE(en, zh) ROW("current, phase " en, zh "相电流", DLT645_SBCD, 3, 3, DLT645_AMPERE)
#define POWER(en, zh, unit) ROW(en, zh, DLT645_SBCD, 3, 4, unit)
#define FACTOR(en, zh) ROW("power factor, " en, zh "功率因数", DLT645_SBCD, 2, 3, 0)
#define ENERGY(en, zh, kind, unit) ROW(en, zh, kind, 4, 2, unit)

static const struct dlt645_field columns[DLT645_LOAD_COLUMNS] = {
    VOLT("A", "A"),
    VOLT("B", "B"),
    VOLT("C", "C"),
    AMPERE("A", "A"),
    AMPERE("B", "B"),
    AMPERE("C", "C"),
    ROW("frequency", "频率", DLT645_BCD, 2, 2, DLT645_HERTZ),
    POWER("active power, total", "总有功功率", DLT645_KW),
    POWER("active power, phase A", "A相有功功率", DLT645_KW),
    POWER("active power, phase B", "B相有功功率", DLT645_KW),
    POWER("active power, phase C", "C相有功功率", DLT645_KW),
    POWER("reactive power, total", "总无功功率", DLT645_KVAR),
    POWER("reactive power, phase A", "A相无功功率", DLT645_KVAR),
    POWER("reactive power, phase B", "B相无功功率", DLT645_KVAR),
    POWER("reactive power, phase C", "C相无功功率", DLT645_KVAR),
    FACTOR("total", "总"),
    FACTOR("phase A", "A相"),
    FACTOR("phase B", "B相"),
    FACTOR("phase C", "C相"),
    ENERGY("forward active energy", "正向有功总电能", DLT645_BCD, DLT645_KWH),
    ENERGY("reverse active energy", "反向有功总电能", DLT645_BCD, DLT645_KWH),
    ENERGY("combined reactive 1 energy", "组合无功1总电能", DLT645_SBCD, DLT645_KVARH),
    ENERGY("combined reactive 2 energy", "组合无功2总电能", DLT645_SBCD, DLT645_KVARH),
    ENERGY("quadrant 1 reactive energy", "第一象限无功总电能", DLT645_BCD, DLT645_KVARH),
    ENERGY("quadrant 2 reactive energy", "第二象限无功总电能", DLT645_BCD, DLT645_KVARH),
    ENERGY("quadrant 3 reactive energy", "第三象限无功总电能", DLT645_BCD, DLT645_KVARH),
    ENERGY("quadrant 4 reactive energy", "第四象限无功总电能", DLT645_BCD, DLT645_KVARH),
    POWER("present active demand", "当前有功需量", DLT645_KW),
    POWER("present reactive demand", "当前无功需量", DLT645_KVAR),
};

/* The first column of each group, and its bytes. */
static const struct {
    uint8_t first, len;
} groups[DLT645_LOAD_GROUPS + 1] = {
    {0, 17}, {7, 24}, {15, 8}, {19, 16}, {23, 16}, {27, 6}, {DLT645_LOAD_COLUMNS, 0}};

uint32_t dlt645_load_id(unsigned group, enum dlt645_load_which which)
{
    MUST(group <= DLT645_LOAD_GROUPS);
    return UINT32_C(0x06000000) | (uint32_t)group << 16 | (uint32_t)which;
}

bool dlt645_load_is(uint32_t id, unsigned *group)
{
    *group = id >> 16 & 0xFF;
    return id >> 24 == 0x06 && *group <= DLT645_LOAD_GROUPS && (id & 0xFFFF) <= DLT645_LOAD_LATEST;
}

/* --- one record ------------------------------------------------------------------------------- */

/* A group stands whole or is its end alone; values never contain AA: it is no packed digit. */
static bool take_group(struct reader *r, unsigned g, struct dlt645_load_record *rec)
{
    if (reader_left(r) > 0 && r->data[r->at] != GROUP_END)
        rec->groups[g] = reader_take(r, groups[g].len);
    return reader_u8(r) == GROUP_END && r->err == ERR_OK;
}

/* Meters that know fewer groups end early. */
static bool take_groups(struct bytes content, struct dlt645_load_record *rec)
{
    struct reader r = reader_of(content.data, content.len);
    memset(rec->groups, 0, sizeof rec->groups);
    for (unsigned g = 0; g < DLT645_LOAD_GROUPS && reader_left(&r) > 0; g++)
        if (!take_group(&r, g, rec))
            return false;
    return reader_left(&r) == 0 && content.len > 0;
}

/* The asked group first, without the ends of those before it; then ends only. */
static bool take_asked(struct bytes content, unsigned group, struct dlt645_load_record *rec)
{
    struct reader r = reader_of(content.data, content.len);
    memset(rec->groups, 0, sizeof rec->groups);
    if (group < 2 || !take_group(&r, group - 1, rec))
        return false;
    while (reader_left(&r) > 0)
        if (reader_u8(&r) != GROUP_END)
            return false;
    return true;
}

static bool is_mark(const uint8_t *p)
{
    return (p[0] == GOOD_MARK || p[0] == DOUBTFUL_MARK) && p[1] == p[0];
}

static size_t find_mark(struct bytes data)
{
    size_t at = 0;
    while (at + 1 < data.len && !is_mark(data.data + at))
        at++;
    bool may_begin =
        at + 1 == data.len && (data.data[at] == GOOD_MARK || data.data[at] == DOUBTFUL_MARK);
    return at + 1 < data.len || may_begin ? at : data.len;
}

static enum err take_record(struct bytes data, unsigned group, struct dlt645_load_record *rec,
                            size_t *len)
{
    if (data.len < HEAD)
        return ERR_TRUNCATED;
    size_t n = data.data[2];
    if (n < TIME || n > DLT645_LOAD_RECORD_MAX - HEAD - TAIL)
        return ERR_FRAME_LENGTH;
    if (data.len < HEAD + n + TAIL)
        return ERR_TRUNCATED;
    if (data.data[HEAD + n + 1] != RECORD_END)
        return ERR_FRAME_END;
    if (sum8(data.data, HEAD + n) != data.data[HEAD + n])
        return ERR_FRAME_CHECKSUM;
    struct bytes content = {data.data + HEAD + TIME, n - TIME};
    if (!take_groups(content, rec) && !take_asked(content, group, rec))
        return ERR_FRAME_LENGTH;
    rec->doubtful = data.data[0] == DOUBTFUL_MARK;
    memcpy(rec->time, data.data + HEAD, TIME);
    *len = HEAD + n + TAIL;
    return ERR_OK;
}

enum err dlt645_load_decode(struct bytes data, unsigned group, struct dlt645_load_record *rec,
                            size_t *used)
{
    size_t at = find_mark(data), len = 1;
    *used = at;
    enum err e = take_record((struct bytes){data.data + at, data.len - at}, group, rec, &len);
    if (e != ERR_TRUNCATED)
        *used += len;
    return e;
}

/* --- what it holds ---------------------------------------------------------------------------- */

enum err dlt645_load_time(const struct dlt645_load_record *rec, int32_t offset_s, wall_s *t)
{
    struct reader r = reader_of(rec->time, sizeof rec->time);
    struct civil c = {0};
    c.minute = (uint8_t)reader_bcd_le(&r, 1);
    c.hour = (uint8_t)reader_bcd_le(&r, 1);
    c.day = (uint8_t)reader_bcd_le(&r, 1);
    c.month = (uint8_t)reader_bcd_le(&r, 1);
    c.year = 2000 + (int32_t)reader_bcd_le(&r, 1);
    if (r.err != ERR_OK)
        return r.err;
    if (!civil_valid(c))
        return ERR_RANGE;
    *t = civil_to_wall(c, offset_s);
    return ERR_OK;
}

const struct dlt645_field *dlt645_load_field(unsigned column)
{
    MUST(column < DLT645_LOAD_COLUMNS);
    return &columns[column];
}

bool dlt645_load_value(const struct dlt645_load_record *rec, unsigned column,
                       struct dlt645_value *v)
{
    MUST(column < DLT645_LOAD_COLUMNS);
    unsigned g = 0;
    while (column >= groups[g + 1].first)
        g++;
    if (rec->groups[g].len == 0)
        return false;
    struct reader r = reader_of(rec->groups[g].data, rec->groups[g].len);
    for (unsigned i = groups[g].first; i < column; i++)
        (void)reader_take(&r, columns[i].len);
    dlt645_field_take(&columns[column], &r, v);
    return true;
}
