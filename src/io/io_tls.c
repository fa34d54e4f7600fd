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

/* A machine without a battery begins in the past, and learns the time over this very connection.
 * That a certificate is not yet valid says only that; one that has expired stays refused. */
static int judge(int good, X509_STORE_CTX *context)
{
    return good || X509_STORE_CTX_get_error(context) == X509_V_ERR_CERT_NOT_YET_VALID;
}

static bool set_up(SSL_CTX *context, const struct io_tls_options *o)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    /* The CA is a project's own: whoever holds a certificate of it for this purpose is meant. The
     * purpose (serverAuth, clientAuth) is checked by OpenSSL, so no gateway can play platform. */
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, judge);
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
    h->ssl = SSL_new(tls->context);
    h->in = BIO_new(BIO_s_mem());
    h->out = BIO_new(BIO_s_mem());
    MUST(h->ssl != NULL && h->in != NULL && h->out != NULL);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(h->ssl), (time_t)now.s);
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
