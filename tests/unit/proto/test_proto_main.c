#include "tests/unit/proto/tests.h"

int main(void)
{
    return run_dlt645_tests() + run_dlt645_ask_tests() + run_crypto_tests();
}
