/*
 * STRATEGY_REASON(name, English, Chinese): why a decision is what it is. Names are stable: they are
 * stored with decisions and shown by the console. The second block are guards: they stand against a
 * cut, in the order in which they are named first.
 */
STRATEGY_REASON(ENOUGH, "The balance is sufficient.", "余额充足。")
STRATEGY_REASON(LEVEL_REACHED, "The balance fell to an alarm level and no notice of it was delivered yet.", "余额达到预警级别,尚未送达通知。")
STRATEGY_REASON(WARNED, "The balance is at an alarm level; the notice was delivered.", "余额处于预警级别,通知已送达。")
STRATEGY_REASON(ARREARS, "The balance is at or below the cut-off limit, the required notices were delivered and the grace time is over.", "余额已达停电限额,规定通知已送达且宽限期已满。")
STRATEGY_REASON(PAID_UP, "The balance is above the restore limit again.", "余额已高于复电限额。")
STRATEGY_REASON(KEPT, "Keep-power was switched on: supply must return.", "已设置保电,恢复供电。")
STRATEGY_REASON(STILL_BELOW, "Cut for arrears; the balance is not above the restore limit.", "因欠费停电,余额尚未高于复电限额。")
STRATEGY_REASON(BY_STAFF, "The balance is above the restore limit; this strategy leaves the restore to staff.", "余额已高于复电限额,按策略由工作人员复电。")
/* guards */
STRATEGY_REASON(ACCOUNT_CLOSED, "The account is closed.", "账户已销户。")
STRATEGY_REASON(METER_DECIDES, "The balance lives in the meter, which cuts and restores by itself.", "余额存于表内,由表计自行通断。")
STRATEGY_REASON(KEEP_POWER, "Keep-power is set: this meter must not be cut.", "已设置保电,不得停电。")
STRATEGY_REASON(NO_CONTRACT, "No settlement agreement was signed: no automatic cut.", "未签订电费结算协议,不得自动停电。")
STRATEGY_REASON(CUT_BY_STAFF, "This strategy leaves cuts to staff.", "按策略停电由工作人员执行。")
STRATEGY_REASON(OPENED_BY_PERSON, "Supply is switched off by a person already.", "已由人工停电。")
STRATEGY_REASON(OPEN_ALREADY, "The relay is open already.", "继电器已断开。")
STRATEGY_REASON(PAYMENT_PENDING, "A payment waits for confirmation.", "有缴费待确认。")
STRATEGY_REASON(VEND_UNRESOLVED, "A sale is on its way to the meter.", "有售电正在下发。")
STRATEGY_REASON(BALANCE_UNKNOWN, "The balance is not known.", "余额未知。")
STRATEGY_REASON(READING_STALE, "The last reading is too old.", "最近读数过旧。")
STRATEGY_REASON(READING_ESTIMATED, "The last reading is an estimate.", "最近读数为估算值。")
STRATEGY_REASON(CLOCK_UNTRUSTED, "The clock is not trusted.", "时钟不可信。")
STRATEGY_REASON(PROTECTED_HOURS, "It is outside the hours in which cuts are allowed.", "当前不在允许停电的时段。")
STRATEGY_REASON(PROTECTED_DAY, "No cuts on this day of the week.", "当日(星期)不允许停电。")
STRATEGY_REASON(HOLIDAY, "No cuts on public holidays.", "法定节假日不停电。")
STRATEGY_REASON(NOTICE_MISSING, "The required notice has not been delivered.", "规定的通知尚未送达。")
STRATEGY_REASON(NOTICES_FEW, "Not enough notices have been delivered yet.", "送达的通知次数不足。")
STRATEGY_REASON(GRACE, "The grace time is running.", "宽限期未满。")
