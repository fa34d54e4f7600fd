/* STRATEGY_WARNING(name, English, Chinese): what is said to whoever saves a strategy. Names are stable. */
STRATEGY_WARNING(OTHER_SERVICES, "This strategy may cut supply for money owed for other services (property fee, rent). In China the Civil Code (article 944) forbids property companies to do so.", "本策略允许因物业费、租金等其他欠费停供。《民法典》第九百四十四条禁止物业服务人以停水停电等方式催交物业费。")
STRATEGY_WARNING(NO_NOTICE, "This strategy cuts without a delivered notice.", "本策略停电前不要求通知已送达。")
STRATEGY_WARNING(NO_GRACE, "This strategy gives no time between the notice and the cut.", "本策略通知与停电之间没有宽限时间。")
STRATEGY_WARNING(NIGHT, "This strategy allows cuts between 20:00 and 08:00.", "本策略允许在 20:00 至次日 08:00 之间停电。")
STRATEGY_WARNING(WEEKEND, "This strategy allows cuts on Saturdays or Sundays.", "本策略允许在周末停电。")
STRATEGY_WARNING(HOLIDAYS, "This strategy allows cuts on public holidays, and in years whose holidays are not known.", "本策略允许在法定节假日以及节假日安排未知的年份停电。")
STRATEGY_WARNING(CALENDAR_UNKNOWN, "There is no built-in calendar of this name: nobody will be cut, because holidays are not known.", "没有该名称的节假日日历：节假日未知，将不会停电。")
STRATEGY_WARNING(CHANNELS_FEW, "This strategy wants notices over more channels than it sends on: nobody will be cut.", "本策略要求的送达渠道数多于其发送渠道：将不会停电。")
