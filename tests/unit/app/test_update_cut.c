/*
 * The power goes at every call that changes a file: before it, in the middle of a write, and after
 * it. What was not synced may be lost then, or not: data alone, names alone, both, all names but
 * the last one, or nothing. After each cut a program must start: the one of before, or the one that
 * was being applied, whole.
 */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/gateway/gateway_update.h"
#include "io/io.h"

/* ---- a disk that loses what was not synced -------------------------------------------------- */

#define CUT 42
#define LOSE_DATA 1
#define LOSE_NAMES 2
#define LOSE_OLDER_NAMES 4
#define NAMES_MAX 32
#define FILES_MAX 32

static struct {
    int left; /* calls until the cut; 0: never */
    unsigned lose;
    struct {
        int fd, twin; /* twin: stays open when fd is closed */
        bool dirty;
    } files[FILES_MAX];
    struct {
        char path[PATH_MAX],
            before[PATH_MAX]; /* before: a copy of what had the name; "": nothing */
        char from[PATH_MAX];  /* renamed: its former name */
    } names[NAMES_MAX];
    int file_count, name_count, copies;
    char folder[64];
} disk;

int __real_open64(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_open64(const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);

static void undo_names(void)
{
    while (disk.name_count-- > 0) {
        const char *path = disk.names[disk.name_count].path;
        const char *before = disk.names[disk.name_count].before;
        if (disk.names[disk.name_count].from[0] != '\0')
            (void)!link(path, disk.names[disk.name_count].from);
        __real_unlink(path);
        if (before[0] != '\0')
            (void)!__real_rename(before, path);
    }
}

static void step(void)
{
    if (disk.left == 0 || --disk.left > 0)
        return;
    for (int i = 0; (disk.lose & LOSE_DATA) && i < disk.file_count; i++) {
        struct stat st;
        if (disk.files[i].dirty && fstat(disk.files[i].twin, &st) == 0)
            (void)!ftruncate(disk.files[i].twin, st.st_size / 2);
    }
    if ((disk.lose & LOSE_OLDER_NAMES) && disk.name_count > 0)
        disk.name_count--;
    if (disk.lose & (LOSE_NAMES | LOSE_OLDER_NAMES))
        undo_names();
    _exit(CUT);
}

/* The name is about to get another file, or none. */
static void remember(const char *path, const char *from)
{
    if (disk.left == 0)
        return;
    assert_true(disk.name_count < NAMES_MAX);
    int i = disk.name_count++;
    snprintf(disk.names[i].path, PATH_MAX, "%s", path);
    snprintf(disk.names[i].from, PATH_MAX, "%s", from);
    snprintf(disk.names[i].before, PATH_MAX, "%s/before-%d", disk.folder, disk.copies++);
    __real_unlink(disk.names[i].before); /* of an earlier cut */
    if (link(path, disk.names[i].before) != 0)
        disk.names[i].before[0] = '\0';
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = flags & O_CREAT ? va_arg(more, int) : 0;
    va_end(more);
    if (flags & O_CREAT) {
        step();
        remember(path, "");
    }
    int fd = __real_open64(path, flags, mode);
    if ((flags & O_CREAT) && disk.left > 0 && fd >= 0) {
        assert_true(disk.file_count < FILES_MAX);
        disk.files[disk.file_count].fd = fd;
        disk.files[disk.file_count++].twin = dup(fd);
    }
    return fd;
}

/* NULL: nothing that is written. */
static bool *dirty(int fd)
{
    for (int i = disk.file_count; i-- > 0;)
        if (disk.files[i].fd == fd)
            return &disk.files[i].dirty;
    return NULL;
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    step();
    if (disk.left > 0 && dirty(fd) != NULL && len > 1) {
        *dirty(fd) = true;
        ssize_t half = __real_write(fd, data, len / 2);
        step();
        ssize_t rest =
            half < 0 ? half : __real_write(fd, (const uint8_t *)data + half, len - (size_t)half);
        return rest < 0 ? rest : half + rest;
    }
    return __real_write(fd, data, len);
}

int __wrap_fsync(int fd)
{
    struct stat st;
    step();
    bool folder = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    if (folder)
        disk.name_count = 0;
    else if (dirty(fd) != NULL)
        *dirty(fd) = false;
    return 0; /* this disk loses exactly what it is told to */
}

int __wrap_rename(const char *from, const char *to)
{
    step();
    remember(to, from);
    int result = __real_rename(from, to);
    step();
    return result;
}

int __wrap_unlink(const char *path)
{
    step();
    if (access(path, F_OK) == 0)
        remember(path, "");
    int result = __real_unlink(path);
    step();
    return result;
}

/* ---- what is done and cut ------------------------------------------------------------------- */

static const struct update_own own = {{"yufu-gateway", {{1, 0, 0}}, 1}, "arm"};
static char data[80], keys[80], files[3][80];

static void write_text(const char *path, const char *text, size_t len)
{
    assert_ok(io_file_write(path, (struct bytes){(const uint8_t *)text, len}, 0600));
}

/* Update files of 2.0.0, 3.0.0, 4.0.0. */
static int set_up(void **state)
{
    (void)state;
    struct pki_pem secret, public_key;
    struct update_header h;
    char key[80], program[80];
    strcpy(disk.folder, "/tmp/yufu-cut-XXXXXX");
    assert_non_null(mkdtemp(disk.folder));
    assert_ok(sign_key_make(&secret, &public_key));
    snprintf(key, sizeof key, "%s/key", disk.folder);
    snprintf(keys, sizeof keys, "%s/keys", disk.folder);
    snprintf(program, sizeof program, "%s/program", disk.folder);
    write_text(key, secret.text, secret.len);
    write_text(keys, public_key.text, public_key.len);
    for (int i = 0; i < 3; i++) {
        char text[4096] = "\x7F"
                          "ELF\1\1\1";
        text[18] = 40;
        snprintf(text + 64, 64, UPDATE_MARK "yufu-gateway %d.0.0 store 1", i + 2);
        write_text(program, text, sizeof text);
        snprintf(files[i], sizeof files[i], "%s/%d.update", disk.folder, i);
        assert_ok(update_pack(&(struct update_pack){program, key, files[i], {{0, 0, 0}}}, &h));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", disk.folder);
    return system(command);
}

static enum err apply(int file)
{
    struct update_header h;
    struct update_apply a = {
        .data = data, .path = files[file], .keys = keys, .trial_s = 60, .now = {1}, .own = &own};
    return update_apply(&a, &h);
}

static enum err confirm(void)
{
    struct update_state s;
    TRY(update_state_load(data, &s));
    s.trial = false;
    s.last = UPDATE_LAST_CONFIRMED;
    return update_state_store(data, &s);
}

static enum err count_start(void)
{
    struct update_state s;
    TRY(update_state_load(data, &s));
    s.starts++;
    return update_state_store(data, &s);
}

static enum err give_up(void)
{
    struct update_state s;
    TRY(update_state_load(data, &s));
    update_leave(&s, UPDATE_LAST_STARTS, update_place_good(data, &s, s.former), (wall_s){2});
    return update_state_store(data, &s);
}

static enum err take_back(void)
{
    struct update_state s;
    return update_back(data, (wall_s){3}, &s);
}

static enum err apply_first(void)
{
    return apply(0);
}

static enum err apply_second(void)
{
    return apply(1);
}

static enum err apply_third(void)
{
    return apply(2);
}

/* One that the platform pushed: fetched and checked before, then applied. */
static enum err fetch_pushed(void)
{
    const struct update_push p = {.stage = UPLINK_UPDATE_READY,
                                  .wish = {.id = 7, .size = 4288, .sha256_len = 32, .trial_s = 60}};
    return update_push_store(data, &p);
}

static enum err apply_pushed(void)
{
    struct update_header h;
    struct update_push p;
    char words[UPDATE_WORDS_MAX];
    update_push_words(7, words);
    struct update_apply a = {.data = data,
                             .path = files[0],
                             .keys = keys,
                             .words = words,
                             .trial_s = 60,
                             .now = {1},
                             .own = &own};
    TRY(update_apply(&a, &h));
    update_push_load(data, &p);
    p.stage = UPLINK_UPDATE_TRIAL;
    return update_push_store(data, &p);
}

/* Whatever was cut: what the platform is told is what runs. */
static void told_as_it_is(int version)
{
    struct update_push p;
    struct update_state s = {0};
    update_push_load(data, &p);
    if (p.stage == UPLINK_UPDATE_NONE)
        return;
    enum err e = update_state_load(data, &s);
    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    (void)update_push_look(&p, &s);
    assert_int_equal(p.stage, version == 1 ? UPLINK_UPDATE_READY : UPLINK_UPDATE_TRIAL);
}

/* Version that a start would run now, which is checked to be whole; 1: as installed. */
static int running(void)
{
    struct update_state s;
    enum update_last why;
    enum err e = update_state_load(data, &s);
    if (e == ERR_NOT_FOUND)
        return 1;
    assert_ok(e);
    struct update_facts facts = {update_place_good(data, &s, s.current), true};
    assert_true(facts.current_good);
    assert_true(update_place_good(data, &s, s.former));
    assert_int_not_equal(update_start_step(&s, &facts, &why), UPDATE_BACK);
    const struct update_slot *slot = update_slot_of(&s, s.current);
    return slot == NULL ? 1 : slot->version.part[0];
}

typedef enum err action(void);

struct scene {
    action *before[5];
    action *cut;
    int old_version, new_version; /* that run before and after */
    int steps;                    /* at least so many cuts */
};

static void begin(const struct scene *s)
{
    static int number;
    snprintf(data, sizeof data, "%s/data-%d", disk.folder, number++);
    assert_ok(io_directory_make(data));
    for (size_t i = 0; s->before[i] != NULL; i++)
        assert_ok(s->before[i]());
    assert_int_equal(running(), s->old_version);
}

/* True: it came to its end before the cut. */
static bool run_cut(const struct scene *s, int left, unsigned lose)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        disk.left = left;
        disk.lose = lose;
        _exit(s->cut() == ERR_OK ? 0 : 1);
    }
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CUT);
    return WEXITSTATUS(status) == 0;
}

static int cut_everywhere(const struct scene *s, unsigned lose)
{
    int cuts = 0;
    for (bool done = false; !done; cuts++) {
        begin(s);
        done = run_cut(s, cuts + 1, lose);
        int version = running();
        told_as_it_is(version);
        assert_true(version == s->old_version || version == s->new_version);
        assert_true(!done || version == s->new_version);
        if (!done && version == s->old_version) /* and it can be done again */
            assert_ok(s->cut());
        assert_int_equal(running(), s->new_version);
    }
    return cuts - 1;
}

static const struct scene scenes[] = {
    {{NULL}, apply_first, 1, 2, 25},
    {{apply_first, confirm}, apply_second, 2, 3, 25},
    {{apply_first, confirm, apply_second, confirm}, apply_third, 3, 4, 25},
    {{apply_first, confirm, apply_second}, give_up, 3, 2, 6},
    {{apply_first, confirm, apply_second, confirm}, take_back, 3, 2, 6},
    {{apply_first}, take_back, 2, 1, 6},
    {{fetch_pushed}, apply_pushed, 1, 2, 31},
    {{apply_first}, count_start, 2, 2, 6},
    {{apply_first}, confirm, 2, 2, 6},
};

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        for (unsigned lose = 0; lose <= (LOSE_DATA | LOSE_OLDER_NAMES); lose++) {
            int cuts = cut_everywhere(&scenes[i], lose);
            assert_true(cuts >= scenes[i].steps);
            print_message("scene %zu, losing %u: %d cuts\n", i, lose, cuts);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_cut)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
