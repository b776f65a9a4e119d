/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client drives a migration between two vmferryds, and has asked that the
 * source's daemon go on in its place, should it go (docs/decisions/013).  What
 * that takes is kept, also on disk, from Begin on, as of a peer-to-peer
 * migration: after a restart there is no difference any more. */

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ferry/peer.h"
#include "ferry/source.h"

static void replace_call(struct peer *peer, struct ferry_call *call);
static void refuse(const struct domain *domain, struct error *err);

struct peer *
peer_find_stand_in(const struct domain *domain)
{
    LIST_FOR_EACH (link, &domain->host->peers) {
        struct peer *peer = container_of(link, struct peer, link);

        if (peer->domain == domain && peer->stands_by) {
            return peer;
        }
    }
    return NULL;
}

int
peer_stand_in(struct domain *domain,
              const struct migration_parameters *parameters, unsigned flags,
              const struct ferry_call *call, struct error *err)
{
    const char *uri = parameters->destination_uri;
    AUTO_RPC_URI parsed = {0};
    struct peer *peer;

    /* What is offline has nothing to lose, and a daemon that drives the
     * migration itself needs nobody to do it in its place. */
    if (!uri || peer_find(domain) || flags & VIR_MIGRATE_OFFLINE) {
        return 0;
    }
    if (rpc_uri_parse(uri, &parsed, err) < 0) {
        return error_wrap(err,
                          "the migration of domain '%s' can't be gone on with"
                          " in its client's place",
                          domain->name);
    }
    peer = peer_make(domain, uri, flags, call->client_name);
    peer->stands_by = true;
    peer->has_v3 = true;
    peer->has_parameters = true;
    peer->has_handover = true; /* The client has asked. */
    migration_parameters_list(parameters, &peer->parameters);
    return 0;
}

void
peer_stand_in_learn(const struct domain *domain, const char *uri)
{
    struct peer *peer = peer_find_stand_in(domain);

    if (peer && uri) {
        free(peer->uri);
        peer->uri = xstrdup(uri);
    }
}

void
peer_take_over(struct domain *domain)
{
    struct peer *peer = peer_find_stand_in(domain);
    struct source *source = source_find(domain);
    AUTO_ERROR gone = {0};

    host_note(domain->host, LOG_LEVEL_WARNING, domain,
              "the client that drove the migration (%s) has gone: this host"
              " goes on with it, over %s",
              peer->client_name, peer->uri);
    error_set(&gone, ERROR_OPERATION_ABORTED,
              "the client that drove the migration has closed its connection");
    source_answer(source, NULL, &gone);
    source->client_id = peer->here.client_id;
    source->is_client_gone = false;
    peer->handover = source->handover.id;
    peer->has_handover_id = true;
    peer->stands_by = false;
    peer_go_on(domain);
}

void
peer_dismiss_stand_in(struct domain *domain)
{
    struct peer *peer = peer_find_stand_in(domain);

    if (peer) {
        peer_free(peer);
    }
}

void
ferry_attach(struct domain *domain, struct ferry_call *call, char **uri)
{
    struct peer *peer = peer_find(domain);
    AUTO_ERROR err = {0};

    if (peer && (!peer->call || peer->is_client_gone)) {
        *uri = xstrdup(peer->uri);
        replace_call(peer, call);
        return;
    }
    if (peer) {
        error_set(&err, ERROR_RESOURCE_BUSY,
                  "another client (%s) waits for the end of the migration of"
                  " domain '%s'",
                  peer->call->client_name, domain->name);
    } else {
        refuse(domain, &err);
    }
    call->done(call, NULL, &err);
}

static void
replace_call(struct peer *peer, struct ferry_call *call)
{
    struct ferry_call *before = STEAL(peer->call);
    AUTO_ERROR gone = {0};

    peer->call = call;
    peer->is_client_gone = false;
    if (before) {
        error_set(&gone, ERROR_OPERATION_ABORTED,
                  "the client has gone, and another one (%s) waits for the end",
                  call->client_name);
        before->done(before, NULL, &gone);
    }
}

/* There is nothing that could be waited for. */
static void
refuse(const struct domain *domain, struct error *err)
{
    const struct source *source = source_find(domain);

    if (!source) {
        error_set(err, ERROR_OPERATION_INVALID,
                  "domain '%s' is not being migrated from here", domain->name);
    } else if (source->unsure_since_ms) {
        error_set(err, ERROR_OPERATION_INVALID,
                  "it is not known how the migration of domain '%s' has ended:"
                  " see 'vmferry resolve'",
                  domain->name);
    } else {
        error_set(err, ERROR_RESOURCE_BUSY,
                  "the migration of domain '%s' is driven by a client that is"
                  " still connected",
                  domain->name);
    }
}

void
peer_client_gone(struct host *host, uint64_t client_id)
{
    LIST_FOR_EACH (link, &host->peers) {
        struct peer *peer = container_of(link, struct peer, link);

        if (peer->call && peer->call->client_id == client_id) {
            peer->is_client_gone = true;
        }
    }
}
