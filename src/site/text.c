#include <string.h>

#include "base/text.h"
#include "journal/detail.h"
#include "site/site_impl.h"
#include "uplink/dialin.h"

void site_take_text(const struct query *q, int column, char *out, size_t cap)
{
    text_copy(out, cap, query_text(q, column));
}

bool site_name_fits(const char *text, size_t max)
{
    size_t left = strlen(text);
    const unsigned char *s = (const unsigned char *)text;
    if (left == 0 || left > max)
        return false;
    while (left > 0) {
        size_t len = detail_utf8_length(s, left);
        if (len == 0 || (len == 1 && (s[0] < 0x20 || s[0] == 0x7F)))
            return false;
        s += len;
        left -= len;
    }
    return true;
}

bool site_code_fits(const char *text)
{
    return site_name_fits(text, SITE_CODE_MAX) && strpbrk(text, " /,\"'") == NULL;
}

bool site_digits(const char *text, size_t from, size_t to)
{
    size_t len = strlen(text);
    return len >= from && len <= to && strspn(text, "0123456789") == len;
}

bool site_endpoint_fits(const char *endpoint)
{
    size_t len = strlen(endpoint);
    if (len >= UPLINK_TEXT_MAX || !site_name_fits(endpoint, UPLINK_TEXT_MAX) ||
        strchr(endpoint, ' '))
        return false;
    if (strncmp(endpoint, "serial:/", 8) == 0)
        return len > 8;
    struct dialin_endpoint unit;
    if (dialin_is_endpoint(endpoint))
        return dialin_endpoint_parse(endpoint, &unit) == ERR_OK;
    if (strncmp(endpoint, "tcp:", 4) != 0)
        return false;
    const char *port = strrchr(endpoint, ':') + 1;
    int64_t number = 0;
    if (port - endpoint <= 5 || !site_digits(port, 1, 5))
        return false;
    for (const char *p = port; *p; p++)
        number = number * 10 + (*p - '0');
    return number > 0 && number <= 65535;
}

bool site_phone_fits(const char *phone)
{
    size_t digits = 0, len = strlen(phone);
    if (len > SITE_PHONE_MAX)
        return false;
    for (const char *p = phone; *p; p++) {
        if (*p >= '0' && *p <= '9')
            digits++;
        else if (!((*p == '+' && p == phone) || ((*p == '-' || *p == ' ') && digits > 0)))
            return false;
    }
    return len == 0 || (digits >= 5 && digits <= 15);
}
