/*
 * The site: organisations, projects, places, gateways and their lines, customers, accounts,
 * meters, price plans and strategies. Look-ups and lists for the rooms above; `put` functions
 * that create or change one object by its natural key; claims of new gateways.
 *
 * Whatever changes a line or a meter raises config_version of its gateway in the same
 * transaction. Plans and strategies are versioned: a change is a new version with its own
 * effective time, never an edit.
 *
 * Look-ups answer ERR_NOT_FOUND. Structs are values: nothing in them needs freeing.
 */
#ifndef YUFU_SITE_SITE_H
#define YUFU_SITE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "rating/rating.h"
#include "store/store.h"
#include "uplink/message.h"

/* Bytes, without the closing zero. */
#define SITE_CODE_MAX 32
#define SITE_NAME_MAX 96
#define SITE_PATH_MAX 128 /* a place's code: 'A/3/301' */
#define SITE_ZONE_MAX 48
#define SITE_PHONE_MAX 20
#define SITE_BODY_MAX 16'384 /* a plan or strategy */
#define SITE_CIRCUITS_MAX 3
#define SITE_LINES_MAX 255

enum site_change { SITE_SAME, SITE_NEW, SITE_CHANGED };

/* --- organisations and projects ------------------------------------------------------------- */

struct site_project {
    int64_t id, organisation_id;
    char code[SITE_CODE_MAX + 1];
    char name[SITE_NAME_MAX + 1];
    char zone[SITE_ZONE_MAX + 1]; /* IANA */
};

[[nodiscard]] enum err site_organisation_put(struct store_tx *tx, const char *code,
                                             const char *name, int64_t *id,
                                             enum site_change *change);
/* Natural key: code. Sets p->id. */
[[nodiscard]] enum err site_project_put(struct store_tx *tx, struct site_project *p,
                                        enum site_change *change);
[[nodiscard]] enum err site_project_get(struct store_tx *tx, int64_t id, struct site_project *p);
[[nodiscard]] enum err site_project_by_code(struct store_tx *tx, const char *code,
                                            struct site_project *p);
typedef enum err site_project_each(void *arg, const struct site_project *p);
[[nodiscard]] enum err site_projects(struct store_tx *tx, site_project_each *each, void *arg);

/* --- places --------------------------------------------------------------------------------- */

enum site_place_kind { SITE_BUILDING, SITE_FLOOR, SITE_ROOM, SITE_SHOP };

struct site_place {
    int64_t id, project_id, parent_id; /* parent 0: top */
    enum site_place_kind kind;
    char code[SITE_PATH_MAX + 1]; /* path within the project */
    char name[SITE_NAME_MAX + 1];
};

const char *site_place_kind_name(enum site_place_kind kind);
[[nodiscard]] enum err site_place_put(struct store_tx *tx, struct site_place *p,
                                      enum site_change *change); /* key: project, code */
[[nodiscard]] enum err site_place_get(struct store_tx *tx, int64_t id, struct site_place *p);
[[nodiscard]] enum err site_place_by_path(struct store_tx *tx, int64_t project_id, const char *path,
                                          struct site_place *p); /* ERR_NOT_FOUND */
typedef enum err site_place_each(void *arg, const struct site_place *p);
/* The tree in order of codes: a parent comes before its children. */
[[nodiscard]] enum err site_places(struct store_tx *tx, int64_t project_id, site_place_each *each,
                                   void *arg);

/* --- gateways and lines --------------------------------------------------------------------- */

struct site_gateway {
    int64_t id, project_id;
    char serial[SITE_CODE_MAX + 1];
    char name[SITE_NAME_MAX + 1];
    bool claimed, revoked;
    wall_s claim_until; /* 0: no open claim */
    int64_t boot_epoch, received_epoch, received_seq;
    int64_t config_version, config_applied;
    wall_s last_seen; /* 0: never */
    bool has_secret;
    uint8_t secret[32];           /* valid if has_secret */
    uint8_t certificate_hash[32]; /* SHA-256 of the DER; valid if claimed */
};

struct site_line {
    int64_t id, gateway_id, number; /* 1..255 */
    char endpoint[UPLINK_TEXT_MAX]; /* 'serial:/dev/ttyS1', 'tcp:127.0.0.1:9001' */
    int64_t baud;
    char parity; /* 'N' 'E' 'O' */
};

[[nodiscard]] enum err site_gateway_put(struct store_tx *tx, int64_t project_id, const char *serial,
                                        const char *name, int64_t *id,
                                        enum site_change *change); /* key: serial */
[[nodiscard]] enum err site_gateway_get(struct store_tx *tx, int64_t id, struct site_gateway *g);
[[nodiscard]] enum err site_gateway_by_serial(struct store_tx *tx, const char *serial,
                                              struct site_gateway *g);
typedef enum err site_gateway_each(void *arg, const struct site_gateway *g);
/* project_id 0: of all projects. */
[[nodiscard]] enum err site_gateways(struct store_tx *tx, int64_t project_id,
                                     site_gateway_each *each, void *arg);

[[nodiscard]] enum err site_line_put(struct store_tx *tx, struct site_line *line,
                                     enum site_change *change); /* key: gateway, number */
[[nodiscard]] enum err site_line_get(struct store_tx *tx, int64_t id, struct site_line *line);
typedef enum err site_line_each(void *arg, const struct site_line *line);
[[nodiscard]] enum err site_lines(struct store_tx *tx, int64_t gateway_id, site_line_each *each,
                                  void *arg);

/* What the gateway should do, in one part (part 0 of 1): lines by number, meters by id. The arrays
 * belong to the caller; give them back with site_config_free. */
[[nodiscard]] enum err site_gateway_config(struct store_tx *tx, int64_t gateway_id,
                                           struct uplink_config *out);
void site_config_free(struct uplink_config *config);
[[nodiscard]] enum err site_gateway_config_bump(struct store_tx *tx, int64_t gateway_id);

/* A new gateway proves itself with a one-time code; only its SHA-256 is stored. Creating a claim
 * again replaces an open one; of a claimed gateway it is allowed (it was replaced on site), and
 * the old identity ends when the new one is used. */
[[nodiscard]] enum err site_claim_create(struct store_tx *tx, int64_t gateway_id,
                                         const uint8_t code_hash[32], wall_s until);
struct site_claim {
    const char *serial;
    const uint8_t *code_hash;        /* 32 bytes: SHA-256 of the code that was said */
    const uint8_t *secret;           /* 32 random bytes: the gateway's from now on */
    const uint8_t *certificate_hash; /* 32 bytes: SHA-256 of the certificate (DER) issued to it */
    wall_s now;
};
/* ERR_SITE_CLAIM for an unknown serial, a wrong, used or expired code: one answer for all, so that
 * nobody learns which. */
[[nodiscard]] enum err site_claim_use(struct store_tx *tx, const struct site_claim *claim,
                                      int64_t *gateway_id);
/* The same check without using the code up. */
[[nodiscard]] enum err site_claim_check(struct store_tx *tx, const char *serial,
                                        const uint8_t code_hash[32], wall_s now,
                                        int64_t *gateway_id);

/* Session book-keeping. ERR_SITE_EPOCH if the epoch is not above every earlier one. */
[[nodiscard]] enum err site_gateway_boot(struct store_tx *tx, int64_t id, int64_t boot_epoch,
                                         wall_s now);
[[nodiscard]] enum err site_gateway_received(struct store_tx *tx, int64_t id, int64_t epoch,
                                             int64_t seq, wall_s now);
[[nodiscard]] enum err site_gateway_applied(struct store_tx *tx, int64_t id, int64_t version);
/* Revoking forgets secret, certificate and code: taking the mark away again only lets a new code be
 * made for it. */
[[nodiscard]] enum err site_gateway_revoke(struct store_tx *tx, int64_t id, bool revoked);

/* The legacy seal (uplink.h) is refused to every gateway that has no leave for it. A leave has a
 * reason and an end, at most SITE_LEGACY_DAYS after it was given. */
#define SITE_LEGACY_DAYS 366
#define SITE_LEGACY_REASON_MAX 200
struct site_legacy {
    wall_s until, allowed_at;
    wall_s used_at; /* when a session last opened so; 0: never */
    char reason[SITE_LEGACY_REASON_MAX + 1];
    char actor[32];
};
/* Gives leave, or changes the one that is there. ERR_NOT_FOUND: no such gateway; ERR_SITE_TEXT: no
 * reason; ERR_SITE_LEGACY: it ends before it begins, or too late. used_at is not looked at. */
[[nodiscard]] enum err site_legacy_allow(struct store_tx *tx, int64_t gateway_id,
                                         const struct site_legacy *leave);
/* ERR_NOT_FOUND: it has none. One whose end is past is still told by site_legacy_get. */
[[nodiscard]] enum err site_legacy_get(struct store_tx *tx, int64_t gateway_id,
                                       struct site_legacy *leave);
[[nodiscard]] enum err site_legacy_end(struct store_tx *tx, int64_t gateway_id);
[[nodiscard]] enum err site_legacy_used(struct store_tx *tx, int64_t gateway_id, wall_s now);

/* --- customers and accounts ----------------------------------------------------------------- */

struct site_customer {
    int64_t id, project_id;
    char code[SITE_CODE_MAX + 1];
    char name[SITE_NAME_MAX + 1];
    char phone[SITE_PHONE_MAX + 1]; /* "": unknown */
};

[[nodiscard]] enum err site_customer_put(struct store_tx *tx, struct site_customer *c,
                                         enum site_change *change); /* key: project, code */
[[nodiscard]] enum err site_customer_get(struct store_tx *tx, int64_t id, struct site_customer *c);

enum site_wallet { SITE_WALLET_PLATFORM, SITE_WALLET_METER };

struct site_account {
    int64_t id, project_id, place_id, customer_id; /* customer 0: none */
    char code[SITE_CODE_MAX + 1];
    char name[SITE_NAME_MAX + 1];
    enum site_wallet wallet; /* where the balance lives */
    char plan_code[SITE_CODE_MAX + 1];
    char strategy_code[SITE_CODE_MAX + 1];
    wall_s contract_at; /* 0: no agreement was signed, so no automatic cut */
    wall_s opened_at;
    wall_s closed_at; /* 0: open */
};

const char *site_wallet_name(enum site_wallet wallet); /* 'platform', 'meter' */
/* Key: project, code. opened_at is only used for a new one. ERR_SITE_WALLET_FIXED: the wallet of
 * an account that has a ledger cannot be changed here. ERR_SITE_PLAN_UNIT: it has meters that are
 * charged in another unit than the new plan's. */
[[nodiscard]] enum err site_account_put(struct store_tx *tx, struct site_account *a,
                                        enum site_change *change);
[[nodiscard]] enum err site_account_get(struct store_tx *tx, int64_t id, struct site_account *a);
[[nodiscard]] enum err site_account_by_code(struct store_tx *tx, int64_t project_id,
                                            const char *code, struct site_account *a);
typedef enum err site_account_each(void *arg, const struct site_account *a);
/* Ends an open account; it is never opened again. ERR_NOT_FOUND: none, or closed. */
[[nodiscard]] enum err site_account_close(struct store_tx *tx, int64_t id, wall_s at);
/* In order of id, those with id > after, at most limit (0: no limit). project_id 0: all. */
[[nodiscard]] enum err site_accounts(struct store_tx *tx, int64_t project_id, int64_t after,
                                     int64_t limit, site_account_each *each, void *arg);
/* Accounts whose code, name, place, customer name, phone or meter address contains `text`. */
[[nodiscard]] enum err site_accounts_find(struct store_tx *tx, int64_t project_id, const char *text,
                                          int64_t limit, site_account_each *each, void *arg);

/* --- what a price plan asks of an account ----------------------------------------------------- */

#define SITE_PERSONS_MAX 999
#define SITE_POWER_MAX INT64_C(1'000'000'000'000)

/* Dated: they hold from `from` until the next ones. 0 and "": not known. */
struct site_terms {
    wall_s from;
    int64_t persons;
    int64_t area_milli_m2;                /* at most 2^32 - 1 */
    int64_t capacity_milli_kva;           /* of the transformers, that a two-part plan charges */
    int64_t contracted_milli_kw;          /* demand that was contracted */
    int32_t opened_day;                   /* local day on which the household moved in */
    char ladder_group[SITE_CODE_MAX + 1]; /* accounts of a project that share a ladder */
    wall_s entered_at;                    /* read only, as is the next */
    char actor[32];                       /* journal.h */
};
/* Those that hold at a moment; all 0 if none do. */
[[nodiscard]] enum err site_terms_at(struct store_tx *tx, int64_t account_id, wall_s at,
                                     struct site_terms *out);
/* When the next ones begin after a moment; ERR_NOT_FOUND. */
[[nodiscard]] enum err site_terms_next(struct store_tx *tx, int64_t account_id, wall_s after,
                                       wall_s *at);
/* All of an account, oldest first. */
typedef enum err site_terms_each(void *arg, const struct site_terms *terms);
[[nodiscard]] enum err site_terms_list(struct store_tx *tx, int64_t account_id,
                                       site_terms_each *each, void *arg);
/* ERR_SITE_TERMS: a number out of its range. ERR_SITE_EFFECTIVE: not after the last ones.
 * ERR_SITE_TEXT: the group's code. Whether that time was settled already is the caller's to know.
 */
[[nodiscard]] enum err site_terms_put(struct store_tx *tx, int64_t account_id,
                                      const struct site_terms *terms, const char *actor,
                                      wall_s now);

/* --- meters --------------------------------------------------------------------------------- */

enum site_meter_kind { SITE_ELECTRICITY, SITE_WATER, SITE_HEAT, SITE_COOLING, SITE_GAS };

struct site_meter {
    int64_t id, project_id, account_id, place_id, line_id; /* account 0: none */
    int64_t gateway_id, line_number;                       /* of the line; read only */
    char address[16];
    char model[32];
    enum site_meter_kind kind;
    int64_t circuits;         /* 1..SITE_CIRCUITS_MAX */
    int64_t epoch;            /* installation period 装表期, from 1 */
    char customer_number[13]; /* 12 digits */
};

const char *site_meter_kind_name(enum site_meter_kind kind);
/* Key: line, address. A new meter starts at epoch 1; m->epoch is not changed here. */
[[nodiscard]] enum err site_meter_put(struct store_tx *tx, struct site_meter *m,
                                      enum site_change *change);
[[nodiscard]] enum err site_meter_get(struct store_tx *tx, int64_t id, struct site_meter *m);
typedef enum err site_meter_each(void *arg, const struct site_meter *m);
[[nodiscard]] enum err site_meters_of_account(struct store_tx *tx, int64_t account_id,
                                              site_meter_each *each, void *arg);
[[nodiscard]] enum err site_meters_of_gateway(struct store_tx *tx, int64_t gateway_id,
                                              site_meter_each *each, void *arg);
/* project_id 0: all. */
[[nodiscard]] enum err site_meters(struct store_tx *tx, int64_t project_id, site_meter_each *each,
                                   void *arg);
/* What it is charged in: kWh electricity, m3 water and gas; heat and cooling as their model says.
 */
enum rating_unit site_meter_unit(enum site_meter_kind kind, const char *model);
/* The device was replaced (or its counters were set back): a new address and model, the next
 * epoch. The room above closes the old one's books first. ERR_SITE_METER; ERR_SITE_METER_OTHER: the
 * model is not known, or of another kind or unit than the old one. */
[[nodiscard]] enum err site_meter_exchange(struct store_tx *tx, int64_t id, const char *address,
                                           const char *model, int64_t *epoch);

/* --- price plans and strategies ------------------------------------------------------------- */

struct site_version {
    int64_t version;
    wall_s effective_at;
    char body[SITE_BODY_MAX + 1]; /* JSON: docs/formats/price-plan.md, strategy.md */
};

/* The newest version whose effective_at <= at. ERR_SITE_PLAN_UNKNOWN, ERR_SITE_STRATEGY_UNKNOWN. */
[[nodiscard]] enum err site_plan_in_force(struct store_tx *tx, int64_t project_id, const char *code,
                                          wall_s at, struct site_version *out);
[[nodiscard]] enum err site_strategy_in_force(struct store_tx *tx, int64_t project_id,
                                              const char *code, wall_s at,
                                              struct site_version *out);
/* A given version, for charges that were opened under it. */
[[nodiscard]] enum err site_plan_version(struct store_tx *tx, int64_t project_id, const char *code,
                                         int64_t version, struct site_version *out);
/* The first version that takes effect after `after`; ERR_NOT_FOUND if there is none. */
[[nodiscard]] enum err site_plan_next(struct store_tx *tx, int64_t project_id, const char *code,
                                      wall_s after, struct site_version *out);
/* All versions of one plan, in their order; none if it is unknown. */
typedef enum err site_plan_version_each(void *arg, int64_t version, wall_s effective_at);
[[nodiscard]] enum err site_plan_versions(struct store_tx *tx, int64_t project_id, const char *code,
                                          site_plan_version_each *each, void *arg);
/* What its prices are per: the same in all versions. ERR_SITE_PLAN_UNKNOWN. */
[[nodiscard]] enum err site_plan_unit(struct store_tx *tx, int64_t project_id, const char *code,
                                      enum rating_unit *unit);
/* The last version has this body already: SITE_SAME. Else a new version, effective at that time,
 * which may not be before the last one's (ERR_SITE_EFFECTIVE). A plan keeps its unit through all
 * its versions (ERR_SITE_UNIT_FIXED). The body is checked by rating/ or strategy/: their errors
 * come through. */
[[nodiscard]] enum err site_plan_put(struct store_tx *tx, int64_t project_id, const char *code,
                                     wall_s effective_at, const char *body,
                                     enum site_change *change);
[[nodiscard]] enum err site_strategy_put(struct store_tx *tx, int64_t project_id, const char *code,
                                         wall_s effective_at, const char *body,
                                         enum site_change *change);
typedef enum err site_version_each(void *arg, const char *code, const struct site_version *v);
/* Every version of every plan of a project, by code and version. */
[[nodiscard]] enum err site_plans(struct store_tx *tx, int64_t project_id, site_version_each *each,
                                  void *arg);
[[nodiscard]] enum err site_strategies(struct store_tx *tx, int64_t project_id,
                                       site_version_each *each, void *arg);

#endif
