/* What every part of the fleet asks of it: its time, its meters by address, its words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fleet/fleet.h"

mono_ms fleet_now(const struct fleet *f)
{
    return io_mono(f->io);
}

wall_s fleet_wall(const struct fleet *f)
{
    return io_wall(f->io);
}

struct fleet_meter *fleet_find(struct fleet *f, const char *address)
{
    uint8_t wire[6];
    char text[13];
    if (dlt645_address_parse(address, wire) != ERR_OK)
        return NULL;
    dlt645_address_text(wire, text);
    for (size_t i = 0; i < f->meter_count; i++)
        if (strcmp(f->meters[i]->address, text) == 0)
            return f->meters[i];
    return NULL;
}

void fleet_say(json_t *event)
{
    char *text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    if (text != NULL)
        puts(text);
    fflush(stdout);
    free(text);
}

enum err fleet_fail(enum err e, const char *what)
{
    fprintf(stderr, "yufu-fleet: %s: %s (%s) %s\n", what, err_text_en(e), err_name(e),
            err_text_zh(e));
    return e;
}
