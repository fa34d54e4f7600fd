/* TLS 1.3 on OpenSSL memory BIOs: bytes in, bytes out; the socket is io_tcp.c's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERR_STATE OPENSSL_ERR_STATE /* OpenSSL has a type of that name */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#undef ERR_STATE

#include "base/clock.h"
#include "base/must.h"
#include "io/io_impl.h"
#include "io/log.h"

struct io_tls {
    SSL_CTX *context;
    bool server;
};

struct io_tls_half {
    SSL *ssl;
    BIO *in, *out;
    wall_s opened;
    bool server, handshaken;
    char reason[128];
};

/* ---- context -------------------------------------------------------------------------------- */

static BIO *pem_bio(struct bytes pem)
{
    return BIO_new_mem_buf(pem.data, (int)pem.len);
}

static bool trust_ca(SSL_CTX *context, struct bytes pem)
{
    BIO *bio = pem_bio(pem);
    X509 *ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    bool ok = ca != NULL && X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca) == 1 &&
              SSL_CTX_add_client_CA(context, ca) == 1;
    X509_free(ca);
    BIO_free(bio);
    return ok;
}

static bool use_certificate(SSL_CTX *context, struct bytes certificate, struct bytes key)
{
    BIO *bio = pem_bio(certificate), *key_bio = pem_bio(key);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    bool ok = x != NULL && pkey != NULL && SSL_CTX_use_certificate(context, x) == 1 &&
              SSL_CTX_use_PrivateKey(context, pkey) == 1 && SSL_CTX_check_private_key(context) == 1;
    X509_free(x);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    BIO_free(key_bio);
    return ok;
}

static bool has_expired(const X509 *x, wall_s now)
{
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) != 1)
        return true;
    struct civil c = {.year = end.tm_year + 1900,
                      .month = (uint8_t)(end.tm_mon + 1),
                      .day = (uint8_t)end.tm_mday,
                      .hour = (uint8_t)end.tm_hour,
                      .minute = (uint8_t)end.tm_min,
                      .second = (uint8_t)end.tm_sec};
    return civil_to_wall(c, 0).s < now.s;
}

/* Called for each certificate. The time is ours: OpenSSL's is the machine's, which may be known to
 * be wrong, and has 32 bits on some. A machine without a battery begins in the past, and learns the
 * time over this very connection: that a certificate is not yet valid is no reason to refuse it. */
static int judge(int good, X509_STORE_CTX *context)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct io_tls_half *h = SSL_get_app_data(ssl);
    if (!good || !has_expired(X509_STORE_CTX_get_current_cert(context), h->opened))
        return good;
    X509_STORE_CTX_set_error(context, X509_V_ERR_CERT_HAS_EXPIRED);
    return 0;
}

static bool set_up(SSL_CTX *context, const struct io_tls_options *o)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    /* The CA is a project's own: whoever holds a certificate of it for this purpose is meant. The
     * purpose (serverAuth, clientAuth) is checked by OpenSSL, so no gateway can play platform. */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, judge);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_NO_CHECK_TIME);
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") !=
            1 ||
        !trust_ca(context, o->ca))
        return false;
    if (o->certificate.data == NULL)
        return !o->server;
    return use_certificate(context, o->certificate, o->key);
}

enum err io_tls_open(struct io_tls **out, const struct io_tls_options *options)
{
    struct io_tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ERR_MEMORY;
    t->server = options->server;
    t->context = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    bool ok = t->context != NULL && set_up(t->context, options);
    ERR_clear_error();
    if (!ok) {
        io_tls_close(t);
        return ERR_TLS;
    }
    *out = t;
    return ERR_OK;
}

void io_tls_close(struct io_tls *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->context);
    free(t);
}

/* ---- one stream's half ---------------------------------------------------------------------- */

struct io_tls_half *io_tls_half_open(struct io_tls *tls, wall_s now)
{
    struct io_tls_half *h = calloc(1, sizeof *h);
    MUST(h != NULL);
    h->server = tls->server;
    h->opened = now;
    h->ssl = SSL_new(tls->context);
    h->in = BIO_new(BIO_s_mem());
    h->out = BIO_new(BIO_s_mem());
    MUST(h->ssl != NULL && h->in != NULL && h->out != NULL);
    SSL_set_app_data(h->ssl, h);
    SSL_set_bio(h->ssl, h->in, h->out); /* owns both from here on */
    if (tls->server)
        SSL_set_accept_state(h->ssl);
    else
        SSL_set_connect_state(h->ssl);
    return h;
}

void io_tls_half_close(struct io_tls_half *h)
{
    if (h == NULL)
        return;
    SSL_free(h->ssl);
    free(h);
}

static enum io_tls_state failed(struct io_tls_half *h)
{
    long verify = SSL_get_verify_result(h->ssl);
    const char *text = ERR_reason_error_string(ERR_peek_error());
    if (verify != X509_V_OK)
        text = X509_verify_cert_error_string(verify);
    snprintf(h->reason, sizeof h->reason, "%s", text == NULL ? "connection ended" : text);
    ERR_clear_error();
    return IO_TLS_FAILED;
}

static enum io_tls_state shake(struct io_tls_half *h)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(h->ssl);
    if (rc == 1) {
        h->handshaken = true;
        return IO_TLS_OPEN;
    }
    int why = SSL_get_error(h->ssl, rc);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? IO_TLS_HANDSHAKE : failed(h);
}

enum io_tls_state io_tls_half_feed(struct io_tls_half *h, const uint8_t *data, size_t len)
{
    if (len > 0)
        MUST(BIO_write(h->in, data, (int)len) == (int)len);
    return h->handshaken ? IO_TLS_OPEN : shake(h);
}

size_t io_tls_half_read(struct io_tls_half *h, uint8_t *out, size_t cap, enum io_tls_state *state)
{
    size_t got = 0;
    *state = IO_TLS_OPEN;
    ERR_clear_error();
    int rc = SSL_read_ex(h->ssl, out, cap, &got);
    if (rc == 1)
        return got;
    switch (SSL_get_error(h->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        break;
    case SSL_ERROR_ZERO_RETURN:
        *state = IO_TLS_ENDED;
        break;
    default:
        *state = failed(h);
    }
    return 0;
}

bool io_tls_half_write(struct io_tls_half *h, const uint8_t *data, size_t len)
{
    size_t done = 0;
    ERR_clear_error();
    /* A memory BIO takes everything: no partial writes. */
    return SSL_write_ex(h->ssl, data, len, &done) == 1 && done == len;
}

void io_tls_half_end(struct io_tls_half *h)
{
    ERR_clear_error();
    if (h->handshaken)
        (void)SSL_shutdown(h->ssl); /* only writes close_notify; we do not wait for the other's */
    ERR_clear_error();
}

size_t io_tls_half_output(struct io_tls_half *h, uint8_t *out, size_t cap)
{
    int n = BIO_read(h->out, out, (int)cap);
    return n > 0 ? (size_t)n : 0;
}

bool io_tls_half_certificate(const struct io_tls_half *h, uint8_t sha256[32])
{
    X509 *x = SSL_get1_peer_certificate(h->ssl);
    if (x == NULL)
        return false;
    unsigned len = 0;
    bool ok = X509_digest(x, EVP_sha256(), sha256, &len) == 1 && len == 32;
    X509_free(x);
    return ok;
}

const char *io_tls_half_reason(const struct io_tls_half *h)
{
    return h->reason;
}
