/* Shared by the parts of a stretch only. */
#ifndef YUFU_TESTS_ORACLE_STRETCH_IMPL_H
#define YUFU_TESTS_ORACLE_STRETCH_IMPL_H

#include "stretch.h"

/* Seconds east of Greenwich; the local day of a second, and its first second. */
int stretch_offset(const struct plan *p, const struct stretch *s);
int stretch_day(int64_t t, int offset);
int64_t stretch_day_start(int day, int offset);
bool plan_has_area_bill(const struct plan *p);
enum rounding part_rounding(const struct plan *p, const struct part *x);
/* `part` -1 and below: of the first section and the next ones. */
struct cell stretch_cell(const struct plan *p, const struct due *due, int part,
                         enum line_kind kind);
/* One without quantity is left out. */
void stretch_add_cell(struct due *due, struct cell cell);

/* Fees of a section, and the area that falls to its days. */
void stretch_add_fees(const struct plan *p, const struct stretch *s, struct stand *stand,
                      int section, struct due *due);

#endif
