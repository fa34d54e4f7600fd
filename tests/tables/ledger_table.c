/* Lives tables of ledger acts: ledger_table FILE... (the words are explained in the tables). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"

struct act {
    char *words[24];
    size_t count;
    char said[512]; /* what came of it */
};

static enum err do_post(struct store_tx *tx, struct act *a)
{
    struct ledger_entry e = {.account_id = strtoll(a->words[1], NULL, 10),
                             .key = a->words[2],
                             .kind = a->words[3],
                             .now = {strtoll(a->words[4], NULL, 10)},
                             .business_day = (int32_t)strtol(a->words[5], NULL, 10),
                             .actor = "user:1"};
    struct ledger_posted posted;
    size_t n = 0;
    for (size_t i = 6; i < a->count; i++) {
        char *equal = strchr(a->words[i], '=');
        if (a->words[i][0] == '@') {
            e.occurred_at.s = strtoll(a->words[i] + 1, NULL, 10);
            continue;
        }
        *equal = 0;
        e.postings[n].book = ledger_book_of(a->words[i]);
        e.postings[n++].amount_fen = strtoll(equal + 1, NULL, 10);
    }
    enum err err = ledger_post(tx, &e, &posted);
    if (err != ERR_OK)
        snprintf(a->said, sizeof a->said, "%s", err_name(err));
    else
        snprintf(a->said, sizeof a->said, "%s%" PRId64, posted.repeated ? "again " : "", posted.seq);
    return err;
}

static enum err do_balance(struct store_tx *tx, struct act *a)
{
    int64_t fen = 0;
    TRY(ledger_balance(tx, strtoll(a->words[1], NULL, 10), ledger_book_of(a->words[2]), &fen));
    snprintf(a->said, sizeof a->said, "%" PRId64, fen);
    return ERR_OK;
}

static enum err say_last(void *arg, const struct ledger_txn *t)
{
    struct act *a = arg;
    snprintf(a->said, sizeof a->said, "%" PRId64 " at=%" PRId64 " occurred=%" PRId64 " day=%d",
             t->seq, t->at.s, t->occurred_at.s, (int)t->business_day);
    return ERR_OK;
}

static enum err do_last(struct store_tx *tx, struct act *a)
{
    snprintf(a->said, sizeof a->said, "0 at=0 occurred=0 day=0");
    return ledger_history(tx, strtoll(a->words[1], NULL, 10), 0, 1, say_last, a);
}

static void say_fault(void *arg, const struct ledger_fault *f)
{
    struct act *a = arg;
    size_t len = strlen(a->said);
    snprintf(a->said + len, sizeof a->said - len, "%s%s:%" PRId64 "/%" PRId64, len ? " " : "",
             ledger_fault_name(f->kind), f->account_id, f->at_seq);
}

static enum err do_verify(struct store_tx *tx, struct act *a)
{
    struct ledger_check check;
    enum err e = ledger_verify(tx, &(struct ledger_watch){.fault = say_fault, .arg = a}, &check);
    if (e == ERR_OK)
        snprintf(a->said, sizeof a->said, "ok %" PRId64 " %" PRId64, check.accounts,
                 check.transactions);
    return e;
}

static const struct {
    const char *name;
    enum err (*run)(struct store_tx *tx, struct act *a);
    size_t words;
} acts[] = {
    {"post", do_post, 6}, {"balance", do_balance, 3}, {"last", do_last, 2}, {"verify", do_verify, 1},
};

static enum err run_act(struct store_tx *tx, void *arg)
{
    struct act *a = arg;
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, a->words[0]) == 0 && a->count >= acts[i].words)
            return acts[i].run(tx, a);
    snprintf(a->said, sizeof a->said, "no such act");
    return ERR_SYNTAX;
}

static void fresh(struct store **s, struct act *a)
{
    store_close(*s);
    *s = NULL;
    enum err e = store_open(s, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"});
    snprintf(a->said, sizeof a->said, "%s", e == ERR_OK ? "ok" : err_name(e));
}

static void live_line(struct store **s, char *text, struct act *a)
{
    for (char *w = strtok(text, " \t"); w && a->count < 24; w = strtok(NULL, " \t"))
        a->words[a->count++] = w;
    if (a->count && strcmp(a->words[0], "fresh") == 0)
        fresh(s, a);
    else if (a->count && store_run(*s, run_act, a) != ERR_OK && !a->said[0])
        snprintf(a->said, sizeof a->said, "failed without a word");
}

static int live_file(const char *path, int *lines)
{
    char line[512];
    int wrong = 0, number = 0;
    struct store *s = NULL;
    FILE *f = fopen(path, "r");
    if (!f)
        return fprintf(stderr, "%s: cannot be opened\n", path), 1;
    while (fgets(line, sizeof line, f)) {
        struct act a = {};
        number++;
        line[strcspn(line, "\r\n")] = 0;
        char *arrow = strstr(line, "->");
        if (line[0] == '#' || !arrow)
            continue;
        *arrow = 0;
        char *expected = arrow + 2 + strspn(arrow + 2, " ");
        live_line(&s, line, &a);
        ++*lines;
        if (strcmp(a.said, expected) != 0)
            wrong++, fprintf(stderr, "%s:%d: expected '%s', got '%s'\n", path, number, expected, a.said);
    }
    fclose(f);
    store_close(s);
    return wrong;
}

int main(int argc, char **argv)
{
    int wrong = 0, lines = 0;
    for (int i = 1; i < argc; i++)
        wrong += live_file(argv[i], &lines);
    printf("%d acts, %d wrong\n", lines, wrong);
    return wrong || lines == 0;
}
