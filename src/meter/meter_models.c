/*
 * The models. A row of a plan stands once here; how often it is asked decides how much of the line
 * it takes: rows of 60 s are the state of a meter, whose age is promised, the others may wait.
 */
#include <string.h>

#include "meter/meter_impl.h"

#define STATE_S 60
#define SALES_S 300
#define MAINS_S 600
#define CLOCK_S 3600

static const struct meter_item dorm3_items[] = {
    {"circuits", 0x048001FF, STATE_S, METER_645_CIRCUITS},
    {"energy", 0x0001FF00, STATE_S, METER_645_ENERGY},
    {"state", 0x04000503, STATE_S, METER_645_KEEP},
    {"balance", 0x00900200, STATE_S, METER_645_BALANCE},
    {"overdraft", 0x00900201, 0, METER_645_OVERDRAFT},
    {"count", 0x03330201, SALES_S, METER_645_COUNT},
    {"purchased", 0x03330601, SALES_S, METER_645_PURCHASED},
    {"voltage", 0x02010100, MAINS_S, METER_645_VOLTAGE},
    {"current", 0x02020100, MAINS_S, METER_645_CURRENT},
    {"clock", 0x0400010C, CLOCK_S, METER_645_CLOCK},
};

static const struct meter_item shop_items[] = {
    {"state", 0x04000503, STATE_S, METER_645_STATE},
    {"energy", 0x0001FF00, STATE_S, METER_645_ENERGY},
    {"power", 0x02030000, STATE_S, METER_645_POWER},
    {"balance", 0x00900200, STATE_S, METER_645_BALANCE},
    {"overdraft", 0x00900201, 0, METER_645_OVERDRAFT},
    {"count", 0x03330201, SALES_S, METER_645_COUNT},
    {"purchased", 0x03330601, SALES_S, METER_645_PURCHASED},
    {"voltage", 0x02010100, MAINS_S, METER_645_VOLTAGE},
    {"current", 0x02020100, MAINS_S, METER_645_CURRENT},
    {"clock", 0x0400010C, CLOCK_S, METER_645_CLOCK},
};

static const struct meter_item plain_items[] = {
    {"state", 0x04000503, STATE_S, METER_645_STATE},
    {"energy", 0x0001FF00, STATE_S, METER_645_ENERGY},
    {"power", 0x02030000, STATE_S, METER_645_POWER},
    {"voltage", 0x02010100, MAINS_S, METER_645_VOLTAGE},
    {"current", 0x02020100, MAINS_S, METER_645_CURRENT},
    {"clock", 0x0400010C, CLOCK_S, METER_645_CLOCK},
};

#define ITEMS(list) .items = list, .item_count = sizeof list / sizeof list[0]

/* Classes: ours keep the count rule and a readable record without a security module: B. */
static const struct meter_model models[] = {
    {.name = "yufu-dorm3",
     .title_en = "Dormitory terminal, three circuits",
     .title_zh = "宿舍三回路预付费终端",
     .driver = &meter_driver_dlt645,
     .class = METER_CLASS_B,
     .circuits = 3,
     .keep_power = true,
     ITEMS(dorm3_items),
     .state_item = 2,
     .relay_item = 0},
    {.name = "yufu-shop3p",
     .title_en = "Three-phase shop meter with wallet",
     .title_zh = "三相商铺预付费表",
     .driver = &meter_driver_dlt645,
     .class = METER_CLASS_B,
     .circuits = 1,
     .keep_power = true,
     ITEMS(shop_items),
     .state_item = 0,
     .relay_item = 0},
    {.name = "yufu-plain",
     .title_en = "Meter with relay, balance on the platform",
     .title_zh = "带继电器电表(余额在平台)",
     .driver = &meter_driver_dlt645,
     .class = METER_CLASS_D,
     .circuits = 1,
     .keep_power = true,
     ITEMS(plain_items),
     .state_item = 0,
     .relay_item = 0},
};

const struct meter_model *meter_model_at(size_t index)
{
    return index < sizeof models / sizeof models[0] ? &models[index] : NULL;
}

const struct meter_model *meter_model_find(const char *name)
{
    const struct meter_model *m;
    for (size_t i = 0; (m = meter_model_at(i)); i++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}
