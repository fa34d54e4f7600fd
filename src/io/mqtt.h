/*
 * An MQTT 3.1.1 client on the loop, by libmosquitto. A library of its own (io_mqtt): only what
 * speaks MQTT links it.
 *
 * Publishes with QoS 1: what was published may come twice and may be lost with a broker, and is
 * acknowledged by the broker, not by who it is for. Whoever needs more numbers its messages.
 * The connection is opened by itself, and again after it was lost, with growing pauses of 1 s to
 * 60 s of real time. Subscriptions are gone with the connection. Connecting, which is minutes
 * towards an address that is silent, keeps the loop from nothing; io_close waits for its end.
 */
#ifndef YUFU_IO_MQTT_H
#define YUFU_IO_MQTT_H

#include "io/io.h"

#define MQTT_TOPIC_MAX 256
#define MQTT_HIGH (1024 * 1024) /* bytes on their way to the broker: publishers should wait */

struct io_mqtt;

struct io_mqtt_events {
    void (*up)(void *arg);
    void (*down)(void *arg, enum err why); /* also for each failed attempt */
    void (*subscribed)(void *arg, int handle, bool granted);
    void (*received)(void *arg, const char *topic, struct bytes payload);
    void (*drained)(void *arg); /* less than a quarter of MQTT_HIGH is on its way again */
};

struct io_mqtt_options {
    const char *host;
    uint16_t port;
    const char *name;                   /* client identifier; NULL: a random one */
    const char *user, *password;        /* NULL: none */
    const char *ca, *certificate, *key; /* paths of PEM files; ca NULL: no certificates */
    const char *psk, *psk_identity;     /* key in hexadecimal; psk NULL: none */
    const struct io_mqtt_events *events;
    void *arg;
};

/* ERR_TLS: certificates or key cannot be used. ERR_IO, ERR_MEMORY. */
[[nodiscard]] enum err io_mqtt_open(struct io *io, const struct io_mqtt_options *options,
                                    struct io_mqtt **out);
void io_mqtt_close(struct io_mqtt *m); /* NULL is allowed */
bool io_mqtt_is_up(const struct io_mqtt *m);
/* The handle (NULL: nobody asks) comes back in `subscribed`. ERR_IO_CLOSED while down. */
[[nodiscard]] enum err io_mqtt_subscribe(struct io_mqtt *m, const char *topic, int *handle);
void io_mqtt_unsubscribe(struct io_mqtt *m, const char *topic);
/* ERR_IO_CLOSED while down, ERR_FULL. */
[[nodiscard]] enum err io_mqtt_publish(struct io_mqtt *m, const char *topic, struct bytes payload);
size_t io_mqtt_waiting(const struct io_mqtt *m); /* bytes on their way to the broker */

#endif
