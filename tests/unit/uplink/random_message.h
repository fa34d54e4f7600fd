/* A message of any kind with every field filled by chance; shared by the tests of the codec. */
#ifndef YUFU_TESTS_UNIT_UPLINK_RANDOM_MESSAGE_H
#define YUFU_TESTS_UNIT_UPLINK_RANDOM_MESSAGE_H

#include "base/rand.h"
#include "uplink/message.h"

#define RANDOM_KINDS (UPLINK_KINDS - 1) /* kinds are 1 .. RANDOM_KINDS */

/* Lists and bytes live in static memory until the next call. */
void random_message(struct rand_stream *r, enum uplink_kind kind, struct uplink_message *m);
/* The largest that the schema allows: every list full, every number 9 bytes long. */
void largest_message(enum uplink_kind kind, struct uplink_message *m);

#endif
