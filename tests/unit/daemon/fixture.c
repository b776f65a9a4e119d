/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/event.h"
#include "rpc/error_map.h"

enum { ZEROS = 256, MESSAGE_MAX = 65536 };

static int
remove_one(const char *path, const struct stat *info, int type,
           struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void
folder_make(char folder[32])
{
    strcpy(folder, "/tmp/vmferry-daemon-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

void
folder_remove(const char *folder)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void
file_write(const char *folder, const char *name, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

int
fixture_set_up(void **state)
{
    static char name[] = "pc-1", arch[] = "x86_64", binary[] = "/bin/false",
                package[] = "";
    struct fixture *fixture = xcalloc(1, sizeof *fixture);
    struct daemon *daemon = &fixture->daemon;
    AUTO_ERROR err = {0};

    /* Refusals are expected here: they are no news. */
    log_set_level(LOG_LEVEL_ERROR);
    folder_make(fixture->folder);
    fixture->machine =
        (struct qemu_machine){.name = name, .max_cpus = 8, .is_default = true};
    fixture->qemu = (struct qemu_capabilities){
        .binary = binary,
        .package = package,
        .arch = arch,
        .major = 7,
        .minor = 2,
        .micro = 22,
        .machines = &fixture->machine,
        .machine_count = 1,
    };
    daemon->loop = loop_new(&err);
    assert_non_null(daemon->loop);
    config_init(&fixture->config);
    daemon->config = &fixture->config;
    host_init(&daemon->host);
    list_init(&daemon->clients);
    list_init(&daemon->consoles);
    daemon->host.loop = daemon->loop;
    daemon->host.qemu = &fixture->qemu;
    daemon->host.observer = &event_observer;
    daemon->host.observer_owner = daemon;
    daemon->host.settings = (struct host_settings){
        .runtime_dir = fixture->folder,
        .state_dir = fixture->folder,
        .name = "host-a",
        .job_timeout_ms = 60000,
    };
    assert_int_equal(domain_restore_all(&daemon->host, NULL, &err), 0);
    *state = fixture;
    return 0;
}

int
fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;

    clients_abandon(&fixture->daemon);
    host_done(&fixture->daemon.host);
    loop_free(fixture->daemon.loop);
    config_done(&fixture->config);
    folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

struct domain *
fixture_define(struct fixture *fixture, const char *name, char letter)
{
    AUTO_FREE char *xml = NULL;
    char uuid[33] = {0};
    bool was_updated;
    struct domain *domain;
    struct guest *guest;
    AUTO_ERROR err = {0};

    memset(uuid, letter, 32);
    xml = xasprintf("<domain type='qemu'><name>%s</name><uuid>%s</uuid>"
                    "<memory>131072</memory>"
                    "<os><type arch='x86_64' machine='pc-1'>hvm</type></os>"
                    "</domain>",
                    name, uuid);
    guest = guest_parse(xml, strlen(xml), GUEST_PARSE_INACTIVE, &err);
    assert_non_null(guest);
    domain = domain_define(&fixture->daemon.host, guest, &was_updated, &err);
    assert_non_null(domain);
    return domain;
}

struct peer
peer_new(struct fixture *fixture)
{
    struct daemon *daemon = &fixture->daemon;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    client_new(daemon, fds[0]);
    return (struct peer){
        .fd = fds[1],
        .client = container_of(daemon->clients.prev, struct client, link),
    };
}

struct peer
peer_new_open(struct fixture *fixture, bool is_readonly)
{
    struct peer peer = peer_new(fixture);
    struct remote_connect_open_args args = {.flags = is_readonly};
    AUTO_ANSWER answer =
        peer_call(fixture, &peer, REMOTE_PROC_CONNECT_OPEN, &args);

    assert_int_equal(answer.header.status, RPC_OK);
    return peer;
}

void
peer_close(struct peer *peer)
{
    close_ref(&peer->fd);
    peer->fd = -1;
}

void
answer_done(struct answer *answer)
{
    if (answer->coder) {
        rpc_value_free(answer->coder, answer->value);
    }
    error_clear(&answer->error);
}

static void
send_message(struct peer *peer, const struct rpc_message *message)
{
    assert_int_equal(send(peer->fd, message->data, message->size, MSG_NOSIGNAL),
                     message->size);
}

void
peer_send(struct peer *peer, enum remote_procedure procedure, const void *args)
{
    AUTO_MESSAGE message =
        message_of(procedure, RPC_CALL, ++peer->serial, args);

    send_message(peer, &message);
}

void
peer_send_zeros(struct peer *peer, enum remote_procedure procedure)
{
    struct rpc_header header = {0};
    rpc_header_set_procedure(&header, procedure);
    uint32_t words[ZEROS] = {
        0,        header.program, header.version, (uint32_t)header.procedure,
        RPC_CALL, ++peer->serial,
    };
    AUTO_MESSAGE message = frame_of(words, ZEROS);

    send_message(peer, &message);
}

struct answer
peer_read(struct fixture *fixture, struct peer *peer)
{
    AUTO_FREE uint8_t *data = xcalloc(1, MESSAGE_MAX);
    const struct rpc_procedure *row;
    struct answer answer = {0};
    const uint8_t *payload = data + RPC_HEADER_SIZE;
    size_t size;
    AUTO_ERROR err = {0};

    assert_int_equal(
        read_from(fixture->daemon.loop, peer->fd, data, RPC_HEADER_SIZE),
        RPC_HEADER_SIZE);
    rpc_header_parse(data, &answer.header);
    assert_in_range(answer.header.length, RPC_HEADER_SIZE, MESSAGE_MAX);
    size = answer.header.length - RPC_HEADER_SIZE;
    assert_int_equal(
        read_from(fixture->daemon.loop, peer->fd, data + RPC_HEADER_SIZE, size),
        size);
    row = rpc_procedure_of(&answer.header);
    assert_non_null(row);
    if (answer.header.status == RPC_ERROR) {
        struct remote_error *wire =
            rpc_value_decode(&rpc_error_coder, payload, size, &err);

        assert_non_null(wire);
        rpc_error_decode(wire, &answer.error);
        rpc_value_free(&rpc_error_coder, wire);
        return answer;
    }
    answer.coder = row->is_event ? row->args : row->ret;
    answer.value = rpc_value_decode(answer.coder, payload, size, &err);
    assert_non_null(answer.value);
    return answer;
}

struct answer
peer_call(struct fixture *fixture, struct peer *peer,
          enum remote_procedure procedure, const void *args)
{
    struct answer answer;

    peer_send(peer, procedure, args);
    answer = peer_read(fixture, peer);
    assert_int_equal(answer.header.type, RPC_REPLY);
    assert_int_equal(answer.header.serial, peer->serial);
    assert_int_equal(answer.header.procedure, procedure);
    return answer;
}

bool
peer_has_nothing(struct fixture *fixture, struct peer *peer)
{
    uint8_t byte;

    run_all(fixture->daemon.loop);
    return recv(peer->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

void
assert_error(const struct answer *answer, enum error_code code,
             const char *part)
{
    assert_int_equal(answer->header.status, RPC_ERROR);
    if (answer->error.code != code || !strstr(answer->error.message, part)) {
        fail_msg("expected error %d with '%s', got %d: %s", (int)code, part,
                 (int)answer->error.code, answer->error.message);
    }
}
