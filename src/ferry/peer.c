/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/peer.h"

#include <libvirt/libvirt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/handover.h"
#include "ferry/image_locks.h"
#include "ferry/ledger.h"
#include "ferry/resolve.h"
#include "ferry/source.h"
#include "ferry/tunnel.h"

/* No client's connection has a number like this. */
static const uint64_t first_id = UINT64_C(1) << 63;

static int check(const struct domain *domain, const char *uri, unsigned flags,
                 struct error *err);
static void watch_destination(struct peer *peer, enum coordinator_state state);
static void destination_hangs(void *owner);
static void moved(void *owner, enum coordinator_state state);
static void ended(void *owner, enum coordinator_state state,
                  const struct error *err, const struct error *warning);
static void withdraw(struct peer *peer, enum coordinator_state state);
static void give_up(struct peer *peer, const struct error *why);
static void answer(struct peer *peer, const struct error *err);
static void enter_phase(struct peer *peer, enum coordinator_phase phase);
static void note(const struct peer *peer, enum log_level level,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

void
ferry_migrate_to_peer(struct domain *domain, const char *uri,
                      const struct migration_parameters *parameters,
                      unsigned flags, struct ferry_call *call)
{
    struct peer *peer;
    AUTO_ERROR err = {0};

    if (check(domain, uri, flags, &err) < 0) {
        call->done(call, NULL, &err);
        return;
    }
    peer = peer_make(domain, uri, flags, call->client_name);
    peer->call = call;
    peer->here.api = call->api;
    migration_parameters_list(parameters, &peer->parameters);
    note(peer, LOG_LEVEL_INFO, "peer-to-peer migration, asked for by %s",
         peer->client_name);
    peer_connect(peer);
}

/* Before anything is done.  Begin, which takes the job, checks the rest. */
static int
check(const struct domain *domain, const char *uri, unsigned flags,
      struct error *err)
{
    AUTO_RPC_URI parsed = {0};

    if (!(flags & VIR_MIGRATE_OFFLINE) &&
        domain_check_active(domain, err) < 0) {
        return -1;
    }
    if (peer_find(domain) ||
        job_lock_async(&domain->jobs) == VIR_JOB_MIGRATION_OUT) {
        return error_set(
            err, ERROR_OPERATION_INVALID,
            "another migration job is already running for domain '%s'",
            domain->name);
    }
    return rpc_uri_parse(uri, &parsed, err);
}

struct peer *
peer_make(struct domain *domain, const char *uri, unsigned flags,
          const char *client_name)
{
    struct host *host = domain->host;
    struct peer *peer = xcalloc(1, sizeof *peer);

    list_add(&host->peers, &peer->link);
    peer->domain = domain_get(domain);
    peer->client_name = xstrdup(client_name ? client_name : "");
    peer->uri = xstrdup(uri);
    /* The coordinator protects where it may, which is here. */
    peer->flags = flags & ~(unsigned)VIR_MIGRATE_CHANGE_PROTECTION;
    peer->here = (struct coordinator_local){
        .domain = domain,
        .client_id = first_id + ++host->last_peer_id,
        .client_name = peer->client_name,
        .api = "recovery",
    };
    peer->phase_started_us = monotonic_us();
    return peer;
}

void
peer_free(struct peer *peer)
{
    struct domain *domain = peer->domain;

    list_remove(&peer->link);
    timer_stop(&peer->goodbye);
    timer_stop(&peer->patience);
    peer_stop_rejoining(peer);
    rpc_opening_free(peer->opening);
    coordinator_free(peer->coordinator);
    coordinator_remote_done(&peer->there);
    tunnel_free(peer->there.tunnel);
    if (peer->connection) {
        rpc_connection_free(peer->connection);
    }
    parameters_done(&peer->parameters);
    error_clear(&peer->lost);
    free(peer->client_name);
    free(peer->uri);
    free(peer);
    domain_put(domain);
}

struct peer *
peer_find(const struct domain *domain)
{
    LIST_FOR_EACH (link, &domain->host->peers) {
        struct peer *peer = container_of(link, struct peer, link);

        if (peer->domain == domain && !peer->is_over && !peer->stands_by) {
            return peer;
        }
    }
    return NULL;
}

const char *
peer_destination_name(const struct peer *peer)
{
    const char *name =
        parameters_find_string(&peer->parameters, VIR_MIGRATE_PARAM_DEST_NAME);

    return name ? name : peer->domain->name;
}

/* -------------------------------------------------------------- its course */

void
peer_connected(struct peer *peer)
{
    peer_make_coordinator(peer);
    coordinator_start(peer->coordinator);
}

void
peer_make_coordinator(struct peer *peer)
{
    static const struct coordinator_callbacks callbacks = {
        .moved = moved,
        .rejoin = peer_rejoin,
        .ended = ended,
    };
    const struct host *host = peer->domain->host;
    const struct coordinator_options options = {
        .protocol = peer->has_v3 ? COORDINATOR_V3 : COORDINATOR_V2,
        .domain = peer->domain->name,
        .flags = peer->flags,
        .parameters = &peer->parameters,
        .has_protection = true,
        .source = {.operations = &coordinator_local_operations,
                   .end = &peer->here,
                   .name = host->settings.name,
                   .is_here = true                                          },
        .destination = {.operations = &coordinator_remote_operations,
                   .end = &peer->there,
                   .name = peer->uri,
                   .comes_back = peer->has_handover &&
                                      !(peer->flags & (VIR_MIGRATE_TUNNELLED |
                                                       VIR_MIGRATE_OFFLINE))},
    };

    peer->there = (struct coordinator_remote){
        .loop = host->loop,
        .connection = peer->connection,
        .has_parameters = peer->has_parameters,
        .reopen = peer_reopen,
        .reopen_owner = peer,
    };
    if (peer->flags & VIR_MIGRATE_TUNNELLED) {
        peer->there.tunnel = source_tunnel_new(peer->domain);
    }
    peer->coordinator = coordinator_new(&options, &callbacks, peer);
}

static void
moved(void *owner, enum coordinator_state state)
{
    struct peer *peer = owner;
    enum coordinator_phase phase = coordinator_state_phase(state, peer->phase);

    if (phase != peer->phase) {
        enter_phase(peer, phase);
        note(peer, LOG_LEVEL_INFO, "phase %s%s", coordinator_phase_name(phase),
             coordinator_state_is_way_back(state) ? ", on the way back" : "");
    }
    watch_destination(peer, state);
}

/* A daemon that answers pings may still hang in a call.  What follows when one
 * is not answered is the coordinator's rule for a destination that is lost. */
static void
watch_destination(struct peer *peer, enum coordinator_state state)
{
    const struct host_settings *settings = &peer->domain->host->settings;
    int64_t wait_ms = 0;

    switch (state) {
    case COORDINATOR_STATE_PREPARING:
    case COORDINATOR_STATE_FINISHING:
    case COORDINATOR_STATE_ALONE:
        wait_ms = settings->begin_timeout_ms;
        break;
    case COORDINATOR_STATE_RECALLING:
    case COORDINATOR_STATE_ABANDONING:
    case COORDINATOR_STATE_WITHDRAWING:
    case COORDINATOR_STATE_CANCELLING:
    case COORDINATOR_STATE_UNSURE:
        wait_ms = settings->job_timeout_ms;
        break;
    default: /* It is the source's turn, which has deadlines of its own. */
        break;
    }
    timer_stop(&peer->patience);
    if (wait_ms) {
        timer_start(&peer->patience, peer->domain->host->loop, wait_ms,
                    destination_hangs, peer);
    }
}

static void
destination_hangs(void *owner)
{
    struct peer *peer = owner;

    if (!peer->connection || !rpc_connection_is_open(peer->connection)) {
        return;
    }
    if (!error_is_set(&peer->lost)) {
        error_set(&peer->lost, ERROR_OPERATION_TIMEOUT,
                  "the destination host (%s) has not answered in time in phase"
                  " %s of the migration of domain '%s'",
                  peer->uri, coordinator_phase_name(peer->phase),
                  peer->domain->name);
    }
    coordinator_hangs(peer->coordinator);
    /* Its end is heard of as if the other one had closed it. */
    shutdown(rpc_connection_fd(peer->connection), SHUT_RDWR);
}

void
peer_lost(struct peer *peer, const struct error *why)
{
    if (peer->is_over) {
        peer_free(peer);
        return;
    }
    note(peer, LOG_LEVEL_WARNING, "lost the connection to it: %s",
         why ? why->message : "it was closed there");
    if (!error_is_set(&peer->lost)) {
        error_set(&peer->lost, ERROR_OPERATION_FAILED,
                  "Lost connection to destination host: %s",
                  why ? why->message : "it closed the connection");
    }
    peer->here.reason = &peer->lost;
    coordinator_lost(peer->coordinator, COORDINATOR_DESTINATION, why);
}

bool
peer_interrupt(struct peer *peer, const struct error *why)
{
    enum coordinator_state state;

    if (peer->is_over) {
        return false;
    }
    if (!peer->coordinator) {
        peer_fail(peer, why);
        return true;
    }
    state = coordinator_current_state(peer->coordinator);
    switch (state) {
    case COORDINATOR_STATE_BEGINNING:
    case COORDINATOR_STATE_DUMPING:
    case COORDINATOR_STATE_LOOKING:
    case COORDINATOR_STATE_PREPARING:
    case COORDINATOR_STATE_REBEGINNING:
    case COORDINATOR_STATE_REPREPARING:
        coordinator_interrupt(peer->coordinator);
        return true;
    default:
        return coordinator_state_is_way_back(state);
    }
}

/* --------------------------------------------------------------- its end */

void
peer_fail(struct peer *peer, const struct error *why)
{
    note(peer, LOG_LEVEL_WARNING, "%s", why->message);
    peer->is_over = true;
    if (peer->asking) {
        rpc_pending_cancel(STEAL(peer->asking));
    }
    answer(peer, why);
    peer_disconnect(peer);
}

static void
ended(void *owner, enum coordinator_state state, const struct error *err,
      const struct error *warning)
{
    struct peer *peer = owner;
    AUTO_ERROR told = {0};

    if (err && err->code == ERROR_PEER_LOST &&
        state == COORDINATOR_STATE_FAILED && error_is_set(&peer->lost)) {
        error_copy(&told, &peer->lost);
    } else if (err && err->code == ERROR_PEER_LOST &&
               state == COORDINATOR_STATE_FAILED) {
        error_set(&told, ERROR_OPERATION_FAILED,
                  "Lost connection to destination host: %s", err->message);
    } else if (err) {
        error_copy(&told, err);
    }
    if (err) {
        note(peer, LOG_LEVEL_WARNING, "failed: %s", told.message);
    } else {
        note(peer, LOG_LEVEL_INFO, "the guest is at the destination");
    }
    if (warning) {
        note(peer, LOG_LEVEL_WARNING, "%s", warning->message);
    }
    if (peer_stop_rejoining(peer) || !peer->connection ||
        !rpc_connection_is_open(peer->connection)) {
        withdraw(peer, state);
    }
    coordinator_free(STEAL(peer->coordinator));
    give_up(peer, &told);
    peer->is_over = true;
    answer(peer, err ? &told : NULL);
    peer_disconnect(peer);
}

/* The guest stays here, and the destination could not be told: it waits for us
 * to come back.  Where there is no guest here any more, it may have the only
 * one. */
static void
withdraw(struct peer *peer, enum coordinator_state state)
{
    if (state == COORDINATOR_STATE_FAILED && peer->has_handover_id &&
        domain_is_active(peer->domain)) {
        ferry_withdraw(peer->domain, peer->uri, &peer->handover);
    }
}

/* Nothing more will come from us: where the source still waits for a word, it
 * does as for a client that is gone. */
static void
give_up(struct peer *peer, const struct error *why)
{
    struct source *source = source_find(peer->domain);

    if (source && source->client_id == peer->here.client_id &&
        error_is_set(why)) {
        source_fail(source, why);
    }
    ferry_client_gone(peer->domain->host, peer->here.client_id);
}

static void
answer(struct peer *peer, const struct error *err)
{
    static const struct ferry_result nothing;
    struct ferry_call *call = STEAL(peer->call);

    if (!call) {
        return; /* It waited at another daemon, before a restart. */
    }
    call->done(call, err ? NULL : &nothing, err);
}

void
ferry_stop(struct host *host)
{
    ferry_stop_withdrawals(host);
    ledger_stop(host);
    image_locks_stop(host);
    evidence_stop_asks(host);
    LIST_FOR_EACH (link, &host->peers) {
        struct peer *peer = container_of(link, struct peer, link);
        AUTO_ERROR err = {0};

        if (!peer->is_over) {
            error_set(&err, ERROR_OPERATION_ABORTED, "the daemon stops");
            answer(peer, &err);
        }
        peer_free(peer);
    }
}

/* -------------------------------------------------------------- its phases */

static void
enter_phase(struct peer *peer, enum coordinator_phase phase)
{
    int64_t now_us = monotonic_us();

    peer->phase_us[peer->phase] += now_us - peer->phase_started_us;
    peer->phase_started_us = now_us;
    peer->phase = phase;
}

void
ferry_list_phases(const struct domain *domain, struct parameters *list)
{
    const struct peer *peer = peer_find(domain);

    if (!peer) {
        return;
    }
    parameters_add_string(list, FERRY_OWN_PARAMETER "phase",
                          coordinator_phase_name(peer->phase));
    parameters_add_string(list, FERRY_OWN_PARAMETER "destination", peer->uri);
    parameters_add_boolean(
        list, FERRY_OWN_PARAMETER "stopping",
        peer->coordinator && coordinator_state_is_way_back(
                                 coordinator_current_state(peer->coordinator)));
    for (int i = 0; i < COORDINATOR_PHASE_COUNT; i++) {
        AUTO_FREE char *name =
            xasprintf(FERRY_OWN_PARAMETER "%s_us",
                      coordinator_phase_name((enum coordinator_phase)i));
        int64_t us = peer->phase_us[i];

        if (i == (int)peer->phase) {
            us += monotonic_us() - peer->phase_started_us;
        }
        parameters_add_ullong(list, name, (uint64_t)us);
    }
}

static void
note(const struct peer *peer, enum log_level level, const char *format, ...)
{
    const struct host *host = peer->domain->host;
    const struct log_context context = {
        .domain = peer->domain->name,
        .job = "migration out",
        .phase = coordinator_phase_name(peer->phase),
        .peer = peer->uri,
    };
    AUTO_FREE char *message = NULL;
    va_list args;

    if (!host->observer || !host->observer->note) {
        return;
    }
    va_start(args, format);
    message = xvasprintf(format, args);
    va_end(args);
    host->observer->note(host->observer_owner, level, &context, message);
}
