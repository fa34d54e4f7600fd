/* STRATEGY_CHANNEL(name, stored text, English, Chinese): ways on which a notice can reach a person. */
STRATEGY_CHANNEL(CONSOLE, "console", "account page", "账户页面")
STRATEGY_CHANNEL(SMS, "sms", "text message", "短信")
STRATEGY_CHANNEL(WECHAT, "wechat", "WeChat message", "微信")
STRATEGY_CHANNEL(APP, "app", "app message", "应用推送")
STRATEGY_CHANNEL(VOICE, "voice", "voice call", "语音电话")
STRATEGY_CHANNEL(METER, "meter", "display or buzzer of the meter", "表计显示或蜂鸣")
STRATEGY_CHANNEL(PAPER, "paper", "notice on paper", "纸质通知单")
