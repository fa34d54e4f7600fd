/* REASON(reason, name, English, Chinese): why a circuit is open or closed, in words; what ends it
 * stands in terminal/rules_table.h. */
/* clang-format off */
REASON(NONE,       "none",       "closed",                             "正常供电")
REASON(REMOTE,     "remote",     "opened by an order",                 "远程拉闸")
REASON(CREDIT,     "credit",     "balance almost used up",             "余额不足预跳闸")
REASON(OVERDRAFT,  "overdraft",  "overdraft used up",                  "透支额度用完")
REASON(KEEP_POWER, "keep_power", "kept closed by keep-power",          "保电合闸")
REASON(KEY,        "key",        "waiting for the key",                "等待按键合闸")
REASON(TIMED,      "timed",      "timed opening",                      "定时拉闸")
REASON(TIME,       "time",       "outside the allowed hours",          "非允许用电时段")
REASON(NIGHT,      "night",      "above the limit at night",           "夜间超限")
REASON(CURRENT,    "current",    "current above the limit",            "电流超限")
REASON(LOAD,       "load",       "power above the limit",              "功率超限")
REASON(MALIGNANT,  "malignant",  "forbidden heating load",             "恶性负载")
REASON(AIRCON,     "aircon",     "air conditioner unplugged",          "空调被拔除")
REASON(PROTECTION, "protection", "above the rating of the circuit",    "过流保护")
REASON(STAFF,      "staff",      "locked by staff",                    "管理员锁定")
