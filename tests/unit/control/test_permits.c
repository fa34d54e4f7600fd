/* What a gateway may cut alone, as it is shown to people. */
#include "tests/unit/control/fee_world.h"

#include "control/away.h"

struct listed {
    struct world *w;
    int64_t count, wh, until_s;
};

static enum err note_permit(void *arg, const struct control_permit *one)
{
    struct listed *l = arg;
    bool right = one->account_id == ACCOUNT && one->meter_id == METER &&
                 strcmp(one->account_code, "a7") == 0 && strcmp(one->strategy, "s@1") == 0 &&
                 strcmp(one->address, "000000000011") == 0 && strcmp(one->place, "A") == 0;
    l->count++;
    l->wh = one->left_wh;
    l->until_s = one->valid_until.s;
    return right ? ERR_OK : ERR_BUG;
}

static enum err list_permits(struct store_tx *tx, void *arg)
{
    struct listed *l = arg;
    l->count = 0;
    TRY(control_permit_list(tx, 4, l->w->now, note_permit, l)); /* another gateway has none */
    TRY(l->count == 0 ? ERR_OK : ERR_BUG);
    return control_permit_list(tx, 3, l->w->now, note_permit, l);
}

static void test_what_a_gateway_holds_is_listed(void **state)
{
    struct world *w = *state;
    struct listed l = {.w = w};
    near_the_end(w);
    reading(w, 3'600, 1'000); /* made anew */
    assert_ok(store_read(w->ledger, list_permits, &l));
    assert_int_equal(l.count, 1);
    assert_int_equal(l.wh, number(w, "SELECT left_wh FROM away"));
    assert_int_equal(l.until_s, number(w, "SELECT valid_until FROM away"));
    wall_s now = w->now;
    w->now.s = l.until_s;
    assert_ok(store_read(w->ledger, list_permits, &l));
    assert_int_equal(l.count, 0); /* its time is over */
    w->now = now;
    sql(w, "UPDATE relay SET keep_power = 1");
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'ended'"), 1);
    assert_ok(store_read(w->ledger, list_permits, &l));
    assert_int_equal(l.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_a_gateway_holds_is_listed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
