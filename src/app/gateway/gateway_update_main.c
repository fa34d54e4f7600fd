/* yufu-gateway update ...: for the release engineer (key, pack) and on site (check, apply, back,
 * show). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/gateway/gateway_probe.h"
#include "app/gateway/gateway_update.h"
#include "app/options.h"
#include "io/io.h"

struct job {
    const char *program, *key, *minimum, *output, *secret, *public_key;
    const char *keys, *data, *downgrade, *trial, *lang;
    const char *file; /* the word behind the command; NULL: none */
    bool chinese;
};

static const char *text(const struct job *j, const char *en, const char *zh)
{
    return j->chinese ? zh : en;
}

static int refuse(const struct job *j, const char *what, enum err e)
{
    fprintf(stderr, "%s: %s: %s\n", what, err_name(e),
            j->chinese ? err_text_zh(e) : err_text_en(e));
    return 1;
}

static int lacks(const struct job *j, const char *option)
{
    fprintf(stderr, text(j, "%s is missing (see --help)\n", "缺少 %s（见 --help）\n"), option);
    return 2;
}

static wall_s now(void)
{
    struct io *io;
    wall_s t = {0};
    if (io_open(&io, &(struct io_options){0}) == ERR_OK) {
        t = io_wall_real(io);
        io_close(io);
    }
    return t;
}

static void print_header(const struct job *j, const struct update_header *h)
{
    char version[UPDATE_VERSION_TEXT], minimum[UPDATE_VERSION_TEXT], key[2 * SIGN_KEY_ID + 1];
    update_version_text(h->release.version, version);
    update_version_text(h->minimum, minimum);
    hex_encode(h->signature.key_id, SIGN_KEY_ID, key);
    printf(text(j, "%s %s for %s, %" PRIu64 " bytes, from version %s on, signed by key %s\n",
                "%s %s，适用于 %s,%" PRIu64 " 字节，可由 %s 及以上版本升级，签名密钥 %s\n"),
           h->release.program, version, h->machine, h->size, minimum, key);
}

/* ---- the release engineer ------------------------------------------------------------------- */

static int make_key(const struct job *j)
{
    struct pki_pem secret, public_key;
    if (j->secret == NULL || j->public_key == NULL)
        return lacks(j, j->secret == NULL ? "--secret" : "--public");
    if (io_file_exists(j->secret)) /* a lost release key is a lost line of gateways */
        return refuse(j, j->secret, ERR_EXISTS);
    enum err e = sign_key_make(&secret, &public_key);
    if (e == ERR_OK)
        e = io_file_write(j->secret, pki_pem_bytes(&secret), 0600);
    if (e != ERR_OK)
        return refuse(j, j->secret, e);
    e = io_file_write(j->public_key, pki_pem_bytes(&public_key), 0644);
    return e == ERR_OK ? 0 : refuse(j, j->public_key, e);
}

static int pack(const struct job *j)
{
    struct update_header h;
    struct update_pack p = {.program = j->program, .key = j->key, .output = j->output};
    if (j->program == NULL || j->key == NULL || j->output == NULL)
        return lacks(j, j->program == NULL ? "--program" : j->key == NULL ? "--key" : "--output");
    enum err e = update_version_parse(j->minimum, &p.minimum);
    if (e != ERR_OK) {
        (void)refuse(j, "--minimum", e);
        return 2;
    }
    e = update_pack(&p, &h);
    if (e != ERR_OK)
        return refuse(j, j->program, e);
    print_header(j, &h);
    return 0;
}

/* ---- on site -------------------------------------------------------------------------------- */

/* Without keys it is not the file that is missing. */
static int refuse_file(const struct job *j, enum err e)
{
    bool file = e != ERR_NOT_FOUND || io_file_exists(j->keys);
    return refuse(j, file ? j->file : j->keys, e);
}

static int check(const struct job *j)
{
    struct update_header h;
    struct bytes file;
    if (j->file == NULL)
        return lacks(j, "FILE");
    enum err e = update_check(j->file, j->keys, &file, &h);
    if (e != ERR_OK)
        return refuse_file(j, e);
    io_file_free(&file);
    print_header(j, &h);
    return 0;
}

static bool words_fit(const char *words)
{
    if (words == NULL)
        return true;
    for (const char *at = words; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            return false;
    return words[0] != '\0' && strlen(words) < UPDATE_WORDS_MAX;
}

static int apply(const struct job *j)
{
    struct update_header h;
    int64_t trial_s;
    if (j->file == NULL || j->data == NULL)
        return lacks(j, j->file == NULL ? "FILE" : "--data");
    enum err e = options_number(j->trial, UPDATE_TRIAL_MIN_S, UPDATE_TRIAL_MAX_S, &trial_s);
    if (e != ERR_OK || !words_fit(j->downgrade)) {
        (void)refuse(j, e != ERR_OK ? "--trial" : "--downgrade", e != ERR_OK ? e : ERR_RANGE);
        return 2;
    }
    struct update_apply a = {.data = j->data,
                             .path = j->file,
                             .keys = j->keys,
                             .downgrade = j->downgrade,
                             .trial_s = (uint16_t)trial_s,
                             .now = now(),
                             .own = gateway_own()};
    e = update_apply(&a, &h);
    if (e != ERR_OK)
        return refuse_file(j, e);
    print_header(j, &h);
    printf("%s\n",
           text(j,
                "Applied. The new version starts on trial: in a few seconds, if the gateway runs.",
                "已写入。通信管理机若在运行，数秒内即开始试运行新版本。"));
    return 0;
}

static void print_state(const struct job *j, const struct update_state *s)
{
    char version[UPDATE_VERSION_TEXT];
    for (enum update_place place = UPDATE_INSTALLED; place < UPDATE_PLACES; place++) {
        const struct update_slot *slot = update_slot_of(s, place);
        if (place != UPDATE_INSTALLED && slot == NULL)
            continue;
        bool runs = place == s->current;
        update_version_text(slot != NULL ? slot->version : gateway_own()->release.version, version);
        printf("%-10s %-12s %s%s\n", update_place_name(place), version,
               !runs      ? ""
               : s->trial ? text(j, "runs, on trial", "试运行")
                          : text(j, "runs", "运行中"),
               place == s->former && !runs ? text(j, "former", "原版本") : "");
    }
    update_version_text(s->left, version);
    if (s->last >= UPDATE_LAST_STARTS)
        printf(text(j, "left: %s (%s)\n", "已放弃：%s(%s)\n"), version, update_last_name(s->last));
    if (s->words[0] != '\0')
        printf(text(j, "words: %s\n", "说明：%s\n"), s->words);
}

static int back(const struct job *j)
{
    struct update_state s;
    if (j->data == NULL)
        return lacks(j, "--data");
    enum err e = update_back(j->data, now(), &s);
    if (e != ERR_OK)
        return refuse(j, "update back", e);
    print_state(j, &s);
    printf("%s\n", text(j, "It starts in a few seconds, if the gateway runs.",
                        "通信管理机若在运行，数秒内即启动该版本。"));
    return 0;
}

static int show(const struct job *j)
{
    struct update_state s = {0};
    if (j->data == NULL)
        return lacks(j, "--data");
    enum err e = update_state_load(j->data, &s);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return refuse(j, j->data, e);
    print_state(j, &s);
    return 0;
}

/* ---- the command ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*run)(const struct job *j);
} commands[] = {{"key", make_key}, {"pack", pack}, {"check", check},
                {"apply", apply},  {"back", back}, {"show", show}};

int gateway_update_main(int argc, char **argv)
{
    struct job j = {.keys = UPDATE_KEYS, .trial = "600", .minimum = "0.0.0"};
    const struct option_row rows[] = {
        {"--data", "DIR", &j.data, "apply, back, show: the gateway's data folder"},
        {"--keys", "PEM", &j.keys, "check, apply: public release keys that are trusted"},
        {"--downgrade", "WORDS", &j.downgrade, "apply: also one that is not newer; why"},
        {"--trial", "SECONDS", &j.trial, "apply: time within which it must prove good"},
        {"--program", "FILE", &j.program, "pack: the program, for whatever processor"},
        {"--key", "PEM", &j.key, "pack: the secret release key"},
        {"--minimum", "VERSION", &j.minimum, "pack: oldest version that may take it"},
        {"--output", "FILE", &j.output, "pack: the update file to write"},
        {"--secret", "PEM", &j.secret, "key: where the new secret key goes"},
        {"--public", "PEM", &j.public_key, "key: where its public half goes"},
        {"--lang", "zh|en", &j.lang, "language; as the environment says unless told"},
        {0}};
    int words;
    enum options_result r = options_parse(
        argc, argv, "key|pack|check FILE|apply FILE|back|show [OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    j.chinese = probe_chinese(j.lang);
    j.file = words > 1 ? argv[2] : NULL;
    for (size_t i = 0; words > 0 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(&j);
    fprintf(stderr, "%s\n",
            text(&j, "What? key, pack, check FILE, apply FILE, back or show (see --help)",
                 "请指定 key、pack、check FILE、apply FILE、back 或 show（见 --help）"));
    return 2;
}
