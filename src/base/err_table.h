/*
 * ERR_ROW(name, class, English, Chinese): included by err.h and err.c.
 * Rows stand in blocks, one block a room; a room adds to its own block only.
 */
/* base */
ERR_ROW(ERR_OK, OK, "Done.", "成功。")
ERR_ROW(ERR_TRUNCATED, CORRUPT, "The data ends too early.", "数据不完整。")
ERR_ROW(ERR_OVERFLOW, REFUSE, "The number is too large.", "数值过大。")
ERR_ROW(ERR_RANGE, REFUSE, "The value is outside its allowed range.", "数值超出允许范围。")
ERR_ROW(ERR_SYNTAX, REFUSE, "The text cannot be read as what it should be.", "内容格式不正确。")
ERR_ROW(ERR_BCD, CORRUPT, "A digit is not decimal.", "数据中含有非十进制数字。")
ERR_ROW(ERR_FULL, RETRY, "There is no room left; try again when some work is done.", "空间已满,请稍后重试。")
ERR_ROW(ERR_MEMORY, RETRY, "The machine has no memory left.", "内存不足。")
ERR_ROW(ERR_NOT_FOUND, REFUSE, "It does not exist.", "对象不存在。")
ERR_ROW(ERR_EXISTS, REFUSE, "It exists already.", "对象已存在。")
ERR_ROW(ERR_STATE, REFUSE, "This is not allowed in the present state.", "当前状态不允许此操作。")
ERR_ROW(ERR_CLOCK, REFUSE, "The clock is not trusted; set it first.", "时钟不可信,请先校时。")
ERR_ROW(ERR_BUG, BUG, "The program broke a promise of its own; please report it.", "程序内部错误,请联系供应商。")
/* proto */
ERR_ROW(ERR_FRAME_CHECKSUM, CORRUPT, "The frame's checksum is wrong.", "报文校验和错误。")
ERR_ROW(ERR_FRAME_END, CORRUPT, "The frame does not end where it should.", "报文结束符错误。")
ERR_ROW(ERR_FRAME_LENGTH, CORRUPT, "The frame's length does not fit its content.", "报文长度错误。")
ERR_ROW(ERR_FRAME_UNKNOWN, REFUSE, "No known frame begins here.", "无法识别的报文。")
/* terminal */
/* meter */
ERR_ROW(ERR_METER_REFUSED, REFUSE, "The meter answered that it cannot do this.", "表计拒绝了该请求。")
ERR_ROW(ERR_METER_ANSWER, CORRUPT, "The meter's answer is not what was asked for.", "表计应答与请求不符。")
/* rating */
/* strategy */
/* io */
ERR_ROW(ERR_IO, RETRY, "The operating system reported an input or output error.", "系统输入输出错误。")
ERR_ROW(ERR_IO_CLOSED, RETRY, "The connection is closed.", "连接已关闭。")
ERR_ROW(ERR_IO_REFUSED, RETRY, "The other side does not accept connections.", "对方拒绝连接。")
ERR_ROW(ERR_IO_ADDRESS, REFUSE, "The address cannot be used.", "地址不可用。")
ERR_ROW(ERR_IO_FILE, REFUSE, "The file cannot be opened.", "文件无法打开。")
ERR_ROW(ERR_TLS, REFUSE, "The secure connection could not be set up; check the certificates.", "安全连接失败,请检查证书。")
/* store */
ERR_ROW(ERR_STORE, CORRUPT, "The database refused an operation; see the log.", "数据库操作失败,请查看日志。")
ERR_ROW(ERR_STORE_BUSY, RETRY, "The database is busy; try again.", "数据库繁忙,请重试。")
ERR_ROW(ERR_STORE_FULL, RETRY, "The disk is full: nothing was changed. Free some space; work goes on by itself.", "磁盘已满,未作任何更改。请清理空间后重试。")
ERR_ROW(ERR_STORE_CONSTRAINT, REFUSE, "The database refused the change because it would break a rule.", "该更改违反数据约束,已被拒绝。")
ERR_ROW(ERR_STORE_NEWER, REFUSE, "The data was written by a newer version of the program.", "数据由更新版本的程序写入,请升级程序。")
ERR_ROW(ERR_STORE_CORRUPT, CORRUPT, "The database file is damaged; restore a backup.", "数据库文件损坏,请恢复备份。")
/* bus */
ERR_ROW(ERR_BUS_SILENT, RETRY, "The meter did not answer.", "表计无应答。")
ERR_ROW(ERR_BUS_DAMAGED, RETRY, "The meter's answers arrived damaged.", "表计应答报文损坏。")
ERR_ROW(ERR_BUS_CLOSED, RETRY, "The line was closed before an answer came.", "总线已关闭,未收到应答。")
/* uplink */
ERR_ROW(ERR_UPLINK_SYNTAX, CORRUPT, "The message does not follow the uplink schema.", "上行消息不符合格式定义。")
ERR_ROW(ERR_UPLINK_UNKNOWN, REFUSE, "The message is of a kind this version does not know.", "未知的上行消息类型。")
ERR_ROW(ERR_UPLINK_SEAL, CORRUPT, "The message was not sealed by the right key, or was altered.", "上行消息密封校验失败。")
ERR_ROW(ERR_UPLINK_SEQUENCE, CORRUPT, "The message repeats or skips a sequence number.", "上行消息序号错误。")
ERR_ROW(ERR_UPLINK_EPOCH, REFUSE, "A newer connection of this gateway exists; this one is fenced.", "该通信管理机已有更新的连接,此连接被隔离。")
/* journal */
ERR_ROW(ERR_JOURNAL_CHAIN, CORRUPT, "The audit chain is broken: a row was changed, removed or inserted.", "审计链断裂:有记录被更改、删除或插入。")
ERR_ROW(ERR_JOURNAL_TEXT, REFUSE, "An audit row needs an actor, an action, an object and a detail.", "审计记录缺少操作者、操作、对象或详情。")
/* gateway */
/* site */
ERR_ROW(ERR_SITE_CLAIM, REFUSE, "The gateway's serial number and one-time code do not fit, or the code was used or has expired.", "通信管理机序列号与一次性代码不符,或代码已使用、已过期。")
ERR_ROW(ERR_SITE_EPOCH, REFUSE, "A newer connection of this gateway was seen.", "该通信管理机已有更新的连接。")
ERR_ROW(ERR_SITE_TEXT, REFUSE, "A code or name is empty, too long, or contains characters that are not allowed.", "编码或名称为空、过长或含有不允许的字符。")
ERR_ROW(ERR_SITE_LINE, REFUSE, "The line's number, endpoint, baud rate or parity is not valid.", "线路号、端点、波特率或校验位无效。")
ERR_ROW(ERR_SITE_METER, REFUSE, "The meter's address, model, circuits or customer number is not valid.", "表计地址、型号、回路数或客户编号无效。")
ERR_ROW(ERR_SITE_PROJECT, REFUSE, "The object belongs to another project.", "对象属于其他项目。")
ERR_ROW(ERR_SITE_WALLET_FIXED, REFUSE, "The account has bookings: where its balance lives cannot be changed any more.", "账户已有账务记录,不能再更改余额所在位置。")
ERR_ROW(ERR_SITE_PLAN_UNKNOWN, REFUSE, "There is no such price plan in force.", "不存在或尚未生效的电价方案。")
ERR_ROW(ERR_SITE_STRATEGY_UNKNOWN, REFUSE, "There is no such strategy in force.", "不存在或尚未生效的费控策略。")
ERR_ROW(ERR_SITE_EFFECTIVE, REFUSE, "A later version exists already; a version cannot take effect before it.", "已存在更晚生效的版本,新版本不能早于它生效。")
/* ledger */
ERR_ROW(ERR_LEDGER_KEY, REFUSE, "This key was used for another transaction.", "该幂等键已用于其他内容的交易。")
ERR_ROW(ERR_LEDGER_UNBALANCED, REFUSE, "The postings do not sum to zero.", "分录合计不为零。")
ERR_ROW(ERR_LEDGER_EMPTY, REFUSE, "A transaction needs at least two postings.", "一笔交易至少需要两条分录。")
ERR_ROW(ERR_LEDGER_BOOK, REFUSE, "There is no such book.", "不存在该科目。")
ERR_ROW(ERR_LEDGER_AMOUNT, REFUSE, "The amount of a posting is too large.", "分录金额过大。")
ERR_ROW(ERR_LEDGER_LIMIT, REFUSE, "The balance of a book would become too large.", "科目余额将超出上限。")
ERR_ROW(ERR_LEDGER_TEXT, REFUSE, "The transaction lacks its account, key, kind, actor or time, or one of them is too long.", "交易缺少账户、幂等键、类型、操作者或时间,或内容过长。")
ERR_ROW(ERR_LEDGER_CHAIN, CORRUPT, "The ledger does not add up: a transaction was changed, removed or inserted.", "账本校验失败:有交易被更改、删除或插入。")
/* readings */
/* headend */
ERR_ROW(ERR_HEADEND_REVOKED, REFUSE, "This gateway was revoked; claim it anew.", "该通信管理机已被吊销,请重新注册。")
ERR_ROW(ERR_HEADEND_CERTIFICATE, REFUSE, "The gateway's certificate is not the one it was given.", "通信管理机证书与登记不符。")
ERR_ROW(ERR_HEADEND_CLAIMS, RETRY, "Too many attempts to claim a gateway; wait a minute.", "注册尝试过于频繁,请一分钟后重试。")
/* billing */
/* vend */
ERR_ROW(ERR_VEND_AMOUNT, REFUSE, "The amount must be more than nothing.", "金额必须大于零。")
ERR_ROW(ERR_VEND_LIMIT, REFUSE, "The amount is above the largest single sale.", "金额超过单笔售电上限。")
ERR_ROW(ERR_VEND_ORDER_ID, REFUSE, "An order number has 8 to 64 letters, digits, dots, dashes or underscores.", "订单号须为 8 至 64 位字母、数字、点、横线或下划线。")
ERR_ROW(ERR_VEND_METHOD, REFUSE, "This way of paying is not known.", "不支持的付款方式。")
ERR_ROW(ERR_VEND_ACCOUNT, REFUSE, "There is no such account.", "没有此户。")
ERR_ROW(ERR_VEND_CLOSED, REFUSE, "The account is closed.", "该户已销户。")
ERR_ROW(ERR_VEND_DIFFERENT, REFUSE, "This order number was used for another sale.", "该订单号已用于其他内容的订单。")
ERR_ROW(ERR_VEND_NO_METER, REFUSE, "The balance of this account is kept in the meter, but it has no meter.", "该户余额存于表内,但未绑定表计。")
ERR_ROW(ERR_VEND_FUNDS, REFUSE, "The prepayment does not cover this amount.", "预付余额不足。")
ERR_ROW(ERR_VEND_FINAL, REFUSE, "The order has reached its end and cannot be taken back.", "订单已完结,不能撤回。")
ERR_ROW(ERR_VEND_OPEN, REFUSE, "A sale to this meter is still on its way; let it finish or cancel it first.", "该表仍有未完成的售电,请等待完成或先撤回。")
ERR_ROW(ERR_VEND_CHECK, CORRUPT, "A sale contradicts the books or its meter's record.", "售电记录与账务或表内记录不符。")
/* control */
ERR_ROW(ERR_CONTROL_CIRCUIT, REFUSE, "The meter has no such circuit.", "该表没有此回路。")
ERR_ROW(ERR_CONTROL_KEEP_POWER, REFUSE, "Keep-power is set: this meter must not be cut.", "该表处于保电状态,禁止拉闸。")
ERR_ROW(ERR_CONTROL_BREAKER, REFUSE, "Too many cuts in a short time; a second person must allow more.", "短时间内拉闸过多,需另一人批准后继续。")
ERR_ROW(ERR_CONTROL_REASON, REFUSE, "A reason is needed.", "必须填写原因。")
/* auth */
ERR_ROW(ERR_AUTH_NONE, REFUSE, "You are not logged in, or your log-in has ended. Log in again.", "尚未登录或登录已失效,请重新登录。")
ERR_ROW(ERR_AUTH_LOGIN, REFUSE, "Name or password is wrong.", "用户名或密码错误。")
ERR_ROW(ERR_AUTH_THROTTLED, RETRY, "Too many failed attempts; wait a little and try again.", "失败次数过多,请稍候再试。")
ERR_ROW(ERR_AUTH_BUSY, RETRY, "Too many people are logging in at this moment; try again in a few seconds.", "当前登录人数过多,请几秒后重试。")
ERR_ROW(ERR_AUTH_WEAK, REFUSE, "This password is too short, too long, or easy to guess. Take at least 8 characters that are not your name or a common password.", "密码过短、过长或过于简单。请使用至少 8 个字符,且不要使用登录名或常见密码。")
ERR_ROW(ERR_AUTH_PASSWORD_CHANGE, REFUSE, "The one-time password must be changed first.", "请先修改一次性密码。")
ERR_ROW(ERR_AUTH_FORBIDDEN, REFUSE, "Your role does not allow this.", "您的角色无权执行此操作。")
ERR_ROW(ERR_AUTH_CSRF, REFUSE, "The request did not come from the console's own page. Load the page again.", "请求并非来自本系统页面,请刷新后重试。")
/* notify */
/* api */
ERR_ROW(ERR_API_REQUEST, REFUSE, "The request breaks the rules of HTTP and was not looked at.", "请求不符合 HTTP 规范,已被拒绝。")
ERR_ROW(ERR_API_HEADERS, REFUSE, "The headers of the request are too large.", "请求头过大。")
ERR_ROW(ERR_API_BODY, REFUSE, "The body of the request is too large.", "请求内容过大。")
ERR_ROW(ERR_API_TYPE, REFUSE, "The body is not of the content type this call expects.", "请求内容类型不正确。")
ERR_ROW(ERR_API_JSON, REFUSE, "The body is not valid JSON.", "请求内容不是有效的 JSON。")
ERR_ROW(ERR_API_FIELD, REFUSE, "A field of the request is missing, unknown or not what it should be.", "请求字段缺失、未知或不正确。")
ERR_ROW(ERR_API_ROUTE, REFUSE, "There is nothing at this address.", "该地址不存在。")
ERR_ROW(ERR_API_METHOD, REFUSE, "This address does not know this method.", "该地址不支持此方法。")
ERR_ROW(ERR_API_KEY, REFUSE, "This call needs an Idempotency-Key of 8 to 64 letters, digits, dots, dashes or underscores.", "此操作需要 Idempotency-Key(8 至 64 个字母、数字、点、横线或下划线)。")
ERR_ROW(ERR_API_KEY_REUSED, REFUSE, "This Idempotency-Key was used before with another request. Take a new key for a new wish.", "该 Idempotency-Key 已用于另一请求,请使用新的键。")
ERR_ROW(ERR_API_STREAMS, RETRY, "Too many event streams are open; close some pages.", "打开的实时连接过多,请关闭部分页面。")
ERR_ROW(ERR_API_LOCAL, REFUSE, "This is answered to the machine itself only.", "仅允许本机访问。")
