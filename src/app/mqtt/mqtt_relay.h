/*
 * A gateway's connection to the platform through an MQTT broker: bytes of a TCP stream in numbered
 * messages. TLS and the sealed session run inside, from gateway to platform; the broker can neither
 * read nor alter them, and the platform's own acknowledgement makes them durable. What the broker
 * loses, repeats or reorders ends the connection, which the gateway then opens anew.
 *
 *   PREFIX/NAME/open           gateway's side: the identifier of a new channel
 *   PREFIX/NAME/CHANNEL/up     towards the platform:  kind 1 | number 4, big-endian | bytes
 *   PREFIX/NAME/CHANNEL/down   towards the gateway, the same
 *
 * The platform's side subscribes to $share/yufu/PREFIX/+/open: of several such programs one takes
 * each channel. NAME is the gateway's, which a broker's access list can hold it to.
 */
#ifndef YUFU_APP_MQTT_RELAY_H
#define YUFU_APP_MQTT_RELAY_H

#include "io/io.h"
#include "io/mqtt.h"

#define RELAY_CHANNELS_MAX 10'000
#define RELAY_NAME_MAX 64

struct relay;
struct relay_options {
    struct io_mqtt_options broker; /* events and arg are the relay's */
    const char *prefix;
    /* the gateway's side: name of the gateway and the local port that it connects to (0: any) */
    const char *name;
    uint16_t listen_port;
    /* the platform's side: where the platform listens; host NULL: this is the gateway's side */
    const char *host;
    uint16_t port;
};

/* ERR_SYNTAX: prefix or name; else of io_mqtt_open and io_listen. */
[[nodiscard]] enum err relay_open(struct io *io, const struct relay_options *options,
                                  struct relay **out);
uint16_t relay_port(const struct relay *r); /* the gateway's side */
void relay_close(struct relay *r);          /* NULL is allowed */

#endif
