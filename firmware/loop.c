#include "firmware/loop.h"

bool loop_settle(struct terminal *t)
{
    struct terminal_write w;
    while (terminal_next_write(t, &w))
        if (!loop_nvram(&w))
            return false;
    struct terminal_output out = terminal_output(t);
    loop_output(&out);
    for (unsigned port = 0; port < TERMINAL_PORTS; port++) {
        struct bytes answer = terminal_take_answer_at(t, (enum terminal_port)port);
        if (answer.len > 0)
            loop_send((enum terminal_port)port, answer);
    }
    return true;
}

bool loop_time(struct terminal *t, const struct loop_cycle *c)
{
    terminal_time(t, c->now, c->rtc, c->lost);
    return loop_settle(t);
}

bool loop_take(struct terminal *t, const struct loop_cycle *c)
{
    if (!loop_time(t, c))
        return false;
    for (unsigned i = 0; i < t->setup.circuits; i++) {
        if (c->energy_mwh[i] == 0)
            continue;
        terminal_energy(t, i + 1, c->energy_mwh[i]);
        if (!loop_settle(t))
            return false;
    }
    terminal_measure(t, &c->sample);
    return loop_settle(t);
}
