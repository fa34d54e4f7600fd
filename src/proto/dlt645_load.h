/*
 * Load records (负荷记录, DL/T 645-2007 class 06): what a meter wrote down every few minutes.
 *
 *   A0 A0 | n | mm hh DD MM YY | 17 AA | 24 AA | 8 AA | 16 AA | 16 AA | 6 AA | sum | E5
 *
 * Six groups of values, each ended by AA; a group that the meter does not record is its AA alone.
 * E0 E0 in front: the meter itself says that the record is wrong. n counts from the time to the
 * last AA, the sum runs from the first A0 to the last AA.
 *
 * Identifiers 06 kk 00 ss: kk 00 all groups, 01..06 one of them; ss 00 the oldest records, 01 from
 * a given time on, 02 the latest. Answers hold several records one after another and are often
 * longer than a frame: join the parts first (dlt645_join_add).
 */
#ifndef YUFU_PROTO_DLT645_LOAD_H
#define YUFU_PROTO_DLT645_LOAD_H

#include "base/clock.h"
#include "proto/dlt645_data.h"

#define DLT645_LOAD_GROUPS 6
#define DLT645_LOAD_COLUMNS 29
#define DLT645_LOAD_RECORD_MAX 103 /* bytes, with all groups */

enum dlt645_load_which { DLT645_LOAD_OLDEST, DLT645_LOAD_FROM, DLT645_LOAD_LATEST };

struct dlt645_load_record {
    bool doubtful;                           /* E0 E0 */
    uint8_t time[5];                         /* mm hh DD MM YY, as in the frame */
    struct bytes groups[DLT645_LOAD_GROUPS]; /* without AA; len 0: not recorded */
};

/* group 0: all of them, 1..DLT645_LOAD_GROUPS: that one. */
uint32_t dlt645_load_id(unsigned group, enum dlt645_load_which which);
/* Is this one of them, and of which group? */
bool dlt645_load_is(uint32_t id, unsigned *group);

/*
 * The first record in `data`; what is no record before it is skipped. `group` as asked: some meters
 * leave out the AA of the groups that were not asked for.
 *   ERR_OK               *used is one past its end; it points into data
 *   ERR_TRUNCATED        no whole record; *used bytes are no record, the rest may be the beginning
 *                        of one
 *   ERR_FRAME_CHECKSUM, ERR_FRAME_END, ERR_FRAME_LENGTH   what looks like one is damaged; *used is
 *                        past its first byte, so that the caller can look again
 */
[[nodiscard]] enum err dlt645_load_decode(struct bytes data, unsigned group,
                                          struct dlt645_load_record *rec, size_t *used);

/* The time as the meter's clock shows it. ERR_BCD, ERR_RANGE. */
[[nodiscard]] enum err dlt645_load_time(const struct dlt645_load_record *rec, int32_t offset_s,
                                        wall_s *t);

/* What column 0..DLT645_LOAD_COLUMNS-1 is: "voltage, phase A", its unit and decimals. */
const struct dlt645_field *dlt645_load_field(unsigned column);
/* false: the record does not hold it. */
bool dlt645_load_value(const struct dlt645_load_record *rec, unsigned column,
                       struct dlt645_value *v);

#endif
