#include "proto/dlt645_say.h"

#include <string.h>

#include "proto/dlt645_impl.h"
#include "proto/dlt645_load.h"

/* --- functions -------------------------------------------------------------------------------- */

static const struct dlt645_words functions_2007[] = {
    {DLT645_RESERVED, "RESERVED", "reserved", "保留"},
    {DLT645_SECURITY, "SECURITY", "security authentication", "安全认证"},
    {DLT645_BROADCAST_TIME, "BROADCAST_TIME", "broadcast time", "广播校时"},
    {DLT645_READ, "READ", "read data", "读数据"},
    {DLT645_READ_MORE, "READ_MORE", "read following data", "读后续数据"},
    {DLT645_READ_ADDRESS, "READ_ADDRESS", "read address", "读通信地址"},
    {DLT645_WRITE, "WRITE", "write data", "写数据"},
    {DLT645_WRITE_ADDRESS, "WRITE_ADDRESS", "write address", "写通信地址"},
    {DLT645_FREEZE, "FREEZE", "freeze", "冻结命令"},
    {DLT645_CHANGE_RATE, "CHANGE_RATE", "change baud rate", "更改通信速率"},
    {DLT645_CHANGE_PASSWORD, "CHANGE_PASSWORD", "change password", "修改密码"},
    {DLT645_CLEAR_DEMAND, "CLEAR_DEMAND", "clear maximum demand", "最大需量清零"},
    {DLT645_CLEAR_METER, "CLEAR_METER", "clear meter", "电表清零"},
    {DLT645_CLEAR_EVENTS, "CLEAR_EVENTS", "clear events", "事件清零"},
    {DLT645_CONTROL, "CONTROL", "relay control", "跳合闸、报警、保电"},
    {DLT645_OUTPUT, "OUTPUT", "multi-function terminal output", "多功能端子输出控制"},
    {0},
};
static const struct dlt645_words functions_1997[] = {
    {0x01, "READ", "read data", "读数据"},
    {0x02, "READ_MORE", "read following data", "读后续数据"},
    {0x03, "READ_AGAIN", "read again", "重读数据"},
    {0x04, "WRITE", "write data", "写数据"},
    {0x08, "BROADCAST_TIME", "broadcast time", "广播校时"},
    {0x0A, "WRITE_ADDRESS", "write address", "写设备地址"},
    {0x0C, "CHANGE_RATE", "change baud rate", "更改通信速率"},
    {0x0F, "CHANGE_PASSWORD", "change password", "修改密码"},
    {0x10, "CLEAR_DEMAND", "clear maximum demand", "最大需量清零"},
    {0},
};
static const struct dlt645_words unknown_function = {0, "UNKNOWN", "unknown function", "未知功能"};

static const struct dlt645_words *find_function(const struct dlt645_words *table, uint8_t function)
{
    for (; table->name; table++)
        if (table->mask == function)
            return table;
    return NULL;
}

/* 03 is security in 2007 (identifiers 07......) and read-again in 1997; 08 is the same in both. */
static enum dlt645_era guess_era(const struct dlt645_frame *f)
{
    uint8_t function = f->control & 0x1F;
    if (function == DLT645_SECURITY && !(f->control & DLT645_ABNORMAL)) {
        bool security = f->len >= 4 && f->data[3] == 0x07;
        return security ? DLT645_ERA_2007 : DLT645_ERA_1997;
    }
    if (find_function(functions_2007, function) && function != DLT645_RESERVED)
        return DLT645_ERA_2007;
    return find_function(functions_1997, function) ? DLT645_ERA_1997 : DLT645_ERA_2007;
}

/* --- fixed fields ----------------------------------------------------------------------------- */

#define RAW(len, en, zh)                                                                           \
    {                                                                                              \
        en, zh, DLT645_RAW, len, 0, 0, NULL, NULL                                                  \
    }
#define DIGITS(len, en, zh)                                                                        \
    {                                                                                              \
        en, zh, DLT645_DIGITS, len, 0, 0, NULL, NULL                                               \
    }
#define TIME(len, pattern, en, zh)                                                                 \
    {                                                                                              \
        en, zh, DLT645_TIME, len, 0, 0, pattern, NULL                                              \
    }
#define FEN(en, zh)                                                                                \
    {                                                                                              \
        en, zh, DLT645_BIN, 4, 2, DLT645_YUAN, NULL, NULL                                          \
    }
#define BIN(len, en, zh)                                                                           \
    {                                                                                              \
        en, zh, DLT645_BIN, len, 0, 0, NULL, NULL                                                  \
    }
#define BCD(len, en, zh)                                                                           \
    {                                                                                              \
        en, zh, DLT645_BCD, len, 0, 0, NULL, NULL                                                  \
    }
#define LEVEL DIGITS(1, "password level", "密码级别")
#define PASSWORD DIGITS(3, "password", "密码")
#define OPERATOR RAW(4, "operator", "操作者代码")

static const struct dlt645_field l_write[] = {LEVEL, PASSWORD, OPERATOR};
static const struct dlt645_field l_write97[] = {LEVEL, PASSWORD};
static const struct dlt645_field l_broadcast[] = {TIME(6, "YMDhms", "time", "时间")};
static const struct dlt645_field l_address[] = {DIGITS(6, "address", "通信地址")};
static const struct dlt645_field l_freeze[] = {
    DIGITS(4, "freeze time MMDDhhmm (99 = every)", "冻结时间MMDDhhmm（99=每）")};
static const struct dlt645_field l_rate[] = {
    {"baud rate", "通信速率", DLT645_WORD, 1, 0, 0, NULL, dlt645_bits_baud}};
static const struct dlt645_field l_password[] = {
    DIGITS(1, "old password level", "原密码级别"), DIGITS(3, "old password", "原密码"),
    DIGITS(1, "new password level", "新密码级别"), DIGITS(3, "new password", "新密码")};
static const struct dlt645_field l_password97[] = {RAW(4, "old password", "原密码"),
                                                   RAW(4, "new password", "新密码")};
static const struct dlt645_field l_password_now[] = {LEVEL, PASSWORD};
static const struct dlt645_field l_clear_plain[] = {LEVEL, PASSWORD, OPERATOR};
static const struct dlt645_field l_clear_cipher[] = {
    LEVEL, PASSWORD, OPERATOR, RAW(16, "cipher", "密文"), RAW(4, "signature", "MAC")};
static const struct dlt645_field l_clear_events[] = {
    LEVEL, PASSWORD, OPERATOR, {"events", "事件标识", DLT645_WORD, 4, 0, 0, NULL, NULL}};
static const struct dlt645_field l_control[] = {
    LEVEL,
    PASSWORD,
    OPERATOR,
    {"command", "命令", DLT645_WORD, 1, 0, 0, NULL, dlt645_bits_command},
    BIN(1, "parameter", "参数"), /* circuit, or duration of a timed trip in 5 min */
    TIME(6, "YMDhms", "expires", "有效截止时间")};
#define OUTPUT                                                                                     \
    {                                                                                              \
        "output", "输出类型", DLT645_WORD, 1, 0, 0, NULL, dlt645_bits_output                       \
    }
static const struct dlt645_field l_output[] = {LEVEL, PASSWORD, OPERATOR, OUTPUT};
static const struct dlt645_field l_output_now[] = {OUTPUT};
static const struct dlt645_field l_blocks[] = {BIN(1, "blocks", "负荷记录块数")};
static const struct dlt645_field l_blocks_from[] = {BIN(1, "blocks", "负荷记录块数"),
                                                    TIME(5, "YMDhm", "from", "起始时间")};

#define L(fields) fields, sizeof fields / sizeof fields[0]
struct function_layout {
    uint8_t function;
    struct dlt645_layout layout;
};
static const struct function_layout layouts_2007[] = {
    {DLT645_BROADCAST_TIME, {0, 6, false, L(l_broadcast)}},
    {DLT645_READ_ADDRESS, {0, 6, true, L(l_address)}},
    {DLT645_WRITE_ADDRESS, {0, 6, false, L(l_address)}},
    {DLT645_FREEZE, {0, 4, false, L(l_freeze)}},
    {DLT645_CHANGE_RATE, {0, 1, false, L(l_rate)}},
    {DLT645_CHANGE_RATE, {0, 1, true, L(l_rate)}},
    {DLT645_CHANGE_PASSWORD, {0, 4, true, L(l_password_now)}},
    {DLT645_CLEAR_DEMAND, {0, 8, false, L(l_clear_plain)}},
    {DLT645_CLEAR_DEMAND, {0, 28, false, L(l_clear_cipher)}},
    {DLT645_CLEAR_METER, {0, 8, false, L(l_clear_plain)}},
    {DLT645_CLEAR_METER, {0, 28, false, L(l_clear_cipher)}},
    {DLT645_CLEAR_EVENTS, {0, 12, false, L(l_clear_events)}},
    {DLT645_CLEAR_EVENTS, {0, 28, false, L(l_clear_cipher)}},
    {DLT645_CONTROL, {0, 16, false, L(l_control)}},
    {DLT645_CONTROL, {0, 28, false, L(l_clear_cipher)}},
    {DLT645_OUTPUT, {0, 9, false, L(l_output)}},
    {DLT645_OUTPUT, {0, 1, true, L(l_output_now)}},
};
static const struct function_layout layouts_1997[] = {
    {0x08, {0, 6, false, L(l_broadcast)}},  {0x0A, {0, 6, false, L(l_address)}},
    {0x0C, {0, 1, false, L(l_rate)}},       {0x0C, {0, 1, true, L(l_rate)}},
    {0x0F, {0, 8, false, L(l_password97)}},
};
static const struct dlt645_layout layout_password = {0, 8, false, L(l_password)};
static const struct dlt645_layout layout_write = {0, 8, false, L(l_write)};
static const struct dlt645_layout layout_write97 = {0, 4, false, L(l_write97)};
static const struct dlt645_layout layout_blocks = {0, 1, false, L(l_blocks)};
static const struct dlt645_layout layout_blocks_from = {0, 6, false, L(l_blocks_from)};

/* --- security frames: by identifier, direction and length
 * ----------------------------------------- */

#define MAC(en, zh) RAW(4, en, zh)
static const struct dlt645_field s_plain[] = {OPERATOR};
static const struct dlt645_field s_auth[] = {OPERATOR, RAW(8, "cipher 1", "密文1"),
                                             RAW(8, "random 1", "随机数1"),
                                             RAW(8, "dispersion factor", "分散因子")};
static const struct dlt645_field s_auth_ok[] = {RAW(4, "random 2", "随机数2"),
                                                RAW(8, "security module serial", "ESAM序列号")};
static const struct dlt645_field s_auth_ok_minutes[] = {
    RAW(4, "random 2", "随机数2"),
    RAW(8, "security module serial", "ESAM序列号"),
    {"remaining validity", "剩余时效", DLT645_BCD, 2, 0, DLT645_MINUTE, NULL, NULL}};
static const struct dlt645_field s_validity[] = {
    OPERATOR,
    {"validity", "认证时效", DLT645_BCD, 2, 0, DLT645_MINUTE, NULL, NULL},
    MAC("signature", "MAC")};
static const struct dlt645_field s_end[] = {
    DIGITS(6, "customer number", "客户编号"), FEN("remaining money", "剩余金额"),
    BIN(4, "purchase count", "购电次数"), RAW(4, "key state", "密钥状态")};
static const struct dlt645_field s_recharge[] = {OPERATOR,
                                                 FEN("amount", "购电金额"),
                                                 BIN(4, "purchase count", "购电次数"),
                                                 MAC("signature 1", "MAC1"),
                                                 DIGITS(6, "customer number", "客户编号"),
                                                 MAC("signature 2", "MAC2")};
static const struct dlt645_field s_recharge_order[] = {OPERATOR,
                                                       FEN("amount", "购电金额"),
                                                       DIGITS(8, "order number", "订单号"),
                                                       MAC("signature 1", "MAC1"),
                                                       DIGITS(6, "meter number", "表号"),
                                                       MAC("signature 2", "MAC2")};
static const struct dlt645_field s_wallet[] = {FEN("remaining money", "剩余金额"),
                                               BIN(4, "purchase count", "购电次数"),
                                               DIGITS(6, "customer number", "客户编号")};
static const struct dlt645_field s_init[] = {
    OPERATOR, FEN("preset amount", "预置金额"), MAC("signature 1", "MAC1"),
    BIN(4, "purchase count", "购电次数"), MAC("signature 2", "MAC2")};
static const struct dlt645_field s_status[] = {
    FEN("remaining money", "剩余金额"),       MAC("signature 1", "MAC1"),
    BIN(4, "purchase count", "购电次数"),     MAC("signature 2", "MAC2"),
    DIGITS(6, "customer number", "客户编号"), RAW(4, "key state", "密钥状态")};
static const struct dlt645_field s_readback[] = {OPERATOR, RAW(8, "data selector", "数据回抄标识")};

static const struct dlt645_layout security_layouts[] = {
    {DLT645_AUTHENTICATE, 28, false, L(s_auth)},
    {DLT645_AUTHENTICATE, 12, true, L(s_auth_ok)},
    {DLT645_AUTHENTICATE, 14, true, L(s_auth_ok_minutes)},
    {0x070001FF, 10, false, L(s_validity)},
    {0x070002FF, 4, false, L(s_plain)},
    {0x070002FF, 18, true, L(s_end)},
    {0x07000201, 4, false, L(s_plain)},
    {0x07000201, 18, true, L(s_end)},
    {DLT645_OPEN_ACCOUNT, 26, false, L(s_recharge)},
    {DLT645_OPEN_ACCOUNT, 14, true, L(s_wallet)},
    {DLT645_RECHARGE, 26, false, L(s_recharge)},
    {DLT645_RECHARGE, 30, false, L(s_recharge_order)},
    {DLT645_RECHARGE, 14, true, L(s_wallet)},
    {DLT645_REFUND, 30, false, L(s_recharge_order)},
    {DLT645_WALLET_INIT, 20, false, L(s_init)},
    {DLT645_WALLET_INIT, 14, true, L(s_wallet)},
    {DLT645_STATUS_QUERY, 4, false, L(s_plain)},
    {DLT645_STATUS_QUERY, 26, true, L(s_status)},
    {0x07810201, 4, false, L(s_plain)},
    {0x07810201, 26, true, L(s_status)},
    {0x078001FF, 12, false, L(s_readback)},
};

static const struct {
    uint32_t id;
    const char *en, *zh;
} security_names[] = {
    {DLT645_AUTHENTICATE, "identity authentication", "身份认证"},
    {0x070001FF, "set authentication validity", "身份认证时效设置"},
    {0x070002FF, "end authentication", "身份认证失效"},
    {0x07000201, "end authentication", "身份认证失效"},
    {0x070003FF, "infrared authentication", "红外认证"},
    {0x078003FF, "infrared authentication request", "红外认证查询"},
    {0x070004FF, "write security-module file, signed", "ESAM写文件（明文+MAC）"},
    {0x070005FF, "write security-module file, cipher", "ESAM写文件（密文+MAC）"},
    {DLT645_OPEN_ACCOUNT, "open account", "开户"},
    {DLT645_RECHARGE, "recharge", "充值"},
    {DLT645_WALLET_INIT, "wallet initialise", "钱包初始化"},
    {0x070104FF, "write parameters (private)", "参数设置（厂家）"},
    {DLT645_REFUND, "refund", "退费"},
    {0x070201FF, "control key update", "控制命令密钥更新"},
    {0x070202FF, "parameter key update", "参数密钥更新"},
    {0x070203FF, "authentication key update", "身份认证密钥更新"},
    {0x070301FF, "key update", "密钥更新"},
    {0x078001FF, "security-module data read-back", "数据回抄"},
    {0x07800101, "security-module data read-back", "数据回抄"},
    {0x078002FF, "software compare", "软件比对"},
    {DLT645_STATUS_QUERY, "status query", "状态查询"},
    {0x07810201, "status query", "状态查询"},
};

static void name_security(struct dlt645_say *s)
{
    for (size_t i = 0; i < sizeof security_names / sizeof security_names[0]; i++)
        if (security_names[i].id == s->id) {
            s->id_en = security_names[i].en;
            s->id_zh = security_names[i].zh;
        }
}

/* An unknown length stays bytes: newer meters append fields, and that is no fault. */
static void say_security(struct dlt645_say *s)
{
    name_security(s);
    for (size_t i = 0; i < sizeof security_layouts / sizeof security_layouts[0]; i++) {
        const struct dlt645_layout *l = &security_layouts[i];
        if (l->id == s->id && l->answer == s->answer && l->len == s->data.len) {
            s->layout = l;
            s->before = s->data;
            s->data.len = 0;
            return;
        }
    }
}

/* --- parts of a frame ------------------------------------------------------------------------- */

static struct bytes cut_front(struct bytes *b, size_t len)
{
    struct bytes front = {b->data, len};
    b->data += len;
    b->len -= len;
    return front;
}

static void take_id(struct dlt645_say *s)
{
    size_t len = s->era == DLT645_ERA_1997 ? 2 : 4;
    if (s->data.len < len) {
        s->err = ERR_FRAME_LENGTH;
        return;
    }
    struct bytes id = cut_front(&s->data, len);
    for (size_t i = len; i > 0; i--)
        s->id = s->id << 8 | id.data[i - 1];
    s->has_id = true;
    s->item = len == 2 ? dlt645_item_find_1997((uint16_t)s->id) : dlt645_item_find(s->id);
}

static void take_layout(struct dlt645_say *s, const struct dlt645_layout *l)
{
    if (s->data.len < l->len) {
        s->err = ERR_FRAME_LENGTH;
        return;
    }
    s->layout = l;
    s->before = cut_front(&s->data, l->len);
}

static void say_read(struct dlt645_say *s)
{
    take_id(s);
    if (!s->has_id || s->answer)
        return;
    if (s->data.len == 1)
        take_layout(s, &layout_blocks);
    else if (s->data.len == 6)
        take_layout(s, &layout_blocks_from);
}

/* The sequence number stands at the end, in requests and answers alike. */
static void say_read_more(struct dlt645_say *s)
{
    take_id(s);
    if (s->era == DLT645_ERA_1997 || !s->has_id)
        return;
    if (s->data.len == 0) {
        s->err = ERR_FRAME_LENGTH;
        return;
    }
    s->sequence = s->data.data[s->data.len - 1];
    s->data.len--;
}

/* Level 98: cipher text and signature; 99: plain text and signature. */
static void take_signature(struct dlt645_say *s)
{
    uint8_t level = s->before.data[0];
    if (level != 0x98 && level != 0x99)
        return;
    if (s->data.len < 4) {
        s->err = ERR_FRAME_LENGTH;
        return;
    }
    struct bytes body = cut_front(&s->data, s->data.len - 4);
    s->mac = s->data;
    s->data = level == 0x99 ? body : (struct bytes){body.data, 0};
    s->cipher = level == 0x98 ? body : (struct bytes){body.data, 0};
}

static void say_write(struct dlt645_say *s)
{
    if (s->answer)
        return;
    take_id(s);
    if (!s->has_id)
        return;
    take_layout(s, s->era == DLT645_ERA_1997 ? &layout_write97 : &layout_write);
    if (s->era == DLT645_ERA_2007 && s->layout)
        take_signature(s);
}

static void say_password(struct dlt645_say *s)
{
    if (s->answer || s->era == DLT645_ERA_1997)
        return;
    take_id(s);
    if (s->has_id)
        take_layout(s, &layout_password);
}

static void say_fixed(struct dlt645_say *s, const struct function_layout *table, size_t count)
{
    if (s->layout || s->data.len == 0 || s->has_id)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct dlt645_layout *l = &table[i].layout;
        bool fits = l->answer == s->answer && l->len == s->data.len;
        if (table[i].function == s->function && fits) {
            take_layout(s, l);
            return;
        }
    }
}

/* Of an order, and of the answer that tells an address: fewer bytes than its shortest form has. */
static bool is_short(const struct dlt645_say *s)
{
    size_t least = 0, count = sizeof layouts_2007 / sizeof layouts_2007[0];
    for (size_t i = 0; i < count; i++) {
        const struct dlt645_layout *l = &layouts_2007[i].layout;
        if (layouts_2007[i].function == s->function && l->answer == s->answer &&
            (least == 0 || l->len < least))
            least = l->len;
    }
    return (!s->answer || s->function == DLT645_READ_ADDRESS) && s->data.len < least;
}

/* What answers carry when all went well, beyond their identifier: nothing, or a layout. */
static void say_2007(struct dlt645_say *s)
{
    switch (s->function) {
    case DLT645_READ:
        say_read(s);
        break;
    case DLT645_READ_MORE:
        say_read_more(s);
        break;
    case DLT645_WRITE:
        say_write(s);
        break;
    case DLT645_CHANGE_PASSWORD:
        say_password(s);
        break;
    case DLT645_SECURITY:
        take_id(s);
        if (s->has_id)
            say_security(s);
        break;
    default:
        break;
    }
    say_fixed(s, layouts_2007, sizeof layouts_2007 / sizeof layouts_2007[0]);
    if (!s->layout && is_short(s))
        s->err = ERR_FRAME_LENGTH;
}

static void say_1997(struct dlt645_say *s)
{
    switch (s->function) {
    case 0x01:
        say_read(s);
        break;
    case 0x02:
    case 0x03:
        if (s->data.len >= 2)
            say_read_more(s);
        break;
    case 0x04:
        say_write(s);
        break;
    default:
        break;
    }
    say_fixed(s, layouts_1997, sizeof layouts_1997 / sizeof layouts_1997[0]);
}

static bool good_time(const struct dlt645_say *s)
{
    struct reader r = reader_of(s->before.data, s->before.len);
    struct dlt645_value v;
    dlt645_field_take(s->layout->fields, &r, &v);
    return v.state == DLT645_OK;
}

/* Some masters leave the +33H out of the broadcast time. Month and day decide: no date is good both
 * ways. */
static void say_broadcast(struct dlt645_say *s)
{
    if (s->function != DLT645_BROADCAST_TIME || s->answer)
        return;
    if (!s->layout) /* it has no other form */
        s->err = ERR_FRAME_LENGTH;
    if (!s->layout || good_time(s))
        return;
    struct bytes as_cut = s->before;
    for (size_t i = 0; i < sizeof s->plain_time; i++)
        s->plain_time[i] = (uint8_t)(as_cut.data[i] + 0x33);
    s->before.data = s->plain_time;
    s->plain = good_time(s);
    if (!s->plain)
        s->before = as_cut;
}

static void say_refusal(struct dlt645_say *s)
{
    size_t len = s->data.len;
    if (len != 1 && len != 2) {
        s->err = ERR_FRAME_LENGTH;
        return;
    }
    uint8_t first = s->data.data[0];
    s->refusal_bits = (uint16_t)(first | (len == 2 ? s->data.data[1] << 8 : 0));
    bool security = s->era == DLT645_ERA_2007 && s->function == DLT645_SECURITY;
    if (security && len == 2)
        s->refusal = DLT645_REFUSAL_SERR;
    else if (security && first >= DLT645_CODE_COUNT)
        s->refusal = DLT645_REFUSAL_PRIVATE;
    else if (s->era == DLT645_ERA_2007 && s->function == DLT645_CONTROL && len == 2)
        s->refusal = DLT645_REFUSAL_STATUS;
    else
        s->refusal = DLT645_REFUSAL_ERR;
    cut_front(&s->data, len);
}

void dlt645_say(const struct dlt645_frame *frame, enum dlt645_era era, struct dlt645_say *say)
{
    uint8_t function = frame->control & 0x1F;
    *say = (struct dlt645_say){
        .era = era == DLT645_ERA_GUESS ? guess_era(frame) : era,
        .answer = frame->control & DLT645_ANSWER,
        .abnormal = frame->control & DLT645_ABNORMAL,
        .follows = frame->control & DLT645_FOLLOWS,
        .function = function,
        .sequence = -1,
        .data = {frame->data, frame->len},
    };
    bool old = say->era == DLT645_ERA_1997;
    say->function_words = find_function(old ? functions_1997 : functions_2007, function);
    if (!say->function_words)
        say->function_words = &unknown_function;
    if (say->answer && say->abnormal)
        say_refusal(say);
    else if (old)
        say_1997(say);
    else
        say_2007(say);
    say_broadcast(say);
}

bool dlt645_say_load(const struct dlt645_say *s, unsigned *group)
{
    unsigned ignored;
    return s->era == DLT645_ERA_2007 && s->answer && s->has_id && s->data.len > 0 &&
           dlt645_load_is(s->id, group ? group : &ignored);
}

enum err dlt645_say_values(const struct dlt645_say *s, struct dlt645_walk *w)
{
    bool part = s->answer && (s->follows || s->sequence >= 0);
    if (!s->item || s->data.len == 0 || part || dlt645_say_load(s, NULL))
        return ERR_NOT_FOUND;
    if (s->era == DLT645_ERA_1997)
        return dlt645_walk_begin_1997(w, s->item, (uint16_t)s->id, s->data);
    enum err e = dlt645_walk_begin(w, s->item, s->id, s->data);
    return e == ERR_FRAME_LENGTH && s->item->loose ? ERR_NOT_FOUND : e;
}

/* --- follow-up frames ------------------------------------------------------------------------- */

static enum err join_begin(struct dlt645_join *j, const struct dlt645_say *s, struct writer *w)
{
    if (s->function != DLT645_READ)
        return ERR_STATE;
    j->id = s->id;
    writer_put(w, s->data.data, s->data.len);
    return w->err;
}

static enum err join_follow(const struct dlt645_join *j, const struct dlt645_say *s,
                            struct writer *w)
{
    if (s->function != DLT645_READ_MORE || s->id != j->id || s->sequence != j->next)
        return ERR_STATE;
    writer_put(w, s->data.data, s->data.len);
    return w->err;
}

enum err dlt645_join_add(struct dlt645_join *j, const struct dlt645_frame *answer, struct writer *w)
{
    struct dlt645_say s;
    dlt645_say(answer, DLT645_ERA_2007, &s);
    if (!s.answer || s.abnormal || j->complete)
        return ERR_STATE;
    if (s.err != ERR_OK || !s.has_id)
        return ERR_FRAME_LENGTH;
    TRY(j->next == 0 ? join_begin(j, &s, w) : join_follow(j, &s, w));
    j->complete = !s.follows;
    j->next++;
    return ERR_OK;
}
