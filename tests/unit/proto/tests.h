/* The parts of the proto test program. */
#ifndef YUFU_TESTS_UNIT_PROTO_TESTS_H
#define YUFU_TESTS_UNIT_PROTO_TESTS_H

int run_dlt645_tests(void);
int run_dlt645_ask_tests(void);
int run_crypto_tests(void);

#endif
