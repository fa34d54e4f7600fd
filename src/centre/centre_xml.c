/* The messages, by libxml2. What a centre sends is not trusted: no network, no entities, no
 * document type, no more than a message's length. */
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "centre/centre.h"

/* --- what the centre says --------------------------------------------------------------------- */

static xmlNode *child(xmlNode *parent, const char *name)
{
    for (xmlNode *n = parent ? parent->children : NULL; n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && xmlStrcmp(n->name, BAD_CAST name) == 0)
            return n;
    return NULL;
}

/* The text of an element without blanks around it; false: too long. Empty if there is none. */
static bool text_of(xmlNode *n, char out[CENTRE_TEXT_MAX])
{
    xmlChar *raw = n ? xmlNodeGetContent(n) : NULL;
    const char *text = raw ? (const char *)raw : "";
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    bool fits = len < CENTRE_TEXT_MAX;
    if (fits) {
        memcpy(out, text, len);
        out[len] = '\0';
    }
    xmlFree(raw);
    return fits;
}

static bool operation_is(xmlNode *n, const char *wanted)
{
    xmlChar *is = n ? xmlGetProp(n, BAD_CAST "operation") : NULL;
    bool same = is && xmlStrcmp(is, BAD_CAST wanted) == 0;
    xmlFree(is);
    return same;
}

static bool operation_ends(xmlNode *n, const char *end)
{
    xmlChar *is = n ? xmlGetProp(n, BAD_CAST "operation") : NULL;
    size_t len = is ? strlen((const char *)is) : 0, tail = strlen(end);
    bool same = len >= tail && strcmp((const char *)is + len - tail, end) == 0;
    xmlFree(is);
    return same;
}

static enum err take_login(xmlNode *n, struct centre_answer *out)
{
    char result[CENTRE_TEXT_MAX];
    if (operation_is(n, "sequence")) {
        out->kind = CENTRE_SEQUENCE;
        return text_of(child(n, "sequence"), out->text) && out->text[0] ? ERR_OK : ERR_CENTRE_XML;
    }
    if (!operation_is(n, "result"))
        return ERR_OK;
    out->kind = CENTRE_RESULT;
    if (!text_of(child(n, "result"), result) || !text_of(child(n, "time"), out->text))
        return ERR_CENTRE_XML;
    out->good = strcmp(result, "pass") == 0;
    return out->good || strcmp(result, "fail") == 0 ? ERR_OK : ERR_CENTRE_XML;
}

static enum err take_period(xmlNode *n, struct centre_answer *out)
{
    char text[CENTRE_TEXT_MAX];
    if (!operation_is(n, "period"))
        return ERR_OK;
    if (!text_of(child(n, "period"), text) || text[0] == '\0' ||
        strspn(text, "0123456789") != strlen(text) || strlen(text) > 4)
        return ERR_CENTRE_XML;
    out->kind = CENTRE_PERIOD;
    for (const char *c = text; *c; c++)
        out->minutes = out->minutes * 10 + (*c - '0');
    return ERR_OK;
}

static enum err take_root(xmlNode *root, struct centre_answer *out)
{
    xmlNode *n;
    if (!root || xmlStrcmp(root->name, BAD_CAST "root") != 0 || !child(root, "common"))
        return ERR_CENTRE_XML;
    if ((n = child(root, "id_validate")) != NULL)
        return take_login(n, out);
    if ((n = child(root, "config")) != NULL)
        return take_period(n, out);
    n = child(root, "heart_beat");
    if (operation_is(n, "time")) {
        out->kind = CENTRE_TIME;
        return text_of(child(n, "time"), out->text) ? ERR_OK : ERR_CENTRE_XML;
    }
    n = child(root, "data");
    if (operation_is(n, "query"))
        out->kind = CENTRE_QUERY;
    if (operation_is(n, "query") || operation_is(n, "reply_ack"))
        return ERR_OK; /* a reply waits for nothing */
    if (operation_ends(n, "_ack") || child(n, "ack")) {
        out->kind = CENTRE_ACK;
        return text_of(child(n, "sequence"), out->text) ? ERR_OK : ERR_CENTRE_XML;
    }
    return ERR_OK;
}

enum err centre_answer_take(struct bytes xml, struct centre_answer *out)
{
    *out = (struct centre_answer){.kind = CENTRE_OTHER};
    if (xml.len == 0 || xml.len > CENTRE_XML_MAX)
        return ERR_CENTRE_XML;
    xmlDoc *doc = xmlReadMemory((const char *)xml.data, (int)xml.len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    enum err e = ERR_CENTRE_XML;
    if (doc && !xmlGetIntSubset(doc))
        e = take_root(xmlDocGetRootElement(doc), out);
    xmlFreeDoc(doc);
    return e;
}

enum err centre_time_take(const char *text, int32_t offset_s, wall_s *out)
{
    unsigned p[6];
    int used = 0;
    if (strlen(text) != 14 || strspn(text, "0123456789") != 14 ||
        sscanf(text, "%4u%2u%2u%2u%2u%2u%n", &p[0], &p[1], &p[2], &p[3], &p[4], &p[5], &used) !=
            6 ||
        used != 14)
        return ERR_SYNTAX;
    struct civil c = {(int32_t)p[0],
                      (uint8_t)p[1],
                      (uint8_t)p[2],
                      (uint8_t)p[3],
                      (uint8_t)p[4],
                      (uint8_t)p[5],
                      0};
    if (!civil_valid(c))
        return ERR_SYNTAX;
    *out = civil_to_wall(c, offset_s);
    return ERR_OK;
}

/* --- what we say ------------------------------------------------------------------------------ */

struct page {
    xmlBuffer *buffer;
    xmlTextWriter *w;
};

/* libxml2 fails here for want of memory only, or by text that is not UTF-8: our own mistake. */
static void ok(int result)
{
    MUST(result >= 0);
}

static void open_element(struct page *p, const char *name)
{
    ok(xmlTextWriterStartElement(p->w, BAD_CAST name));
}

static void close_element(struct page *p)
{
    ok(xmlTextWriterEndElement(p->w));
}

static void attribute(struct page *p, const char *name, const char *value)
{
    ok(xmlTextWriterWriteAttribute(p->w, BAD_CAST name, BAD_CAST value));
}

static void element(struct page *p, const char *name, const char *text)
{
    ok(xmlTextWriterWriteElement(p->w, BAD_CAST name, BAD_CAST text));
}

static void number_element(struct page *p, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    element(p, name, text);
}

/* Up to the element that carries the operation, which stays open. */
static struct page begin(const struct centre_profile *profile, const char *type, const char *name,
                         const char *operation)
{
    struct page p = {.buffer = xmlBufferCreate()};
    MUST(p.buffer != NULL);
    p.w = xmlNewTextWriterMemory(p.buffer, 0);
    MUST(p.w != NULL);
    ok(xmlTextWriterStartDocument(p.w, "1.0", "UTF-8", NULL));
    open_element(&p, "root");
    open_element(&p, "common");
    element(&p, "building_id", profile->building);
    element(&p, "gateway_id", profile->gateway);
    element(&p, "type", type);
    close_element(&p);
    open_element(&p, name);
    attribute(&p, "operation", operation);
    return p;
}

static enum err end(struct page *p, struct writer *w)
{
    ok(xmlTextWriterEndDocument(p->w));
    xmlFreeTextWriter(p->w);
    writer_put(w, xmlBufferContent(p->buffer), (size_t)xmlBufferLength(p->buffer));
    xmlBufferFree(p->buffer);
    return w->err;
}

enum err centre_xml_request(const struct centre_profile *profile, struct writer *w)
{
    struct page p = begin(profile, "id_validate", "id_validate", "request");
    return end(&p, w);
}

enum err centre_xml_proof(const struct centre_profile *profile, const char *sequence,
                          struct writer *w)
{
    char proof[33];
    struct page p = begin(profile, "id_validate", "id_validate", "md5");
    centre_proof_text(profile, sequence, proof);
    element(&p, "md5", proof);
    return end(&p, w);
}

enum err centre_xml_heartbeat(const struct centre_profile *profile, struct writer *w)
{
    struct page p = begin(profile, "heart_beat", "heart_beat", "notify");
    return end(&p, w);
}

enum err centre_xml_period_ack(const struct centre_profile *profile, struct writer *w)
{
    struct page p = begin(profile, "period_ack", "config", "period_ack");
    return end(&p, w);
}

static void put_value(struct page *p, const struct centre_value *v)
{
    char text[48];
    int64_t unit = 1;
    MUST(v->decimals <= 6 && v->number >= 0);
    for (unsigned i = 0; i < v->decimals; i++)
        unit *= 10;
    if (v->decimals == 0)
        snprintf(text, sizeof text, "%" PRId64, v->number);
    else
        snprintf(text, sizeof text, "%" PRId64 ".%0*" PRId64, v->number / unit, v->decimals,
                 v->number % unit);
    open_element(p, "function");
    attribute(p, "id", v->id);
    attribute(p, "coding", v->coding);
    attribute(p, "error", v->error);
    ok(xmlTextWriterWriteString(p->w, BAD_CAST text));
    close_element(p);
}

static void put_meter(struct page *p, const struct centre_meter *m)
{
    bool read = false;
    for (size_t i = 0; i < m->count; i++)
        read = read || !m->values[i].missing;
    open_element(p, "meter");
    attribute(p, "id", m->id);
    attribute(p, "conn", read ? "conn" : "disconn");
    for (size_t i = 0; i < m->count; i++)
        if (!m->values[i].missing)
            put_value(p, &m->values[i]);
    close_element(p);
}

enum err centre_xml_report(const struct centre_profile *profile, const struct centre_report *r,
                           struct writer *w)
{
    const char *kind = r->reply ? "reply" : r->continuous ? "continuous" : "report";
    struct civil c = civil_from_wall(r->at, r->offset_s);
    char time[32];
    struct page p = begin(profile, kind, "data", kind);
    snprintf(time, sizeof time, "%04d%02u%02u%02u%02u%02u", (int)c.year, c.month, c.day, c.hour,
             c.minute, c.second);
    number_element(&p, "sequence", r->sequence);
    element(&p, "parser", "yes");
    element(&p, "time", time);
    if (r->continuous && !r->reply) {
        number_element(&p, "total", r->total);
        number_element(&p, "current", r->current);
    }
    for (size_t i = 0; i < r->count; i++)
        put_meter(&p, &r->meters[i]);
    return end(&p, w);
}
