#include "notify/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jread.h"
#include "journal/aside.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "site/site.h"

#define NAME_MAX_BYTES 64
#define FACTS_MAX 24

struct template_row {
    const char *name, *en, *zh;
};

static const struct template_row templates[NOTIFY_TEMPLATE_COUNT] = {
#define NOTIFY_TEMPLATE(name, text, en, zh) [NOTIFY_##name] = {text, en, zh},
#include "notify/template_table.h"
#undef NOTIFY_TEMPLATE
};

const char *notify_template_name(enum notify_template t)
{
    return (unsigned)t < NOTIFY_TEMPLATE_COUNT ? templates[t].name : "unknown";
}

/* --- a note ----------------------------------------------------------------------------------- */

struct fact {
    char name[NAME_MAX_BYTES];
    char text[NAME_MAX_BYTES * 2];
};

struct note {
    char template[NAME_MAX_BYTES], subject[NAME_MAX_BYTES + 1];
    int64_t level, episode;
    struct fact facts[FACTS_MAX];
    size_t fact_count;
    char channels[NOTIFY_CHANNELS_MAX][NAME_MAX_BYTES];
    size_t channel_count;
};

static void add_fact(struct note *n, const char *name, const char *text)
{
    if (n->fact_count == FACTS_MAX)
        return;
    struct fact *f = &n->facts[n->fact_count++];
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->text, sizeof f->text, "%s", text);
}

static bool is_money(const char *name)
{
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, "_fen") == 0;
}

static void add_number(struct note *n, const char *name, int64_t value)
{
    char text[40];
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (is_money(name))
        snprintf(text, sizeof text, "%s%" PRIu64 ".%02" PRIu64, value < 0 ? "-" : "", size / 100,
                 size % 100);
    else
        snprintf(text, sizeof text, "%" PRId64, value);
    add_fact(n, name, text);
}

static void read_facts(struct jread *j, struct note *n)
{
    char name[NAME_MAX_BYTES], text[NAME_MAX_BYTES * 2];
    jread_object(j);
    while (jread_member(j, name, sizeof name)) {
        if (jread_peek(j) == JREAD_NUMBER) {
            add_number(n, name, jread_int(j));
        } else if (jread_peek(j) == JREAD_TEXT) {
            jread_text(j, text, sizeof text);
            add_fact(n, name, text);
        } else {
            jread_skip(j);
        }
    }
}

static void read_channels(struct jread *j, struct note *n)
{
    char name[NAME_MAX_BYTES];
    jread_array(j);
    while (jread_element(j)) {
        jread_text(j, name, sizeof name);
        if (n->channel_count < NOTIFY_CHANNELS_MAX)
            snprintf(n->channels[n->channel_count++], NAME_MAX_BYTES, "%s", name);
    }
}

static enum err read_note(const char *json, struct note *n)
{
    char name[NAME_MAX_BYTES];
    struct jread j = jread_of(json, strlen(json));
    *n = (struct note){0};
    jread_object(&j);
    while (jread_member(&j, name, sizeof name)) {
        if (strcmp(name, "template") == 0)
            jread_text(&j, n->template, sizeof n->template);
        else if (strcmp(name, "subject") == 0)
            jread_text(&j, n->subject, sizeof n->subject);
        else if (strcmp(name, "level") == 0)
            n->level = jread_int(&j);
        else if (strcmp(name, "episode") == 0)
            n->episode = jread_int(&j);
        else if (strcmp(name, "facts") == 0)
            read_facts(&j, n);
        else if (strcmp(name, "channels") == 0)
            read_channels(&j, n);
        else
            jread_skip(&j);
    }
    return jread_end(&j) == ERR_OK ? ERR_OK : ERR_NOTIFY_BODY;
}

static enum err template_of(const struct note *n, enum notify_template *out)
{
    for (int t = 0; t < NOTIFY_TEMPLATE_COUNT; t++)
        if (strcmp(templates[t].name, n->template) == 0) {
            *out = (enum notify_template)t;
            return ERR_OK;
        }
    return ERR_NOTIFY_TEMPLATE;
}

/* --- rendering -------------------------------------------------------------------------------- */

static const char *fact_of(const struct note *n, const char *name, size_t len)
{
    for (size_t i = 0; i < n->fact_count; i++)
        if (strlen(n->facts[i].name) == len && memcmp(n->facts[i].name, name, len) == 0)
            return n->facts[i].text;
    return NULL;
}

/* A word without a fact is an error: half a sentence must not reach a person. */
static enum err render(const struct note *n, const char *form, char out[NOTIFY_TEXT_MAX])
{
    struct writer w = writer_of((uint8_t *)out, NOTIFY_TEXT_MAX - 1);
    while (*form) {
        const char *end = *form == '{' ? strchr(form, '}') : NULL;
        if (!end) {
            writer_u8(&w, (uint8_t)*form++);
            continue;
        }
        const char *text = fact_of(n, form + 1, (size_t)(end - form - 1));
        if (!text)
            return ERR_NOTIFY_FACT;
        writer_put(&w, (const uint8_t *)text, strlen(text));
        form = end + 1;
    }
    out[w.len] = '\0';
    return w.err;
}

/* Of electricity one says it by default, of several kinds in general. */
static const struct supply_words {
    const char *kind, *cut, *back, *supply, *use;
} supply_words[] = {
    {"electricity", "停电", "复电", "供电", "用电"},
    {"water", "停水", "恢复供水", "供水", "用水"},
    {"heat", "停热", "恢复供热", "供热", "用热"},
    {"cooling", "停冷", "恢复供冷", "供冷", "用冷"},
    {"gas", "停气", "恢复供气", "供气", "用气"},
    {"", "停供", "恢复供应", "供应", "使用"},
};

static const struct supply_words *words_of(const char *kind, int64_t kinds)
{
    size_t last = sizeof supply_words / sizeof *supply_words - 1;
    for (size_t i = 0; kinds == 1 && i < last; i++)
        if (strcmp(supply_words[i].kind, kind) == 0)
            return &supply_words[i];
    return &supply_words[kinds == 0 ? 0 : last];
}

static enum err add_words(struct store_tx *tx, struct note *n, int64_t account_id)
{
    struct query q = query_open(tx,
                                "SELECT count(DISTINCT kind), coalesce(min(kind), '') FROM meter "
                                "WHERE account_id = $1",
                                "i", account_id);
    const struct supply_words *w = &supply_words[0];
    if (query_step(&q))
        w = words_of(query_text(&q, 1), query_int(&q, 0));
    TRY(query_end(&q));
    add_fact(n, "cut", w->cut);
    add_fact(n, "back", w->back);
    add_fact(n, "supply", w->supply);
    add_fact(n, "use", w->use);
    return ERR_OK;
}

static enum err add_names(struct store_tx *tx, struct note *n, struct notify_message *m)
{
    struct site_account account;
    struct site_place place;
    TRY(site_account_get(tx, m->account_id, &account));
    TRY(site_place_get(tx, account.place_id, &place));
    m->project_id = account.project_id;
    add_fact(n, "account", account.code);
    add_fact(n, "place", account.name[0] ? account.name : place.name);
    return add_words(tx, n, m->account_id);
}

static enum err compose(struct store_tx *tx, struct note *n, struct notify_message *m)
{
    TRY(template_of(n, &m->template));
    TRY(add_names(tx, n, m));
    TRY(render(n, templates[m->template].en, m->text_en));
    return render(n, templates[m->template].zh, m->text_zh);
}

/* --- sending ---------------------------------------------------------------------------------- */

static enum err send_on_console(void *self, struct store_tx *tx, const struct notify_message *m,
                                bool *delivered)
{
    (void)self;
    (void)tx;
    (void)m;
    *delivered = true; /* it stands on the account's page as soon as this commits */
    return ERR_OK;
}

const struct notify_channel notify_console = {.name = "console", .send = send_on_console};

struct run {
    const struct notify *notify;
    struct store_tx *tx;
    wall_s now;
    struct notify_done *done;
};

static enum err was_sent(struct store_tx *tx, const struct notify_message *m, bool *sent)
{
    int64_t n = 0;
    TRY(store_int(tx, &n,
                  "SELECT count(*) FROM message WHERE account_id = $1 AND template = $2 AND "
                  "episode = $3 AND level = $4 AND subject = $5 AND channel = $6",
                  "itiitt", m->account_id, notify_template_name(m->template), m->episode, m->level,
                  m->subject, m->channel));
    *sent = n > 0;
    return ERR_OK;
}

static enum err store_message(struct run *r, struct notify_message *m, const char *state)
{
    bool delivered = strcmp(state, "delivered") == 0;
    TRY(store_next_id(r->tx, "message", &m->id));
    return store_exec(r->tx,
                      "INSERT INTO message (id, account_id, at, template, level, episode, subject, "
                      "channel, text_zh, text_en, state, delivered_at) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12, 0))",
                      "iiitiittttti", m->id, m->account_id, m->at.s,
                      notify_template_name(m->template), m->level, m->episode, m->subject,
                      m->channel, m->text_zh, m->text_en, state, delivered ? r->now.s : INT64_C(0));
}

static enum err tell_event(struct run *r, const struct notify_message *m, enum journal_kind kind,
                           const char *template)
{
    struct detail d = {0};
    detail_text(&d, "template", template);
    detail_int(&d, "level", m->level);
    if (m->channel)
        detail_text(&d, "channel", m->channel);
    return journal_event(r->tx, &(struct journal_event){.at = r->now,
                                                        .kind = kind,
                                                        .project_id = m->project_id,
                                                        .account_id = m->account_id,
                                                        .detail = detail_end(&d)});
}

static const struct notify_channel *find_channel(const struct notify *n, const char *name)
{
    for (size_t i = 0; i < NOTIFY_CHANNELS_MAX && n->channels[i]; i++)
        if (strcmp(n->channels[i]->name, name) == 0)
            return n->channels[i];
    return NULL;
}

static enum err tell_delivered(struct run *r, const struct notify_message *m)
{
    TRY(tell_event(r, m, EVENT_MESSAGE_DELIVERED, notify_template_name(m->template)));
    if (!r->notify->delivered)
        return ERR_OK;
    return r->notify->delivered(r->notify->arg, r->tx, m, r->now);
}

/* By one channel; a name that nobody has connected fails like a channel that is out of order. */
static enum err send(struct run *r, struct notify_message *m)
{
    bool delivered = false, sent = false;
    TRY(was_sent(r->tx, m, &sent));
    if (sent) {
        r->done->repeated++;
        return ERR_OK;
    }
    const struct notify_channel *c = find_channel(r->notify, m->channel);
    enum err e = c ? c->send(c->self, r->tx, m, &delivered) : ERR_NOTIFY_CHANNEL;
    TRY(store_message(r, m, e != ERR_OK ? "failed" : delivered ? "delivered" : "waiting"));
    if (e != ERR_OK) {
        r->done->failed++;
        return tell_event(r, m, EVENT_MESSAGE_FAILED, notify_template_name(m->template));
    }
    r->done->sent++;
    return delivered ? tell_delivered(r, m) : ERR_OK;
}

struct letter {
    struct run *run;
    const struct note *note;
    struct notify_message *message;
};

static enum err send_all(struct store_tx *tx, void *arg)
{
    const struct letter *letter = arg;
    struct run *r = letter->run;
    const struct note *n = letter->note;
    struct notify_message *m = letter->message;
    (void)tx; /* the run's */
    if (n->channel_count == 0) {
        m->channel = r->notify->channels[0]->name;
        return send(r, m);
    }
    for (size_t i = 0; i < n->channel_count; i++) {
        m->channel = n->channels[i];
        TRY(send(r, m));
    }
    return ERR_OK;
}

static enum err take_note(void *arg, const struct journal_note *row)
{
    struct run *r = arg;
    struct note n;
    struct notify_message m = {.account_id = row->account_id, .at = r->now};
    r->done->taken++;
    enum err e = read_note(row->body, &n);
    if (e == ERR_OK) {
        m.level = n.level;
        m.episode = n.episode;
        m.subject = n.subject;
        e = compose(r->tx, &n, &m);
    }
    if (e == ERR_OK)
        TRY(store_part(r->tx, send_all, &(struct letter){r, &n, &m}, &e));
    if (e == ERR_OK || aside_is_of_machine(e))
        return e;
    r->done->refused++;
    return m.project_id != 0 ? tell_event(r, &m, EVENT_MESSAGE_FAILED, err_name(e)) : ERR_OK;
}

enum err notify_run(const struct notify *n, struct store_tx *tx, wall_s now, int64_t limit,
                    struct notify_done *done)
{
    *done = (struct notify_done){0};
    struct run r = {.notify = n, .tx = tx, .now = now, .done = done};
    return journal_outbox_take(tx, NOTIFY_TOPIC, limit, now, take_note, &r);
}

/* --- what becomes of it later ----------------------------------------------------------------- */

struct waiting {
    struct notify_message message;
    char subject[NAME_MAX_BYTES + 1], channel[NAME_MAX_BYTES], template[NAME_MAX_BYTES];
    bool found, waits;
};

static enum err load_waiting(struct store_tx *tx, int64_t id, struct waiting *w)
{
    struct query q = query_open(tx,
                                "SELECT m.account_id, a.project_id, m.at, m.level, m.episode, "
                                "m.subject, m.channel, m.template, m.state FROM message m "
                                "JOIN account a ON a.id = m.account_id WHERE m.id = $1",
                                "i", id);
    *w = (struct waiting){.found = query_step(&q)};
    if (w->found) {
        w->message = (struct notify_message){.id = id,
                                             .account_id = query_int(&q, 0),
                                             .project_id = query_int(&q, 1),
                                             .at = {query_int(&q, 2)},
                                             .level = query_int(&q, 3),
                                             .episode = query_int(&q, 4),
                                             .subject = w->subject,
                                             .channel = w->channel};
        snprintf(w->subject, sizeof w->subject, "%s", query_text(&q, 5));
        snprintf(w->channel, sizeof w->channel, "%s", query_text(&q, 6));
        snprintf(w->template, sizeof w->template, "%s", query_text(&q, 7));
        w->waits = strcmp(query_text(&q, 8), "waiting") == 0;
    }
    return query_end(&q);
}

enum err notify_report(const struct notify *n, struct store_tx *tx,
                       const struct notify_report *report)
{
    struct waiting w;
    struct note note = {0};
    struct run r = {.notify = n, .tx = tx, .now = report->at};
    TRY(load_waiting(tx, report->message_id, &w));
    if (!w.found)
        return ERR_NOT_FOUND;
    if (!w.waits)
        return ERR_STATE;
    snprintf(note.template, sizeof note.template, "%s", w.template);
    TRY(template_of(&note, &w.message.template));
    TRY(store_exec(tx, "UPDATE message SET state = $2, delivered_at = nullif($3, 0) WHERE id = $1",
                   "iti", report->message_id, report->delivered ? "delivered" : "failed",
                   report->delivered ? report->at.s : INT64_C(0)));
    return report->delivered ? tell_delivered(&r, &w.message)
                             : tell_event(&r, &w.message, EVENT_MESSAGE_FAILED, w.template);
}

/* --- looking ---------------------------------------------------------------------------------- */

enum err notify_list(struct store_tx *tx, int64_t account_id, int64_t before, int64_t limit,
                     notify_each *each, void *arg)
{
    struct query q = query_open(tx,
                                "SELECT id, at, template, channel, state, text_zh, text_en, level, "
                                "episode, coalesce(delivered_at, 0) FROM message "
                                "WHERE ($1 = 0 OR account_id = $1) AND ($2 = 0 OR id < $2) "
                                "ORDER BY id DESC LIMIT $3",
                                "iii", account_id, before, limit);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = each(arg, &(struct notify_row){.id = query_int(&q, 0),
                                           .at = {query_int(&q, 1)},
                                           .template = query_text(&q, 2),
                                           .channel = query_text(&q, 3),
                                           .state = query_text(&q, 4),
                                           .text_zh = query_text(&q, 5),
                                           .text_en = query_text(&q, 6),
                                           .level = query_int(&q, 7),
                                           .episode = query_int(&q, 8),
                                           .delivered_at = {query_int(&q, 9)}});
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}
