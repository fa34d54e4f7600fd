/*
 * Plans that must be refused: refusals TABLE [all]. With "all" each reason must occur. Each line is
 * "REASON place | JSON", or "warns REASON place | JSON" for a plan that is taken with this warning
 * in the years 2026 to 2028; a place of "-" is the plan as a whole, and PLAN_OK that it is valid,
 * just so. Reason and place must be the ones said, and the plan may not come out.
 */
#include <stdio.h>
#include <string.h>

#include "rating/period.h"

static int passed, failed;
static bool seen[RATING_REASON_COUNT];

/* @3<a#> becomes a1,a2,a3. */
static void expand(const char *from, char *out, size_t size)
{
    int times, head;
    size_t at = 0;
    for (; *from && at + 64 < size; from++) {
        if (sscanf(from, "@%d<%n", &times, &head) != 1) {
            out[at++] = *from;
            continue;
        }
        for (int i = 1; i <= times; i++) {
            const char *s = from + head;
            for (; *s != '>' && at + 64 < size; s++)
                at += *s == '#' ? (size_t)snprintf(out + at, size - at, "%d", i)
                                : (out[at] = *s, (size_t)1);
            if (i < times)
                out[at++] = ',';
            else
                from = s;
        }
    }
    out[at] = 0;
}

static void check(const char *line, const char *reason, const char *place, const char *json)
{
    static struct rating_plan plan;
    struct rating_problem problem = {0};
    enum err e = rating_plan_parse(json, strlen(json), &plan, &problem);
    if (strcmp(place, "-") == 0)
        place = "";
    if (e == (strcmp(reason, "PLAN_OK") == 0 ? ERR_OK : ERR_RATING_PLAN) &&
        strcmp(rating_reason_name(problem.reason), reason) == 0 &&
        strcmp(problem.place, place) == 0) {
        seen[problem.reason] = true;
        passed++;
        return;
    }
    failed++;
    printf("%s\n  got %s: %s at '%s'\n", line, err_name(e),
           e == ERR_OK ? "a plan" : rating_reason_name(problem.reason), problem.place);
}

static void check_warning(const char *line, const char *reason, const char *place, const char *json)
{
    static struct rating_plan plan;
    struct rating_problem problems[16] = {0};
    size_t n = 0;
    if (rating_plan_parse(json, strlen(json), &plan, &problems[0]) == ERR_OK)
        n = rating_plan_warnings(&plan, NULL, civil_days_from_date(2026, 1, 1),
                                 civil_days_from_date(2028, 12, 31), problems, 16);
    for (size_t i = 0; i < n && i < 16; i++)
        if (strcmp(rating_reason_name(problems[i].reason), reason) == 0 &&
            strcmp(problems[i].place, strcmp(place, "-") == 0 ? "" : place) == 0) {
            seen[problems[i].reason] = true;
            passed++;
            return;
        }
    failed++;
    printf("%s\n  got %zu warnings: %s at '%s'\n", line, n, rating_reason_name(problems[0].reason),
           problems[0].place);
}

static void try_line(char *line)
{
    char reason[64], place[64], *bar = strchr(line, '|');
    bool warns = strncmp(line, "warns ", 6) == 0;
    if (!bar || sscanf(line + (warns ? 6 : 0), "%63s %63[^|]", reason, place) != 2) {
        printf("not a refusal: %s\n", line);
        failed++;
        return;
    }
    while (place[0] && place[strlen(place) - 1] == ' ')
        place[strlen(place) - 1] = 0;
    static char json[16384];
    expand(bar + 1 + strspn(bar + 1, " "), json, sizeof json);
    (warns ? check_warning : check)(line, reason, place, json);
}

/* A reason that no plan of the table has could not be told from one that never comes. */
static void check_all_seen(void)
{
    for (int i = 1; i < RATING_REASON_COUNT; i++)
        if (!seen[i]) {
            printf("no plan for %s\n", rating_reason_name((enum rating_reason)i));
            failed++;
        }
}

int main(int argc, char **argv)
{
    static char line[16384];
    FILE *f = argc >= 2 ? fopen(argv[1], "r") : NULL;
    if (!f)
        return 2;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] && line[0] != '#')
            try_line(line);
    }
    fclose(f);
    if (argc == 3)
        check_all_seen();
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
