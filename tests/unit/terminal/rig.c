#include "tests/unit/terminal/rig.h"

struct terminal_setup rig_setup(void)
{
    struct terminal_setup s = {
        .circuits = 3,
        .phases = 1,
        .wallet = true,
        .rating_ma = 15'000,
        .zone_s = 28'800,
        .price_e4 = {5000, 5000, 5000, 5000},
    };
    assert_ok(dlt645_address_parse("260305510012", s.address));
    return s;
}

/* Carries out what the terminal wants written, until the power goes. */
static void drain(struct rig *g)
{
    struct terminal_write w;
    while (!g->dead && terminal_next_write(&g->t, &w)) {
        assert_true(w.offset + w.len <= TERMINAL_NVRAM_SIZE);
        assert_int_equal(terminal_take_answer(&g->t).len, 0);
        g->writes++;
        unsigned len = w.len;
        if (g->cut_write != 0 && g->writes == g->cut_write) {
            g->dead = true;
            len = g->cut_bytes < len ? g->cut_bytes : len;
            if (g->tear_garbage && len < w.len)
                g->nvram[w.offset + len] = (uint8_t)(w.data[len] ^ 0x5A);
        }
        memcpy(g->nvram + w.offset, w.data, len);
    }
}

void rig_new(struct rig *g, const struct terminal_setup *setup)
{
    *g = (struct rig){.setup = *setup, .now = {1000}, .rtc = {RIG_NOW}};
    memset(g->nvram, 0xFF, sizeof g->nvram);
    rig_boot(g);
}

void rig_boot(struct rig *g)
{
    g->dead = false;
    terminal_boot(&g->t, &g->setup, g->nvram);
    rig_pass(g, 0);
}

void rig_pass(struct rig *g, int64_t seconds)
{
    g->now.ms += seconds * 1000;
    g->rtc.s += seconds;
    if (g->dead)
        return;
    terminal_time(&g->t, g->now, g->rtc, false);
    drain(g);
}

void rig_use(struct rig *g, unsigned circuit, uint64_t mwh)
{
    if (g->dead)
        return;
    terminal_energy(&g->t, circuit, mwh);
    drain(g);
}

void rig_measure(struct rig *g, const struct terminal_sample *s, int64_t ms)
{
    g->now.ms += ms;
    g->rtc.s = RIG_NOW + (g->now.ms - 1000) / 1000;
    if (g->dead)
        return;
    terminal_time(&g->t, g->now, g->rtc, false);
    drain(g);
    terminal_measure(&g->t, s);
    drain(g);
}

bool rig_send_to(struct rig *g, const uint8_t address[6], uint8_t control, const uint8_t *data,
                 size_t len)
{
    struct dlt645_frame f = {.control = control, .len = (uint8_t)len};
    uint8_t wire[DLT645_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    g->answered = false;
    if (g->dead)
        return false;
    memcpy(f.address, address, 6);
    if (len > 0)
        memcpy(f.data, data, len);
    dlt645_encode(&f, 4, &w);
    assert_ok(w.err);
    terminal_receive(&g->t, wire, w.len);
    drain(g);
    if (g->dead)
        return false;
    struct bytes b = terminal_take_answer(&g->t);
    if (b.len == 0)
        return false;
    size_t used;
    assert_ok(dlt645_decode(b.data, b.len, &g->answer, &used));
    assert_int_equal(used, b.len);
    g->answered = true;
    return true;
}

bool rig_send(struct rig *g, uint8_t control, const uint8_t *data, size_t len)
{
    return rig_send_to(g, g->setup.address, control, data, len);
}

static void put_di(struct writer *w, uint32_t di)
{
    writer_u32le(w, di);
}

bool rig_read(struct rig *g, uint32_t di)
{
    uint8_t buf[4];
    struct writer w = writer_of(buf, sizeof buf);
    put_di(&w, di);
    if (!rig_send(g, DLT645_READ, buf, 4) || g->answer.control != 0x91)
        return false;
    assert_memory_equal(g->answer.data, buf, 4);
    return true;
}

uint64_t rig_read_bcd(struct rig *g, uint32_t di, size_t len)
{
    assert_true(rig_read(g, di));
    assert_int_equal(g->answer.len, 4 + len);
    struct reader r = reader_of(g->answer.data + 4, len);
    uint64_t v = reader_bcd_le(&r, len);
    assert_ok(r.err);
    return v;
}

static int serr(struct rig *g)
{
    if (!g->answered)
        return -1;
    if (g->answer.control == 0x83)
        return 0;
    assert_int_equal(g->answer.control, 0xC3);
    assert_int_equal(g->answer.len, 2);
    return g->answer.data[0] | g->answer.data[1] << 8;
}

int rig_money(struct rig *g, uint32_t di, uint32_t amount_fen, uint32_t count, const char *customer)
{
    uint8_t buf[64];
    struct writer w = writer_of(buf, sizeof buf);
    uint8_t number[6];
    assert_ok(dlt645_address_parse(customer, number));
    put_di(&w, di);
    writer_u32le(&w, 0);
    writer_u32le(&w, amount_fen);
    writer_u32le(&w, count);
    writer_u32le(&w, 0);
    writer_put(&w, number, 6);
    writer_u32le(&w, 0);
    assert_int_equal(w.len, 30);
    rig_send(g, DLT645_SECURITY, buf, w.len);
    return serr(g);
}

int rig_init_wallet(struct rig *g, uint32_t preset_fen, uint32_t count)
{
    uint8_t buf[64];
    struct writer w = writer_of(buf, sizeof buf);
    put_di(&w, 0x070103FF);
    writer_u32le(&w, 0);
    writer_u32le(&w, preset_fen);
    writer_u32le(&w, 0);
    writer_u32le(&w, count);
    writer_u32le(&w, 0);
    assert_int_equal(w.len, 24);
    rig_send(g, DLT645_SECURITY, buf, w.len);
    return serr(g);
}

static int err_byte(struct rig *g, uint8_t function)
{
    if (!g->answered)
        return -1;
    if (g->answer.control == (function | 0x80))
        return 0;
    assert_int_equal(g->answer.control, function | 0xC0);
    assert_int_equal(g->answer.len, 1);
    return g->answer.data[0];
}

int rig_order(struct rig *g, uint8_t n1, uint8_t n2, const uint8_t *expiry)
{
    uint8_t buf[16] = {2, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, n1, n2};
    memset(buf + 10, 0x99, 6);
    if (expiry != NULL)
        memcpy(buf + 10, expiry, 6);
    rig_send(g, DLT645_CONTROL, buf, sizeof buf);
    return err_byte(g, DLT645_CONTROL);
}

int rig_write(struct rig *g, uint32_t di, const uint8_t *data, size_t len)
{
    uint8_t buf[128];
    struct writer w = writer_of(buf, sizeof buf);
    put_di(&w, di);
    writer_u8(&w, 2);
    writer_fill(&w, 0, 3);
    writer_fill(&w, 0, 4);
    writer_put(&w, data, len);
    assert_ok(w.err);
    rig_send(g, DLT645_WRITE, buf, w.len);
    return err_byte(g, DLT645_WRITE);
}

int rig_write_bcd(struct rig *g, uint32_t di, uint64_t value, size_t len)
{
    uint8_t buf[8];
    struct writer w = writer_of(buf, sizeof buf);
    writer_bcd_le(&w, value, len);
    assert_ok(w.err);
    return rig_write(g, di, buf, len);
}

bool rig_closed(const struct rig *g, unsigned circuit)
{
    return terminal_output(&g->t).closed[circuit - 1];
}

enum terminal_reason rig_why(const struct rig *g, unsigned circuit)
{
    return terminal_output(&g->t).reason[circuit - 1];
}

void rig_check_conserved(const struct rig *g, int64_t paid_in_fen)
{
    const struct terminal_books *b = &g->t.books;
    uint64_t exact = 0, rates = 0, circuits = 0;
    for (unsigned r = 1; r <= TERMINAL_RATES; r++) {
        exact += terminal_register_mwh(&g->t, 0, r) * g->t.config.price_e4[r - 1];
        rates += terminal_register_mwh(&g->t, 0, r);
    }
    for (unsigned c = 1; c <= g->setup.circuits; c++)
        circuits += terminal_register_mwh(&g->t, c, 0);
    assert_int_equal(rates, terminal_register_mwh(&g->t, 0, 0));
    assert_int_equal(circuits, terminal_register_mwh(&g->t, 0, 0));
    uint64_t gone = (uint64_t)(paid_in_fen - b->balance_fen) * 100'000'000U + b->carry;
    assert_int_equal(exact, gone);
}
