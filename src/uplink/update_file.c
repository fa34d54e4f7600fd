#include "uplink/update_file.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"

#define FORMAT 1

static const uint8_t MAGIC[8] = {'Y', 'U', 'F', 'U', 'U', 'P', 'D', 'T'};

/* ---- versions ------------------------------------------------------------------------------- */

/* Digits at *text, moved behind them. */
static bool number(const char **text, uint16_t *out)
{
    const char *at = *text;
    unsigned v = 0;
    while (*at >= '0' && *at <= '9' && v <= UINT16_MAX)
        v = v * 10 + (unsigned)(*at++ - '0');
    bool ok = at != *text && v <= UINT16_MAX && (**text != '0' || at == *text + 1);
    *text = at;
    *out = (uint16_t)v;
    return ok;
}

static bool version(const char **text, struct update_version *out)
{
    for (int i = 0; i < 3; i++) {
        if (i > 0 && *(*text)++ != '.')
            return false;
        if (!number(text, &out->part[i]))
            return false;
    }
    return true;
}

enum err update_version_parse(const char *text, struct update_version *out)
{
    return version(&text, out) && *text == '\0' ? ERR_OK : ERR_SYNTAX;
}

void update_version_text(struct update_version v, char out[UPDATE_VERSION_TEXT])
{
    snprintf(out, UPDATE_VERSION_TEXT, "%u.%u.%u", v.part[0], v.part[1], v.part[2]);
}

int update_version_compare(struct update_version a, struct update_version b)
{
    for (int i = 0; i < 3; i++)
        if (a.part[i] != b.part[i])
            return a.part[i] < b.part[i] ? -1 : 1;
    return 0;
}

void update_version_put(struct writer *w, struct update_version v)
{
    for (int i = 0; i < 3; i++)
        writer_u16be(w, v.part[i]);
}

struct update_version update_version_take(struct reader *r)
{
    struct update_version v;
    for (int i = 0; i < 3; i++)
        v.part[i] = reader_u16be(r);
    return v;
}

/* ---- what a program says of itself ---------------------------------------------------------- */

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

enum err update_release_parse(const char *text, struct update_release *out)
{
    static const char STORE[] = " store ";
    size_t n = 0;
    *out = (struct update_release){0};
    while (n < sizeof out->program - 1 && is_name(text[n])) {
        out->program[n] = text[n];
        n++;
    }
    text += n;
    if (n == 0 || *text++ != ' ' || !version(&text, &out->version) ||
        strncmp(text, STORE, sizeof STORE - 1) != 0)
        return ERR_SYNTAX;
    text += sizeof STORE - 1;
    return number(&text, &out->store) && *text == '\0' ? ERR_OK : ERR_SYNTAX;
}

enum err update_release_find(struct bytes program, struct update_release *out)
{
    char text[UPDATE_NAME_MAX + 48];
    struct update_release one;
    unsigned found = 0;
    const uint8_t *at = program.data, *end = at + program.len;
    while (at < end && (at = memmem(at, (size_t)(end - at), UPDATE_MARK, strlen(UPDATE_MARK)))) {
        at += strlen(UPDATE_MARK);
        size_t len = strnlen((const char *)at, (size_t)(end - at));
        if (len >= sizeof text || at + len == end)
            continue;
        memcpy(text, at, len + 1);
        if (update_release_parse(text, &one) != ERR_OK)
            continue;
        if (found++ > 0 && memcmp(&one, out, sizeof one) != 0)
            return ERR_UPDATE_PROGRAM;
        *out = one;
    }
    return found > 0 ? ERR_OK : ERR_UPDATE_PROGRAM;
}

enum err update_machine_find(struct bytes program, char out[UPDATE_MACHINE_MAX])
{
    static const struct {
        uint8_t bits; /* ELF's class: 1 is 32, 2 is 64 */
        uint16_t number;
        const char *name;
    } machines[] = {{2, 62, "x86_64"}, {2, 183, "aarch64"}, {1, 40, "arm"}};
    struct reader r = reader_of(program.data, program.len);
    bool elf = reader_u32be(&r) == 0x7F454C46;
    uint8_t bits = reader_u8(&r), little = reader_u8(&r);
    (void)reader_take(&r, 12);
    uint16_t machine = reader_u16le(&r);
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        if (r.err != ERR_OK || !elf || little != 1 || machines[i].bits != bits ||
            machines[i].number != machine)
            continue;
        memset(out, 0, UPDATE_MACHINE_MAX);
        memcpy(out, machines[i].name, strlen(machines[i].name));
        return ERR_OK;
    }
    return ERR_UPDATE_MACHINE;
}

/* ---- header --------------------------------------------------------------------------------- */

void update_header_encode(const struct update_header *h, uint8_t out[UPDATE_HEADER])
{
    struct writer w = writer_of(out, UPDATE_HEADER);
    writer_put(&w, MAGIC, sizeof MAGIC);
    writer_u16be(&w, FORMAT);
    writer_put(&w, (const uint8_t *)h->release.program, sizeof h->release.program);
    update_version_put(&w, h->release.version);
    writer_u16be(&w, h->release.store);
    update_version_put(&w, h->minimum);
    writer_put(&w, (const uint8_t *)h->machine, sizeof h->machine);
    writer_u64be(&w, h->size);
    writer_put(&w, h->sha256, sizeof h->sha256);
    writer_put(&w, h->signature.key_id, sizeof h->signature.key_id);
    writer_fill(&w, 0, UPDATE_SIGNED - w.len);
    writer_put(&w, h->signature.bytes, sizeof h->signature.bytes);
    MUST(w.err == ERR_OK && w.len == UPDATE_HEADER);
}

/* A name, and zeros up to the end of its field. */
static bool get_name(struct reader *r, char *out, size_t size)
{
    struct bytes b = reader_take(r, size);
    size_t n = 0;
    memset(out, 0, size);
    while (n < b.len && is_name((char)b.data[n])) {
        out[n] = (char)b.data[n];
        n++;
    }
    if (n == 0 || n == size)
        return false;
    for (size_t i = n; i < b.len; i++)
        if (b.data[i] != 0)
            return false;
    return true;
}

static bool zeros(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] != 0)
            return false;
    return true;
}

enum err update_header_decode(struct bytes data, struct update_header *out)
{
    struct reader r = reader_of(data.data, data.len);
    struct bytes magic = reader_take(&r, sizeof MAGIC);
    if (magic.len == sizeof MAGIC && memcmp(magic.data, MAGIC, sizeof MAGIC) != 0)
        return ERR_UPDATE_FILE;
    if (data.len < UPDATE_HEADER)
        return ERR_TRUNCATED;
    *out = (struct update_header){0};
    bool good = reader_u16be(&r) == FORMAT;
    good &= get_name(&r, out->release.program, sizeof out->release.program);
    out->release.version = update_version_take(&r);
    out->release.store = reader_u16be(&r);
    out->minimum = update_version_take(&r);
    good &= get_name(&r, out->machine, sizeof out->machine);
    out->size = reader_u64be(&r);
    memcpy(out->sha256, reader_take(&r, sizeof out->sha256).data, sizeof out->sha256);
    struct signature *s = &out->signature;
    memcpy(s->key_id, reader_take(&r, sizeof s->key_id).data, sizeof s->key_id);
    good &= zeros(reader_take(&r, UPDATE_SIGNED - r.at));
    memcpy(s->bytes, reader_take(&r, sizeof s->bytes).data, sizeof s->bytes);
    good &= out->size > 0 && out->size <= (uint64_t)UPDATE_PROGRAM_MAX;
    return good ? ERR_OK : ERR_UPDATE_FILE;
}

enum err update_judge(const struct update_header *h, const struct update_own *own, bool downgrade)
{
    if (strcmp(h->release.program, own->release.program) != 0)
        return ERR_UPDATE_PROGRAM;
    if (strcmp(h->machine, own->machine) != 0)
        return ERR_UPDATE_MACHINE;
    if (h->release.store != own->release.store)
        return ERR_UPDATE_STORE;
    if (update_version_compare(own->release.version, h->minimum) < 0)
        return ERR_UPDATE_FROM;
    if (!downgrade && update_version_compare(h->release.version, own->release.version) <= 0)
        return ERR_UPDATE_OLD;
    return ERR_OK;
}

/* ---- the whole file ------------------------------------------------------------------------- */

bool update_is_program(struct bytes program, uint64_t size, const uint8_t sha256[SIGN_SHA256])
{
    uint8_t digest[SIGN_SHA256];
    if (program.len != size)
        return false;
    sign_sha256(program, digest);
    return memcmp(digest, sha256, sizeof digest) == 0;
}

enum err update_file_head(struct bytes file, struct bytes keys, struct update_header *out)
{
    TRY(update_header_decode(file, out));
    return sign_check(keys, (struct bytes){file.data, UPDATE_SIGNED}, &out->signature);
}

enum err update_file_check(struct bytes file, struct bytes keys, struct update_header *out)
{
    TRY(update_file_head(file, keys, out));
    struct bytes program = {file.data + UPDATE_HEADER, file.len - UPDATE_HEADER};
    if (program.len < out->size)
        return ERR_TRUNCATED;
    return update_is_program(program, out->size, out->sha256) ? ERR_OK : ERR_UPDATE_DATA;
}
