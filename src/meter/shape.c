#include "meter/shape_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 512
#define SEEN_MAX 64

struct reading {
    struct jread j;
    char place[96];
    struct meter_faults *faults;
    bool broken; /* not JSON from here on: said once */
};

/* --- faults --------------------------------------------------------------------------------------
 */

void meter_fault_add(struct meter_faults *faults, const char *place, enum meter_fault_kind kind,
                     const char *format, ...)
{
    if (faults->count < METER_FAULTS_MAX) {
        struct meter_fault *f = &faults->list[faults->count];
        va_list args;
        f->kind = kind;
        snprintf(f->place, sizeof f->place, "%s", place);
        va_start(args, format);
        vsnprintf(f->what, sizeof f->what, format, args);
        va_end(args);
    }
    faults->count++;
}

#define FAULT(r, kind, ...)                                                                        \
    meter_fault_add((r)->faults, (r)->place, METER_FAULT_##kind, __VA_ARGS__)

void shape_choices_text(const struct shape_choice *choices, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; choices[i].name && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s%s", i ? ", " : "", choices[i].name);
}

static size_t line_of(const struct jread *j, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at && i < j->len; i++)
        line += j->text[i] == '\n';
    return line;
}

/* After a step that began at `before`: whether the text is still JSON. */
static bool sound(struct reading *r, size_t before)
{
    if (r->j.err != ERR_OK && !r->broken) {
        r->broken = true;
        FAULT(r, SYNTAX, "line %zu", line_of(&r->j, before));
    }
    return !r->broken;
}

static void skip(struct reading *r)
{
    size_t before = r->j.at;
    jread_skip(&r->j);
    sound(r, before);
}

static size_t enter(struct reading *r, const char *step)
{
    size_t was = strlen(r->place);
    snprintf(r->place + was, sizeof r->place - was, "/%s", step);
    return was;
}

static size_t enter_element(struct reading *r, size_t index)
{
    char step[24];
    snprintf(step, sizeof step, "%zu", index);
    return enter(r, step);
}

/* --- values
 * --------------------------------------------------------------------------------------- */

static bool is(struct reading *r, enum jread_type wanted, const char *name)
{
    if (jread_peek(&r->j) == wanted)
        return true;
    skip(r);
    if (!r->broken)
        FAULT(r, TYPE, "%s", name);
    return false;
}

static void store(void *out, const struct shape_rule *rule, int64_t v)
{
    uint8_t *p = (uint8_t *)out + rule->offset;
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;
    switch (rule->size) {
    case 1:
        memcpy(p, &v8, 1);
        break;
    case 2:
        memcpy(p, &v16, 2);
        break;
    case 4:
        memcpy(p, &v32, 4);
        break;
    default:
        memcpy(p, &v, 8);
    }
}

static void store_count(void *out, const struct shape_rule *rule, size_t count)
{
    *((uint8_t *)out + rule->count_offset) = (uint8_t)count;
}

/* A whole number; anything else is skipped and told. */
static bool take_int(struct reading *r, int64_t low, int64_t high, int64_t *v)
{
    if (!is(r, JREAD_NUMBER, "number"))
        return false;
    struct jread before = r->j;
    *v = jread_int(&r->j);
    if (r->j.err != ERR_OK) { /* a fraction, an exponent, or too many digits */
        r->j = before;
        FAULT(r, RANGE, "%lld .. %lld", (long long)low, (long long)high);
        skip(r);
        return false;
    }
    if (*v >= low && *v <= high)
        return true;
    FAULT(r, RANGE, "%lld .. %lld", (long long)low, (long long)high);
    return false;
}

static bool take_text(struct reading *r, char text[TEXT_MAX])
{
    if (!is(r, JREAD_TEXT, "text"))
        return false;
    struct jread before = r->j;
    jread_text(&r->j, text, TEXT_MAX);
    if (r->j.err == ERR_RANGE) {
        r->j = before;
        FAULT(r, TEXT, "at most %d bytes", TEXT_MAX - 1);
        skip(r);
        return false;
    }
    return sound(r, before.at);
}

static bool is_name(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_'))
            return false;
    return text[0] != '\0';
}

static void read_text(struct reading *r, const struct shape_rule *rule, void *out)
{
    char text[TEXT_MAX];
    if (!take_text(r, text))
        return;
    size_t len = strlen(text);
    if (len < (size_t)rule->low || len >= rule->size)
        FAULT(r, TEXT, "%lld .. %d bytes", (long long)rule->low, rule->size - 1);
    else if (rule->kind == SHAPE_NAME && !is_name(text))
        FAULT(r, TEXT, "a-z 0-9 - _");
    else
        memcpy((uint8_t *)out + rule->offset, text, len + 1);
}

static void read_choice(struct reading *r, const struct shape_rule *rule, void *out)
{
    char text[TEXT_MAX], all[sizeof r->faults->list[0].what];
    if (!take_text(r, text))
        return;
    for (size_t i = 0; rule->choices[i].name; i++)
        if (strcmp(rule->choices[i].name, text) == 0) {
            store(out, rule, rule->choices[i].value);
            return;
        }
    shape_choices_text(rule->choices, all, sizeof all);
    FAULT(r, CHOICE, "%s", all);
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static void read_hex(struct reading *r, const struct shape_rule *rule, void *out)
{
    char text[TEXT_MAX];
    if (!take_text(r, text))
        return;
    size_t len = strlen(text);
    uint32_t v = 0;
    bool id = rule->kind == SHAPE_ID;
    bool good = id ? len == 4 || len == 8 : len >= 1 && len <= (size_t)rule->size * 2;
    for (size_t i = 0; good && i < len; i++) {
        good = hex_of(text[i]) >= 0;
        v = v << 4 | (uint32_t)(hex_of(text[i]) & 15);
    }
    if (good && v >= rule->low && v <= rule->high)
        store(out, rule, v);
    else if (id)
        FAULT(r, TEXT, "4 or 8 hex digits");
    else
        FAULT(r, TEXT, "hex %llX .. %llX", (unsigned long long)rule->low,
              (unsigned long long)rule->high);
}

static void read_bytes(struct reading *r, const struct shape_rule *rule, void *out)
{
    char text[TEXT_MAX];
    size_t len = 0;
    if (!take_text(r, text))
        return;
    enum err e = hex_decode(text, strlen(text), (uint8_t *)out + rule->offset, rule->size, &len);
    if (e != ERR_OK || len < (size_t)rule->low)
        FAULT(r, TEXT, "%lld .. %d hex bytes", (long long)rule->low, rule->size);
    else
        store_count(out, rule, len);
}

static void read_bool(struct reading *r, const struct shape_rule *rule, void *out)
{
    size_t before = r->j.at;
    if (!is(r, JREAD_BOOL, "true or false"))
        return;
    bool v = jread_bool(&r->j);
    if (sound(r, before))
        store(out, rule, v);
}

static void read_numbers(struct reading *r, const struct shape_rule *rule, void *out)
{
    size_t n = 0;
    if (!is(r, JREAD_ARRAY, "list"))
        return;
    jread_array(&r->j);
    while (jread_element(&r->j)) {
        size_t was = enter_element(r, n);
        int64_t v;
        bool good = take_int(r, -1, 100, &v);
        if (good && n < rule->size)
            ((int8_t *)out)[rule->offset + n] = (int8_t)v;
        r->place[was] = '\0';
        n++;
    }
    if (n > rule->size)
        FAULT(r, COUNT, "at most %d", rule->size);
    else
        store_count(out, rule, n);
}

/* --- containers
 * ------------------------------------------------------------------------------------ */

static void read_object(struct reading *r, const struct shape *shape, void *out);

static void read_list(struct reading *r, const struct shape_rule *rule, void *out)
{
    size_t n = 0;
    if (!is(r, JREAD_ARRAY, "list"))
        return;
    size_t before = r->j.at;
    jread_array(&r->j);
    while (jread_element(&r->j)) {
        size_t was = enter_element(r, n);
        if (n < (size_t)rule->high)
            read_object(r, rule->shape, (uint8_t *)out + rule->offset + n * rule->size);
        else
            skip(r);
        r->place[was] = '\0';
        n++;
    }
    if (!sound(r, before))
        return;
    if (n > (size_t)rule->high)
        FAULT(r, COUNT, "at most %lld", (long long)rule->high);
    else if (n < (size_t)rule->low)
        FAULT(r, MISSING, "at least %lld", (long long)rule->low);
    else
        store_count(out, rule, n);
}

static void read_value(struct reading *r, const struct shape_rule *rule, void *out)
{
    int64_t v;
    switch ((enum shape_kind)rule->kind) {
    case SHAPE_TEXT:
    case SHAPE_NAME:
        read_text(r, rule, out);
        break;
    case SHAPE_INT:
        if (take_int(r, rule->low, rule->high, &v))
            store(out, rule, v);
        break;
    case SHAPE_BOOL:
        read_bool(r, rule, out);
        break;
    case SHAPE_CHOICE:
        read_choice(r, rule, out);
        break;
    case SHAPE_HEX:
    case SHAPE_ID:
        read_hex(r, rule, out);
        break;
    case SHAPE_BYTES:
        read_bytes(r, rule, out);
        break;
    case SHAPE_NUMBERS:
        read_numbers(r, rule, out);
        break;
    case SHAPE_OBJECT:
        read_object(r, rule->shape, (uint8_t *)out + rule->offset);
        break;
    case SHAPE_LIST:
        read_list(r, rule, out);
        break;
    }
}

/* What holds where a member does not stand. */
static void initialise(const struct shape *shape, void *out)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct shape_rule *rule = &shape->rules[i];
        if (rule->kind == SHAPE_OBJECT)
            initialise(rule->shape, (uint8_t *)out + rule->offset);
        else if (rule->kind == SHAPE_INT || rule->kind == SHAPE_CHOICE ||
                 rule->kind == SHAPE_BOOL || rule->kind == SHAPE_HEX || rule->kind == SHAPE_ID)
            store(out, rule, rule->initial);
    }
}

static size_t rule_at(const struct shape *shape, const char *name)
{
    size_t i = 0;
    while (i < shape->count && strcmp(shape->rules[i].name, name) != 0)
        i++;
    return i;
}

static void read_member(struct reading *r, const struct shape *shape, const char *name,
                        uint64_t *seen, void *out)
{
    size_t was = enter(r, name), i = rule_at(shape, name);
    if (i == shape->count) {
        FAULT(r, UNKNOWN, "%s", "");
        skip(r);
    } else if (*seen >> i & 1) {
        FAULT(r, TWICE, "%s", "");
        skip(r);
    } else {
        *seen |= UINT64_C(1) << i;
        read_value(r, &shape->rules[i], out);
    }
    r->place[was] = '\0';
}

static void read_object(struct reading *r, const struct shape *shape, void *out)
{
    char name[64];
    uint64_t seen = 0;
    initialise(shape, out);
    if (!is(r, JREAD_OBJECT, "object"))
        return;
    size_t before = r->j.at;
    jread_object(&r->j);
    while (before = r->j.at, jread_member(&r->j, name, sizeof name))
        read_member(r, shape, name, &seen, out);
    if (!sound(r, before))
        return;
    for (size_t i = 0; i < shape->count; i++)
        if (shape->rules[i].needed && !(seen >> i & 1)) {
            size_t was = enter(r, shape->rules[i].name);
            FAULT(r, MISSING, "%s", "");
            r->place[was] = '\0';
        }
}

void shape_read(const struct shape *shape, const char *text, size_t len, void *out,
                struct meter_faults *faults)
{
    struct reading r = {.j = jread_of(text, len), .faults = faults};
    read_object(&r, shape, out);
    if (r.broken)
        return;
    size_t before = r.j.at;
    if (jread_end(&r.j) != ERR_OK)
        FAULT(&r, SYNTAX, "line %zu", line_of(&r.j, before));
}

/* --- words
 * ------------------------------------------------------------------------------------------ */

static const struct {
    const char *name, *en, *zh;
} faults[] = {
#define FAULT_ROW(name, text, en, zh) {text, en, zh},
#include "meter/fault_table.h"
#undef FAULT_ROW
};

const char *meter_fault_name(enum meter_fault_kind kind)
{
    return faults[kind].name;
}

const char *meter_fault_en(enum meter_fault_kind kind)
{
    return faults[kind].en;
}

const char *meter_fault_zh(enum meter_fault_kind kind)
{
    return faults[kind].zh;
}
