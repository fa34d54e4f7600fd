/* White loads beside others, and what comes back when a circuit closes again. */
#include <stddef.h>

#include "terminal/load_impl.h"

#define SAME_PERMILLE 150 /* a heater that comes back beside something small */

/* The step without the entries of `set`; false: it is less than they are. */
static bool without(struct load_step *rest, const struct load_settings *s, unsigned set)
{
    for (unsigned i = 0; i < LOAD_WHITE_MAX; i++)
        if (set >> i & 1) {
            rest->power_mw -= s->white[i].power_mw;
            rest->reactive_mvar -= s->white[i].reactive_mvar;
        }
    load_read_shares(s, rest);
    rest->edge_mw = rest->motor_mw = 0; /* of all of them together */
    return rest->power_mw > -s->limit_mw;
}

/* Whether what is left of a step without the entries of `set` is allowed. */
static bool rest_allowed(const struct load_step *step, const struct load_settings *s, unsigned set)
{
    struct load_step rest = *step;
    if (!without(&rest, s, set))
        return false;
    enum load_verdict v = rest.power_mw < s->limit_mw ? LOAD_SMALL : load_judge(&rest, s, NULL);
    return !load_forbidden(v) && v != LOAD_LAMP;
}

uint8_t load_white_edge(const struct load_step *step, const struct load_settings *s)
{
    for (uint8_t i = 0; i < LOAD_WHITE_MAX; i++) {
        int32_t power_mw = s->white[i].power_mw;
        int32_t apart = (int32_t)((int64_t)power_mw * s->white_permille / 1000) + step->unsure_mw;
        if (power_mw > 0 && size_of(step->edge_mw - power_mw) <= apart &&
            rest_allowed(step, s, 1U << i))
            return (uint8_t)(i + 1);
    }
    return 0;
}

bool load_explained(const struct load_step *step, const struct load_settings *s)
{
    unsigned known = 0;
    for (unsigned i = 0; i < LOAD_WHITE_MAX; i++)
        known |= s->white[i].power_mw > 0 ? 1U << i : 0;
    for (unsigned set = known; set != 0; set = (set - 1) & known)
        if (rest_allowed(step, s, set))
            return true;
    return false;
}

enum load_verdict load_judge_return(const struct load_step *step, const struct load_level *before,
                                    int32_t heater_mw, const struct load_settings *s)
{
    struct load_step rest = *step;
    uint64_t all = square(step->distortion_mva), known = square(before->distortion_mva);
    rest.power_mw -= before->power_mw;
    rest.reactive_mvar -= before->reactive_mvar;
    rest.third_ma -= before->third_ma;
    rest.distortion_mva = all > known ? (int32_t)load_root(all - known) : 0;
    rest.fifth_ma -= before->fifth_ma;
    rest.inrush = 1000; /* that of all of them together says nothing of one */
    rest.edge_mw = rest.motor_mw = 0;
    load_read_shares(s, &rest);
    enum load_verdict v = load_judge(&rest, s, NULL);
    bool same = within(rest.power_mw, heater_mw, SAME_PERMILLE);
    return load_forbidden(v) && !same && load_explained(&rest, s) ? LOAD_WHITE : v;
}
