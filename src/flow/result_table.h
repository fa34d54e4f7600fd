/* How an exercise of a valve ended: FLOW_RESULT(name, stable text, en, zh). */
FLOW_RESULT(SENT, "sent", "ordered; the meter has not answered yet", "已下达，等待表计应答")
FLOW_RESULT(DONE, "done", "moved, and open again", "已动作并恢复开启")
FLOW_RESULT(SEIZED, "seized", "did not come back open", "动作后未恢复开启")
FLOW_RESULT(REFUSED, "refused", "the meter refused", "表计拒绝执行")
FLOW_RESULT(UNKNOWN, "unknown", "no answer: it is not known whether it moved", "无应答，不确定是否动作")
FLOW_RESULT(EXPIRED, "expired", "not sent in time", "未能按时下发")
FLOW_RESULT(CLOSED, "closed", "left alone: the valve is closed, or has been ordered to close",
            "未执行：阀门已关闭或已下达关阀")
FLOW_RESULT(KEPT, "kept", "left alone: supply is kept on", "未执行：已设置保供")
FLOW_RESULT(PROTECTED, "protected", "left alone: the account is protected", "未执行：用户受停供保护")
FLOW_RESULT(BATTERY, "battery", "left alone: the battery is low", "未执行：电池电量低")
FLOW_RESULT(FAULT, "fault", "left alone: the valve reports a fault", "未执行：阀门故障")
