/* What a bill has besides its energy, as text: docs/formats/price-plan.md. */
#include "rating/rating_impl.h"

static enum err later(struct rating_parse *p, const char *name)
{
    return rating_parse_refuse(p, RATING_NOT_YET, (struct rating_spot){name, -1, NULL});
}

enum err rating_take_power_factor(struct rating_parse *p)
{
    return later(p, "power_factor");
}

enum err rating_take_subsidies(struct rating_parse *p)
{
    return later(p, "subsidies");
}

enum err rating_take_minimum_per(struct rating_parse *p)
{
    return later(p, "minimum_per");
}

enum err rating_take_ceiling(struct rating_parse *p)
{
    return later(p, "ceiling");
}

enum err rating_take_fee_member(struct rating_parse *p, struct rating_part *part, const char *name,
                                struct rating_spot spot)
{
    (void)part;
    (void)name;
    return rating_parse_refuse(p, RATING_NOT_YET, spot);
}

enum err rating_end_fee(struct rating_parse *p, struct rating_part *part, struct rating_spot spot)
{
    return part->per > RATING_PER_AREA ? rating_parse_refuse(p, RATING_NOT_YET, spot) : ERR_OK;
}

enum err rating_check_bill(const struct rating_plan *plan, struct rating_problem *problem)
{
    (void)plan;
    (void)problem;
    return ERR_OK;
}
