/* Shared by the parts of the scan only. */
#ifndef YUFU_GATEWAY_SCAN_IMPL_H
#define YUFU_GATEWAY_SCAN_IMPL_H

#include "gateway/scan.h"

/* How one protocol is searched. */
struct scan_way {
    const char *name, *driver; /* as written for people; of the models */
    const struct meter_link *link;
    uint8_t branches;  /* what one more digit may be */
    uint8_t depth;     /* digits of a whole address */
    bool everybody;    /* may be asked with no digit given */
    uint8_t steps;     /* requests of one question */
    uint8_t preamble;  /* bytes of our own that an echo leaves over */
    int32_t answer_ms; /* how long an answer may take */
    bool secondary;    /* of M-Bus models */
    const struct bus_rouse *rouse;
    void (*ask)(const struct scan *s, unsigned step, struct writer *w);
    /* Who answered the last step. ERR_*: not an answer after all. */
    enum err (*who)(const struct scan *s, struct bytes answer, char address[SCAN_ADDRESS]);
    /* Back from an address to the digits that ask for it alone. */
    enum err (*aim)(struct scan *s, const char *address);
};

const struct scan_way *scan_way_of(enum scan_protocol p);

/* scan_model.c: the models of the meter under way, one request at a time. */
void scan_model_begin(struct scan *s);
/* The next request; false: all models were tried and the best one stands in the meter. */
bool scan_model_ask(struct scan *s, struct writer *w);
void scan_model_take(struct scan *s, enum err err, struct bytes answer);

#endif
