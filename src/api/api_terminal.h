/* Registers of terminals as JSON. */
#ifndef YUFU_API_API_TERMINAL_H
#define YUFU_API_API_TERMINAL_H

#include "api/api_impl.h"
#include "meter/meter_terminal.h"

/* The content of a register as an object under `key`; null if there is none or it is damaged. */
void api_put_register(struct jwrite *w, const char *key, enum meter_terminal_item item,
                      struct bytes b);
/* The bytes of what an object says. ERR_API_FIELD, ERR_RANGE: c->field names the member. */
[[nodiscard]] enum err api_take_register(struct call *c, enum meter_terminal_item item,
                                         const json_t *value, struct writer *w);

#endif
