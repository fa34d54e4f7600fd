/*
 * The uplink. The first byte says how the others arrive:
 *   0  as a message: what is accepted must be written again as a message that means the same
 *   1  as bytes from a stranger at a fresh platform session
 *   2  as a message that a real gateway has sealed
 *   3  the same under the legacy seal
 *   4  as the body of a message under the legacy seal: without the key nothing opens
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "uplink/seal_legacy.h"
#include "uplink/uplink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(16) uint8_t arena[UPLINK_ARENA], second_arena[UPLINK_ARENA];
static uint8_t wire[UPLINK_MESSAGE_MAX], again[UPLINK_MESSAGE_MAX];
static const uint8_t SECRET[UPLINK_SECRET], RANDOM[UPLINK_RANDOM];
static const struct uplink_now NOW = {{1000}, {1'700'000'000}};

static void check(int promise)
{
    if (!promise)
        abort();
}

static void decode(const uint8_t *data, size_t size)
{
    struct uplink_message m, n;
    struct writer w = writer_of(wire, sizeof wire), x = writer_of(again, sizeof again);
    if (uplink_message_decode(data, size, arena, &m) != ERR_OK)
        return;
    uplink_message_encode(&m, &w);
    check(w.err == ERR_OK);
    check(uplink_message_decode(wire, w.len, second_arena, &n) == ERR_OK);
    uplink_message_encode(&n, &x);
    check(x.err == ERR_OK && x.len == w.len && memcmp(wire, again, x.len) == 0);
}

/* Until there is nothing more to do; returns the messages that came out. */
static int drain(struct uplink *u)
{
    for (int messages = 0;;) {
        struct uplink_message m;
        switch (uplink_next(u, NOW, arena, &m)) {
        case UPLINK_STEP_IDLE:
            check(uplink_error(u) == ERR_OK);
            return messages;
        case UPLINK_STEP_DEAD:
            check(uplink_error(u) != ERR_OK);
            return messages;
        case UPLINK_STEP_SECRET:
            if (uplink_is_legacy(u))
                uplink_allow_legacy(u, (wall_s){NOW.wall.s + 1});
            if (uplink_accept(u, SECRET, 5) != ERR_OK)
                check(uplink_error(u) != ERR_OK);
            break;
        case UPLINK_STEP_MESSAGE:
            messages++;
            break;
        case UPLINK_STEP_OPENED:
            break;
        }
    }
}

static void stranger(const uint8_t *data, size_t size)
{
    struct uplink platform;
    uplink_server_init(&platform, RANDOM, NOW);
    while (size > 0 && uplink_error(&platform) == ERR_OK) {
        size_t part = 1 + data[0] % 64u;
        part = part < size ? part : size;
        check(uplink_receive(&platform, NOW, data, part) == ERR_OK);
        int messages = drain(&platform);
        check(messages == 0 || uplink_gateway(&platform) == 0); /* without a secret: claims only */
        data += part;
        size -= part;
    }
    uplink_close(&platform);
}

static void carry(struct uplink *from, struct uplink *to)
{
    struct bytes out = uplink_output(from);
    check(uplink_receive(to, NOW, out.data, out.len) == ERR_OK);
    uplink_output_taken(from, out.len);
    drain(to);
}

static void sealed_by(const uint8_t *data, size_t size, bool legacy)
{
    struct uplink gateway, platform;
    struct uplink_client client = {1, 6, SECRET, RANDOM, legacy};
    if (size == 0 || size > UPLINK_MESSAGE_MAX)
        return;
    uplink_client_init(&gateway, &client, NOW);
    uplink_server_init(&platform, RANDOM, NOW);
    carry(&gateway, &platform);
    carry(&platform, &gateway);
    carry(&gateway, &platform);
    check(uplink_is_open(&platform) && uplink_is_open(&gateway));
    check(uplink_send_encoded(&gateway, (struct bytes){data, size}) == ERR_OK);
    carry(&gateway, &platform);
    uplink_close(&gateway);
    uplink_close(&platform);
}

static void sealed(const uint8_t *data, size_t size)
{
    sealed_by(data, size, false);
}

static void sealed_legacy(const uint8_t *data, size_t size)
{
    sealed_by(data, size, true);
}

static void opened(const uint8_t *data, size_t size)
{
    static const struct legacy_keys keys = {{1}, {2}};
    struct legacy_frame frame = {{SECRET, 13}, {RANDOM, 16}, 1};
    struct bytes text;
    if (size > sizeof wire - LEGACY_GROWTH_MAX)
        return;
    if (size > 0)
        memcpy(wire, data, size);
    check(legacy_open(&keys, &frame, wire, size, &text) == ERR_UPLINK_SEAL);
    if (size > 0)
        memcpy(wire, data, size);
    legacy_seal(&keys, &frame, wire, size);
    check(legacy_open(&keys, &frame, wire, legacy_sealed_len(size), &text) == ERR_OK);
    check(text.len == size && (size == 0 || memcmp(text.data, data, size) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const WAYS[])(const uint8_t *, size_t) = {decode, stranger, sealed, sealed_legacy,
                                                            opened};
    if (size > 0)
        WAYS[data[0] % 5](data + 1, size - 1);
    return 0;
}
