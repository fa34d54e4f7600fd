/*
 * EVENT_ROW(id, name, severity, English, Chinese): every kind of event there is, each row on one line.
 * The table is also the operations manual: tools/event_manual.py makes docs/manual/events.md from it.
 * {words} are members of the event's detail. Names are stable: they are stored and sent to
 * integrations.
 */
/* gateways and lines */
EVENT_ROW(GATEWAY_CLAIMED, "gateway.claimed", INFO, "Gateway {serial} was claimed with its one-time code.", "通信管理机 {serial} 已用一次性代码完成注册。")
EVENT_ROW(GATEWAY_REFUSED, "gateway.refused", WARNING, "Gateway {serial} was refused: {reason}.", "通信管理机 {serial} 被拒绝:{reason}。")
EVENT_ROW(GATEWAY_ONLINE, "gateway.online", INFO, "Gateway {serial} is connected.", "通信管理机 {serial} 已上线。")
EVENT_ROW(GATEWAY_OFFLINE, "gateway.offline", WARNING, "Gateway {serial} is no longer connected; its meters go on by themselves and its readings wait there.", "通信管理机 {serial} 已离线;表计继续自主运行,数据暂存在管理机中。")
EVENT_ROW(GATEWAY_FENCED, "gateway.fenced", WARNING, "An older connection of gateway {serial} was closed because a newer one exists.", "通信管理机 {serial} 的旧连接已被新连接取代。")
EVENT_ROW(GATEWAY_DROPPED, "gateway.dropped", ALARM, "Gateway {serial} ran out of room and dropped {count} readings.", "通信管理机 {serial} 存储已满,丢弃了 {count} 条读数。")
EVENT_ROW(GATEWAY_CLOCK, "gateway.clock", INFO, "The clock of gateway {serial} was set by {value} s.", "通信管理机 {serial} 已校时,调整 {value} 秒。")
EVENT_ROW(LINE_DOWN, "line.down", ALARM, "Line {line} of gateway {serial} cannot be opened.", "通信管理机 {serial} 的 {line} 号线路无法打开。")
EVENT_ROW(LINE_UP, "line.up", INFO, "Line {line} of gateway {serial} works again.", "通信管理机 {serial} 的 {line} 号线路已恢复。")
/* meters and readings */
EVENT_ROW(METER_SILENT, "meter.silent", WARNING, "Meter {address} does not answer.", "表计 {address} 无应答。")
EVENT_ROW(METER_BACK, "meter.back", INFO, "Meter {address} answers again.", "表计 {address} 恢复应答。")
EVENT_ROW(METER_EXCHANGED, "meter.exchanged", INFO, "Meter {old} was exchanged for {new}.", "表计 {old} 已更换为 {new}。")
EVENT_ROW(READING_RANGE, "reading.range", WARNING, "A register of meter {address} is outside its range: {value}. It was not taken.", "表计 {address} 的读数 {value} 超出范围,未采用。")
EVENT_ROW(READING_JUMP, "reading.jump", WARNING, "A register of meter {address} rose more than is possible: from {old} to {new}. It was not taken.", "表计 {address} 的读数突变:由 {old} 到 {new},未采用。")
EVENT_ROW(READING_FELL, "reading.fell", ALARM, "A register of meter {address} fell from {old} to {new}.", "表计 {address} 的读数倒走:由 {old} 到 {new}。")
EVENT_ROW(READING_ROLLOVER, "reading.rollover", INFO, "A register of meter {address} passed its full scale.", "表计 {address} 的读数翻转。")
EVENT_ROW(READING_GAP, "reading.gap", INFO, "Readings of meter {address} are missing from {from} to {to}.", "表计 {address} 缺少 {from} 至 {to} 的读数。")
/* sales */
EVENT_ROW(ORDER_PAID, "order.paid", INFO, "{amount_fen} fen were paid (order {order}).", "已收款 {amount_fen} 分(订单 {order})。")
EVENT_ROW(ORDER_BOOKED, "order.booked", INFO, "{amount_fen} fen were credited on the platform (order {order}).", "{amount_fen} 分已计入平台余额(订单 {order})。")
EVENT_ROW(VEND_BOUND, "vend.bound", INFO, "Order {order} is bound to purchase {n} of the meter and on its way.", "订单 {order} 已绑定购电次数 {n},正在下发。")
EVENT_ROW(VEND_CONFIRMED, "vend.confirmed", INFO, "The meter confirmed purchase {n} of {amount_fen} fen (order {order}).", "表计已确认第 {n} 次购电 {amount_fen} 分(订单 {order})。")
EVENT_ROW(VEND_REJECTED, "vend.rejected", WARNING, "The meter refused order {order}: {reason}. The money is back in the prepayment.", "表计拒绝订单 {order}:{reason}。款项已退回预付余额。")
EVENT_ROW(VEND_REFUNDED, "vend.refunded", INFO, "Order {order} was taken back before it reached the meter.", "订单 {order} 在到达表计前已撤回。")
EVENT_ROW(VEND_CONFLICT, "vend.conflict", ALARM, "The meter's purchase record contradicts order {order}; a person must decide.", "表计购电记录与订单 {order} 矛盾,需人工处理。")
EVENT_ROW(VEND_LATE, "vend.late", WARNING, "Order {order} has been on its way for {minutes} minutes.", "订单 {order} 已下发 {minutes} 分钟仍未确认。")
EVENT_ROW(VEND_FOREIGN, "vend.foreign", ALARM, "The meter holds a purchase of {amount_fen} fen that was not sold here.", "表计中存在非本系统售出的购电 {amount_fen} 分。")
EVENT_ROW(WALLET_MISMATCH, "wallet.mismatch", ALARM, "The meter's cumulative purchases ({meter_fen} fen) differ from the books ({books_fen} fen).", "表计累计购电 {meter_fen} 分与账面 {books_fen} 分不符。")
/* supply */
EVENT_ROW(RELAY_CUT, "relay.cut", WARNING, "A cut was ordered: {reason}.", "已下达拉闸:{reason}。")
EVENT_ROW(RELAY_RESTORE, "relay.restore", INFO, "A restore was ordered: {reason}.", "已下达合闸:{reason}。")
EVENT_ROW(RELAY_DONE, "relay.done", INFO, "The meter confirmed: supply is {state}.", "表计已确认:供电状态为 {state}。")
EVENT_ROW(RELAY_REFUSED, "relay.refused", WARNING, "The meter refused to switch.", "表计拒绝执行拉合闸。")
EVENT_ROW(RELAY_EXPIRED, "relay.expired", INFO, "A cut expired unused: its deadline had passed.", "拉闸命令超过时限,未执行。")
EVENT_ROW(RELAY_CANCELLED, "relay.cancelled", INFO, "A pending cut was cancelled: {reason}.", "待执行的拉闸已取消:{reason}。")
EVENT_ROW(RELAY_MISMATCH, "relay.mismatch", ALARM, "The relay is {state}, but should be {desired}.", "继电器实际为 {state},应为 {desired}。")
EVENT_ROW(RELAY_LEAK, "relay.leak", ALARM, "Energy flows although the supply is cut: {energy_wh} Wh.", "拉闸后仍有用电:{energy_wh} Wh。")
EVENT_ROW(RELAY_LATE, "relay.late", ALARM, "A restore has not succeeded for {minutes} minutes.", "合闸 {minutes} 分钟仍未成功。")
EVENT_ROW(KEEP_ON, "keep.on", INFO, "Keep-power was switched on: {reason}.", "已设置保电:{reason}。")
EVENT_ROW(KEEP_OFF, "keep.off", INFO, "Keep-power was switched off: {reason}.", "已解除保电:{reason}。")
EVENT_ROW(RELAY_LOCAL, "relay.local", INFO, "The meter switched by itself: supply is {state}.", "表计自行动作:供电状态为 {state}。")
/* fee control */
EVENT_ROW(FEE_LOW, "fee.low", WARNING, "Low balance: {balance_fen} fen left.", "余额不足:剩余 {balance_fen} 分。")
EVENT_ROW(FEE_CLOSE, "fee.close", WARNING, "About to be cut: {balance_fen} fen left.", "即将停电:剩余 {balance_fen} 分。")
EVENT_ROW(FEE_ARREARS, "fee.arrears", ALARM, "In arrears: {balance_fen} fen.", "已欠费:{balance_fen} 分。")
EVENT_ROW(FEE_CLEARED, "fee.cleared", INFO, "The balance is sufficient again: {balance_fen} fen.", "余额已恢复:{balance_fen} 分。")
EVENT_ROW(FEE_PROTECTED, "fee.protected", INFO, "Not cut although in arrears: {reason}.", "欠费但未停电:{reason}。")
EVENT_ROW(MESSAGE_DELIVERED, "message.delivered", INFO, "A message was delivered: {template}.", "通知已送达:{template}。")
EVENT_ROW(MESSAGE_FAILED, "message.failed", WARNING, "A message could not be delivered: {template}.", "通知未送达:{template}。")
/* charges */
EVENT_ROW(SETTLED, "charge.settled", INFO, "{energy_wh} Wh were settled for {amount_fen} fen.", "已结算 {energy_wh} Wh,{amount_fen} 分。")
EVENT_ROW(SETTLE_HELD, "charge.held", WARNING, "A settlement waits: {reason}.", "结算暂缓:{reason}。")
EVENT_ROW(CHARGE_DIFFERS, "charge.differs", ALARM, "The meter charged {meter_fen} fen where the price plan gives {plan_fen} fen.", "表计扣费 {meter_fen} 分,按电价方案应为 {plan_fen} 分。")
EVENT_ROW(WALLET_ADJUSTED, "wallet.adjusted", WARNING, "The meter's balance differs from the books by {difference_fen} fen; the difference is in suspense.", "表内余额与账面相差 {difference_fen} 分,差额已记入暂挂科目。")
EVENT_ROW(PLAN_CHANGED, "plan.changed", INFO, "Price plan {code} has version {version}.", "电价方案 {code} 更新为第 {version} 版。")
EVENT_ROW(STRATEGY_CHANGED, "strategy.changed", INFO, "Strategy {code} has version {version}.", "费控策略 {code} 更新为第 {version} 版。")
/* the platform itself */
EVENT_ROW(SITE_IMPORTED, "site.imported", INFO, "A site file was imported: {new} new, {changed} changed, {same} unchanged.", "已导入档案:新增 {new},变更 {changed},未变 {same}。")
EVENT_ROW(LOGIN_LOCKED, "login.locked", WARNING, "Log-in {login} is locked after too many failures.", "账号 {login} 因多次失败被锁定。")
EVENT_ROW(STORE_FULL, "store.full", ALARM, "The disk is full; nothing can be sold until there is room.", "磁盘已满,清理前无法售电。")
EVENT_ROW(VERIFY_FAILED, "verify.failed", ALARM, "The check of the books found: {reason}.", "账务校验发现问题:{reason}。")
