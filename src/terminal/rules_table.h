/*
 * Every reason to open or close a circuit, first to last: the first one that holds decides.
 * RULE(reason, effect, holds, ends, zh): `holds` is a function of terminal_rules.c; the texts say
 * what ends it. `yufu-terminal rules` prints this table, the manual shows it.
 */
/* clang-format off */
RULE(PROTECTION, OPENS,  held_protection, "waiting time, a few times a day; then staff", "等待后自动合闸（每日限次），之后须管理员复位")
RULE(STAFF,      OPENS,  staff_lock,      "staff",                                       "管理员解除")
RULE(KEEP_POWER, CLOSES, keep_power,      "end of keep-power",                           "解除保电")
RULE(REMOTE,     OPENS,  remote_cut,      "order to close",                              "远程合闸命令")
RULE(TIMED,      OPENS,  timed_cut,       "its time is over, or an order to close",      "到时自动解除或远程合闸命令")
RULE(OVERDRAFT,  OPENS,  overdraft_cut,   "payment",                                     "缴费")
RULE(CREDIT,     OPENS,  pretrip_cut,     "payment, the key, or its time is over",       "缴费、按键或到时自动合闸")
RULE(TIME,       OPENS,  outside_hours,   "next allowed hours",                          "进入允许用电时段")
RULE(NIGHT,      OPENS,  held_night,      "waiting time, a few times a day; then staff", "等待后自动合闸（每日限次），之后须管理员复位")
RULE(CURRENT,    OPENS,  held_current,    "waiting time, a few times a day; then staff", "等待后自动合闸（每日限次），之后须管理员复位")
RULE(LOAD,       OPENS,  held_load,       "waiting time, a few times a day; then staff", "等待后自动合闸（每日限次），之后须管理员复位")
RULE(MALIGNANT,  OPENS,  held_malignant,  "waiting time, a few times a day; then staff", "等待后自动合闸（每日限次），之后须管理员复位")
RULE(AIRCON,     OPENS,  held_aircon,     "staff",                                       "管理员复位")
RULE(KEY,        OPENS,  key_wait,        "the key",                                     "按键")
