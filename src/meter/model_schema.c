/* The JSON schema of a model file, told from the table that reads it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "meter/meter_impl.h"
#include "meter/shape_impl.h"

struct telling {
    meter_schema_put *put;
    void *arg;
    unsigned depth;
};

__attribute__((format(printf, 2, 3))) static void say(struct telling *t, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->put(t->arg, text);
}

static void line(struct telling *t)
{
    say(t, "\n%*s", (int)(2 * t->depth), "");
}

static void tell_object(struct telling *t, const struct shape *shape);

static void tell_choices(struct telling *t, const struct shape_choice *choices)
{
    t->put(t->arg, "\"enum\": [");
    for (size_t i = 0; choices[i].name; i++)
        say(t, "%s\"%s\"", i ? ", " : "", choices[i].name);
    t->put(t->arg, "]");
}

static void tell_list(struct telling *t, const struct shape_rule *rule)
{
    say(t, "\"type\": \"array\", \"minItems\": %lld, \"maxItems\": %lld, \"items\": {",
        (long long)rule->low, (long long)rule->high);
    tell_object(t, rule->shape);
    t->put(t->arg, "}");
}

static void tell_type(struct telling *t, const struct shape_rule *rule)
{
    switch ((enum shape_kind)rule->kind) {
    case SHAPE_TEXT:
        say(t, "\"type\": \"string\", \"minLength\": %lld, \"maxLength\": %d", (long long)rule->low,
            rule->size - 1);
        break;
    case SHAPE_NAME:
        say(t, "\"type\": \"string\", \"pattern\": \"^[-a-z0-9_]{1,%d}$\"", rule->size - 1);
        break;
    case SHAPE_INT:
        say(t, "\"type\": \"integer\", \"minimum\": %lld, \"maximum\": %lld", (long long)rule->low,
            (long long)rule->high);
        break;
    case SHAPE_BOOL:
        say(t, "\"type\": \"boolean\"");
        break;
    case SHAPE_CHOICE:
        tell_choices(t, rule->choices);
        break;
    case SHAPE_HEX:
        say(t, "\"type\": \"string\", \"pattern\": \"^[0-9A-Fa-f]{1,%d}$\"", 2 * rule->size);
        break;
    case SHAPE_ID:
        say(t, "\"type\": \"string\", \"pattern\": \"^([0-9A-Fa-f]{4}){1,2}$\"");
        break;
    case SHAPE_BYTES:
        say(t, "\"type\": \"string\", \"pattern\": \"^([0-9A-Fa-f]{2} *){%lld,%d}$\"",
            (long long)rule->low, rule->size);
        break;
    case SHAPE_NUMBERS:
        say(t,
            "\"type\": \"array\", \"maxItems\": %d, \"items\": {\"type\": \"integer\", "
            "\"minimum\": -1, \"maximum\": 100}",
            rule->size);
        break;
    case SHAPE_OBJECT:
        tell_object(t, rule->shape);
        break;
    case SHAPE_LIST:
        tell_list(t, rule);
        break;
    }
}

static void tell_rule(struct telling *t, const struct shape_rule *rule)
{
    line(t);
    say(t, "\"%s\": {", rule->name);
    if (rule->about)
        say(t, "\"description\": \"%s\", ", rule->about);
    tell_type(t, rule);
    t->put(t->arg, "}");
}

static void tell_needed(struct telling *t, const struct shape *shape)
{
    bool any = false;
    for (size_t i = 0; i < shape->count; i++)
        if (shape->rules[i].needed) {
            say(t, "%s\"%s\"", any ? ", " : "\"required\": [", shape->rules[i].name);
            any = true;
        }
    if (any)
        t->put(t->arg, "], ");
}

static void tell_object(struct telling *t, const struct shape *shape)
{
    t->put(t->arg, "\"type\": \"object\", \"additionalProperties\": false, ");
    tell_needed(t, shape);
    t->put(t->arg, "\"properties\": {");
    t->depth++;
    for (size_t i = 0; i < shape->count; i++) {
        tell_rule(t, &shape->rules[i]);
        if (i + 1 < shape->count)
            t->put(t->arg, ",");
    }
    t->depth--;
    line(t);
    t->put(t->arg, "}");
}

void meter_model_schema(meter_schema_put *put, void *arg)
{
    struct telling t = {put, arg, 0};
    put(arg, "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
             "\"title\": \"meter model\",\n");
    tell_object(&t, &meter_model_shape);
    put(arg, "}\n");
}
