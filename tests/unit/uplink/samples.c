/* Prints messages of every kind in hexadecimal, one a line: samples COUNT. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/uplink/random_message.h"

int main(int argc, char **argv)
{
    static uint8_t wire[UPLINK_MESSAGE_MAX];
    static char hex[2 * UPLINK_MESSAGE_MAX + 1];
    struct rand_stream r = rand_split(1, "samples");
    int count = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 0; i < count; i++) {
        struct uplink_message m;
        enum uplink_kind kind = (enum uplink_kind)(1 + i % RANDOM_KINDS);
        if (i < RANDOM_KINDS)
            largest_message(kind, &m);
        else
            random_message(&r, kind, &m);
        struct writer w = writer_of(wire, sizeof wire);
        uplink_message_encode(&m, &w);
        if (w.err != ERR_OK) {
            fprintf(stderr, "samples: kind %d: %s\n", (int)kind, err_name(w.err));
            return 1;
        }
        hex_encode(wire, w.len, hex);
        puts(hex);
    }
    return 0;
}
