/* The format of model files, as a table. */
#include <stddef.h>

#include "meter/meter_impl.h"
#include "meter/shape_impl.h"

/* --- choices
 * --------------------------------------------------------------------------------------- */

static const struct shape_choice kinds[] = {
    {"electricity", METER_KIND_ELECTRICITY}, {"water", METER_KIND_WATER}, {"heat", METER_KIND_HEAT},
    {"cooling", METER_KIND_COOLING},         {"gas", METER_KIND_GAS},     {NULL, 0}};
static const struct shape_choice drivers[] = {{"dlt645", METER_DLT645},
                                              {"dlt645-1997", METER_DLT645_1997},
                                              {"cjt188", METER_CJT188},
                                              {"modbus-rtu", METER_MODBUS_RTU},
                                              {"modbus-tcp", METER_MODBUS_TCP},
                                              {"mbus", METER_MBUS},
                                              {NULL, 0}};
static const struct shape_choice charges[] = {
    {"GJ", METER_CHARGED_GJ}, {"kWh", METER_CHARGED_KWH}, {NULL, 0}};
static const struct shape_choice classes[] = {{"A", METER_CLASS_A},
                                              {"B", METER_CLASS_B},
                                              {"C", METER_CLASS_C},
                                              {"D", METER_CLASS_D},
                                              {NULL, 0}};
static const struct shape_choice parities[] = {
    {"none", 'N'}, {"even", 'E'}, {"odd", 'O'}, {NULL, 0}};
static const struct shape_choice forms[] = {{"table", METER_FORM_TABLE},
                                            {"bcd", METER_FORM_BCD},
                                            {"signed-bcd", METER_FORM_SBCD},
                                            {"unsigned", METER_FORM_UNSIGNED},
                                            {"signed", METER_FORM_SIGNED},
                                            {"real", METER_FORM_REAL},
                                            {"bcd-unit", METER_FORM_BCD_UNIT},
                                            {"clock", METER_FORM_CLOCK},
                                            {NULL, 0}};
static const struct shape_choice word_orders[] = {{"high-first", 0}, {"low-first", 1}, {NULL, 0}};
static const struct shape_choice decodes[] = {
    {"points", METER_DECODE_FIELDS}, {"circuits", METER_DECODE_CIRCUITS}, {NULL, 0}};
static const struct shape_choice nexts[] = {{"never", METER_NEXT_NEVER},
                                            {"zero", METER_NEXT_ZERO},
                                            {"more", METER_NEXT_MORE},
                                            {"always", METER_NEXT_ALWAYS},
                                            {NULL, 0}};
static const struct shape_choice functions[] = {{"holding", 0x03}, {"input", 0x04}, {NULL, 0}};
static const struct shape_choice steps[] = {{"reset", METER_MBUS_RESET},
                                            {"select", METER_MBUS_SELECT},
                                            {"data", METER_MBUS_DATA},
                                            {NULL, 0}};
static const struct shape_choice hows[] = {{"control", METER_HOW_CONTROL},
                                           {"sealed", METER_HOW_SEALED},
                                           {"write", METER_HOW_WRITE},
                                           {"write-one", METER_HOW_ONE},
                                           {NULL, 0}};
static const struct shape_choice vends[] = {{"none", METER_VEND_NONE},
                                            {"count", METER_VEND_COUNT},
                                            {"order", METER_VEND_ORDER},
                                            {"sealed", METER_VEND_SEALED},
                                            {NULL, 0}};
static const struct shape_choice id_orders[] = {{"low-first", 0}, {"high-first", 1}, {NULL, 0}};
static const struct shape_choice addressings[] = {
    {"primary", METER_ADDRESS_PRIMARY}, {"secondary", METER_ADDRESS_SECONDARY}, {NULL, 0}};
static const struct shape_choice quantities[] = {{"none", METER_QUANTITY_NONE},
                                                 {"energy", METER_QUANTITY_ENERGY},
                                                 {"volume", METER_QUANTITY_VOLUME},
                                                 {"power", METER_QUANTITY_POWER},
                                                 {"volume flow", METER_QUANTITY_FLOW},
                                                 {"supply temperature", METER_QUANTITY_SUPPLY},
                                                 {"return temperature", METER_QUANTITY_RETURN},
                                                 {"on time", METER_QUANTITY_ON_TIME},
                                                 {"operating time", METER_QUANTITY_WORK_TIME},
                                                 {"time", METER_QUANTITY_TIME},
                                                 {"error flags", METER_QUANTITY_ERRORS},
                                                 {"status", METER_QUANTITY_STATUS},
                                                 {NULL, 0}};
static const struct shape_choice points[] = {{"energy_wh", POINT_ENERGY_WH},
                                             {"energy_rate1_wh", POINT_ENERGY_RATE1_WH},
                                             {"energy_rate2_wh", POINT_ENERGY_RATE2_WH},
                                             {"energy_rate3_wh", POINT_ENERGY_RATE3_WH},
                                             {"energy_rate4_wh", POINT_ENERGY_RATE4_WH},
                                             {"energy_rate5_wh", POINT_ENERGY_RATE5_WH},
                                             {"reverse_wh", POINT_REVERSE_WH},
                                             {"reactive_varh", POINT_REACTIVE_VARH},
                                             {"power_w", POINT_POWER_W},
                                             {"voltage_dv", POINT_VOLTAGE_DV},
                                             {"voltage_b_dv", POINT_VOLTAGE_B_DV},
                                             {"voltage_c_dv", POINT_VOLTAGE_C_DV},
                                             {"current_ma", POINT_CURRENT_MA},
                                             {"current_b_ma", POINT_CURRENT_B_MA},
                                             {"current_c_ma", POINT_CURRENT_C_MA},
                                             {"frequency_chz", POINT_FREQUENCY_CHZ},
                                             {"power_factor_m", POINT_POWER_FACTOR_M},
                                             {"balance_fen", POINT_BALANCE_FEN},
                                             {"purchase_count", POINT_PURCHASE_COUNT},
                                             {"purchased_fen", POINT_PURCHASED_FEN},
                                             {"volume_l", POINT_VOLUME_L},
                                             {"heat_wh", POINT_HEAT_WH},
                                             {"cooling_wh", POINT_COOLING_WH},
                                             {"flow_lh", POINT_FLOW_LH},
                                             {"supply_cdeg", POINT_SUPPLY_CDEG},
                                             {"return_cdeg", POINT_RETURN_CDEG},
                                             {"thermal_w", POINT_THERMAL_W},
                                             {"relay_open", POINT_RELAY_OPEN},
                                             {"alarm_level", POINT_ALARM_LEVEL},
                                             {"keep_power", POINT_KEEP_POWER},
                                             {"open_reason", POINT_OPEN_REASON},
                                             {"clock_s", POINT_CLOCK_S},
                                             {"valve", POINT_VALVE},
                                             {"battery_low", POINT_BATTERY_LOW},
                                             {"fault_bits", POINT_FAULT_BITS},
                                             {"work_h", POINT_WORK_H},
                                             {"circuit1_wh", POINT_CIRCUIT1_WH},
                                             {"circuit2_wh", POINT_CIRCUIT2_WH},
                                             {"circuit3_wh", POINT_CIRCUIT3_WH},
                                             {"circuit1_w", POINT_CIRCUIT1_W},
                                             {"circuit2_w", POINT_CIRCUIT2_W},
                                             {"circuit3_w", POINT_CIRCUIT3_W},
                                             {NULL, 0}};

const char *meter_point_name(enum meter_point point)
{
    for (size_t i = 0; points[i].name; i++)
        if (points[i].value == point)
            return points[i].name;
    return NULL;
}

const char *meter_kind_name(uint8_t kind)
{
    return kinds[kind].name;
}

const char *meter_quantity_name(uint8_t quantity)
{
    return quantities[quantity].name;
}

/* --- rules
 * ----------------------------------------------------------------------------------------- */

#define WHERE(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define TEXT(type, member, key, min, text)                                                         \
    {                                                                                              \
        .name = key, .kind = SHAPE_TEXT, WHERE(type, member), .low = min, .needed = (min) > 0,     \
        .about = text                                                                              \
    }
#define INT(type, member, key, min, max, first, text)                                              \
    {                                                                                              \
        .name = key, .kind = SHAPE_INT, WHERE(type, member), .low = min, .high = max,              \
        .initial = first, .about = text                                                            \
    }
#define BOOL(type, member, key, text)                                                              \
    {                                                                                              \
        .name = key, .kind = SHAPE_BOOL, WHERE(type, member), .about = text                        \
    }
#define CHOICE(type, member, key, list, first, text)                                               \
    {                                                                                              \
        .name = key, .kind = SHAPE_CHOICE, WHERE(type, member), .choices = list, .initial = first, \
        .about = text                                                                              \
    }
#define HEX(type, member, key, max, first, text)                                                   \
    {                                                                                              \
        .name = key, .kind = SHAPE_HEX, WHERE(type, member), .high = max, .initial = first,        \
        .about = text                                                                              \
    }
#define ID(type, member, key, first, text)                                                         \
    {                                                                                              \
        .name = key, .kind = SHAPE_ID, WHERE(type, member), .high = UINT32_MAX, .initial = first,  \
        .about = text                                                                              \
    }
#define BYTES(type, member, len, key, min, text)                                                   \
    {                                                                                              \
        .name = key, .kind = SHAPE_BYTES, WHERE(type, member), .low = min,                         \
        .count_offset = offsetof(type, len), .about = text                                         \
    }
#define OBJECT(at, key, inner, must, text)                                                         \
    {                                                                                              \
        .name = key, .kind = SHAPE_OBJECT, .offset = at, .shape = &inner, .needed = must,          \
        .about = text                                                                              \
    }
#define SHAPE(list)                                                                                \
    {                                                                                              \
        list, sizeof list / sizeof list[0]                                                         \
    }

static const struct shape_rule field_rules[] = {
    {.name = "point",
     .kind = SHAPE_CHOICE,
     WHERE(struct meter_field, point),
     .choices = points,
     .needed = true,
     .about = "what is told"},
    CHOICE(struct meter_field, form, "form", forms, METER_FORM_TABLE,
           "how it stands in the answer"),
    INT(struct meter_field, at, "at", 0, 65535, 0,
        "where: index among the values, byte offset, or register"),
    INT(struct meter_field, bytes, "bytes", 1, 8, 2, "how long it is"),
    CHOICE(struct meter_field, low_first, "words", word_orders, 0, "Modbus: order of the words"),
    INT(struct meter_field, multiply, "multiply", -1'000'000'000, 1'000'000'000, 1,
        "from the meter's number to the unit of the point"),
    INT(struct meter_field, divide, "divide", 1, 1'000'000'000, 1, "the same"),
    INT(struct meter_field, bit, "bit", 0, 63, -1, "the lowest bit, if bits are meant"),
    INT(struct meter_field, bits, "bits", 1, 32, 1, "how many of them"),
    {.name = "map",
     .kind = SHAPE_NUMBERS,
     WHERE(struct meter_field, map),
     .count_offset = offsetof(struct meter_field, map_count),
     .about = "what 0, 1, 2 ... mean; -1 tells nothing"},
    INT(struct meter_field, if_positive, "if_positive", 1, 100, 0,
        "told in place of a number above zero; other numbers tell nothing"),
    CHOICE(struct meter_field, quantity, "quantity", quantities, METER_QUANTITY_NONE,
           "M-Bus: what the record measures"),
    INT(struct meter_field, storage, "storage", 0, 1000, 0, "M-Bus: storage number"),
    INT(struct meter_field, tariff, "tariff", 0, 100, 0, "M-Bus: tariff"),
    INT(struct meter_field, subunit, "subunit", 0, 100, 0, "M-Bus: sub-unit"),
};
static const struct shape field_shape = SHAPE(field_rules);

static const struct shape_rule row_rules[] = {
    {.name = "name",
     .kind = SHAPE_NAME,
     WHERE(struct meter_item, name),
     .low = 1,
     .needed = true,
     .about = "by which orders name it"},
    ID(struct meter_item, id, "id", 0, "data identifier (DL/T 645, CJ/T 188)"),
    CHOICE(struct meter_item, function, "registers", functions, 0x03, "Modbus: which registers"),
    INT(struct meter_item, count, "count", 1, 125, 0,
        "Modbus: how many registers; without, as many as the points need"),
    {.name = "step",
     .kind = SHAPE_CHOICE,
     WHERE(struct meter_item, id),
     .choices = steps,
     .about = "M-Bus: what is sent"},
    INT(struct meter_item, period_s, "every_s", 0, 86'400, 0,
        "how often it is worth asking; 0: only when another row leads to it"),
    CHOICE(struct meter_item, decode, "tells", decodes, METER_DECODE_FIELDS,
           "points, or the circuits block of our terminals"),
    CHOICE(struct meter_item, next, "next", nexts, METER_NEXT_NEVER,
           "when the row after it must be asked as well"),
    {.name = "points",
     .kind = SHAPE_LIST,
     .offset = offsetof(struct meter_item, fields),
     .size = sizeof(struct meter_field),
     .count_offset = offsetof(struct meter_item, field_count),
     .high = METER_FIELDS_MAX,
     .shape = &field_shape,
     .about = "what the answer tells"},
};
static const struct shape row_shape = SHAPE(row_rules);

static const struct shape_rule action_rules[] = {
    {.name = "how",
     .kind = SHAPE_CHOICE,
     WHERE(struct meter_action, how),
     .choices = hows,
     .needed = true,
     .about = "how it is given"},
    ID(struct meter_action, id, "id", 0, "identifier or register that is written"),
    BYTES(struct meter_action, value, len, "value", 1, "what is written; of control: N1"),
    INT(struct meter_action, circuit_step, "circuit_step", 0, 1000, 0,
        "Modbus: registers from one circuit to the next"),
    {.name = "proof",
     .kind = SHAPE_NAME,
     WHERE(struct meter_action, proof),
     .low = 1,
     .needed = true,
     .about = "the row that shows whether it was carried out"},
};
static const struct shape action_shape = SHAPE(action_rules);

#define ACTION(order, key, text)                                                                   \
    OBJECT((order) * sizeof(struct meter_action), key, action_shape, false, text)
static const struct shape_rule order_rules[] = {
    ACTION(METER_ORDER_OPEN, "cut", "open the relay, close the valve"),
    ACTION(METER_ORDER_CLOSE, "restore", "close the relay, open the valve"),
    ACTION(METER_ORDER_KEEP_ON, "keep_on", "never trip"),
    ACTION(METER_ORDER_KEEP_OFF, "keep_off", "may trip again"),
    ACTION(METER_ORDER_EXERCISE, "exercise", "move the valve once"),
};
static const struct shape order_shape = SHAPE(order_rules);

#define WALLET_ID(item, key, first, text)                                                          \
    {                                                                                              \
        .name = key, .kind = SHAPE_ID,                                                             \
        .offset = (uint16_t)(offsetof(struct meter_wallet, ids) + (item) * sizeof(uint32_t)),      \
        .size = sizeof(uint32_t), .high = UINT32_MAX, .initial = first, .about = text              \
    }
static const struct shape_rule vend_rules[] = {
    CHOICE(struct meter_wallet, how, "how", vends, METER_VEND_NONE, "how a sale is written"),
    ID(struct meter_wallet, open_id, "open_id", 0x070101FF, "opens the account"),
    ID(struct meter_wallet, recharge_id, "recharge_id", 0x070102FF, "credits"),
    WALLET_ID(METER_WALLET_COUNT, "count_id", 0, "purchase count"),
    WALLET_ID(METER_WALLET_RECORD_COUNT, "record_count_id", 0,
              "count of the n-th last purchase: this plus n"),
    WALLET_ID(METER_WALLET_RECORD_AMOUNT, "record_amount_id", 0,
              "amount of the n-th last purchase: this plus n"),
    WALLET_ID(METER_WALLET_PURCHASED, "purchased_id", 0, "cumulative amount"),
    WALLET_ID(METER_WALLET_BALANCE, "balance_id", 0, "remaining money"),
    WALLET_ID(METER_WALLET_OVERDRAFT, "overdraft_id", 0, "overdraft in use"),
    INT(struct meter_wallet, count_max, "count_max", 1, INT32_MAX, 9999, "the largest count"),
    INT(struct meter_wallet, sale_max_fen, "sale_max_fen", 1, INT32_MAX, INT32_MAX,
        "the largest single sale"),
};
static const struct shape vend_shape = SHAPE(vend_rules);

static const struct shape_choice setting_forms[] = {{"bcd", METER_FORM_BCD},
                                                    {"unsigned", METER_FORM_UNSIGNED},
                                                    {"signed", METER_FORM_SIGNED},
                                                    {NULL, 0}};
static const struct shape_rule setting_rules[] = {
    {.name = "name",
     .kind = SHAPE_NAME,
     WHERE(struct meter_setting, name),
     .low = 1,
     .needed = true,
     .about = "its last word is the unit"},
    {.name = "id",
     .kind = SHAPE_ID,
     WHERE(struct meter_setting, id),
     .high = UINT32_MAX,
     .needed = true,
     .about = "identifier or register that is written"},
    ID(struct meter_setting, read_id, "read_id", UINT32_MAX, "where it is read back, if elsewhere"),
    CHOICE(struct meter_setting, form, "form", setting_forms, METER_FORM_BCD, "how it is held"),
    {.name = "bytes",
     .kind = SHAPE_INT,
     WHERE(struct meter_setting, bytes),
     .low = 1,
     .high = 8,
     .needed = true,
     .about = "how long it is"},
    INT(struct meter_setting, multiply, "multiply", 1, 1'000'000'000, 1,
        "from the meter's number to the unit of the name"),
    INT(struct meter_setting, divide, "divide", 1, 1'000'000'000, 1, "the same"),
    {.name = "low",
     .kind = SHAPE_INT,
     WHERE(struct meter_setting, low),
     .low = -(INT64_C(1) << 53),
     .high = INT64_C(1) << 53,
     .needed = true,
     .about = "the least value"},
    {.name = "high",
     .kind = SHAPE_INT,
     WHERE(struct meter_setting, high),
     .low = -(INT64_C(1) << 53),
     .high = INT64_C(1) << 53,
     .needed = true,
     .about = "the largest value"},
};
static const struct shape setting_shape = SHAPE(setting_rules);

static const struct shape_rule quirk_rules[] = {
    INT(struct meter_quirks, preamble, "preamble", 0, 16, 4, "FE bytes in front of a request"),
    HEX(struct meter_quirks, level, "level", 0x99, 0x02, "DL/T 645: password level"),
    BYTES(struct meter_quirks, password, password_len, "password", 3,
          "DL/T 645: P0 P1 P2 as on the wire; zeros without"),
    BYTES(struct meter_quirks, operator, operator_len, "operator", 4,
          "DL/T 645: C0 .. C3 as on the wire; zeros without"),
    HEX(struct meter_quirks, meter_type, "meter_type", 0x49, 0x10, "CJ/T 188: T of requests"),
    CHOICE(struct meter_quirks, read_high_first, "read_id_order", id_orders, 0,
           "CJ/T 188: identifier in reads: 1F 90 or 90 1F"),
    CHOICE(struct meter_quirks, write_high_first, "write_id_order", id_orders, 1,
           "CJ/T 188: identifier in writes: 17 A0 or A0 17"),
    BOOL(struct meter_quirks, unit_first, "unit_first",
         "CJ/T 188: unit codes stand before their values"),
    CHOICE(struct meter_quirks, addressing, "addressing", addressings, METER_ADDRESS_PRIMARY,
           "M-Bus: how a meter is reached"),
};
static const struct shape quirk_shape = SHAPE(quirk_rules);

static const struct shape_rule limit_rules[] = {
    INT(struct meter_limits, answer_ms, "answer_ms", 50, 30'000, 500, "how slow it may answer"),
    INT(struct meter_limits, act_ms, "act_ms", 0, 120'000, 0,
        "how long an accepted order takes: it is proven after that"),
    INT(struct meter_limits, block_max, "block_max", 1, 125, 125, "Modbus: registers of one read"),
};
static const struct shape limit_shape = SHAPE(limit_rules);

static const struct shape_rule title_rules[] = {
    TEXT(struct meter_model, title_en, "en", 1, "in English"),
    TEXT(struct meter_model, title_zh, "zh", 1, "in Chinese"),
};
static const struct shape title_shape = SHAPE(title_rules);

static const struct shape_rule line_rules[] = {
    INT(struct meter_model, baud, "baud", 300, 115'200, 2400, "bits a second"),
    CHOICE(struct meter_model, parity, "parity", parities, 'E', "parity"),
};
static const struct shape line_shape = SHAPE(line_rules);

static const struct shape_rule class_rules[] = {
    {.name = "letter",
     .kind = SHAPE_CHOICE,
     WHERE(struct meter_model, class),
     .choices = classes,
     .needed = true,
     .about = "A count and signature, B count, C order number or nothing, D no wallet"},
    TEXT(struct meter_model, evidence, "evidence", 1, "how that is known"),
};
static const struct shape class_shape = SHAPE(class_rules);

static const struct shape_rule model_rules[] = {
    {.name = "format",
     .kind = SHAPE_INT,
     WHERE(struct meter_model, format),
     .low = 1,
     .high = 1,
     .needed = true,
     .about = "1"},
    {.name = "name",
     .kind = SHAPE_NAME,
     WHERE(struct meter_model, name),
     .low = 1,
     .needed = true,
     .about = "by which site files name it"},
    OBJECT(0, "title", title_shape, true, "what people read"),
    TEXT(struct meter_model, maker, "maker", 0, "who makes it"),
    TEXT(struct meter_model, notes, "notes", 0, "what is not certain about it"),
    {.name = "kind",
     .kind = SHAPE_CHOICE,
     WHERE(struct meter_model, kind),
     .choices = kinds,
     .needed = true,
     .about = "what it measures"},
    {.name = "driver",
     .kind = SHAPE_CHOICE,
     WHERE(struct meter_model, protocol),
     .choices = drivers,
     .needed = true,
     .about = "its protocol"},
    CHOICE(struct meter_model, charged, "charged", charges, METER_CHARGED_GJ,
           "heat and cooling: the unit of their prices"),
    OBJECT(0, "line", line_shape, false, "as it leaves the factory"),
    OBJECT(0, "class", class_shape, true, "how it guards its wallet"),
    INT(struct meter_model, circuits, "circuits", 1, 3, 1, "switched outputs"),
    {.name = "rows",
     .kind = SHAPE_LIST,
     .offset = offsetof(struct meter_model, items),
     .size = sizeof(struct meter_item),
     .count_offset = offsetof(struct meter_model, item_count),
     .low = 1,
     .high = METER_ITEMS_MAX,
     .shape = &row_shape,
     .needed = true,
     .about = "the poll plan: one request a row"},
    OBJECT(offsetof(struct meter_model, actions), "orders", order_shape, false, "what it obeys"),
    OBJECT(offsetof(struct meter_model, wallet), "vend", vend_shape, false, "its wallet"),
    {.name = "settings",
     .kind = SHAPE_LIST,
     .offset = offsetof(struct meter_model, settings),
     .size = sizeof(struct meter_setting),
     .count_offset = offsetof(struct meter_model, setting_count),
     .high = METER_SETTINGS_MAX,
     .shape = &setting_shape,
     .about = "parameters that may be written"},
    OBJECT(offsetof(struct meter_model, quirks), "quirks", quirk_shape, false,
           "what its vendor does differently"),
    OBJECT(offsetof(struct meter_model, limits), "limits", limit_shape, false, "its limits"),
};
const struct shape meter_model_shape = SHAPE(model_rules);
