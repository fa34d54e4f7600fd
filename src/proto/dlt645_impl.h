/* Shared by the DL/T 645 parts of proto/ only. */
#ifndef YUFU_PROTO_DLT645_IMPL_H
#define YUFU_PROTO_DLT645_IMPL_H

#include "proto/dlt645_data.h"

/* Named bits (dlt645_words.c). */
extern const struct dlt645_bit dlt645_bits_state1[], dlt645_bits_state2[], dlt645_bits_state3[],
    dlt645_bits_state456[], dlt645_bits_state7[], dlt645_bits_combination[], dlt645_bits_baud[],
    dlt645_bits_circuit[], dlt645_bits_command[], dlt645_bits_output[], dlt645_bits_load_mode[];

/* Rows beside those of dlt645_table.c. */
extern const struct dlt645_item dlt645_items_event[];
extern const size_t dlt645_items_event_count;

#endif
