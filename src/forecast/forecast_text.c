/* Why a forecast is as it is, in words. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "forecast/forecast_impl.h"

static const char *const names[FORECAST_QUANTILES] = {"point", "p50", "p90", "p99"};

const char *forecast_quantile_name(enum forecast_quantile q)
{
    return q < FORECAST_QUANTILES ? names[q] : "?";
}

void forecast_reason_en(const struct forecast_reason *r, char text[FORECAST_TEXT_MAX])
{
    int n = snprintf(text, FORECAST_TEXT_MAX,
                     "From %" PRId32 " similar days of the last %d and %" PRId32
                     " earlier forecasts%s%s%s%s%s%s.",
                     r->similar, FORECAST_LOOK, r->trials, r->estimated ? "; with estimates" : "",
                     r->empty ? "; the room is empty" : "",
                     r->returned ? "; somebody came back lately" : "",
                     r->rest_days ? "; days off differ" : "",
                     r->season ? "; with last year's change at this time" : "",
                     r->calendar_unknown ? "; no holidays are announced for these days" : "");
    MUST(n > 0 && n < FORECAST_TEXT_MAX);
}

void forecast_reason_zh(const struct forecast_reason *r, char text[FORECAST_TEXT_MAX])
{
    int n = snprintf(text, FORECAST_TEXT_MAX,
                     "依据最近 %d 天中 %" PRId32 " 个相似日及 %" PRId32 " 次历史预测%s%s%s%s%s%s。",
                     FORECAST_LOOK, r->similar, r->trials, r->estimated ? "；含估计值" : "",
                     r->empty ? "；房间无人" : "", r->returned ? "；近日恢复用电" : "",
                     r->rest_days ? "；休息日用量不同" : "", r->season ? "；参考去年同期变化" : "",
                     r->calendar_unknown ? "；该期间节假日尚未公布" : "");
    MUST(n > 0 && n < FORECAST_TEXT_MAX);
}
