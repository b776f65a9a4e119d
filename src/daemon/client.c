/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/client.h"

#include <stdlib.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "domain/domain.h"
#include "ferry/ferry.h"

/* libvirtd's default: five calls, and no more are read. */
enum { CALLS_MAX = 20 };

static void called(void *owner, struct rpc_call *call);
static void closed(void *owner, const struct error *why);
static void drop_callbacks(struct client *client);
static void destroy_its_guests(const struct client *client);

static const struct rpc_callbacks callbacks = {
    .called = called,
    .closed = closed,
};

void
client_new(struct daemon *daemon, int fd)
{
    struct client *client = xcalloc(1, sizeof *client);

    client->daemon = daemon;
    client->id = ++daemon->last_client_id;
    client->name = socket_peer_name(fd);
    client->references = 1;
    list_init(&client->callbacks);
    list_add(&daemon->clients, &client->link);
    client->connection =
        rpc_connection_new(daemon->loop, fd, &callbacks, client);
    rpc_connection_set_calls_max(client->connection, CALLS_MAX);
    log_line(LOG_LEVEL_DEBUG, &(struct log_context){.peer = client->name},
             "client %llu has connected", (unsigned long long)client->id);
}

struct client *
client_get(struct client *client)
{
    client->references++;
    return client;
}

void
client_put(struct client *client)
{
    if (--client->references > 0) {
        return;
    }
    free(client->name);
    free(client);
}

void
client_close(struct client *client)
{
    struct rpc_connection *connection = STEAL(client->connection);

    if (!connection) {
        return;
    }
    list_remove(&client->link);
    drop_callbacks(client);
    rpc_connection_free(connection);
    ferry_client_gone(&client->daemon->host, client->id);
    destroy_its_guests(client);
    client_put(client);
}

void
clients_abandon(struct daemon *daemon)
{
    LIST_FOR_EACH (link, &daemon->clients) {
        struct client *client = container_of(link, struct client, link);

        list_remove(link);
        drop_callbacks(client);
        rpc_connection_free(STEAL(client->connection));
        client_put(client);
    }
}

static void
drop_callbacks(struct client *client)
{
    LIST_FOR_EACH (link, &client->callbacks) {
        list_remove(link);
        free(container_of(link, struct event_callback, link));
    }
}

/* Those that were started to end with it. */
static void
destroy_its_guests(const struct client *client)
{
    LIST_FOR_EACH (link, &client->daemon->host.domains) {
        struct domain *domain = container_of(link, struct domain, link);

        if (domain->autodestroy_client == client->id) {
            domain_kill_with_client(domain);
        }
    }
}

static void
called(void *owner, struct rpc_call *call)
{
    dispatch(owner, call);
}

static void
closed(void *owner, const struct error *why)
{
    struct client *client = owner;

    log_line(why ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
             &(struct log_context){.peer = client->name},
             "client %llu is gone%s%s", (unsigned long long)client->id,
             why ? ": " : "", why ? why->message : "");
    client_close(client);
}
