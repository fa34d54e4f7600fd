/* Which model is this meter? The one of whose rows it knows most and lacks least. */
#include <string.h>

#include "gateway/scan_impl.h"

#define LACKS 2 /* a row that is missing weighs more than one that is there */
#define OWN 16  /* the private block of our terminals: nobody else has it, wallet or not */

static struct scan_found *subject(struct scan *s)
{
    return &s->found[s->subject];
}

/* A model's requests depend on each other where rows prepare the next: nothing is remembered then.
 */
static bool remembers(const struct scan *s)
{
    return s->found[s->subject].protocol < SCAN_MBUS;
}

static bool of_protocol(const struct scan *s, const struct meter_model *m)
{
    const struct scan_way *way = scan_way_of(s->found[s->subject].protocol);
    bool secondary = m->quirks.addressing == METER_ADDRESS_SECONDARY;
    return strcmp(m->driver->name, way->driver) == 0 && secondary == way->secondary;
}

/* Goes to the next model that may be it; false: there is none. */
static bool next_model(struct scan *s)
{
    const struct meter_model *m;
    while ((m = meter_model_at(s->model)) != NULL) {
        s->item = s->told = s->missing = s->bonus = 0;
        if (of_protocol(s, m) &&
            meter_unit_init(&s->unit, m->name, subject(s)->address, "", 0) == ERR_OK)
            return true;
        s->model++;
    }
    return false;
}

void scan_model_begin(struct scan *s)
{
    s->model = 0;
    s->asked_count = 0;
    s->best = 0;
    subject(s)->model = NULL;
    subject(s)->told = subject(s)->rows = subject(s)->others = 0;
    (void)next_model(s);
}

static int weight(const struct scan *s)
{
    return s->told + s->bonus - LACKS * s->missing;
}

static void judge_model(struct scan *s)
{
    struct scan_found *f = subject(s);
    int mine = weight(s);
    int best = f->model ? s->best : 0;
    if (mine > best) {
        f->model = s->unit.model;
        f->told = s->told;
        f->rows = s->unit.model->item_count;
        f->others = 0;
        s->best = mine;
    } else if (f->model && mine == best && s->told > 0) {
        f->others++;
    }
    s->model++;
}

/* What is still to come cannot make this model better than the best one. */
static bool hopeless(const struct scan *s)
{
    const struct scan_found *f = &s->found[s->subject];
    int rest = 0;
    for (uint8_t i = s->item; i < s->unit.model->item_count; i++)
        rest += s->unit.model->items[i].decode == METER_DECODE_CIRCUITS ? 1 + OWN : 1;
    int best = f->model ? s->best : 1;
    return weight(s) + rest < best;
}

static void count(struct scan *s, bool told)
{
    bool own = s->unit.model->items[s->item].decode == METER_DECODE_CIRCUITS;
    s->told = (uint8_t)(s->told + told);
    s->bonus = (uint8_t)(s->bonus + (told && own ? OWN : 0));
    s->missing = (uint8_t)(s->missing + !told);
    s->item++;
}

static bool remembered(struct scan *s, const struct writer *w)
{
    uint64_t sum = fnv64(0, w->data, w->len);
    for (size_t i = 0; remembers(s) && i < s->asked_count; i++)
        if (s->asked[i].request == sum) {
            count(s, s->asked[i].told);
            return true;
        }
    if (s->asked_count < SCAN_ASKED_MAX)
        s->asked[s->asked_count].request = sum;
    return false;
}

bool scan_model_ask(struct scan *s, struct writer *w)
{
    while (meter_model_at(s->model)) {
        if (s->item == s->unit.model->item_count || hopeless(s)) {
            judge_model(s);
            if (!next_model(s))
                return false;
            continue;
        }
        w->len = 0;
        meter_ask_item(&s->unit, s->item, w);
        if (!remembered(s, w))
            return true;
    }
    return false;
}

void scan_model_take(struct scan *s, enum err err, struct bytes answer)
{
    struct meter_values values = {.next_item = -1};
    bool prepares = s->unit.model->items[s->item].next == METER_NEXT_ALWAYS;
    bool told = err == ERR_OK;
    if (told)
        told = meter_take_item(&s->unit, s->item, answer, &values) == ERR_OK &&
               (values.count > 0 || prepares);
    if (s->asked_count < SCAN_ASKED_MAX)
        s->asked[s->asked_count++].told = told;
    count(s, told);
}
