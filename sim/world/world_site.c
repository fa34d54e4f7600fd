#include "sim/world/world_site.h"

#include <stdio.h>
#include <string.h>

#include "journal/journal.h"
#include "proto/dlt645.h"
#include "site/import.h"
#include "site/site.h"

#define SERIAL "WORLD-1"
#define PRICE_E4 5'883
#define CLAIM_S 3'600

const uint8_t world_site_certificate[32] = "certificate of the world gateway";

static const char plan[] = "{\"kind\":\"flat\",\"price\":\"0.5883\"}";

static const char strategy[] =
    "{\"levels\":[\"20.00\",\"5.00\",\"0.00\"],"
    "\"cut\":{\"automatic\":true,\"at\":\"0.00\",\"notice_level\":2,\"notices\":1,\"grace_s\":600,"
    "\"from\":\"00:00\",\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}";

void world_site_address(size_t meter, char out[13])
{
    snprintf(out, 13, "%012zu", 300'001 + meter);
}

struct terminal_setup world_site_setup(size_t meter, bool wallet)
{
    struct terminal_setup setup = {.circuits = 3,
                                   .rating_ma = 15'000,
                                   .phases = 1,
                                   .wallet = wallet,
                                   .zone_s = 8 * 3600,
                                   .price_e4 = {PRICE_E4, PRICE_E4, PRICE_E4, PRICE_E4},
                                   .alarm1_fen = 2'000,
                                   .alarm2_fen = 500};
    char text[13];
    world_site_address(meter, text);
    enum err e = dlt645_address_parse(text, setup.address);
    (void)e; /* our own digits */
    return setup;
}

/* Prices of Beijing (water by a ladder, heat in two parts); the rest is the world's own. */
static const struct {
    const char *model, *plan, *area;
    struct vendor_setup setup;
} pipes[WORLD_PIPES] = {
    {"water-valve-188",
     "water",
     "",
     {.kind = VENDOR_COLD_WATER, .address = {0x01, 0x07}, .has_valve = true, .valve_ms = 7'000}},
    {"water-valve-188",
     "water",
     "",
     {.kind = VENDOR_COLD_WATER, .address = {0x02, 0x07}, .has_valve = true, .valve_ms = 7'000}},
    {"heat-188", "heat", "90", {.kind = VENDOR_HEAT, .address = {0x03, 0x07}}},
    {"cooling-188", "cooling", "", {.kind = VENDOR_COOLING, .address = {0x04, 0x07}}},
};

static const char water_plan[] = "{\"kind\":\"ladder\",\"unit\":\"m3\",\"cycle\":\"year\","
                                 "\"steps\":[{\"to\":\"180\",\"price\":\"2.07\"},"
                                 "{\"to\":\"260\",\"price\":\"4.07\"},{\"price\":\"6.07\"}],"
                                 "\"components\":[{\"code\":\"resource\","
                                 "\"price\":\"1.57\"},{\"code\":\"sewage\",\"price\":\"1.36\"}]}";
static const char heat_plan[] =
    "{\"kind\":\"flat\",\"unit\":\"GJ\",\"price\":\"44.45\",\"fees\":[{\"code\":\"basic\","
    "\"price\":\"12\","
    "\"per\":\"area\",\"cycle\":\"heating_season\",\"start\":\"11-15\",\"end\":\"03-15\"}]}";
static const char cooling_plan[] = "{\"kind\":\"flat\",\"unit\":\"GJ\",\"price\":\"120\"}";

void world_site_pipes(struct world *w)
{
    for (size_t i = 0; i < WORLD_PIPES; i++)
        (void)sim_pipes_add(&w->pipes, &pipes[i].setup, w->now);
}

static size_t write_pipes(const struct world *w, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < w->pipes.count; i++)
        n += (size_t)snprintf(out + n, cap - n,
                              "world,B,P%zu,P%zu,platform,%s,standard,2026-01-01,%s,2,%s,2400,E,"
                              "%010d%04zu,%s,1,%012zu,%s\n",
                              1 + i, 1 + i, pipes[i].plan, SERIAL, i == 0 ? "tcp:127.0.0.1:2" : "",
                              0, 701 + i, pipes[i].model, 800'001 + i, pipes[i].area);
    return n;
}

static size_t write_csv(const struct world *w, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap,
                                "project,building,room,account,wallet,plan,strategy,contract,"
                                "gateway,line,endpoint,baud,parity,address,model,circuits,"
                                "customer_number,area\n");
    for (size_t i = 0; i < w->meter_count; i++) {
        char address[13];
        world_site_address(i, address);
        n += (size_t)snprintf(out + n, cap - n,
                              "world,B,%zu,R%zu,%s,flat,standard,2026-01-01,%s,1,%s,9600,E,%s,"
                              "yufu-dorm3,3,%012zu,\n",
                              101 + i, 101 + i,
                              i + w->platform_wallets < w->meter_count ? "meter" : "platform",
                              SERIAL, i == 0 ? "tcp:127.0.0.1:1" : "", address, 900'001 + i);
    }
    return n + write_pipes(w, out + n, cap - n);
}

static enum err import_text(struct world *w, struct store_tx *tx, const char *text, size_t len)
{
    struct site_import *im = NULL;
    TRY(site_import_open(&im, text, len));
    enum err e = site_import_plan(im, "flat", plan);
    if (e == ERR_OK)
        e = site_import_strategy(im, "standard", strategy);
    if (e == ERR_OK && w->pipes.count > 0)
        e = site_import_plan(im, "water", water_plan);
    if (e == ERR_OK && w->pipes.count > 0)
        e = site_import_plan(im, "heat", heat_plan);
    if (e == ERR_OK && w->pipes.count > 0)
        e = site_import_plan(im, "cooling", cooling_plan);
    if (e == ERR_OK)
        e = site_import_commit(im, tx, "system", world_wall(w));
    size_t errors = 0;
    const struct site_import_error *list = site_import_errors(im, &errors);
    for (size_t i = 0; i < errors; i++)
        fprintf(stderr, "world: row %lld %s: %s\n", (long long)list[i].row, list[i].column,
                err_name(list[i].code));
    site_import_close(im);
    return e;
}

static enum err claim(struct world *w, struct store_tx *tx)
{
    static const char code[] = "world";
    uint8_t hash[JOURNAL_HASH_SIZE];
    struct site_gateway gateway;
    struct writer secret = writer_of(w->secret, sizeof w->secret);
    for (int i = 0; i < 4; i++)
        writer_u64le(&secret, rand_u64(&w->rand_keys));
    journal_sha256(code, sizeof code - 1, hash);
    TRY(site_gateway_by_serial(tx, SERIAL, &gateway));
    TRY(site_claim_create(tx, gateway.id, hash, (wall_s){world_wall(w).s + CLAIM_S}));
    return site_claim_use(tx,
                          &(struct site_claim){.serial = SERIAL,
                                               .code_hash = hash,
                                               .secret = w->secret,
                                               .certificate_hash = world_site_certificate,
                                               .now = world_wall(w)},
                          &w->gateway_id);
}

static enum err find_ids(struct world *w, struct store_tx *tx)
{
    size_t seen[2] = {0, WORLD_PIPE(0)};
    struct query q = query_open(tx,
                                "SELECT id, account_id, kind <> 'electricity' FROM meter "
                                "ORDER BY address",
                                "");
    while (query_step(&q)) {
        size_t i = seen[query_int(&q, 2) != 0]++;
        w->meter_ids[i] = query_int(&q, 0);
        w->account_ids[i] = query_int(&q, 1);
    }
    return query_end(&q);
}

static enum err build(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    char text[4096];
    TRY(import_text(w, tx, text, write_csv(w, text, sizeof text)));
    TRY(claim(w, tx));
    return find_ids(w, tx);
}

enum err world_site_build(struct world *w)
{
    struct store *s = NULL;
    TRY(store_open(&s, &(struct store_config){
                           .kind = STORE_LEDGER, .path = "ledger.db", .vfs = w->platform_vfs}));
    enum err e = store_run(s, build, w);
    store_close(s);
    return e;
}
