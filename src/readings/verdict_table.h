/*
 * READINGS_VERDICT(name, stored text, English, Chinese): what a check said about a value. Texts are
 * stored in reading_event.kind.
 */
READINGS_VERDICT(GOOD, "good", "Taken.", "已采用。")
READINGS_VERDICT(RANGE, "range", "Outside the range of its point; not taken.", "超出测点范围，未采用。")
READINGS_VERDICT(IMPLAUSIBLE, "implausible", "It rose more than the meter's power allows; not taken.", "增量超过表计最大功率所允许，未采用。")
READINGS_VERDICT(ROLLOVER, "rollover", "The register passed its full scale and went on from zero.", "示值翻转，从零继续。")
READINGS_VERDICT(SUSPECT, "suspect", "The register fell; not taken until the next reading confirms or refutes it.", "示值下降，待下次读数确认前不采用。")
READINGS_VERDICT(RESET, "reset", "The register was set back: two readings agree on the lower value.", "示值被清零或回拨：两次读数一致。")
READINGS_VERDICT(CORRUPT, "corrupt", "A lower value was refuted by the next reading: it was damaged on its way.", "下降值被下次读数否定，判定为传输错误。")
READINGS_VERDICT(EXCHANGE, "exchange", "A new installation period began.", "表计更换，新的装表期开始。")
READINGS_VERDICT(OLD_EPOCH, "old_epoch", "It belongs to an earlier installation period; not taken.", "属于此前的装表期，未采用。")
READINGS_VERDICT(BACKFILL, "backfill", "It is older than what is known: kept for the record, the newest state stays.", "早于已有读数：仅补录历史。")
READINGS_VERDICT(CLOCK, "clock", "Its time lies ahead of its arrival, or more than a year behind: a clock is wrong; not taken.", "时间晚于到达时刻或早于一年以上，采集端时钟有误，未采用。")
READINGS_VERDICT(UNKNOWN_POINT, "unknown_point", "The point is not known; not taken.", "未知测点，未采用。")
READINGS_VERDICT(GAP, "gap", "Nothing was read for more than an hour before it.", "此前一小时以上没有读数。")
