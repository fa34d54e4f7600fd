/*
 * Frames of protocols that are told by name and not decoded: DL/T 698.45, Q/GDW 376.1 and its
 * ancestor 130, Q/GDW 376.2 between a concentrator and its carrier module, HDLC and the TCP wrapper
 * of DLMS, wireless M-Bus, IEC 60870-5-104, the readable telegrams of IEC 62056-21, our own uplink;
 * and energy data for a data centre, which frame_xml.c decodes where it is whole.
 */
#ifndef YUFU_APP_FRAME_FOREIGN_H
#define YUFU_APP_FRAME_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"

struct frame_foreign {
    const char *name;
    size_t len;   /* as the frame itself tells */
    enum err err; /* ERR_OK, ERR_TRUNCATED, ERR_FRAME_CHECKSUM */
};

/* The frame that begins at here.data[0]; whole: nothing stands before it. False: none whose form is
 * sure. */
bool frame_foreign_at(struct bytes here, bool whole, struct frame_foreign *f);

#endif
