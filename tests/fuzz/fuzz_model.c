/* Model files come from people: any text is read to an end, and a model without faults is one that
 * every function of meter/ can be called with. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meter/meter_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static void use(const struct meter_model *m)
{
    struct meter_unit u = {.model = m, .circuits = m->circuits, .offset_s = 28'800};
    struct meter_values v;
    uint8_t room[METER_FRAME_MAX];
    for (unsigned i = 0; i < m->item_count; i++) {
        struct writer w = writer_of(room, sizeof room);
        meter_ask_item(&u, i, &w);
        check(w.err == ERR_OK && w.len > 0);
        (void)meter_take_item(&u, i, (struct bytes){room, w.len}, &v); /* an echo */
    }
    for (int o = 0; o < METER_ORDERS; o++) {
        struct writer w = writer_of(room, sizeof room);
        enum err e = meter_ask_order(&u, (enum meter_order)o, 1, (wall_s){0}, &w);
        check(e != ERR_OK || meter_order_item(&u, (enum meter_order)o) < m->item_count);
    }
    struct writer w = writer_of(room, sizeof room);
    (void)meter_ask_vend(&u, 2, 100, &w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct meter_model m;
    static struct meter_faults faults;
    if (meter_model_read((const char *)data, size, &m, &faults) == ERR_OK)
        use(&m);
    else
        check(faults.count > 0);
    return 0;
}
