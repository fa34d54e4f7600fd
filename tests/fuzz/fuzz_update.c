/*
 * Update files, and the record of the slots: any bytes may come off a stick or a disk. What decodes
 * has exactly one encoding. The record's sum is put right first, so that its fields are reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/gateway/gateway_update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static void header(struct bytes b)
{
    struct update_header h;
    uint8_t again[UPDATE_HEADER];
    struct update_own own = {{"yufu-gateway", {{0, 1, 0}}, 1}, "arm"};
    if (update_header_decode(b, &h) != ERR_OK)
        return;
    update_header_encode(&h, again);
    check(memcmp(again, b.data, sizeof again) == 0);
    check(h.size > 0 && h.size <= (uint64_t)UPDATE_PROGRAM_MAX);
    (void)update_judge(&h, &own, false);
}

static void record(struct bytes b)
{
    uint8_t text[UPDATE_STATE_SIZE], again[UPDATE_STATE_SIZE];
    struct update_state s;
    enum update_last why;
    char told[64];
    if (b.len < sizeof text)
        return;
    memcpy(text, b.data, sizeof text);
    struct writer w = writer_of(text + sizeof text - 4, 4);
    writer_u32be(&w, crc32c(text, sizeof text - 4));
    if (update_state_decode((struct bytes){text, sizeof text}, &s) != ERR_OK)
        return;
    update_state_encode(&s, again);
    check(memcmp(again, text, sizeof again) == 0);
    check(s.current == UPDATE_INSTALLED || update_slot_of(&s, s.current) != NULL);
    struct update_own own = {{"yufu-gateway", {{0, 1, 0}}, 1}, "arm"};
    update_program_text(&own, &s, UPDATE_SLOT_A, told, sizeof told);
    struct update_facts facts = {true, true};
    if (update_start_step(&s, &facts, &why) == UPDATE_BACK)
        check(s.trial && s.starts >= UPDATE_STARTS);
    update_leave(&s, UPDATE_LAST_TIME, true, (wall_s){0});
    update_state_encode(&s, again);
    check(update_state_decode((struct bytes){again, sizeof again}, &s) == ERR_OK);
}

static void push(struct bytes b)
{
    uint8_t text[UPDATE_PUSH_SIZE], again[UPDATE_PUSH_SIZE];
    struct update_push p;
    struct update_state s = {0};
    if (b.len < sizeof text)
        return;
    memcpy(text, b.data, sizeof text);
    struct writer w = writer_of(text + sizeof text - 4, 4);
    writer_u32be(&w, crc32c(text, sizeof text - 4));
    if (update_push_decode((struct bytes){text, sizeof text}, &p) != ERR_OK)
        return;
    update_push_encode(&p, again);
    check(memcmp(again, text, sizeof again) == 0);
    check(update_push_judge(&p.wish) == ERR_OK);
    (void)update_push_now(&p.wish, 720);
    (void)update_push_look(&p, &s);
    check(p.stage != UPLINK_UPDATE_TRIAL);
}

static void program(struct bytes b)
{
    struct update_release r;
    char machine[UPDATE_MACHINE_MAX];
    if (update_release_find(b, &r) == ERR_OK)
        check(r.program[0] != '\0' && r.program[UPDATE_NAME_MAX - 1] == '\0');
    (void)update_machine_find(b, machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes b = {data, size};
    header(b);
    record(b);
    push(b);
    program(b);
    return 0;
}
