#include "tests/unit/check.h"

#include "proto/crypto.h"
#include "tests/unit/proto/tests.h"

/* The example of the SipHash paper, appendix A: key 00..0F, text 00..0E. */
static void test_siphash_of_the_paper(void **state)
{
    (void)state;
    uint8_t key[16], text[15];
    for (uint8_t i = 0; i < 16; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 15; i++)
        text[i] = i;
    assert_true(crypto_siphash(key, text, 15) == UINT64_C(0xa129ca6149be45e5));
}

static void test_none_is_zero(void **state)
{
    (void)state;
    uint8_t mac[4] = {9, 9, 9, 9}, factor[8] = {0}, data[8] = {1, 2, 3, 4, 5, 6, 7, 8}, kept[8];
    memcpy(kept, data, 8);
    assert_ok(crypto_none.mac(NULL, factor, mac, (struct bytes){data, 8}, mac));
    assert_memory_equal(mac, "\0\0\0\0", 4);
    assert_ok(crypto_none.wrap(NULL, factor, data, 8));
    assert_memory_equal(data, kept, 8);
}

static void test_soft_depends_on_all_inputs(void **state)
{
    (void)state;
    uint8_t key[16] = {1}, factor[8] = {2}, random2[4] = {3}, data[8] = {4}, first[4], mac[4];
    struct bytes text = {data, 8};
    assert_ok(crypto_soft.mac(key, factor, random2, text, first));
    uint8_t *inputs[] = {key, factor, random2, data};
    for (size_t i = 0; i < 4; i++) {
        inputs[i][0] ^= 0x80;
        assert_ok(crypto_soft.mac(key, factor, random2, text, mac));
        assert_memory_not_equal(mac, first, 4);
        inputs[i][0] ^= 0x80;
    }
    assert_ok(crypto_soft.mac(key, factor, random2, text, mac));
    assert_memory_equal(mac, first, 4);
}

static void test_soft_wrap_undoes_itself(void **state)
{
    (void)state;
    uint8_t key[16] = {1}, factor[8] = {2}, data[16] = {0}, zero[16] = {0};
    assert_ok(crypto_soft.wrap(key, factor, data, 16));
    assert_memory_not_equal(data, zero, 8);
    assert_memory_not_equal(data + 8, data, 8);
    assert_ok(crypto_soft.wrap(key, factor, data, 16));
    assert_memory_equal(data, zero, 16);
    assert_err(ERR_RANGE, crypto_soft.wrap(key, factor, data, 7));
    uint8_t mac[4];
    assert_err(ERR_RANGE, crypto_soft.mac(key, factor, zero, (struct bytes){data, 65}, mac));
}

int run_crypto_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_of_the_paper),
        cmocka_unit_test(test_none_is_zero),
        cmocka_unit_test(test_soft_depends_on_all_inputs),
        cmocka_unit_test(test_soft_wrap_undoes_itself),
    };
    return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
