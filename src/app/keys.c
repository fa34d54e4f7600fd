#include "app/keys.h"

#include <stdio.h>
#include <string.h>

#include "io/io.h"

#define PATH_SIZE 4096
#define GATEWAY_DAYS 3660 /* nobody climbs to a gateway once a year: one that is lost is revoked */
#define NAMES_MAX 512

static enum err read_pem(const char *dir, const char *name, struct pki_pem *pem)
{
    char path[PATH_SIZE];
    struct bytes content;
    snprintf(path, sizeof path, "%s/pki/%s", dir, name);
    TRY(io_file_read(path, PKI_PEM_MAX - 1, &content));
    memcpy(pem->text, content.data, content.len + 1);
    pem->len = content.len;
    io_file_free(&content);
    return ERR_OK;
}

static enum err write_pem(const char *dir, const char *name, const struct pki_pem *pem)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/pki/%s", dir, name);
    return io_file_write(path, pki_pem_bytes(pem), strstr(name, ".key") ? 0600 : 0644);
}

/* Gateways pin the CA, not this: a fresh one at each start never grows old, and names what the
 * platform is called today. */
static enum err make_server(struct keys *k, const char *dir, const char *more, wall_s now)
{
    char names[NAMES_MAX];
    int len = snprintf(names, sizeof names, "localhost,127.0.0.1%s%s", *more ? "," : "", more);
    if (len >= (int)sizeof names)
        return ERR_RANGE;
    TRY(pki_server_make(&k->ca, &k->ca_key, names, now, &k->server, &k->server_key));
    TRY(write_pem(dir, "server.key", &k->server_key));
    return write_pem(dir, "server.pem", &k->server);
}

static enum err make_ca(struct keys *k, const char *dir, wall_s now)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/pki", dir);
    TRY(io_directory_make(path));
    TRY(pki_ca_make("Yufu project CA", now, &k->ca, &k->ca_key));
    TRY(write_pem(dir, "ca.key", &k->ca_key));
    return write_pem(dir, "ca.pem", &k->ca); /* last: its presence says that both are there */
}

enum err keys_load(struct keys *k, const char *data_dir, const char *names, wall_s now)
{
    enum err e = read_pem(data_dir, "ca.pem", &k->ca);
    if (e == ERR_NOT_FOUND)
        TRY(make_ca(k, data_dir, now));
    else
        TRY(e);
    if (e == ERR_OK)
        TRY(read_pem(data_dir, "ca.key", &k->ca_key));
    return make_server(k, data_dir, names, now);
}

enum err keys_sign(const struct keys *k, const char *serial, struct bytes request, wall_s now,
                   struct writer *pem, uint8_t hash[32])
{
    struct pki_pem certificate;
    const struct pki_sign by = {
        .ca = &k->ca, .ca_key = &k->ca_key, .name = serial, .now = now, .days = GATEWAY_DAYS};
    TRY(pki_request_sign(&by, request, &certificate));
    TRY(pki_fingerprint(pki_pem_bytes(&certificate), hash));
    writer_put(pem, (const uint8_t *)certificate.text, certificate.len);
    return pem->err;
}
