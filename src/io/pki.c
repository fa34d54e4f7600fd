#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "base/must.h"
#include "io/io.h"
#include "io/pki_impl.h"

#define DAY_S INT64_C(86'400)
#define BACK_S 3'600 /* certificates begin an hour ago: clocks of the two sides differ a little */

/* ---- PEM ------------------------------------------------------------------------------------ */

enum err pki_take(BIO *bio, bool ok, struct pki_pem *out)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    ok = ok && len > 0 && (size_t)len < sizeof out->text;
    if (ok) {
        memcpy(out->text, text, (size_t)len);
        out->text[len] = '\0';
        out->len = (size_t)len;
    }
    BIO_free(bio);
    ERR_clear_error();
    return ok ? ERR_OK : ERR_TLS;
}

static enum err put_certificate(X509 *x, struct pki_pem *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return pki_take(bio, PEM_write_bio_X509(bio, x) == 1, out);
}

static enum err put_key(EVP_PKEY *key, struct pki_pem *out)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    return pki_take(bio, ok, out);
}

static X509 *get_certificate(struct bytes pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return x;
}

static EVP_PKEY *get_key(struct bytes pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

/* ---- building a certificate ----------------------------------------------------------------- */

static bool set_serial(X509 *x)
{
    uint8_t bytes[16];
    io_random(bytes, sizeof bytes);
    bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40); /* positive, and always 16 bytes long */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return ok;
}

static bool set_name(X509_NAME *subject, const char *name)
{
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                      -1, 0) == 1;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

struct extension {
    int nid;
    const char *value;
};

struct draft {
    const char *name;
    EVP_PKEY *key; /* the subject's: public half is enough */
    wall_s now;
    int64_t days;
    const struct extension *extensions; /* ends with a NULL value */
};

/* As text: what OpenSSL takes for a time_t has 32 bits on some machines. */
static bool set_time(ASN1_TIME *out, int64_t wall)
{
    char text[32];
    struct civil c = civil_from_wall((wall_s){wall}, 0);
    snprintf(text, sizeof text, "%04d%02u%02u%02u%02u%02uZ", (int)c.year, c.month, c.day, c.hour,
             c.minute, c.second);
    return ASN1_TIME_set_string_X509(out, text) == 1;
}

/* issuer NULL: self-signed. */
static X509 *build(const struct draft *d, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *x = X509_new();
    bool ok = x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
              set_time(X509_getm_notBefore(x), d->now.s - BACK_S) &&
              set_time(X509_getm_notAfter(x), d->now.s + d->days * DAY_S) &&
              set_name(X509_get_subject_name(x), d->name) && X509_set_pubkey(x, d->key) == 1;
    X509 *by = issuer == NULL ? x : issuer;
    ok = ok && X509_set_issuer_name(x, X509_get_subject_name(by)) == 1;
    for (const struct extension *e = d->extensions; ok && e->value != NULL; e++)
        ok = add_extension(x, by, e->nid, e->value);
    ok = ok && X509_sign(x, issuer_key, EVP_sha256()) > 0;
    ERR_clear_error();
    if (!ok) {
        X509_free(x);
        return NULL;
    }
    return x;
}

static const struct extension CA_EXTENSIONS[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
    {0},
};

static const struct extension CLIENT_EXTENSIONS[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "clientAuth"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
    {0},
};

/* ---- public --------------------------------------------------------------------------------- */

enum err pki_key_make(struct pki_pem *key)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    enum err e = k == NULL ? ERR_TLS : put_key(k, key);
    EVP_PKEY_free(k);
    return e;
}

enum err pki_ca_make(const char *name, wall_s now, struct pki_pem *certificate, struct pki_pem *key)
{
    TRY(pki_key_make(key));
    EVP_PKEY *k = get_key(pki_pem_bytes(key));
    X509 *x = build(&(struct draft){name, k, now, 7305, CA_EXTENSIONS}, NULL, k);
    enum err e = x == NULL ? ERR_TLS : put_certificate(x, certificate);
    X509_free(x);
    EVP_PKEY_free(k);
    return e;
}

/* "a.example,127.0.0.1" -> "DNS:a.example,IP:127.0.0.1" */
static enum err alternative_names(const char *names, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    while (*names != '\0') {
        size_t n = strcspn(names, ",");
        char one[256];
        uint8_t address[16];
        if (n == 0 || n >= sizeof one || strcspn(names, ":;= \n") < n)
            return ERR_SYNTAX; /* also keeps other name types from being smuggled in */
        memcpy(one, names, n);
        one[n] = '\0';
        const char *type = inet_pton(AF_INET, one, address) == 1 ? "IP" : "DNS";
        int wrote = snprintf(out + len, cap - len, "%s%s:%s", len == 0 ? "" : ",", type, one);
        if (wrote < 0 || (size_t)wrote >= cap - len)
            return ERR_SYNTAX;
        len += (size_t)wrote;
        names += n + (names[n] == ',');
    }
    return len == 0 ? ERR_SYNTAX : ERR_OK;
}

static enum err issue(const struct draft *d, struct bytes ca, struct bytes ca_key,
                      struct pki_pem *certificate)
{
    X509 *issuer = get_certificate(ca);
    EVP_PKEY *issuer_key = get_key(ca_key);
    X509 *x = NULL;
    if (issuer != NULL && issuer_key != NULL && d->key != NULL &&
        X509_check_private_key(issuer, issuer_key) == 1)
        x = build(d, issuer, issuer_key);
    enum err e = x == NULL ? ERR_TLS : put_certificate(x, certificate);
    X509_free(x);
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
    ERR_clear_error();
    return e;
}

enum err pki_server_make(const struct pki_pem *ca, const struct pki_pem *ca_key, const char *names,
                         wall_s now, struct pki_pem *certificate, struct pki_pem *key)
{
    char alternative[1024];
    TRY(alternative_names(names, alternative, sizeof alternative));
    const struct extension extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_alt_name, alternative},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid"},
        {0},
    };
    TRY(pki_key_make(key));
    EVP_PKEY *k = get_key(pki_pem_bytes(key));
    struct draft d = {"yufu platform", k, now, 730, extensions};
    enum err e = issue(&d, pki_pem_bytes(ca), pki_pem_bytes(ca_key), certificate);
    EVP_PKEY_free(k);
    return e;
}

enum err pki_request_make(const struct pki_pem *key, const char *name, struct pki_request *request)
{
    EVP_PKEY *k = get_key(pki_pem_bytes(key));
    X509_REQ *r = X509_REQ_new();
    bool ok = k != NULL && r != NULL && set_name(X509_REQ_get_subject_name(r), name) &&
              X509_REQ_set_pubkey(r, k) == 1 && X509_REQ_sign(r, k, EVP_sha256()) > 0;
    int len = ok ? i2d_X509_REQ(r, NULL) : 0;
    ok = len > 0 && (size_t)len <= sizeof request->der;
    if (ok) {
        uint8_t *at = request->der;
        request->len = (size_t)i2d_X509_REQ(r, &at);
    }
    X509_REQ_free(r);
    EVP_PKEY_free(k);
    ERR_clear_error();
    return ok ? ERR_OK : ERR_TLS;
}

/* Only the kind of key that we make ourselves: a weak one would be the requester's own loss, but a
 * huge one ours. */
static bool key_is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    return key != NULL && EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

enum err pki_request_sign(const struct pki_sign *by, struct bytes request,
                          struct pki_pem *certificate)
{
    if (request.len > PKI_REQUEST_MAX)
        return ERR_TLS;
    const uint8_t *at = request.data;
    X509_REQ *r = d2i_X509_REQ(NULL, &at, (long)request.len);
    EVP_PKEY *key = r == NULL ? NULL : X509_REQ_get_pubkey(r);
    enum err e = ERR_TLS;
    if (r != NULL && at == request.data + request.len && key_is_p256(key) &&
        X509_REQ_verify(r, key) == 1) {
        struct draft d = {by->name, key, by->now, by->days, CLIENT_EXTENSIONS};
        e = issue(&d, pki_pem_bytes(by->ca), pki_pem_bytes(by->ca_key), certificate);
    }
    EVP_PKEY_free(key);
    X509_REQ_free(r);
    ERR_clear_error();
    return e;
}

enum err pki_fingerprint(struct bytes certificate_pem, uint8_t sha256[32])
{
    X509 *x = get_certificate(certificate_pem);
    unsigned len = 0;
    bool ok = x != NULL && X509_digest(x, EVP_sha256(), sha256, &len) == 1 && len == 32;
    X509_free(x);
    return ok ? ERR_OK : ERR_TLS;
}
