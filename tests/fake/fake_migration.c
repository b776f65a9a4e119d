/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

enum { CHUNKS_A_TICK = 16, TICKS = 10, POSTCOPY_MS = 50 };

static void next_pass(struct fake *fake);
static void connected(void *owner, int fd, const struct error *err);
static void tick(void *owner);
static bool has_converged(struct fake *fake);
static void switch_over(struct fake *fake);
static void hand_over(struct fake *fake);
static void postcopy_sent(void *owner);
static size_t ack_came(void *owner, const uint8_t *data, size_t size);
static void destination_gone(void *owner, const struct error *why);
static void complete(struct fake *fake);
static void fail(struct fake *fake, const char *why);
static void stop_moving(struct fake *fake);
static void run_again(struct fake *fake);
static uint64_t total_memory(const struct fake *fake);
static void add_number(struct json_object *object, const char *name,
                       uint64_t number);
static struct json_object *ram(const struct fake *fake);

bool
is_migrating(const struct fake *fake)
{
    switch (fake->migration.status) {
    case QMP_MIGRATION_NONE:
    case QMP_MIGRATION_COMPLETED:
    case QMP_MIGRATION_FAILED:
    case QMP_MIGRATION_CANCELLED:
        return false;
    default:
        return true;
    }
}

struct json_object *
migrate(struct fake *fake, struct json_object *arguments,
        struct refusal *refusal)
{
    struct migration *migration = &fake->migration;
    struct socket_address address = {0};
    AUTO_ERROR err = {0};

    if (is_migrating(fake)) {
        return refuse(refusal, "There's a migration process in progress");
    }
    if (fake->run_state == QMP_RUN_STATE_INMIGRATE) {
        return refuse(refusal, "Guest is waiting for an incoming migration");
    }
    if (fake->run_state == QMP_RUN_STATE_POSTMIGRATE) {
        return refuse(refusal, "Can't migrate the vm that was paused due to "
                               "previous migration");
    }
    if (migration_parse_uri(text_member(arguments, "uri"), &address, &err) <
        0) {
        return refuse(refusal, "%s", err.message);
    }
    *migration = (struct migration){
        .status = QMP_MIGRATION_NONE,
        .started_ms = monotonic_ms(),
    };
    fake->pool = fake->pool ? fake->pool : pool_new(fake->loop, 1, &err);
    if (!fake->pool) {
        return refuse(refusal, "%s", err.message);
    }
    migration_enter(fake, QMP_MIGRATION_SETUP);
    migration->attempt =
        socket_connect(fake->loop, fake->pool, &address, 5000, connected, fake);
    socket_address_done(&address);
    return empty();
}

struct json_object *
migrate_cancel(struct fake *fake, struct json_object *arguments,
               struct refusal *refusal)
{
    (void)arguments;
    (void)refusal;
    if (!is_migrating(fake) || fake->migration.has_started_loading) {
        return empty();
    }
    bool is_lost = fake->migration.status == QMP_MIGRATION_POSTCOPY_ACTIVE;

    migration_enter(fake, QMP_MIGRATION_CANCELLING);
    stop_moving(fake);
    if (is_lost) {
        fake->run_state = QMP_RUN_STATE_POSTMIGRATE;
    } else {
        run_again(fake);
    }
    migration_enter(fake, QMP_MIGRATION_CANCELLED);
    return empty();
}

struct json_object *
migrate_continue(struct fake *fake, struct json_object *arguments,
                 struct refusal *refusal)
{
    const char *state = text_member(arguments, "state");

    if (fake->migration.status != qmp_migration_status_parse(state)) {
        return refuse(refusal, "Migration not in expected state: %s",
                      qmp_migration_status_name(fake->migration.status));
    }
    if (fake->migration.is_postcopy) {
        hand_over(fake);
    } else if (!migration_enter(fake, QMP_MIGRATION_DEVICE)) {
        next_pass(fake);
        hand_over(fake);
    }
    return empty();
}

struct json_object *
migrate_start_postcopy(struct fake *fake, struct json_object *arguments,
                       struct refusal *refusal)
{
    (void)arguments;
    if (!(fake->capabilities & QMP_CAPABILITY_POSTCOPY_RAM)) {
        return refuse(refusal, "Enable postcopy with migrate_set_capability "
                               "before the start of migration");
    }
    if (fake->migration.status != QMP_MIGRATION_ACTIVE) {
        return refuse(refusal, "Must be in the active state");
    }
    fake->migration.is_postcopy = true;
    switch_over(fake);
    return empty();
}

struct json_object *
query_migrate(struct fake *fake, struct json_object *arguments,
              struct refusal *refusal)
{
    const struct migration *migration = &fake->migration;
    struct json_object *result = json_object_new_object();

    (void)arguments;
    (void)refusal;
    if (migration->port) {
        struct json_object *list = json_object_new_array();
        struct json_object *address = json_object_new_object();
        AUTO_FREE char *port = xasprintf("%u", migration->port);

        json_object_object_add(address, "type", json_object_new_string("inet"));
        json_object_object_add(address, "host",
                               json_object_new_string(migration->host));
        json_object_object_add(address, "port", json_object_new_string(port));
        json_object_array_add(list, address);
        json_object_object_add(result, "socket-address", list);
    }
    if (migration->status == QMP_MIGRATION_NONE ||
        (migration->has_started_loading &&
         migration->status == QMP_MIGRATION_SETUP)) {
        return result;
    }
    json_object_object_add(
        result, "status",
        json_object_new_string(qmp_migration_status_name(migration->status)));
    if (migration->error) {
        json_object_object_add(result, "error-desc",
                               json_object_new_string(migration->error));
    }
    if (migration->has_started_loading ||
        migration->status == QMP_MIGRATION_SETUP ||
        migration->status == QMP_MIGRATION_FAILED ||
        migration->status == QMP_MIGRATION_CANCELLED) {
        return result;
    }
    bool is_over = migration->status == QMP_MIGRATION_COMPLETED;
    int64_t end = is_over ? migration->ended_ms : monotonic_ms();
    add_number(result, "setup-time", 1);
    add_number(result, "total-time", (uint64_t)(end - migration->started_ms));
    add_number(result, is_over ? "downtime" : "expected-downtime",
               is_over ? (uint64_t)(end - migration->stopped_ms) : 300);
    json_object_object_add(result, "ram", ram(fake));
    return result;
}

int
migration_parse_uri(const char *uri, struct socket_address *address,
                    struct error *err)
{
    if (has_prefix(uri, "unix:")) {
        address->path = xstrdup(uri + strlen("unix:"));
        return 0;
    }
    if (has_prefix(uri, "tcp:")) {
        return socket_address_parse(uri + strlen("tcp:"), address, err);
    }
    return error_set(err, ERROR_INVALID_ARG, "unknown migration protocol: %s",
                     uri);
}

bool
migration_enter(struct fake *fake, enum qmp_migration_status status)
{
    const char *name = qmp_migration_status_name(status);
    AUTO_FREE char *where = xasprintf("at:%s", name);

    fake->migration.status = status;
    if (fake->capabilities & QMP_CAPABILITY_EVENTS) {
        struct json_object *data = json_object_new_object();

        json_object_object_add(data, "status", json_object_new_string(name));
        emit(fake, "MIGRATION", data);
    }
    const struct line *line = script_next(&fake->script, where);
    if (line && line->deed == DEED_FAIL) {
        fail(fake, line->text);
        return true;
    }
    return line && misbehave(fake, line);
}

static void
next_pass(struct fake *fake)
{
    struct json_object *data = json_object_new_object();

    add_number(data, "pass", (uint64_t)++fake->migration.pass);
    if (fake->capabilities & QMP_CAPABILITY_EVENTS) {
        emit(fake, "MIGRATION_PASS", data);
    } else {
        json_object_put(data);
    }
}

static void
connected(void *owner, int fd, const struct error *err)
{
    static const struct stream_callbacks callbacks = {
        .input = ack_came,
        .closed = destination_gone,
    };
    struct fake *fake = owner;
    struct migration *migration = &fake->migration;

    if (err) {
        fail(fake, err->message);
        return;
    }
    AUTO_FREE char *header =
        xasprintf("H %s %llu %d %d\n", fake->options.machine,
                  (unsigned long long)fake->options.memory,
                  (fake->capabilities & QMP_CAPABILITY_RETURN_PATH) != 0,
                  fake->run_state == QMP_RUN_STATE_RUNNING);
    migration->stream =
        stream_new(fake->loop, fd, MIGRATION_CHUNK, &callbacks, fake);
    stream_write(migration->stream, header, strlen(header));
    next_pass(fake);
    if (!migration_enter(fake, QMP_MIGRATION_ACTIVE)) {
        tick(fake);
    }
}

static void
tick(void *owner)
{
    struct fake *fake = owner;
    struct migration *migration = &fake->migration;
    static const char chunk[MIGRATION_CHUNK] = "D";

    for (int i = 0; i < CHUNKS_A_TICK; i++) {
        stream_write(migration->stream, chunk, sizeof(chunk));
        migration->sent += sizeof(chunk);
    }
    if (++migration->ticks >= TICKS && has_converged(fake)) {
        switch_over(fake);
        return;
    }
    if (migration->ticks * fake->script.passes / TICKS >= migration->pass) {
        next_pass(fake);
    }
    timer_start(&migration->tick, fake->loop, fake->script.migration_ms / TICKS,
                tick, fake);
}

static bool
has_converged(struct fake *fake)
{
    struct json_object *limit =
        json_object_object_get(fake->parameters, "downtime-limit");

    return fake->run_state != QMP_RUN_STATE_RUNNING ||
           (limit ? json_object_get_int64(limit) : 300) >=
               fake->script.converge_at_ms;
}

static void
switch_over(struct fake *fake)
{
    struct migration *migration = &fake->migration;

    timer_stop(&migration->tick);
    migration->was_running = fake->run_state == QMP_RUN_STATE_RUNNING;
    migration->is_stopped = true;
    migration->stopped_ms = monotonic_ms();
    set_run_state(fake, QMP_RUN_STATE_FINISH_MIGRATE);
    next_pass(fake);
    if (fake->capabilities & QMP_CAPABILITY_PAUSE_BEFORE_SWITCHOVER) {
        migration_enter(fake, QMP_MIGRATION_PRE_SWITCHOVER);
    } else {
        hand_over(fake);
    }
}

static void
hand_over(struct fake *fake)
{
    struct migration *migration = &fake->migration;

    if (migration->is_peer_lost) {
        fail(fake, "Unable to write to socket: Broken pipe");
    } else if (migration->is_postcopy) {
        stream_write(migration->stream, "P", 1);
        if (!migration_enter(fake, QMP_MIGRATION_POSTCOPY_ACTIVE)) {
            timer_start(&migration->tick, fake->loop, POSTCOPY_MS,
                        postcopy_sent, fake);
        }
    } else {
        stream_write(migration->stream, "E", 1);
        if (!(fake->capabilities & QMP_CAPABILITY_RETURN_PATH)) {
            complete(fake);
        }
    }
}

static void
postcopy_sent(void *owner)
{
    struct fake *fake = owner;

    stream_write(fake->migration.stream, "E", 1);
}

static size_t
ack_came(void *owner, const uint8_t *data, size_t size)
{
    struct fake *fake = owner;

    if (data[0] == 'A') {
        complete(fake);
    }
    return size;
}

static void
destination_gone(void *owner, const struct error *why)
{
    struct fake *fake = owner;

    (void)why;
    switch (fake->migration.status) {
    case QMP_MIGRATION_PRE_SWITCHOVER:
        fake->migration.is_peer_lost = true; /* As QEMU: noticed later. */
        break;
    case QMP_MIGRATION_POSTCOPY_ACTIVE:
        timer_stop(&fake->migration.tick);
        migration_enter(fake, QMP_MIGRATION_POSTCOPY_PAUSED);
        break;
    default:
        fail(fake, "Unable to write to socket: Broken pipe");
        break;
    }
}

static void
complete(struct fake *fake)
{
    fake->migration.ended_ms = monotonic_ms();
    stop_moving(fake);
    fake->run_state = QMP_RUN_STATE_POSTMIGRATE;
    migration_enter(fake, QMP_MIGRATION_COMPLETED);
}

static void
fail(struct fake *fake, const char *why)
{
    if (fake->migration.has_started_loading) {
        die_loading("load of migration failed", why);
    }
    fprintf(stderr, "qemu-system-x86_64: %s\n", why);
    fake->migration.error = xstrdup(why);
    stop_moving(fake);
    migration_enter(fake, QMP_MIGRATION_FAILED);
    run_again(fake);
}

static void
stop_moving(struct fake *fake)
{
    timer_stop(&fake->migration.tick);
    connect_attempt_free(STEAL(fake->migration.attempt));
    stream_free(STEAL(fake->migration.stream));
}

/* What QEMU does of its own accord; 7.2 forgets what a paused guest was. */
static void
run_again(struct fake *fake)
{
    if (fake->migration.is_stopped) {
        fake->migration.is_stopped = false;
        set_run_state(fake, fake->migration.was_running
                                ? QMP_RUN_STATE_RUNNING
                                : QMP_RUN_STATE_POSTMIGRATE);
    }
}

void
die_loading(const char *why, const char *name)
{
    fprintf(stderr, "qemu-system-x86_64: %s: %s\n", why, name);
    leave(1);
}

static uint64_t
total_memory(const struct fake *fake)
{
    return fake->script.memory_mib ? (uint64_t)fake->script.memory_mib << 20
                                   : fake->options.memory;
}

static void
add_number(struct json_object *object, const char *name, uint64_t number)
{
    json_object_object_add(object, name, json_object_new_uint64(number));
}

/* As if the whole memory went over the wire. */
static struct json_object *
ram(const struct fake *fake)
{
    const struct migration *migration = &fake->migration;
    struct json_object *result = json_object_new_object();
    uint64_t total = total_memory(fake);
    uint64_t ticks =
        (uint64_t)(migration->ticks < TICKS ? migration->ticks : TICKS);
    uint64_t transferred = migration->status == QMP_MIGRATION_COMPLETED
                               ? total
                               : total / TICKS * ticks;

    add_number(result, "total", total);
    add_number(result, "transferred", transferred);
    add_number(result, "remaining", total - transferred);
    add_number(result, "duplicate", 0);
    add_number(result, "skipped", 0);
    add_number(result, "normal", transferred / MIGRATION_CHUNK);
    add_number(result, "normal-bytes", transferred);
    add_number(result, "dirty-pages-rate", 0);
    add_number(result, "dirty-sync-count", (uint64_t)migration->pass);
    add_number(result, "postcopy-requests", 0);
    add_number(result, "page-size", MIGRATION_CHUNK);
    add_number(result, "multifd-bytes", 0);
    add_number(result, "pages-per-second", 0);
    add_number(result, "precopy-bytes", transferred);
    add_number(result, "downtime-bytes", 0);
    add_number(result, "postcopy-bytes", 0);
    add_number(result, "dirty-sync-missed-zero-copy", 0);
    json_object_object_add(result, "mbps", json_object_new_double(1000.5));
    return result;
}
