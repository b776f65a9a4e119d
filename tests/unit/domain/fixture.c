/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { PATIENCE_MS = 30000 };

static void qemu_known(void *owner, const struct qemu_capabilities *caps,
                       const struct error *err);
static int remove_one(const char *path, const struct stat *info, int type,
                      struct FTW *where);
static void lifecycle(void *owner, struct domain *domain, int event,
                      int detail);
static void iteration(void *owner, struct domain *domain, int number);
static void note(void *owner, enum log_level level,
                 const struct log_context *context, const char *message);
static void host_set_up(struct test_host *host, const char *name);
static struct guest *read_guest(struct test_host *host, const char *extra);
static bool is_empty(void *owner);
static bool is_beat_off(void *owner);
static void restore_nothing(struct domain *domain, const struct record *record);

static const struct host_observer observer = {
    .migration_iteration = iteration,
    .lifecycle = lifecycle,
    .note = note,
};

static struct {
    struct loop *loop;
    struct qemu_capabilities_cache *cache;
    const struct qemu_capabilities *qemu;
} all;

int
lab_open(void **state)
{
    AUTO_ERROR err = {0};

    (void)state;
    all.loop = loop_new(&err);
    assert_non_null(all.loop);
    all.cache = qemu_capabilities_cache_new(all.loop, NULL);
    qemu_capabilities_get(all.cache, FAKE_QEMU, qemu_known, NULL);
    while (!all.qemu) {
        assert_int_equal(loop_step(all.loop, PATIENCE_MS, &err), 0);
    }
    return 0;
}

int
lab_close(void **state)
{
    (void)state;
    qemu_capabilities_cache_free(all.cache);
    loop_free(all.loop);
    return 0;
}

void
lab_init(struct lab *lab)
{
    *lab = (struct lab){.loop = all.loop, .qemu = all.qemu};
    /* Records are synced a dozen times in a migration: memory is faster. */
    snprintf(lab->folder, sizeof lab->folder, "%s/vmferry-unit-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(lab->folder));
    lab_script(lab, "");
}

void
lab_done(struct lab *lab)
{
    unsetenv("FAKE_QEMU_SCRIPT");
    nftw(lab->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void
lab_script(struct lab *lab, const char *text)
{
    static unsigned count;
    AUTO_FREE char *path = xasprintf("%s/script-%u", lab->folder, ++count);
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fprintf(file, "set migration-ms 20\n%s\n", text) > 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv("FAKE_QEMU_SCRIPT", path, 1), 0);
}

void
lab_wait(struct lab *lab, const unsigned *count, unsigned wanted)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};

    while (*count < wanted) {
        assert_true(monotonic_ms() < deadline);
        assert_int_equal(loop_step(lab->loop, 100, &err), 0);
    }
}

void
lab_wait_for(struct lab *lab, bool (*is_true)(void *owner), void *owner)
{
    int64_t deadline = monotonic_ms() + PATIENCE_MS;
    AUTO_ERROR err = {0};

    while (!is_true(owner)) {
        assert_true(monotonic_ms() < deadline);
        assert_int_equal(loop_step(lab->loop, 100, &err), 0);
    }
}

void
lab_idle(struct lab *lab, int ms)
{
    int64_t deadline = monotonic_ms() + ms;
    AUTO_ERROR err = {0};

    while (monotonic_ms() < deadline) {
        assert_int_equal(loop_step(lab->loop, 1, &err), 0);
    }
}

void
test_host_init(struct test_host *host, struct lab *lab, const char *name)
{
    *host = (struct test_host){.lab = lab, .restore = restore_nothing};
    host->folder = xasprintf("%s/%s", lab->folder, name);
    host->folders[0] = xasprintf("%s/run", host->folder);
    host->folders[1] = xasprintf("%s/state", host->folder);
    assert_int_equal(mkdir(host->folder, 0700), 0);
    assert_int_equal(mkdir(host->folders[0], 0700), 0);
    assert_int_equal(mkdir(host->folders[1], 0700), 0);
    host_set_up(host, strrchr(host->folder, '/') + 1);
    test_host_come_back(host);
}

void
test_host_done(struct test_host *host)
{
    struct result result = {0};

    for (bool is_found = true; is_found;) {
        is_found = false;
        LIST_FOR_EACH (link, &host->host.domains) {
            struct domain *domain = container_of(link, struct domain, link);

            if (domain_is_active(domain)) {
                result_done(&result);
                domain_destroy(domain, result_came, &result);
                lab_wait(host->lab, &result.count, 1);
                is_found = true;
                break;
            }
        }
    }
    result_done(&result);
    LIST_FOR_EACH (link, &host->host.domains) {
        assert_free(container_of(link, struct domain, link));
    }
    assert_true(list_is_empty(&host->host.entries));
    host_done(&host->host);
    lab_wait_for(host->lab, is_empty, host);
    text_done(&host->events);
    text_done(&host->notes);
    free(host->folders[0]);
    free(host->folders[1]);
    free(host->folder);
}

void
test_host_restart(struct test_host *host)
{
    test_host_go(host);
    test_host_come_back(host);
}

void
test_host_go(struct test_host *host)
{
    struct host_settings settings = host->host.settings;

    host_done(&host->host);
    host_set_up(host, settings.name);
    host->host.settings = settings;
}

void
test_host_come_back(struct test_host *host)
{
    AUTO_ERROR err = {0};

    assert_int_equal(domain_restore_all(&host->host, host->restore, &err), 0);
}

void
assert_events(struct test_host *host, const char *wanted)
{
    assert_string_equal(host->events.data ? host->events.data : "", wanted);
    text_done(&host->events);
}

void
assert_noted(const struct test_host *host, const char *part)
{
    assert_non_null(host->notes.data);
    if (!strstr(host->notes.data, part)) {
        fail_msg("no note of '%s' in: %s", part, host->notes.data);
    }
}

char *
guest_xml(const char *name, const char *extra)
{
    return xasprintf("<domain type='qemu'><name>%s</name>"
                     "<uuid>" BEAT_UUID "</uuid>"
                     "<memory unit='KiB'>131080</memory><vcpu>1</vcpu>"
                     "<os><type arch='x86_64' machine='pc'>hvm</type></os>"
                     "%s</domain>",
                     name, extra ? extra : "");
}

struct domain *
add_defined(struct test_host *host, const char *extra)
{
    bool was_updated;
    AUTO_ERROR err = {0};
    struct domain *domain =
        domain_define(&host->host, read_guest(host, extra), &was_updated, &err);

    assert_non_null(domain);
    return domain;
}

struct domain *
add_transient(struct test_host *host, const char *extra)
{
    AUTO_ERROR err = {0};
    struct domain *domain =
        domain_add_live(&host->host, read_guest(host, extra), &err);

    assert_non_null(domain);
    return domain;
}

void
start_guest(struct test_host *host, struct domain *domain)
{
    static const struct domain_start_options options;
    struct result result = {0};

    domain_start(domain, &options, result_came, &result);
    lab_wait(host->lab, &result.count, 1);
    assert_succeeded(&result);
    assert_state(domain, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
    result_done(&result);
    text_done(&host->events);
}

struct domain *
find_beat(struct test_host *host)
{
    struct uuid uuid;

    assert_true(uuid_parse(BEAT_UUID, &uuid));
    return domain_find_by_uuid(&host->host, &uuid);
}

void
wait_off(struct test_host *host)
{
    lab_wait_for(host->lab, is_beat_off, host);
}

void
assert_state(const struct domain *domain, int state, int reason)
{
    assert_int_equal(domain->state, state);
    assert_int_equal(domain->reason, reason);
}

void
assert_free(const struct domain *domain)
{
    assert_int_equal(job_lock_async(&domain->jobs), JOB_ASYNC_NONE);
    assert_int_equal(job_lock_job(&domain->jobs), JOB_NONE);
    assert_int_equal(job_lock_waiting(&domain->jobs), 0);
    assert_int_equal(domain->migration_job.facts.kind, JOB_ASYNC_NONE);
}

void
result_came(void *owner, const struct error *err)
{
    struct result *result = owner;

    result->count++;
    error_clear(&result->err);
    if (err) {
        error_copy(&result->err, err);
    }
}

void
result_done(struct result *result)
{
    error_clear(&result->err);
    *result = (struct result){0};
}

void
assert_succeeded(const struct result *result)
{
    assert_int_equal(result->count, 1);
    if (error_is_set(&result->err)) {
        fail_msg("%s", result->err.message);
    }
}

void
assert_failed(const struct result *result, const char *part)
{
    assert_int_equal(result->count, 1);
    assert_true(error_is_set(&result->err));
    if (!strstr(result->err.message, part)) {
        fail_msg("no '%s' in: %s", part, result->err.message);
    }
}

static void
qemu_known(void *owner, const struct qemu_capabilities *caps,
           const struct error *err)
{
    (void)owner;
    assert_null(err);
    all.qemu = caps;
}

static int
remove_one(const char *path, const struct stat *info, int type,
           struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static void
lifecycle(void *owner, struct domain *domain, int event, int detail)
{
    struct test_host *host = owner;

    (void)domain;
    text_addf(&host->events, "%d/%d ", event, detail);
    if (host->on_event) {
        host->on_event(host->owner, event, detail);
    }
}

static void
iteration(void *owner, struct domain *domain, int number)
{
    struct test_host *host = owner;

    (void)domain;
    (void)number;
    host->passes++;
}

static void
note(void *owner, enum log_level level, const struct log_context *context,
     const char *message)
{
    struct test_host *host = owner;

    (void)level;
    (void)context;
    text_addf(&host->notes, "%s\n", message);
}

static void
host_set_up(struct test_host *host, const char *name)
{
    struct host_settings settings = {
        .runtime_dir = host->folders[0],
        .state_dir = host->folders[1],
        .name = name,
        .migration_address = "127.0.0.1",
        .migration_port_first = 42000,
        .migration_port_last = 42999,
        .qemu_binary = FAKE_QEMU,
        .job_timeout_ms = 20000,
        .qemu_timeout_ms = 20000,
        .begin_timeout_ms = 20000,
        .incoming_timeout_ms = 20000,
        .monitor_timeout_ms = 20000,
        .stall_timeout_ms = 20000,
        .switchover_timeout_ms = 20000,
    };

    host_init(&host->host);
    /* One for each name. */
    memcpy(settings.uuid.bytes, name,
           strlen(name) < sizeof settings.uuid.bytes
               ? strlen(name)
               : sizeof settings.uuid.bytes);
    host->host.loop = host->lab->loop;
    host->host.settings = settings;
    host->host.qemu = host->lab->qemu;
    host->host.observer = &observer;
    host->host.observer_owner = host;
}

static struct guest *
read_guest(struct test_host *host, const char *extra)
{
    AUTO_FREE char *xml = guest_xml("beat", extra);
    AUTO_ERROR err = {0};
    struct guest *guest =
        host_read_guest(&host->host, xml, GUEST_PARSE_INACTIVE, &err);

    if (!guest) {
        fail_msg("%s", err.message);
    }
    return guest;
}

static bool
is_empty(void *owner)
{
    const struct test_host *host = owner;

    return list_is_empty(&host->host.domains);
}

static bool
is_beat_off(void *owner)
{
    struct domain *domain = find_beat(owner);

    return !domain || !domain_is_active(domain);
}

static void
restore_nothing(struct domain *domain, const struct record *record)
{
    (void)domain;
    (void)record;
}
