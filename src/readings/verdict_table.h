/*
 * READINGS_VERDICT(name, text): what a check said about a value. The text is stored in
 * reading_event.kind; what people are told stands in journal/event_table.h.
 */
READINGS_VERDICT(GOOD, "good") /* taken */
READINGS_VERDICT(RANGE, "range") /* outside the range of its point; not taken */
READINGS_VERDICT(IMPLAUSIBLE, "implausible") /* it rose more than the meter's power allows; not taken */
READINGS_VERDICT(ROLLOVER, "rollover") /* the register passed its full scale and went on from zero */
READINGS_VERDICT(SUSPECT, "suspect") /* the register fell; not taken until the next reading confirms or refutes it */
READINGS_VERDICT(RESET, "reset") /* the register was set back: two readings agree on the lower value */
READINGS_VERDICT(CORRUPT, "corrupt") /* a lower value was refuted by the next reading: it was damaged on its way */
READINGS_VERDICT(EXCHANGE, "exchange") /* a new installation period began */
READINGS_VERDICT(OLD_EPOCH, "old_epoch") /* it belongs to an earlier installation period; not taken */
READINGS_VERDICT(BACKFILL, "backfill") /* it is older than what is known: kept for the record, the newest state stays */
READINGS_VERDICT(CLOCK, "clock") /* its time lies ahead of its arrival, or more than a year behind: a clock is wrong; not taken */
READINGS_VERDICT(UNKNOWN_POINT, "unknown_point") /* the point is not known; not taken */
READINGS_VERDICT(GAP, "gap") /* nothing was read for more than an hour before it */
