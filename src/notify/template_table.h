/*
 * NOTIFY_TEMPLATE(name, stored text, English, Chinese). {words} are members of the note's facts;
 * words that end in _fen are money, shown in yuan. {account} and {place} are always there, and in
 * Chinese {cut}, {back}, {supply} and {use} as one says them of what the account's meters measure.
 */
NOTIFY_TEMPLATE(BALANCE_LOW, "balance_low", "Your balance is low: {available_fen} yuan left for {place} ({account}). Please recharge in time.", "余额不足提醒：{place}（{account}）剩余 {available_fen} 元，请及时充值。")
NOTIFY_TEMPLATE(ABOUT_TO_CUT, "about_to_cut", "About to be cut off: {available_fen} yuan left for {place} ({account}). Supply is cut when it is used up; please recharge now.", "即将{cut}提醒：{place}（{account}）剩余 {available_fen} 元，用完后将{cut}，请立即充值。")
NOTIFY_TEMPLATE(ARREARS, "arrears", "{place} ({account}) is in arrears: {available_fen} yuan. Supply will be cut; please recharge now.", "欠费提醒：{place}（{account}）余额 {available_fen} 元，即将{cut}，请立即充值。")
NOTIFY_TEMPLATE(OVERDRAFT, "overdraft", "The overdraft of {place} ({account}) is used up: {available_fen} yuan. Supply will be cut; please recharge now.", "透支用尽提醒：{place}（{account}）透支额度已用完，余额 {available_fen} 元，即将{cut}，请立即充值。")
NOTIFY_TEMPLATE(LIMITED, "limited", "Power to {place} ({account}) is limited because of arrears: {available_fen} yuan. Supply will be cut if nothing is paid.", "限电通知：{place}（{account}）因欠费已限电，余额 {available_fen} 元；如不缴费将{cut}。")
NOTIFY_TEMPLATE(CUT, "cut", "Supply to {place} ({account}) was cut because of arrears: {available_fen} yuan. It returns by itself after you recharge.", "{cut}通知：{place}（{account}）因欠费已{cut}，余额 {available_fen} 元。充值后将自动恢复{supply}。")
NOTIFY_TEMPLATE(CONFIRM, "confirm_restore", "{place} ({account}) is paid: {available_fen} yuan. Make sure that switching on is safe, then confirm; supply returns at once.", "{back}确认：{place}（{account}）已缴清，余额 {available_fen} 元。请确认{use}安全后点击确认，即可恢复{supply}。")
NOTIFY_TEMPLATE(RESTORED, "restored", "Supply to {place} ({account}) is back. Balance: {available_fen} yuan.", "{back}通知：{place}（{account}）已恢复{supply}，余额 {available_fen} 元。")
NOTIFY_TEMPLATE(PAYMENT, "payment", "We received {amount_fen} yuan for {place} ({account}). Thank you.", "缴费成功：{place}（{account}）收到 {amount_fen} 元，谢谢。")
