/*
 * The dorm terminal as docs/protocols/terminal.md and docs/manual/terminal.md tell it, slow and
 * obvious: the second opinion against which src/terminal is compared, input by input.
 *
 * It shares nothing with the library but the numbers of its public header. Money is a pair of exact
 * totals (what came in, what was used, in 1e-8 fen) and every balance is computed from them; dates
 * are counted day by day; records are plain arrays, newest first; nothing is stored in an nvram.
 * What the documents leave open (how many samples a recognition takes) the model does not decide:
 * it takes the library's claim and says whether it may be, and whether it is overdue.
 */
#ifndef YUFU_TESTS_ORACLE_TERMINAL_MODEL_H
#define YUFU_TESTS_ORACLE_TERMINAL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terminal/terminal.h"

#define E8 INT64_C(100000000)
__extension__ typedef __int128 big;

struct m_date {
    int year, month, day, hour, minute, second, weekday; /* 2026; weekday 0 Sunday */
    int day_number;                                      /* days since 2000-01-01 */
};

struct m_purchase {
    struct m_date at;
    uint32_t count;
    int64_t amount, before, after, purchased;
};

struct m_event {
    uint32_t number; /* 0: none */
    struct m_date at;
    int circuit, reason;
    uint32_t operator_code;
    int64_t balance;
    uint64_t energy_mwh;
    int32_t power_mw;
    /* of a limit */
    bool limit;
    uint32_t value, allowed;
};

struct m_freeze {
    uint32_t number; /* 0: none */
    struct m_date at;
    uint64_t rate_mwh[4], circuit_mwh[3];
    int64_t balance, free;
};

struct m_hold {
    int cause; /* 0: none */
    bool locked;
    int recloses;
    int64_t until; /* rtc seconds */
};

/* What changes together: the books. */
struct m_books {
    uint64_t mwh[3][4];
    big used_e8;      /* since the wallet was made */
    int64_t paid_fen; /* into the wallet as it is */
    big gone_e8;      /* of used_e8: before the wallet as it is was made */
    uint32_t count;
    int64_t purchased_fen;
    bool opened;
    uint8_t customer[6];
    struct m_purchase purchase[TERMINAL_PURCHASES]; /* newest first */
    bool cut, keep_power, alarm_ordered;
    int pretrip; /* 0 armed, 1 tripped, 2 closed again */
    int64_t pretrip_until;
    bool remote[3], key_wait[3], staff[3];
    int timed; /* 0, 1D, 1E */
    int64_t timed_until;
    bool open[3];
    uint32_t operator_code;
    uint32_t trips, closes, power_downs, programmings, clock_sets;
    int64_t correction;
    bool clock_lost;
    struct m_hold hold[3];
    int hold_day;
    struct m_event trip[TERMINAL_TRIPS], close[TERMINAL_CLOSES]; /* newest first */
    /* numbers up to which records may have been begun before a cut, in the places of old ones */
    uint32_t begun_trips, begun_closes, begun_days, begun_months;
    /* the month's free amount */
    int64_t free_fen;
    int free_month; /* it was given for; 0: never */
    uint32_t days, months;
    int freeze_day, freeze_month; /* the last that was frozen; 0: none */
    int broadcast_day;            /* the clock was moved by one; 0: none */
    struct m_freeze day[TERMINAL_DAYS], month[TERMINAL_MONTHS]; /* newest first */
};

struct m_config {
    uint8_t address[6], number[6];
    uint8_t password[2][3]; /* levels 2 and 4 */
    int64_t limit[5];       /* alarm 1, alarm 2, overdraft, hoard, close allowed */
    uint32_t price[4];
    struct m_table {
        int periods;
        struct {
            int minute, rate;
        } period[TERMINAL_PERIODS];
    } table[2];
    int zones;
    struct {
        int month, day, table;
    } zone[TERMINAL_ZONES];
    int pretrip, wait_s, safe, auth, alarm4, kept;
    int unit; /* of Modbus; 0: not spoken */
    int64_t free_fen;
};

struct m_hours {
    int begin, end, cover; /* cover 0: unused */
};

struct m_rules {
    bool timed, malignant, aircon;
    struct m_hours hours[2][TERMINAL_HOURS];
    int power_w, current_ma, night_w, night_ma, delay_s, recloses, wait_s, step_w, standby_ma,
        unplugged_s;
    int white_w[8], white_var[8];
};

struct m_guard {
    struct m_rules rules[3];
    int weekend;
    int dates;
    struct {
        int year, month, day, kind;
    } date[TERMINAL_DATES];
};

/* The loads in one circuit, as the bench plays them. */
struct m_world {
    int heater_w, motor_w[3], standby_ma, fed_w;
    bool fed; /* power came back once: what is it that stops? */
};

enum {
    LIMIT_PROTECTION,
    LIMIT_NIGHT_POWER,
    LIMIT_NIGHT_CURRENT,
    LIMIT_CURRENT,
    LIMIT_POWER,
    LIMITS
};

struct model {
    struct terminal_setup setup;
    struct m_books books;
    struct m_config config;
    struct m_guard guard;
    /* gone with the power */
    int64_t now_ms, rtc;
    int64_t looked; /* the second in which the clock was looked at last */
    bool running, programming;
    bool fault, fault_found;       /* damaged records; the next start finds them */
    int64_t over_since[3][LIMITS]; /* -1: not exceeded */
    int64_t learn_until[3];
    int port;     /* of the frame that is looked at */
    int wrong[2]; /* passwords in a row, by port */
    int64_t deaf_until[2], modbus_until[2];
    uint32_t item[2]; /* chosen by Modbus */
    int order_word;
    bool order_refused;
    struct terminal_sample sample;
    int64_t auth_until_ms;
    uint8_t random2[4], next_random2[4]; /* of the running authentication; what the library chose */
    int failures, failures_day;
    uint8_t page; /* of the display */
    int64_t page_until_ms, light_until_ms;
    /* what may or must be recognised */
    int64_t closed_ms[3]; /* when the circuit closed, or the power came */
    bool seen[3];         /* the air conditioner, as the library says */
    bool may_trip[3];     /* a malignant load */
    bool may_unplug[3];   /* the air conditioner */
    char complaint[160];  /* something that must not be */
};

/* Inputs. Each leaves the model as the library must be when its writes are done. */
void model_new(struct model *m, const struct terminal_setup *setup);
void model_factory_config(struct model *m);
void model_factory_guard(struct model *m);
void model_boot(struct model *m); /* power comes back */
void model_time(struct model *m, int64_t now_ms, int64_t rtc, bool lost);
void model_energy(struct model *m, int circuit, uint64_t mwh); /* from 0 */
/* claim: which circuits the library holds for a malignant load or the air conditioner now. */
void model_measure(struct model *m, const struct terminal_sample *s, const int claim[3]);
void model_key(struct model *m);
/* One frame to this terminal's address (or AA.., or 99..); the answer's control and data. Returns
 * its length, -1: no answer. */
int model_frame(struct model *m, const uint8_t address[6], int control, const uint8_t *data,
                int len, int *answer_control, uint8_t *answer);

/* The same of Modbus RTU, from the unit to before the CRC; -1: no answer. */
int model_modbus(struct model *m, const uint8_t *frame, int len, uint8_t *answer);

/* Four bytes of signature in the running authentication. */
void model_sign(const struct model *m, const uint8_t *data, int len, uint8_t mac[4]);
/* Fills what a master would compute: the cipher of an authentication, the signatures of a sale. */
void model_sign_frame(const struct model *m, uint8_t *data, int len);

/* What it shows. */
int64_t model_balance(const struct model *m);
int64_t model_left(const struct model *m);  /* with what is free */
int64_t model_carry(const struct model *m); /* 1e-8 fen used, less than a fen */
int model_alarm(const struct model *m);
int64_t model_page_value(const struct model *m); /* of m->page */
int model_reason(const struct model *m, int circuit, bool *open);
int model_rate(const struct model *m);
uint64_t model_mwh(const struct model *m, int circuit, int rate); /* from 1; 0 all */
struct m_date model_local(const struct model *m);
int32_t model_power_mw(const struct model *m, int circuit); /* from 0 */
int64_t model_mvar(const struct model *m, int circuit);     /* from 0 */
int model_cover(const struct model *m, int circuit);

/* The parts of it, used by each other. */
struct m_date m_date_of(int64_t seconds_local);
int64_t m_seconds(const struct m_date *d); /* of local time, since 1970 */
bool m_date_valid(const struct m_date *d);
void m_settle(struct model *m);
void m_month(struct model *m);
int m_month_number(const struct m_date *d);
bool m_reads(const struct model *m, uint32_t di, uint8_t *out, int *len);
int m_writes(struct model *m, uint32_t di, const uint8_t *data, int len); /* error byte */
int m_order(struct model *m, const uint8_t *data, int len);
bool m_obey(struct model *m, int n1, int n2, uint32_t operator_code);
bool m_password(struct model *m, const uint8_t pa_p[4], int level); /* level, digits */
int m_money(struct model *m, const uint8_t *data, int len, uint8_t *out, int *out_len); /* SERR */
void m_shift_clock(struct model *m, int64_t seconds);
void m_trip(struct model *m, int circuit, int cause);
bool m_bcd(const uint8_t *data, int len, int64_t *value);
void m_put_bcd(uint8_t *out, uint64_t value, int len);

#endif
