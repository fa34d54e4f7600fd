/*
 * STRATEGY_PROTECTION(name, stored text, English, Chinese): kinds of entries in the list of
 * protections. Each is a guard of the same name in reason_table.h, in the same order.
 */
STRATEGY_PROTECTION(KEEP_LIST, "keep_list", "on the protected list", "保护名单")
STRATEGY_PROTECTION(MEDICAL, "medical", "medical need", "医疗用电")
STRATEGY_PROTECTION(EXAM, "exam", "exam days", "考试期间")
STRATEGY_PROTECTION(WEATHER, "weather", "severe weather", "恶劣天气")
STRATEGY_PROTECTION(DISPUTE, "dispute", "open dispute", "争议处理中")
STRATEGY_PROTECTION(LOCAL_HOLIDAY, "holiday", "holiday of the project", "项目假期")
STRATEGY_PROTECTION(OTHER, "other", "other reason", "其他原因")
