#include <string.h>

#include "auth/auth_impl.h"

#define FORGET_S 900 /* a name that was left alone this long starts anew */
#define WAIT_MAX_S 60

void auth_throttle_init(struct auth_throttle *t)
{
    memset(t, 0, sizeof *t);
    crypto_shorthash_keygen(t->secret);
}

/* Keyed, so that nobody can choose names that fall together with a victim's. */
static uint64_t key_of(const struct auth_throttle *t, const char *name)
{
    uint64_t key;
    crypto_shorthash((unsigned char *)&key, (const unsigned char *)name, strlen(name), t->secret);
    return key ? key : 1;
}

static const struct auth_throttle_slot *find(const struct auth_throttle *t, uint64_t key)
{
    for (size_t i = 0; i < AUTH_THROTTLE_SLOTS; i++)
        if (t->slots[i].key == key)
            return &t->slots[i];
    return NULL;
}

/* The slot of this key, or a free one, or the one that was quiet for longest. */
static struct auth_throttle_slot *place(struct auth_throttle *t, uint64_t key)
{
    struct auth_throttle_slot *best = &t->slots[0];
    for (size_t i = 0; i < AUTH_THROTTLE_SLOTS; i++) {
        struct auth_throttle_slot *s = &t->slots[i];
        if (s->key == key)
            return s;
        if (best->key != 0 && (s->key == 0 || s->last_s < best->last_s))
            best = s;
    }
    *best = (struct auth_throttle_slot){.key = key};
    return best;
}

int64_t auth_throttle_wait(const struct auth_throttle *t, const char *name, int64_t now_s)
{
    const struct auth_throttle_slot *s = find(t, key_of(t, name));
    return s && s->next_s > now_s ? s->next_s - now_s : 0;
}

void auth_throttle_count(struct auth_throttle *t, const char *name, int64_t free, int64_t now_s)
{
    struct auth_throttle_slot *s = place(t, key_of(t, name));
    if (now_s - s->last_s > FORGET_S)
        s->failures = 0;
    s->failures++;
    s->last_s = now_s;
    s->next_s = now_s;
    if (s->failures >= free) {
        int64_t doublings = s->failures - free;
        s->next_s += doublings < 6 ? INT64_C(1) << doublings : WAIT_MAX_S;
    }
}

void auth_throttle_undo(struct auth_throttle *t, const char *name)
{
    struct auth_throttle_slot *s = place(t, key_of(t, name));
    s->failures -= s->failures > 0;
    s->next_s = s->last_s;
}

void auth_throttle_forget(struct auth_throttle *t, const char *name)
{
    uint64_t key = key_of(t, name);
    for (size_t i = 0; i < AUTH_THROTTLE_SLOTS; i++)
        if (t->slots[i].key == key)
            t->slots[i] = (struct auth_throttle_slot){};
}
