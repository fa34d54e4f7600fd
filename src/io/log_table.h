/*
 * LOG_ROW(name, text, level, English, Chinese): included by log.h and log.c. What the line means
 * and what to do. Rows stand in blocks, one block a program or room; add to your own block.
 */
/* every program */
LOG_ROW(LOG_PROGRAM_START, "program.start", INFO, "The program started.", "程序启动。")
LOG_ROW(LOG_PROGRAM_STOP, "program.stop", INFO, "The program ends in order.", "程序正常退出。")
LOG_ROW(LOG_PROGRAM_REFUSED, "program.refused", ERROR, "The program cannot start; the line says why.", "程序无法启动,原因见本行。")
/* io */
LOG_ROW(LOG_TLS_REFUSED, "tls.refused", WARN, "A TLS handshake failed: wrong CA, wrong or expired certificate, or not TLS 1.3.", "TLS 握手失败:CA 或证书不符、证书过期,或对方不支持 TLS 1.3。")
LOG_ROW(LOG_LISTENER_FULL, "listener.full", WARN, "A connection was closed because too many are open.", "连接数已达上限,新连接被关闭。")
LOG_ROW(LOG_LINE_UP, "line.up", INFO, "A bus line is open.", "总线已打开。")
LOG_ROW(LOG_LINE_DOWN, "line.down", WARN, "A bus line cannot be opened or was lost; it is tried again. Check device and cable.", "总线无法打开或已断开,系统将自动重试。请检查设备与线缆。")
LOG_ROW(LOG_PROCESS_EXIT, "process.exit", WARN, "A child process ended.", "子进程已退出。")
LOG_ROW(LOG_MQTT_UP, "mqtt.up", INFO, "The connection with the MQTT broker is open.", "已连接 MQTT 代理服务器。")
LOG_ROW(LOG_MQTT_DOWN, "mqtt.down", WARN, "The MQTT broker cannot be reached or the connection was lost; it is opened again. Check address, certificates and the broker's access list.", "MQTT 代理服务器无法连接或连接中断,将自动重连。请检查地址、证书与代理的访问控制。")
LOG_ROW(LOG_MQTT_CHANNEL, "mqtt.channel", INFO, "A gateway's connection through the broker was opened or ended; the line says why it ended.", "经 MQTT 代理的一条通信管理机连接已建立或结束,结束原因见本行。")
/* store */
LOG_ROW(LOG_STORE_FAILED, "store.failed", ERROR, "The database refused an operation.", "数据库操作失败。")
/* uplink, gateway */
LOG_ROW(LOG_GATEWAY_CLAIMING, "gateway.claiming", INFO, "The gateway shows its one-time code to the platform.", "通信管理机正在用一次性认领码注册。")
LOG_ROW(LOG_GATEWAY_CLAIMED, "gateway.claimed", INFO, "The gateway has its identity.", "通信管理机已完成注册。")
LOG_ROW(LOG_GATEWAY_CLAIM_REFUSED, "gateway.claim_refused", ERROR, "The platform refused the claim: check serial and code.", "平台拒绝注册:请核对序列号与认领码。")
LOG_ROW(LOG_UPLINK_CONNECTED, "uplink.connected", INFO, "The session with the platform is open.", "与平台的会话已建立。")
LOG_ROW(LOG_UPLINK_LOST, "uplink.lost", WARN, "The session with the platform ended; it is opened again.", "与平台的会话中断,将自动重连。")
LOG_ROW(LOG_UPLINK_REFUSED, "uplink.refused", WARN, "A frame or a session was refused: altered, replayed, wrong key or fenced.", "上行报文或会话被拒绝:被篡改、重放、密钥不符或已被隔离。")
LOG_ROW(LOG_UPLINK_CLOCK, "uplink.clock", INFO, "The gateway took over the platform's time.", "通信管理机已与平台对时。")
LOG_ROW(LOG_GATEWAY_CONFIG, "gateway.config", INFO, "A new configuration is in force.", "新的配置已生效。")
LOG_ROW(LOG_GATEWAY_LINE_REFUSED, "gateway.line_refused", ERROR, "A line of the configuration cannot be used: endpoint, baud rate or parity is wrong.", "配置中的总线无法使用:端点、波特率或校验位不正确。")
LOG_ROW(LOG_GATEWAY_MESSAGE_REFUSED, "gateway.message_refused", WARN, "A message of the platform was not carried out; it will be said again.", "平台消息未被执行,平台将重发。")
LOG_ROW(LOG_GATEWAY_COMMAND, "gateway.command", INFO, "A command arrived.", "收到命令。")
LOG_ROW(LOG_GATEWAY_OUTCOME, "gateway.outcome", INFO, "A command has its outcome.", "命令已有结果。")
LOG_ROW(LOG_UNIT_LISTENING, "unit.listening", INFO, "Units of other makers may dial in at this port.", "正在等待其他厂商的单元(DTU 等)拨入。")
LOG_ROW(LOG_UNIT_CONNECTED, "unit.connected", INFO, "A unit dialled in and has its line.", "拨入单元已识别并接管其线路。")
LOG_ROW(LOG_UNIT_TWIN, "unit.twin", ERROR, "A second unit with the same registration was refused: the first one is alive. Give each unit a registration of its own.", "注册包相同的第二个单元被拒绝:第一个仍在线。请为每个单元设置唯一的注册包。")
LOG_ROW(LOG_UNIT_DISPLACED, "unit.displaced", WARN, "A connection that was not heard any more gave its line to a newer one of the same unit.", "单元的旧连接已无数据,线路由其新连接接管。")
LOG_ROW(LOG_UNIT_UNKNOWN, "unit.unknown", WARN, "A unit was refused: no line has its registration. The line shows what it said.", "拨入单元被拒绝:没有线路使用该注册包,所收内容见本行。")
LOG_ROW(LOG_UNIT_SILENT, "unit.silent", WARN, "A unit was not heard for three minutes; its connection was closed.", "单元三分钟无任何数据,连接已关闭。")
LOG_ROW(LOG_UNIT_UNPROVEN, "unit.unproven", ERROR, "A gateway of another maker was refused: its secret is not in the file of secrets, or it is another one.", "第三方网关被拒绝:密钥文件中没有它的密钥,或密钥不符。")
LOG_ROW(LOG_UNIT_BROKEN, "unit.broken", WARN, "What a unit sent makes no sense; its connection was closed or a report of it was left out.", "单元发送的内容无法解析,连接已关闭或该次上报已忽略。")
/* auth, api */
LOG_ROW(LOG_LOGIN, "login.done", INFO, "Somebody logged in, or changed the password.", "登录成功或修改密码成功。")
LOG_ROW(LOG_LOGIN_REFUSED, "login.refused", WARN, "A log-in was refused; the line says why.", "登录被拒绝,原因见本行。")
LOG_ROW(LOG_API_LISTENING, "api.listening", INFO, "The HTTP interface is open.", "HTTP 接口已开启。")
LOG_ROW(LOG_API_REFUSED, "api.refused", WARN, "A request broke the rules of HTTP and was refused.", "不符合 HTTP 规范的请求已被拒绝。")
LOG_ROW(LOG_API_FAILED, "api.failed", ERROR, "A request could not be carried out because of an error of our own; the line says which.", "请求因系统内部错误未能完成,原因见本行。")
