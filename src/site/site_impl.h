/* Shared by the parts of site/ only. */
#ifndef YUFU_SITE_SITE_IMPL_H
#define YUFU_SITE_SITE_IMPL_H

#include "site/site.h"

/* Copies a text column; what does not fit is cut (the puts never store such). */
void site_take_text(const struct query *q, int column, char *out, size_t cap);

/* 1..max bytes of valid UTF-8 without control characters. */
bool site_name_fits(const char *text, size_t max);
/* The same, and nothing that would need quoting or would break a path: no space / , " ' */
bool site_code_fits(const char *text);
/* `count` decimal digits, no more and no less; or from..to of them. */
bool site_digits(const char *text, size_t from, size_t to);

/* The puts of site.h in two halves: what would change, and (if `write`) the change itself. They do
 * not raise the configuration version: the import does it once. A new object that is not written
 * has id 0, and so has what belongs to it. */
[[nodiscard]] enum err site_organisation_apply(struct store_tx *tx, const char *code,
                                               const char *name, bool write, int64_t *id,
                                               enum site_change *change);
[[nodiscard]] enum err site_project_apply(struct store_tx *tx, struct site_project *p, bool write,
                                          enum site_change *change);
[[nodiscard]] enum err site_place_apply(struct store_tx *tx, struct site_place *p, bool write,
                                        enum site_change *change);
[[nodiscard]] enum err site_gateway_apply(struct store_tx *tx, struct site_gateway *g, bool write,
                                          enum site_change *change);
[[nodiscard]] enum err site_line_apply(struct store_tx *tx, struct site_line *line, bool write,
                                       enum site_change *change);
[[nodiscard]] enum err site_customer_apply(struct store_tx *tx, struct site_customer *c, bool write,
                                           enum site_change *change);
[[nodiscard]] enum err site_account_apply(struct store_tx *tx, struct site_account *a, bool write,
                                          enum site_change *change);
[[nodiscard]] enum err site_meter_apply(struct store_tx *tx, struct site_meter *m, bool write,
                                        enum site_change *change);
[[nodiscard]] enum err site_plan_apply(struct store_tx *tx, int64_t project_id, const char *code,
                                       const struct site_version *v, bool write,
                                       enum site_change *change);
[[nodiscard]] enum err site_strategy_apply(struct store_tx *tx, int64_t project_id,
                                           const char *code, const struct site_version *v,
                                           bool write, enum site_change *change);

/* A new one, known not to be there: checked as in the puts. Its id is the one that is set, or the
 * next. */
[[nodiscard]] enum err site_place_add(struct store_tx *tx, struct site_place *p);
[[nodiscard]] enum err site_gateway_add(struct store_tx *tx, struct site_gateway *g);
[[nodiscard]] enum err site_line_add(struct store_tx *tx, struct site_line *line);
[[nodiscard]] enum err site_customer_add(struct store_tx *tx, struct site_customer *c);
[[nodiscard]] enum err site_account_add(struct store_tx *tx, struct site_account *a);
[[nodiscard]] enum err site_meter_add(struct store_tx *tx, struct site_meter *m);

/* By natural key; ERR_NOT_FOUND. */
[[nodiscard]] enum err site_line_by_number(struct store_tx *tx, int64_t gateway_id, int64_t number,
                                           struct site_line *line);
[[nodiscard]] enum err site_customer_by_code(struct store_tx *tx, int64_t project_id,
                                             const char *code, struct site_customer *c);
[[nodiscard]] enum err site_meter_by_address(struct store_tx *tx, int64_t line_id,
                                             const char *address, struct site_meter *m);

bool site_endpoint_fits(const char *endpoint);
bool site_phone_fits(const char *phone);

#endif
