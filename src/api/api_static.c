/*
 * The console's files. Names are made of harmless characters only, and no part begins with a dot:
 * nothing outside of the folder can be named. What lies under assets/ carries its hash in its name
 * and never changes; it is kept in memory and cached by browsers for ever. Everything else is asked
 * for anew and compared by ETag.
 */
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/must.h"

#define FILE_MAX (16u << 20)
#define CACHE_MAX (64u << 20)
#define NAME_MAX_BYTES 200

struct file {
    struct file *next;
    char *name;
    struct bytes content;
    char etag[36];
};

struct web {
    char *root;
    struct file *files;
    size_t bytes;
};

struct web *web_new(const char *root)
{
    struct web *w = calloc(1, sizeof *w);
    MUST(w);
    w->root = root ? strdup(root) : NULL;
    return w;
}

void web_free(struct web *w)
{
    if (!w)
        return;
    while (w->files) {
        struct file *f = w->files;
        w->files = f->next;
        io_file_free(&f->content);
        free(f->name);
        free(f);
    }
    free(w->root);
    free(w);
}

static bool name_ok(const char *path)
{
    size_t len = strlen(path);
    if (path[0] != '/' || len < 2 || len > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)path[i]) && !strchr("/._-", path[i]))
            return false;
        if (path[i] == '/' && (path[i + 1] == '.' || path[i + 1] == '/' || !path[i + 1]))
            return false;
    }
    return true;
}

static const char *type_of(const char *path)
{
    static const struct {
        const char *end, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".yaml", "application/yaml"},
    };
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t end = strlen(types[i].end);
        if (len > end && strcmp(path + len - end, types[i].end) == 0)
            return types[i].type;
    }
    return NULL; /* unknown kinds are not served at all */
}

static bool is_asset(const char *path)
{
    return strncmp(path, "/assets/", 8) == 0;
}

static void make_etag(struct bytes content, char etag[36])
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, content.data, content.len);
    etag[0] = '"';
    hex_encode(hash, 16, etag + 1);
    etag[33] = '"';
    etag[34] = '\0';
}

static enum err load(const struct web *w, const char *path, const char *suffix,
                     struct bytes *content)
{
    char full[1024];
    int n = snprintf(full, sizeof full, "%s%s%s", w->root, path, suffix);
    if (n < 0 || (size_t)n >= sizeof full)
        return ERR_NOT_FOUND;
    return io_file_read(full, FILE_MAX, content);
}

/* A file that never changes, from memory or into it. NULL: there is none. */
static const struct file *keep(struct web *w, const char *path, const char *suffix)
{
    char name[NAME_MAX_BYTES + 8];
    struct bytes content;
    snprintf(name, sizeof name, "%s%s", path, suffix);
    for (const struct file *f = w->files; f; f = f->next)
        if (strcmp(f->name, name) == 0)
            return f;
    if (w->bytes > CACHE_MAX || load(w, path, suffix, &content) != ERR_OK)
        return NULL;
    struct file *f = calloc(1, sizeof *f);
    MUST(f);
    f->name = strdup(name);
    MUST(f->name);
    f->content = content;
    make_etag(content, f->etag);
    f->next = w->files;
    w->files = f;
    w->bytes += content.len;
    return f;
}

static bool unchanged(const struct http_request *r, const char *etag)
{
    const char *known = http_header(r, "If-None-Match");
    return known && (strstr(known, etag) || strcmp(known, "*") == 0);
}

static void headers(struct api *a, struct http_request *r, const char *path, const char *etag,
                    const char *coding)
{
    api_headers(a, r, true);
    http_answer_header(r, "ETag", etag);
    http_answer_header(r, "Vary", "Accept-Encoding");
    http_answer_header(r, "Cache-Control",
                       is_asset(path) ? "public, max-age=31536000, immutable" : "no-cache");
    if (*coding)
        http_answer_header(r, "Content-Encoding", coding);
}

static const char *coding_of(const char *suffix)
{
    return strcmp(suffix, ".br") == 0 ? "br" : strcmp(suffix, ".gz") == 0 ? "gzip" : "";
}

static bool serve_asset(struct api *a, struct http_request *r, const char *path, const char *suffix)
{
    const struct file *f = keep(a->web, path, suffix);
    if (!f)
        return false;
    headers(a, r, path, f->etag, coding_of(suffix));
    if (unchanged(r, f->etag))
        http_answer(r, 304, NULL, NULL, 0);
    else
        http_answer_static(r, 200, type_of(path), f->content);
    return true;
}

static bool serve_page(struct api *a, struct http_request *r, const char *path, const char *suffix)
{
    struct bytes content;
    char etag[36];
    if (load(a->web, path, suffix, &content) != ERR_OK)
        return false;
    make_etag(content, etag);
    headers(a, r, path, etag, coding_of(suffix));
    if (unchanged(r, etag)) {
        http_answer(r, 304, NULL, NULL, 0);
    } else {
        char *copy = malloc(content.len + 1);
        MUST(copy);
        memcpy(copy, content.data, content.len);
        http_answer(r, 200, type_of(path), copy, content.len);
    }
    io_file_free(&content);
    return true;
}

/* The smallest form that the browser takes. */
static bool serve(struct api *a, struct http_request *r, const char *path)
{
    const char *accepts = http_header(r, "Accept-Encoding");
    bool (*one)(struct api *, struct http_request *, const char *, const char *) =
        is_asset(path) ? serve_asset : serve_page;
    if (!a->web->root || !name_ok(path) || !type_of(path))
        return false;
    return (http_accepts(accepts, "br") && one(a, r, path, ".br")) ||
           (http_accepts(accepts, "gzip") && one(a, r, path, ".gz")) || one(a, r, path, "");
}

/* Addresses of the console's own pages have no file; the script that index.html loads knows them.
 */
static bool is_page(const char *path)
{
    return !strchr(strrchr(path, '/'), '.');
}

void web_serve(struct api *a, struct http_request *r)
{
    const char *path = http_path(r);
    if (serve(a, r, strcmp(path, "/") == 0 ? "/index.html" : path))
        return;
    if (is_page(path) && serve(a, r, "/index.html"))
        return;
    static const char text[] = "Not found. 未找到。\n";
    api_headers(a, r, true);
    http_answer_static(r, 404, "text/plain; charset=utf-8",
                       (struct bytes){(const uint8_t *)text, sizeof text - 1});
}
