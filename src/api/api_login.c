/* Log-in, log-out, who am I, and the change of the password. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"

static void put_cookie(struct call *c, const char *token)
{
    char text[160];
    snprintf(text, sizeof text, API_COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax%s%s", token,
             c->api->options.secure ? "; Secure" : "", *token ? "" : "; Max-Age=0");
    http_answer_header(c->http, "Set-Cookie", text);
}

static enum err put_visible(void *arg, const struct site_project *p)
{
    struct call *c = arg;
    if (auth_sees(&c->who, p->id))
        api_put_project(&c->out, NULL, p);
    return ERR_OK;
}

static enum err put_me(struct call *c)
{
    struct jwrite *w = &c->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", c->who.person_id);
    jwrite_text(w, "login", c->who.login);
    jwrite_text(w, "name", c->who.name);
    jwrite_text(w, "role", auth_role_name(c->who.role));
    jwrite_array(w, "permissions");
    for (unsigned v = 0; v < AUTH_VERB_COUNT; v++)
        if (auth_role_may(c->who.role, (enum auth_verb)v))
            jwrite_text(w, NULL, auth_verb_name((enum auth_verb)v));
    jwrite_end(w);
    jwrite_array(w, "projects");
    TRY(site_projects(c->tx, put_visible, c));
    jwrite_end(w);
    jwrite_text(w, "language", c->english ? "en" : "zh");
    jwrite_bool(w, "must_change", c->who.must_change);
    jwrite_text(w, "csrf", c->who.csrf);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_me(struct call *c)
{
    return put_me(c);
}

static enum err me_work(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    c->tx = tx;
    enum err e = put_me(c);
    c->tx = NULL;
    return e;
}

/* The answer to a log-in and to a changed password: a fresh cookie, and who I am. */
static void logged_in(void *arg, enum err result, const struct auth_session *s)
{
    struct call *c = arg;
    struct api_counters *n = &c->api->counters;
    if (result == ERR_OK) {
        c->who = s->principal;
        c->known = true;
        result = store_read(c->api->options.ledger, me_work, c);
        put_cookie(c, s->token);
    }
    if (result == ERR_OK)
        n->logins++;
    else
        n->login_failures++;
    api_finish(c, result);
}

static struct auth_attempt attempt(struct call *c, const char *login, const char *password)
{
    return (struct auth_attempt){.login = login,
                                 .password = password,
                                 .peer = http_peer(c->http),
                                 .now = c->now,
                                 .done = logged_in,
                                 .arg = c};
}

static enum err refused(struct call *c, enum err e, const struct auth_attempt *a)
{
    if (e == ERR_AUTH_THROTTLED)
        c->retry_after_s = auth_wait_s(c->api->auth, a);
    if (e != ERR_OK)
        c->api->counters.login_failures++;
    return e;
}

enum err api_login(struct call *c)
{
    const char *login = "", *password = "";
    TRY(api_fields(
        c, (struct api_field[]){{"login", API_FIELD_TEXT, 1, AUTH_LOGIN_MAX, &login},
                                {"password", API_FIELD_TEXT, 1, AUTH_PASSWORD_MAX, &password},
                                {}}));
    struct auth_attempt a = attempt(c, login, password);
    return refused(c, auth_log_in(c->api->auth, &a), &a);
}

enum err api_password(struct call *c)
{
    const char *old = "", *new = "";
    TRY(api_fields(
        c, (struct api_field[]){{"password", API_FIELD_TEXT, 1, AUTH_PASSWORD_MAX, &old},
                                {"new_password", API_FIELD_TEXT, 1, AUTH_PASSWORD_MAX, &new},
                                {}}));
    struct auth_attempt a = attempt(c, c->who.login, old);
    return refused(c, auth_change_password(c->api->auth, &c->who, new, &a), &a);
}

enum err api_logout(struct call *c)
{
    TRY(auth_log_out(c->tx, c->token));
    c->status = 204;
    put_cookie(c, "");
    return ERR_OK;
}
