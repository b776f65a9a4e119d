/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static void source_came(void *owner, int fd);
static size_t data_came(void *owner, const uint8_t *data, size_t size);
static void header_came(struct fake *fake, const char *header);
static void load_ended(struct fake *fake);
static void source_gone(void *owner, const struct error *why);

struct json_object *
migrate_incoming(struct fake *fake, struct json_object *arguments,
                 struct refusal *refusal)
{
    struct migration *migration = &fake->migration;
    struct socket_address address = {0};
    AUTO_ERROR err = {0};

    if (!fake->options.is_incoming) {
        return refuse(refusal,
                      "'-incoming' was not specified on the command line");
    }
    if (migration->has_started_loading) {
        return refuse(refusal,
                      "The incoming migration has already been started");
    }
    if (migration_parse_uri(text_member(arguments, "uri"), &address, &err) ==
        0) {
        migration->listener =
            listener_new(fake->loop, &address, source_came, fake, &err);
    }
    if (!migration->listener) {
        socket_address_done(&address);
        return refuse(refusal, "%s", err.message);
    }
    migration->has_started_loading = true;
    if (!address.path) {
        migration->host = xstrdup(address.host ? address.host : "0.0.0.0");
        migration->port = listener_port(migration->listener);
    }
    socket_address_done(&address);
    migration_enter(fake, QMP_MIGRATION_SETUP);
    return empty();
}

static void
source_came(void *owner, int fd)
{
    static const struct stream_callbacks callbacks = {
        .input = data_came,
        .closed = source_gone,
    };
    struct fake *fake = owner;

    if (fake->migration.stream) {
        close(fd);
        return;
    }
    fake->migration.stream =
        stream_new(fake->loop, fd, 16 * MIGRATION_CHUNK, &callbacks, fake);
    migration_enter(fake, QMP_MIGRATION_ACTIVE);
}

static size_t
data_came(void *owner, const uint8_t *data, size_t size)
{
    struct fake *fake = owner;
    const char *newline;

    switch (data[0]) {
    case 'H':
        newline = memchr(data, '\n', size);
        if (newline) {
            size_t length = (size_t)(newline - (const char *)data);
            AUTO_FREE char *header = xstrndup((const char *)data, length);

            header_came(fake, header);
            return length + 1;
        }
        return 0;
    case 'D':
        return size < MIGRATION_CHUNK ? 0 : MIGRATION_CHUNK;
    case 'P':
        fake->migration.is_postcopy = true;
        set_run_state(fake, fake->options.is_stopped && !fake->runs_after_load
                                ? QMP_RUN_STATE_PAUSED
                                : QMP_RUN_STATE_RUNNING);
        migration_enter(fake, QMP_MIGRATION_POSTCOPY_ACTIVE);
        return 1;
    case 'E':
        load_ended(fake);
        return size;
    default:
        die_loading("load of migration failed", "Not a migration stream");
        return size;
    }
}

static void
header_came(struct fake *fake, const char *header)
{
    char machine[64];
    unsigned long long memory;
    int has_return_path;
    int is_running;

    if (sscanf(header, "H %63s %llu %d %d", machine, &memory, &has_return_path,
               &is_running) != 4) {
        die_loading("load of migration failed", "Not a migration stream");
    }
    if (strcmp(machine, fake->options.machine) != 0) {
        fprintf(stderr,
                "qemu-system-x86_64: Machine type received is '%s' and local "
                "is '%s'\n",
                machine, fake->options.machine);
        die_loading("load of migration failed", "Invalid argument");
    }
    if (memory != fake->options.memory) {
        fprintf(stderr,
                "qemu-system-x86_64: Size mismatch: pc.ram: 0x%llx != "
                "0x%llx: Invalid argument\n",
                memory, (unsigned long long)fake->options.memory);
        die_loading("load of migration failed", "Invalid argument");
    }
    fake->migration.has_return_path = has_return_path;
    fake->migration.is_source_paused = !is_running;
}

static void
load_ended(struct fake *fake)
{
    bool runs = !fake->options.is_stopped && !fake->migration.is_source_paused;

    if (!fake->migration.is_postcopy) {
        set_run_state(fake, runs || fake->runs_after_load
                                ? QMP_RUN_STATE_RUNNING
                                : QMP_RUN_STATE_PAUSED);
    }
    if (migration_enter(fake, QMP_MIGRATION_COMPLETED)) {
        return;
    }
    if (fake->migration.has_return_path) {
        stream_write(fake->migration.stream, "A", 1);
    }
    /* The port is free, and this guest can be a source. */
    stream_free(STEAL(fake->migration.stream));
    listener_free(STEAL(fake->migration.listener));
    fake->migration.port = 0;
}

static void
source_gone(void *owner, const struct error *why)
{
    struct fake *fake = owner;

    (void)why;
    if (fake->migration.is_postcopy) {
        migration_enter(fake, QMP_MIGRATION_POSTCOPY_PAUSED);
        return;
    }
    fake->migration.error = xstrdup("Input/output error");
    migration_enter(fake, QMP_MIGRATION_FAILED);
    die_loading("load of migration failed", "Input/output error");
}
