/* `yufu-mqtt`: gateways that reach the platform through an MQTT broker. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mqtt/mqtt_relay.h"
#include "app/options.h"
#include "io/log.h"

struct arguments {
    const char *broker, *name, *listen, *to, *prefix;
    const char *ca, *certificate, *key, *psk, *identity, *user, *password, *plain;
};

static void stop(void *arg, int signal_number)
{
    (void)signal_number;
    io_stop(arg);
}

/* A secret comes from a file: command lines are read by everybody. */
static enum err read_secret(const char *path, char **out)
{
    struct bytes content;
    *out = NULL;
    if (path == NULL)
        return ERR_OK;
    TRY(io_file_read(path, 4096, &content));
    *out = strdup((const char *)content.data);
    io_file_free(&content);
    if (*out == NULL)
        return ERR_MEMORY;
    (*out)[strcspn(*out, "\r\n")] = '\0';
    return ERR_OK;
}

static bool is_loopback(const char *host)
{
    uint8_t v4[4];
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           (inet_pton(AF_INET, host, v4) == 1 && v4[0] == 127);
}

/* What the options promise and would not keep; NULL: nothing. */
static const char *contradiction(const struct arguments *a, const char *broker)
{
    bool tls = a->ca != NULL || a->psk != NULL;
    const struct {
        bool wrong;
        const char *text;
    } rows[] = {
        {a->ca != NULL && a->psk != NULL, "--ca or --psk, not both"},
        {(a->certificate != NULL || a->key != NULL) && a->ca == NULL,
         "--certificate and --key need --ca"},
        {(a->certificate == NULL) != (a->key == NULL), "--certificate and --key belong together"},
        {(a->psk == NULL) != (a->identity == NULL), "--psk and --identity belong together"},
        {a->password != NULL && a->user == NULL, "--password needs --user"},
        {a->user != NULL && !tls && a->plain == NULL && !is_loopback(broker),
         "--user without TLS shows name and password to the network: --ca, --psk or --plain"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].wrong)
            return rows[i].text;
    return NULL;
}

static enum err fill(const struct arguments *a, bool gateway, struct relay_options *o,
                     const char **why)
{
    static char broker[256], platform[256];
    static char *psk, *password;
    int64_t port;
    TRY(options_address(a->broker, broker, sizeof broker, &o->broker.port));
    *why = contradiction(a, broker);
    if (*why != NULL)
        return ERR_SYNTAX;
    TRY(read_secret(a->psk, &psk));
    TRY(read_secret(a->password, &password));
    o->broker.host = broker;
    o->broker.user = a->user;
    o->broker.password = password;
    o->broker.ca = a->ca;
    o->broker.certificate = a->certificate;
    o->broker.key = a->key;
    o->broker.psk = psk;
    o->broker.psk_identity = a->identity;
    o->prefix = a->prefix;
    if (gateway) {
        TRY(options_number(a->listen, 0, 65'535, &port));
        o->name = a->name == NULL ? "" : a->name;
        o->listen_port = (uint16_t)port;
        return ERR_OK;
    }
    TRY(options_address(a->to, platform, sizeof platform, &o->port));
    o->host = platform;
    return ERR_OK;
}

static enum err run(const struct arguments *a, bool gateway, const char **why)
{
    struct relay_options o = {0};
    struct io *io;
    struct relay *relay;
    TRY(fill(a, gateway, &o, why));
    TRY(io_open(&io, &(struct io_options){0}));
    enum err e = relay_open(io, &o, &relay);
    if (e == ERR_OK)
        e = io_on_signal(io, stop, io);
    if (e == ERR_OK) {
        log_event(LOG_PROGRAM_START, LOG_S("program", "yufu-mqtt"), LOG_S("version", YUFU_VERSION),
                  LOG_I("port", relay_port(relay)));
        io_run(io);
        log_event(LOG_PROGRAM_STOP, LOG_S("program", "yufu-mqtt"));
    }
    relay_close(relay);
    io_close(io);
    return e;
}

int main(int argc, char **argv)
{
    struct arguments a = {.listen = "0", .prefix = "yufu"};
    const struct option_row rows[] = {
        {"--broker", "HOST:PORT", &a.broker, "the MQTT broker"},
        {"--name", "TEXT", &a.name, "gateway: its name at the broker; letters, digits, - and _"},
        {"--listen", "PORT", &a.listen,
         "gateway: local port for yufu-gateway --platform 127.0.0.1:PORT; 0 takes a free one"},
        {"--to", "HOST:PORT", &a.to, "platform: where it listens for gateways"},
        {"--prefix", "TEXT", &a.prefix, "first part of all topics"},
        {"--ca", "FILE", &a.ca, "TLS: certificate of the broker's CA"},
        {"--certificate", "FILE", &a.certificate, "TLS: our certificate at the broker"},
        {"--key", "FILE", &a.key, "TLS: its key"},
        {"--psk", "FILE", &a.psk, "TLS with a shared key instead: file with the key, hexadecimal"},
        {"--identity", "TEXT", &a.identity, "with --psk: whose key it is"},
        {"--user", "TEXT", &a.user, "user name at the broker"},
        {"--password", "FILE", &a.password, "file with the password"},
        {"--plain", NULL, &a.plain, "send user and password without TLS: the way is private"},
        {0}};
    int words;
    enum options_result r = options_parse(argc, argv, "gateway|platform [OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    bool gateway = words == 1 && strcmp(argv[1], "gateway") == 0;
    if (!gateway && (words != 1 || strcmp(argv[1], "platform") != 0)) {
        fputs("yufu-mqtt: gateway or platform? See --help.\n", stderr);
        return 2;
    }
    const char *why = NULL;
    enum err e = run(&a, gateway, &why);
    if (e != ERR_OK)
        log_event(LOG_PROGRAM_REFUSED, LOG_S("program", "yufu-mqtt"), LOG_E("error", e),
                  LOG_S("text", why != NULL ? why : err_text_en(e)));
    return e == ERR_OK ? 0 : 1;
}
