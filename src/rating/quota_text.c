/* Moving in, whose usage counts, the free quota, the mix and the names, as text. */
#include <string.h>

#include "rating/rating_impl.h"

static struct rating_spot top(const char *name)
{
    return (struct rating_spot){name, -1, NULL};
}

enum err rating_take_choice(struct rating_parse *p, const char *const *names, unsigned count,
                            enum rating_reason reason, struct rating_spot spot, unsigned *choice)
{
    char name[24];
    TRY(rating_take_text(p, name, sizeof name, spot));
    for (*choice = 0; *choice < count; ++*choice)
        if (strcmp(name, names[*choice]) == 0)
            return ERR_OK;
    return rating_parse_refuse(p, reason, spot);
}

enum err rating_take_move_in(struct rating_parse *p)
{
    static const char *const names[] = {"full", "days", "months"};
    unsigned choice;
    TRY(rating_take_choice(p, names, RATING_MOVE_INS, RATING_MOVE_IN_UNKNOWN, top("move_in"),
                           &choice));
    p->plan->ladder.move_in = (enum rating_move_in)choice;
    return ERR_OK;
}

enum err rating_take_count(struct rating_parse *p)
{
    static const char *const names[] = {"meter", "account", "group"};
    unsigned choice;
    TRY(rating_take_choice(p, names, RATING_COUNTS, RATING_COUNT_UNKNOWN, top("count"), &choice));
    p->plan->ladder.count = (enum rating_count)choice;
    return ERR_OK;
}

/* --- free quota ------------------------------------------------------------------------------- */

enum {
    QUOTA_AMOUNT,
    QUOTA_CYCLE,
    QUOTA_START,
    QUOTA_UNUSED,
    QUOTA_COUNTS,
    QUOTA_PER_PERSON,
    QUOTA_MEMBERS
};

static const char *quota_member(unsigned i)
{
    static const char *const names[] = {"amount", "cycle",  "start",
                                        "unused", "counts", "per_person"};
    return names[i];
}

static enum err take_flag(struct rating_parse *p, bool *flag, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_BOOL)
        return rating_parse_refuse(p, RATING_MEMBER_TYPE, spot);
    *flag = jread_bool(&p->j);
    return p->j.err == ERR_OK ? ERR_OK : rating_parse_refuse(p, RATING_JSON_SYNTAX, spot);
}

static enum err take_quota_start(struct rating_parse *p, struct rating_quota *q,
                                 struct rating_spot spot)
{
    char text[16];
    TRY(rating_take_text(p, text, sizeof text, spot));
    return rating_parse_day(text, &q->start) ? ERR_OK
                                             : rating_parse_refuse(p, RATING_CYCLE_DAY, spot);
}

static enum err take_quota_cycle(struct rating_parse *p, struct rating_quota *q,
                                 struct rating_spot spot)
{
    const char *cycles[RATING_CYCLES];
    unsigned choice;
    for (unsigned i = 0; i < RATING_CYCLES; i++)
        cycles[i] = rating_cycle_name((enum rating_cycle)i);
    TRY(rating_take_choice(p, cycles, RATING_CYCLES, RATING_CYCLE_UNKNOWN, spot, &choice));
    q->cycle = (enum rating_cycle)choice;
    return choice == RATING_HEATING_SEASON ? rating_parse_refuse(p, RATING_QUOTA_RANGE, spot)
                                           : ERR_OK;
}

static enum err take_quota_member(struct rating_parse *p, struct rating_quota *q, unsigned which,
                                  struct rating_spot spot)
{
    static const char *const unused[] = {"expire", "carry"};
    unsigned choice = 0;
    switch (which) {
    case QUOTA_AMOUNT:
        return rating_take_quantity(p, &q->amount_wh, spot);
    case QUOTA_CYCLE:
        return take_quota_cycle(p, q, spot);
    case QUOTA_START:
        return take_quota_start(p, q, spot);
    case QUOTA_UNUSED:
        TRY(rating_take_choice(p, unused, 2, RATING_UNUSED_UNKNOWN, spot, &choice));
        q->carry = choice == 1;
        return ERR_OK;
    default:
        return take_flag(p, which == QUOTA_COUNTS ? &q->counts : &q->per_person, spot);
    }
}

enum err rating_take_free_quota(struct rating_parse *p)
{
    char name[24] = "";
    unsigned seen = 0;
    struct rating_quota *q = &p->plan->quota;
    TRY(rating_open_object(p, top("free_quota")));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"free_quota", -1, name};
        unsigned which = rating_name_index(name, quota_member, QUOTA_MEMBERS);
        if (which == QUOTA_MEMBERS)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        TRY(take_quota_member(p, q, which, spot));
    }
    if (p->j.err != ERR_OK)
        return ERR_OK;
    if (!(seen & 1u << QUOTA_AMOUNT) || !(seen & 1u << QUOTA_CYCLE))
        return rating_parse_refuse(p, RATING_QUOTA_MISSING, top("free_quota"));
    if (q->amount_wh == 0)
        return rating_parse_refuse(p, RATING_QUOTA_RANGE,
                                   (struct rating_spot){"free_quota", -1, "amount"});
    if (!(seen & 1u << QUOTA_START))
        q->start = (struct rating_day){q->cycle == RATING_MONTH ? 0 : 1, 1};
    return ERR_OK;
}

/* --- mix -------------------------------------------------------------------------------------- */

#define PERCENT_DECIMALS 4
#define PERCENT_DIGITS_MAX 6

/* "-0.75" or "30": ten-thousandths. */
static bool parse_percent(const char *text, int32_t *percent_e4)
{
    bool negative = text[0] == '-';
    size_t whole = 0, decimals = 0;
    int64_t v = 0;
    const char *p = text + negative;
    for (; p[whole] >= '0' && p[whole] <= '9' && whole <= PERCENT_DIGITS_MAX; whole++)
        v = v * 10 + (p[whole] - '0');
    if (whole == 0 || whole > PERCENT_DIGITS_MAX)
        return false;
    p += whole;
    if (*p == '.') {
        for (p++; p[decimals] >= '0' && p[decimals] <= '9' && decimals < PERCENT_DECIMALS;
             decimals++)
            v = v * 10 + (p[decimals] - '0');
        if (decimals == 0)
            return false;
        p += decimals;
    }
    for (; decimals < PERCENT_DECIMALS; decimals++)
        v *= 10;
    if (*p != '\0' || v > INT32_MAX)
        return false;
    *percent_e4 = (int32_t)(negative ? -v : v);
    return true;
}

enum err rating_take_percent(struct rating_parse *p, int32_t *percent_e4, struct rating_spot spot)
{
    char text[32];
    TRY(rating_take_text(p, text, sizeof text, spot));
    return parse_percent(text, percent_e4) ? ERR_OK
                                           : rating_parse_refuse(p, RATING_PERCENT_SYNTAX, spot);
}

enum { MIX_CODE, MIX_PERCENT, MIX_PRICE, MIX_PRICES, MIX_MEMBERS };

static const char *mix_member(unsigned i)
{
    static const char *const names[] = {"code", "percent", "price", "prices"};
    return names[i];
}

/* All parts price the same rates: those of the first are the plan's. */
static enum err take_mix_prices(struct rating_parse *p, int index, struct rating_spot spot)
{
    bool priced[RATING_RATES] = {};
    TRY(rating_take_prices(p, &(struct rating_prices){priced, p->plan->mix[index].price_e8, spot}));
    for (unsigned r = 0; r < RATING_RATES; r++) {
        if (index > 0 && priced[r] != p->plan->priced[r])
            return rating_parse_refuse(p, RATING_MIX_RATES, spot);
        p->plan->priced[r] = p->plan->priced[r] || priced[r];
    }
    return ERR_OK;
}

static enum err take_mix_part(struct rating_parse *p, int index)
{
    char name[24] = "";
    unsigned seen = 0;
    struct rating_mix *mix = &p->plan->mix[index];
    struct rating_spot at = {"mix", index, NULL};
    TRY(rating_open_object(p, at));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"mix", index, name};
        unsigned which = rating_name_index(name, mix_member, MIX_MEMBERS);
        if (which == MIX_MEMBERS)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        TRY(which == MIX_CODE      ? rating_take_code(p, mix->code, spot)
            : which == MIX_PERCENT ? rating_take_percent(p, &mix->percent_e4, spot)
            : which == MIX_PRICE   ? rating_take_price(p, &mix->price_e8[0], spot)
                                   : take_mix_prices(p, index, spot));
    }
    mix->has_rates = seen & 1u << MIX_PRICES;
    for (unsigned i = 0; p->j.err == ERR_OK && i < MIX_PRICE; i++)
        if (!(seen & 1u << i))
            return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                       (struct rating_spot){"mix", index, mix_member(i)});
    bool one = !(seen & 1u << MIX_PRICE) != !(seen & 1u << MIX_PRICES);
    return p->j.err != ERR_OK || one ? ERR_OK : rating_parse_refuse(p, RATING_MIX_RATES, at);
}

enum err rating_take_mix(struct rating_parse *p)
{
    TRY(rating_open_array(p, top("mix")));
    while (jread_element(&p->j)) {
        if (p->plan->mix_count == RATING_MIX_MAX)
            return rating_parse_refuse(p, RATING_MIX_TOO_MANY, top("mix"));
        TRY(take_mix_part(p, (int)p->plan->mix_count++));
    }
    return p->j.err != ERR_OK || p->plan->mix_count > 0
               ? ERR_OK
               : rating_parse_refuse(p, RATING_MIX_SUM, top("mix"));
}

/* --- names ------------------------------------------------------------------------------------ */

/* The length of the blank that a text begins with, also the wide one and the one that does not
 * break; 0: none. */
static size_t blank_at(const char *text)
{
    static const char *const blanks[] = {" ", "\t", "\r", "\n", "\u3000", "\u00a0"};
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (strncmp(text, blanks[i], strlen(blanks[i])) == 0)
            return strlen(blanks[i]);
    return 0;
}

static bool is_blank(const char *text)
{
    for (size_t n = blank_at(text); n > 0; n = blank_at(text))
        text += n;
    return *text == '\0';
}

enum err rating_take_names(struct rating_parse *p)
{
    char name[24] = "", text[512];
    unsigned seen = 0;
    TRY(rating_open_object(p, top("names")));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"names", -1, name};
        bool zh = strcmp(name, "zh") == 0;
        if (!zh && strcmp(name, "en") != 0)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, zh, spot));
        TRY(rating_take_text(p, text, sizeof text, spot));
        if (is_blank(text) || strlen(text) > RATING_NAME_MAX)
            return rating_parse_refuse(p, RATING_NAME_TEXT, spot);
        strcpy(zh ? p->plan->name_zh : p->plan->name_en, text);
    }
    return ERR_OK;
}
