#include <string.h>
#include <strings.h>

#include "auth/auth_impl.h"

/* OWASP ASVS 5.0 appendix C: argon2id with at least 46 MiB and one pass. */
#define MEMORY_BYTES (46u * 1024 * 1024)
#define PASSES 1

/* Long enough to pass the length rule, and tried by everybody first. Lower case. */
static const char *const common[] = {
    "00000000",      "0123456789", "11111111",    "12121212",    "123123123",   "12341234",
    "1234567890",    "123456789a", "12345678a",   "1234qwer",    "147258369",   "1q2w3e4r",
    "1q2w3e4r5t",    "1qaz2wsx",   "1qazxsw2",    "31415926",    "5201314520",  "66666666",
    "87654321",      "88888888",   "987654321",   "99999999",    "a1234567",    "a12345678",
    "a123456789",    "aa123456",   "aa123456789", "abc12345",    "abc123456",   "abcd1234",
    "administrator", "admin123",   "admin1234",   "admin12345",  "admin123456", "admin888",
    "asd123456",     "asdf1234",   "asdfghjk",    "asdfghjkl",   "baseball",    "changeme",
    "charlie1",      "computer",   "dearbook",    "football",    "iloveyou",    "iloveyou1",
    "internet",      "letmein1",   "liverpool",   "michelle",    "monkey12",    "passw0rd",
    "password",      "password1",  "password12",  "password123", "princess",    "q1w2e3r4",
    "qazwsxedc",     "qq123456",   "qq123456789", "qwer1234",    "qwerty12",    "qwerty123",
    "qwertyui",      "qwertyuiop", "root1234",    "starwars",    "sunshine",    "superman",
    "test1234",      "trustno1",   "wang1234",    "welcome1",    "woaini520",   "woaini1314",
    "woaini521",     "xiaoming",   "yufu1234",    "yufu12345",   "zhang123",    "zxcvbnm1",
    "zxcvbnm123",
};

/* Code points; 0 if the text is not UTF-8. */
static size_t length_of(const char *text)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; n++) {
        int more = *p < 0x80                 ? 0
                   : *p >= 0xC2 && *p < 0xE0 ? 1
                   : *p >= 0xE0 && *p < 0xF0 ? 2
                   : *p >= 0xF0 && *p < 0xF5 ? 3
                                             : -1;
        if (more < 0)
            return 0;
        for (p++; more > 0; more--, p++)
            if ((*p & 0xC0) != 0x80)
                return 0;
    }
    return n;
}

/* "aaaaaaaa", "abcdefgh", "98765432": every step the same. */
static bool monotonous(const char *text)
{
    int step = (unsigned char)text[1] - (unsigned char)text[0];
    if (step < -1 || step > 1)
        return false;
    for (size_t i = 1; text[i]; i++)
        if ((unsigned char)text[i] - (unsigned char)text[i - 1] != step)
            return false;
    return true;
}

static bool is_common(const char *password)
{
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (strcasecmp(password, common[i]) == 0)
            return true;
    return false;
}

enum err auth_password_check(const char *login, const char *password)
{
    if (strlen(password) > AUTH_PASSWORD_MAX || length_of(password) < AUTH_PASSWORD_MIN)
        return ERR_AUTH_WEAK;
    if (monotonous(password) || is_common(password) || (*login && strcasestr(password, login)))
        return ERR_AUTH_WEAK;
    return ERR_OK;
}

enum err auth_password_hash(const char *password, char hash[AUTH_HASH_TEXT])
{
    int failed = crypto_pwhash_str_alg(hash, password, strlen(password), PASSES, MEMORY_BYTES,
                                       crypto_pwhash_ALG_ARGON2ID13);
    return failed ? ERR_MEMORY : ERR_OK;
}

bool auth_password_ok(const char *hash, const char *password)
{
    return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

void auth_password_random(char password[20])
{
    static const char letters[] = "23456789abcdefghjkmnpqrstuvwxyz"; /* 31: almost 80 bits */
    char *out = password;
    for (size_t i = 0; i < 16; i++) {
        if (i % 4 == 0 && i > 0)
            *out++ = '-';
        *out++ = letters[randombytes_uniform(sizeof letters - 1)];
    }
    *out = '\0';
}
