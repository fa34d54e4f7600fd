/*
 * What somebody pastes: any text, and any bytes. Every line is answered, every answer says of what
 * protocol and whether it is good, and no frame is longer than what was given; the verdict on the
 * line is that on its frames.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/frame/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool promise)
{
    if (!promise)
        abort();
}

struct seen {
    size_t digits_max, count;
    bool good;
};

static void see(void *arg, json_t *o)
{
    struct seen *s = arg;
    check(json_string_value(json_object_get(o, "protocol")) != NULL);
    check(json_is_boolean(json_object_get(o, "valid")));
    check(json_string_length(json_object_get(o, "frame")) <= s->digits_max);
    s->good = s->good && json_is_true(json_object_get(o, "valid"));
    s->count++;
    json_decref(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_wish any = {.protocol = FRAME_AUTO};
    struct seen bytes = {.digits_max = 2 * size, .good = true}, line = bytes;
    char *text = malloc(size + 1);
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check(frame_decode_bytes(data, size, any, see, &bytes) == bytes.good && bytes.count > 0);
    check(frame_decode_text(text, any, see, &line) == line.good && line.count > 0);
    free(text);
    return 0;
}
