/* Registers of terminals as JSON. */
#ifndef YUFU_API_API_TERMINAL_H
#define YUFU_API_API_TERMINAL_H

#include "api/api_impl.h"
#include "meter/meter_terminal.h"

/* The content of a register as an object under `key`; null if there is none or it is damaged. */
void api_put_register(struct jwrite *w, const char *key, enum meter_terminal_item item,
                      struct bytes b);
/* Of what was plugged in, or unplugged. Dark for its hours, by order, or because nobody has paid, is
 * no trip. */
bool api_is_trip(int64_t reason);
/* A reason in words, with what ends it. */
void api_put_reason(struct jwrite *w, const char *key, int64_t reason);
/* Why a circuit is open, as far as anybody told: what was polled of the circuit, else its status
 * (may be NULL), else what was polled of the terminal; 0: it is closed; -1: nobody told. */
struct api_open {
    int64_t meter_id, circuit;
    struct api_outputs outputs;
    const struct meter_terminal_status *status;
};
int64_t api_open_reason(const struct api *a, const struct api_open *open);
/* The members item, circuit, reason and value of the body, as a wish. The bytes lie in data. */
struct terminals_wish;
[[nodiscard]] enum err api_take_setting(struct call *c, uint8_t data[METER_TERMINAL_BYTES],
                                        struct terminals_wish *wish, const char **under);

/* The bytes of what an object says. ERR_API_FIELD, ERR_RANGE: c->field names the member. */
[[nodiscard]] enum err api_take_register(struct call *c, enum meter_terminal_item item,
                                         const json_t *value, struct writer *w);

#endif
