/* What a scan tells of itself: how far it is, and what to do about what it found. */
#include "gateway/scan_impl.h"

#define SEARCH_SHARE 600 /* of 1000, of a speed's progress */

static unsigned search_progress(const struct scan *s)
{
    unsigned within =
        s->depth == 0 ? 0 : (s->digit[0] + 1U) * 1000 / scan_way_of(s->protocol)->branches;
    unsigned before = 0, all = 0;
    for (unsigned p = 0; p < SCAN_PROTOCOLS; p++) {
        unsigned wanted = s->options.speeds[s->speed].protocols >> p & 1;
        all += wanted;
        before += p < s->protocol ? wanted : 0;
    }
    return (before * 1000 + within) / (all > 0 ? all : 1);
}

unsigned scan_progress(const struct scan *s)
{
    unsigned within = 0;
    if (s->phase == SCAN_OVER)
        return 1000;
    if (s->phase == SCAN_SEARCHING)
        within = search_progress(s) * SEARCH_SHARE / 1000;
    else if (s->phase != SCAN_LISTENING && s->found_count > s->first_of_speed)
        within =
            SEARCH_SHARE + (unsigned)((1000 - SEARCH_SHARE) * (s->subject - s->first_of_speed) /
                                      (s->found_count - s->first_of_speed));
    return (unsigned)((s->speed * 1000 + within) / s->options.speed_count);
}

int32_t scan_slow_s(const struct scan_options *o)
{
    int32_t first = o->first_unit > 0 ? o->first_unit : 1;
    int32_t last = o->last_unit > 0 && o->last_unit < 247 ? o->last_unit : 247, units = 0;
    for (size_t i = 0; i < o->speed_count && o->slow; i++)
        for (enum scan_protocol p = SCAN_MODBUS; p <= SCAN_MODBUS_TCP; p++)
            units += o->speeds[i].protocols >> p & 1 ? last - first + 1 : 0;
    return units * SCAN_SLOW_MS / 1000;
}

bool scan_line_speed(const struct scan *s, int32_t *baud, char *parity)
{
    size_t best = 0;
    for (size_t i = 0; i < s->found_count; i++) {
        size_t same = 0;
        for (size_t k = 0; k < s->found_count; k++)
            same +=
                s->found[k].baud == s->found[i].baud && s->found[k].parity == s->found[i].parity;
        if (same <= best)
            continue;
        best = same;
        *baud = s->found[i].baud;
        *parity = s->found[i].parity;
    }
    return best > 0;
}

static const struct {
    const char *en, *zh;
} remarks[SCAN_REMARKS] = {
    [SCAN_REMARK_TALK] =
        {"Somebody spoke on the line before we did. Is another gateway or a handheld "
         "connected? Disconnect it and scan again.",
         "扫描开始前总线上已有通信。是否还接有其他通信管理机或掌机？请断开后重新扫描。"},
    [SCAN_REMARK_ECHO] = {"The adapter hears what it sends itself. That is allowed; nothing to do.",
                          "转换器会收到自己发送的数据（回波）。属允许情况，无需处理。"},
    [SCAN_REMARK_GARBAGE] =
        {"Bytes were heard, but no frames: another speed or parity, A and B "
         "exchanged, or interference. Try --baud and --parity; check the wires.",
         "收到数据但无法识别：波特率或校验不符、A/B 接反或有干扰。请尝试 --baud 和 "
         "--parity，并检查接线。"},
    [SCAN_REMARK_CROWD] =
        {"Several CJ/T 188 meters answered at once, and the protocol cannot ask for "
         "fewer. Connect them one after the other, or take their numbers from the "
         "labels.",
         "多块 CJ/T 188 表同时应答，该协议无法缩小范围。请逐块接入扫描，或按铭牌录入表号。"},
    [SCAN_REMARK_TWIN] =
        {"Two meters have the same address: they answer at once. Disconnect one of "
         "them and give it another address.",
         "有两块表地址相同，同时应答。请断开其中一块并修改其地址。"},
    [SCAN_REMARK_LATE] =
        {"A Modbus device answers later than 400 ms after it was asked. Those that may be it were "
         "asked again with 2 s each. If one is still missing, scan with --slow.",
         "有 Modbus 设备在被询问 400 ms 之后才应答，已对可能的设备逐台重新询问，每台等待 2 秒。"
         "如仍有缺漏，请用 --slow 扫描。"},
    [SCAN_REMARK_SPEEDS] =
        {"The meters of this line have different speeds. Set them all to one, or "
         "put them on lines of their own.",
         "同一总线上的表波特率不一致。请统一波特率，或分接到不同总线。"},
    [SCAN_REMARK_MODEL] =
        {"A meter answers, but fits no model that this program knows. Write a model "
         "file for it (yufu model check) or choose one by hand.",
         "有表应答但不符合任何已知型号。请为其编写型号文件（yufu model check）或手工选择型号。"},
    [SCAN_REMARK_NOTHING] =
        {"Nobody answered. Check that the meters have power, A and B are not "
         "exchanged, the wire is not broken, and try other speeds with --thorough.",
         "无任何应答。请检查表计是否上电、A/B 是否接反、线路是否断开，并用 --thorough "
         "尝试其他波特率。"},
    [SCAN_REMARK_FULL] = {"More than 256 meters: the rest is left out.",
                          "超过 256 块表，其余未列出。"},
};

const char *scan_remark_en(enum scan_remark r)
{
    return remarks[r].en;
}

const char *scan_remark_zh(enum scan_remark r)
{
    return remarks[r].zh;
}
