/* The profile of a data centre, from JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/report/report_energy.h"

static const char *const points[READINGS_REGISTERS] = {"total", "sharp", "peak", "flat", "valley"};

struct reading {
    const char *path;
    const json_t *o;
    char where[64];
    bool bad;
};

static void wrong(struct reading *r, const char *key, const char *what)
{
    if (!r->bad)
        fprintf(stderr, "%s: %s%s: %s\n", r->path, r->where, key, what);
    r->bad = true;
}

/* fallback NULL: it must be there. */
static void take_text(struct reading *r, const char *key, const char *fallback, char *out,
                      size_t cap)
{
    const json_t *v = json_object_get(r->o, key);
    const char *text = v ? json_string_value(v) : fallback;
    out[0] = '\0';
    if (!text || strlen(text) >= cap || (!fallback && text[0] == '\0'))
        wrong(r, key, "a text that is not empty and not too long");
    else
        memcpy(out, text, strlen(text) + 1);
}

static int64_t take_number(struct reading *r, const char *key, int64_t fallback, int64_t min,
                           int64_t max)
{
    const json_t *v = json_object_get(r->o, key);
    int64_t n = v ? json_integer_value(v) : fallback;
    if ((v && !json_is_integer(v)) || n < min || n > max)
        wrong(r, key, "a whole number within its limits");
    return n;
}

/* Index of the word among `words`; the first one is meant by nothing. */
static int take_word(struct reading *r, const char *key, const char *const *words, size_t count)
{
    char text[CENTRE_TEXT_MAX];
    take_text(r, key, words[0], text, sizeof text);
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return (int)i;
    wrong(r, key, "not one of the words of the manual");
    return 0;
}

/* 32 hexadecimal digits, or 16 characters as they are. */
static void take_key(struct reading *r, const char *key, const uint8_t *fallback, uint8_t out[16])
{
    const char *text = json_string_value(json_object_get(r->o, key));
    size_t len = 0;
    if (!text && fallback && !json_object_get(r->o, key))
        memcpy(out, fallback, 16);
    else if (text && strlen(text) == 16)
        memcpy(out, text, 16);
    else if (!text || strlen(text) != 32 || hex_decode(text, 32, out, 16, &len) != ERR_OK ||
             len != 16)
        wrong(r, key, "16 characters or 32 hexadecimal digits");
}

static const char *const hides[] = {"all", "data", "none"};
static const char *const proofs[] = {"secret-first", "sequence-first"};
static const char *const acks[] = {"each", "heartbeat"};
static const char *const sums[] = {"low-first", "high-first"};

static void take_centre(struct reading *r, struct report_profile *p)
{
    struct centre_profile *c = &p->centre;
    take_text(r, "host", NULL, p->host, sizeof p->host);
    p->port = take_number(r, "port", 0, 1, 65'535);
    take_text(r, "building", NULL, c->building, sizeof c->building);
    take_text(r, "gateway", NULL, c->gateway, sizeof c->gateway);
    take_text(r, "secret", NULL, c->secret, sizeof c->secret);
    c->hides = (enum centre_hidden)take_word(r, "hides", hides, 3);
    if (c->hides != CENTRE_HIDES_NOTHING) {
        take_key(r, "key", NULL, c->key);
        take_key(r, "iv", c->key, c->iv);
    }
    c->proof = (enum centre_proof)take_word(r, "proof", proofs, 2);
    c->ack = (enum centre_ack)take_word(r, "acknowledge", acks, 2);
    c->checksum_high_first = take_word(r, "checksum", sums, 2) == 1;
    c->heartbeat_ms = take_number(r, "heartbeat_s", 60, 5, 3600) * 1000;
    p->every_s = take_number(r, "every_min", 15, 1, 1440) * 60;
    p->wait_s = take_number(r, "wait_s", 60, 0, 3600);
    p->offset_s = (int32_t)take_number(r, "offset_s", 28'800, -50'400, 50'400);
    take_text(r, "good", "", p->good, sizeof p->good);
}

static void take_function(struct reading *r, struct report_function *f)
{
    take_text(r, "id", NULL, f->id, sizeof f->id);
    take_text(r, "coding", "", f->coding, sizeof f->coding);
    f->wanted = (unsigned)take_word(r, "point", points, READINGS_REGISTERS);
}

static void take_meter(struct reading *r, struct report_meter *m, size_t index)
{
    const json_t *meter = r->o, *list = json_object_get(meter, "functions");
    snprintf(r->where, sizeof r->where, "meter %zu: ", index + 1);
    take_text(r, "address", NULL, m->address, sizeof m->address);
    take_text(r, "id", NULL, m->id, sizeof m->id);
    m->count = json_array_size(list);
    if (m->count < 1 || m->count > REPORT_FUNCTIONS_MAX) {
        wrong(r, "functions", "a list of 1 to 8");
        m->count = 0;
    }
    for (size_t i = 0; i < m->count; i++) {
        r->o = json_array_get(list, i);
        take_function(r, &m->functions[i]);
    }
}

static enum err take_meters(struct reading *r, struct report_profile *p)
{
    const json_t *list = json_object_get(r->o, "meters");
    p->count = json_array_size(list);
    if (p->count < 1 || p->count > REPORT_METERS_MAX) {
        wrong(r, "meters", "a list of 1 to 2000");
        p->count = 0;
        return ERR_SYNTAX;
    }
    p->meters = calloc(p->count, sizeof *p->meters);
    if (!p->meters)
        return ERR_MEMORY;
    for (size_t i = 0; i < p->count; i++) {
        r->o = json_array_get(list, i);
        take_meter(r, &p->meters[i], i);
    }
    return ERR_OK;
}

enum err report_profile_read(const char *path, struct report_profile *out)
{
    json_error_t e;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    struct reading r = {.path = path, .o = root};
    *out = (struct report_profile){.count = 0};
    if (!root) {
        fprintf(stderr, "%s:%d: %s\n", path, e.line, e.text);
        return ERR_SYNTAX;
    }
    if (take_number(&r, "format", 0, 1, 1) == 1)
        take_centre(&r, out);
    enum err err = r.bad ? ERR_SYNTAX : take_meters(&r, out);
    json_decref(root);
    return err == ERR_OK && r.bad ? ERR_SYNTAX : err;
}

void report_profile_free(struct report_profile *p)
{
    free(p->meters);
    p->meters = NULL;
    p->count = 0;
}
