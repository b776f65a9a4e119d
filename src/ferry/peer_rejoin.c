/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A peer-to-peer migration between two vmferryds goes on after its connection
 * was lost, or after a restart of either daemon: connects again, for as long as
 * 'rejoin-timeout' says, and asks the destination where the guest stands.  What
 * follows is a rule of coordinator_v3.def. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/handover.h"
#include "ferry/peer.h"
#include "ferry/source.h"
#include "migrate/destination.h"

enum {
    OPEN_TIMEOUT_MS = 5000,
    FIRST_PAUSE_MS = 50,
    LONGEST_PAUSE_MS = 1000,
    ANSWER_TIMEOUT_MS = 20000, /* It may have to kill a QEMU first. */
};

/* Where the migration stands, for the question. */
enum stand {
    STANDS_BEFORE_PERFORM,
    STANDS_IN_PERFORM,
    STANDS_AFTER_PERFORM,
};

/* What the destination's word means then. */
enum meaning {
    NOT_YET, /* Ask again. */
    AS_IT_WAS,
    AS_PREPARED, /* If it takes the same Prepare again; else ask again. */
    GIVEN_UP,
    RUNS_THERE,
    CANCELLED_THERE,
};

/* Before Perform it is sent Prepare again.  After Perform it is sent Finish
 * again only where it has all of the guest. */
/* clang-format off */
static const enum meaning meanings[][HANDOVER_VERDICT_COUNT] = {
    [STANDS_BEFORE_PERFORM] = {
        [HANDOVER_UNKNOWN] = AS_IT_WAS,
        [HANDOVER_PENDING] = AS_PREPARED,
        [HANDOVER_RETURNED] = AS_IT_WAS,
    },
    [STANDS_IN_PERFORM] = {
        [HANDOVER_UNKNOWN] = GIVEN_UP,
        [HANDOVER_PENDING] = AS_IT_WAS,
        [HANDOVER_WHOLE] = AS_IT_WAS,
        [HANDOVER_RETURNED] = GIVEN_UP,
    },
    [STANDS_AFTER_PERFORM] = {
        [HANDOVER_WHOLE] = AS_IT_WAS,
        [HANDOVER_TAKEN] = RUNS_THERE,
        [HANDOVER_RETURNED] = CANCELLED_THERE,
    },
};
/* clang-format on */

/* In the order in which they run. */
static void try_now(void *owner);
static void opened(void *owner, const struct rpc_opened *opened,
                   const struct error *err);
static void waited_enough(void *owner);
static void answered(void *owner, const void *result, const struct error *err);
static void take_verdict(struct peer *peer, enum handover_verdict verdict,
                         const char *state_there);
static void wait_for_word(struct peer *peer);
static bool has_begun(const struct peer *peer);
static bool is_being_prepared(const char *state_there);
static void try_later(struct peer *peer, const struct error *why);
static bool is_rejoining(const struct peer *peer);
static enum stand stand_of(enum coordinator_state state);
static void save_parameters(const struct peer *peer, struct record *record);
static void restore_parameters(struct peer *peer, const struct record *record);

void
peer_rejoin(void *owner, enum coordinator_state state)
{
    struct peer *peer = owner;
    const struct host *host = peer->domain->host;

    (void)state;
    peer->rejoin_until_ms = monotonic_ms() + host->settings.rejoin_timeout_ms;
    peer->rejoin_pause_ms = FIRST_PAUSE_MS;
    timer_start(&peer->rejoin, host->loop, 0, try_now, peer);
}

bool
peer_stop_rejoining(struct peer *peer)
{
    bool was_rejoining = timer_is_running(&peer->rejoin) ||
                         peer->is_reopening || peer->rejoin_asking;

    timer_stop(&peer->rejoin);
    if (peer->is_reopening) {
        peer->is_reopening = false;
        rpc_opening_free(STEAL(peer->opening));
    }
    if (peer->rejoin_asking) {
        rpc_pending_cancel(STEAL(peer->rejoin_asking));
    }
    return was_rejoining;
}

static void
try_now(void *owner)
{
    struct peer *peer = owner;

    if (is_rejoining(peer)) {
        peer->is_reopening = true;
        peer_open(peer, OPEN_TIMEOUT_MS, opened);
    }
}

static void
opened(void *owner, const struct rpc_opened *opened, const struct error *err)
{
    struct peer *peer = owner;
    struct remote_vmferry_handover_args args = {.wish = HANDOVER_JOIN};
    const struct uuid *domain = &peer->domain->uuid;

    peer->is_reopening = false;
    rpc_opening_free(STEAL(peer->opening));
    if (err) {
        try_later(peer, err);
        return;
    }
    if (peer->connection) {
        rpc_connection_free(peer->connection);
    }
    peer->connection = opened->connection;
    peer->there.connection = opened->connection;
    peer->has_close_callback = false;
    memcpy(args.domain, domain->bytes, sizeof args.domain);
    memcpy(args.handover, peer->handover.bytes, sizeof args.handover);
    peer->rejoin_asking = rpc_request(
        peer->connection, REMOTE_PROC_VMFERRY_HANDOVER, &args, answered, peer);
    timer_start(&peer->rejoin, peer->domain->host->loop, ANSWER_TIMEOUT_MS,
                waited_enough, peer);
}

static void
waited_enough(void *owner)
{
    struct peer *peer = owner;

    rpc_pending_cancel(STEAL(peer->rejoin_asking));
    if (is_rejoining(peer)) {
        try_later(peer, NULL);
    }
}

static void
answered(void *owner, const void *result, const struct error *err)
{
    const struct remote_vmferry_handover_ret *ret = result;
    struct peer *peer = owner;

    peer->rejoin_asking = NULL;
    timer_stop(&peer->rejoin);
    if (!is_rejoining(peer)) {
        return;
    }
    if (err || ret->verdict >= HANDOVER_VERDICT_COUNT) {
        try_later(peer, err);
    } else {
        take_verdict(peer, (enum handover_verdict)ret->verdict, ret->state);
    }
}

/* The last thing that its callers do: 'peer' may be gone. */
static void
take_verdict(struct peer *peer, enum handover_verdict verdict,
             const char *state_there)
{
    enum coordinator_state state = coordinator_current_state(peer->coordinator);
    enum coordinator_finding finding = COORDINATOR_FOUND_NOTHING;
    enum stand stand = stand_of(state);
    AUTO_ERROR err = {0};

    log_trace(LOG_TOPIC_rules, "peer %s %s: %s says %s", peer->domain->name,
              coordinator_state_name(state), peer->uri,
              handover_verdict_name(verdict));
    if (stand == STANDS_BEFORE_PERFORM && !has_begun(peer)) {
        error_set(&err, ERROR_OPERATION_ABORTED,
                  "the migration of domain '%s' was ended meanwhile",
                  peer->domain->name);
        coordinator_gave_up(peer->coordinator, &err);
        return;
    }
    switch (meanings[stand][verdict]) {
    case AS_IT_WAS:
        break;
    case AS_PREPARED:
        if (is_being_prepared(state_there)) {
            break;
        }
        wait_for_word(peer);
        return;
    case RUNS_THERE:
        finding = COORDINATOR_FOUND_RUNNING;
        break;
    case CANCELLED_THERE:
        finding = COORDINATOR_FOUND_CANCELLED;
        break;
    case GIVEN_UP:
        error_set(&err, ERROR_OPERATION_FAILED,
                  "%s has given up the incoming guest of domain '%s'"
                  " meanwhile",
                  peer->uri, peer->domain->name);
        coordinator_gave_up(peer->coordinator, &err);
        return;
    case NOT_YET:
        wait_for_word(peer);
        return;
    }
    error_clear(&peer->lost);
    peer->here.reason = NULL;
    coordinator_rejoined(peer->coordinator, finding);
}

static void
wait_for_word(struct peer *peer)
{
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_OPERATION_FAILED,
              "%s does not know yet what becomes of the guest of domain '%s'",
              peer->uri, peer->domain->name);
    try_later(peer, &err);
}

/* The job that Begin has taken is still ours. */
static bool
has_begun(const struct peer *peer)
{
    const struct source *source = source_find(peer->domain);

    return source && source->client_id == peer->here.client_id;
}

/* It takes a Prepare for the same handover. */
static bool
is_being_prepared(const char *state_there)
{
    int state = rules_name_find(destination_rules.states,
                                destination_rules.state_count, state_there);

    return state >= 0 && rules_has(&destination_rules, (unsigned)state,
                                   DESTINATION_EVENT_REPREPARE);
}

static void
try_later(struct peer *peer, const struct error *why)
{
    const struct host *host = peer->domain->host;
    int64_t pause_ms = peer->rejoin_pause_ms;
    AUTO_ERROR lost = {0};

    if (monotonic_ms() < peer->rejoin_until_ms) {
        peer->rejoin_pause_ms =
            pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
        timer_start(&peer->rejoin, host->loop, pause_ms, try_now, peer);
        return;
    }
    error_set(&lost, ERROR_OPERATION_FAILED,
              "Lost connection to destination host: %s did not come back in"
              " %lld s: %s",
              peer->uri, (long long)(host->settings.rejoin_timeout_ms / 1000),
              why ? why->message : "it does not answer");
    error_clear(&peer->lost);
    error_copy(&peer->lost, &lost);
    peer->here.reason = &peer->lost;
    coordinator_gave_up(peer->coordinator, &lost);
}

static bool
is_rejoining(const struct peer *peer)
{
    enum coordinator_state state;

    if (peer->is_over || !peer->coordinator) {
        return false;
    }
    state = coordinator_current_state(peer->coordinator);
    return state == COORDINATOR_STATE_REBEGINNING ||
           state == COORDINATOR_STATE_REPREPARING ||
           state == COORDINATOR_STATE_APART ||
           state == COORDINATOR_STATE_REJOINING;
}

static enum stand
stand_of(enum coordinator_state state)
{
    switch (state) {
    case COORDINATOR_STATE_REBEGINNING:
    case COORDINATOR_STATE_REPREPARING:
        return STANDS_BEFORE_PERFORM;
    case COORDINATOR_STATE_APART:
        return STANDS_IN_PERFORM;
    default:
        return STANDS_AFTER_PERFORM;
    }
}

/* --------------------------------------------------------- over a restart */

void
peer_save(const struct peer *peer, struct record *record)
{
    record_set_text(record, "peer-uri", peer->uri);
    record_set_text(record, "peer-name", peer_destination_name(peer));
    record_set_text(record, "peer-client", peer->client_name);
    record_set_number(record, "peer-flags", peer->flags);
    record_set_bool(record, "peer-has-parameters", peer->has_parameters);
    save_parameters(peer, record);
}

bool
peer_restore(struct domain *domain, const struct record *record)
{
    const char *uri = record_find_text(record, "peer-uri", NULL);
    struct source *source = source_find(domain);
    struct peer *peer;

    if (!uri || !source || !source_goes_on(source)) {
        return false;
    }
    peer = peer_make(domain, uri,
                     (unsigned)record_find_number(record, "peer-flags", 0),
                     record_find_text(record, "peer-client", ""));
    peer->has_v3 = true;
    peer->has_handover = true;
    peer->has_parameters =
        record_find_bool(record, "peer-has-parameters", true);
    peer->handover = source->handover.id;
    peer->has_handover_id = true;
    restore_parameters(peer, record);
    source->client_id = peer->here.client_id;
    return true;
}

void
peer_go_on(struct domain *domain)
{
    const struct source *source = source_find(domain);
    struct peer *peer = peer_find(domain);
    enum coordinator_progress progress = COORDINATOR_HAS_BEGUN;

    if (source_takes(source, SOURCE_EVENT_REPERFORM)) {
        progress = source_token_is_away(source->state)
                       ? COORDINATOR_MAY_HAVE_FINISHED
                       : COORDINATOR_PERFORMS;
    }
    /* What the look at the source had told. */
    if (progress != COORDINATOR_HAS_BEGUN && !source->was_running) {
        peer->flags |= VIR_MIGRATE_PAUSED;
    }
    peer_make_coordinator(peer);
    coordinator_restart(peer->coordinator, progress);
}

/* As a record within the record: typed, one of each name. */
static void
save_parameters(const struct peer *peer, struct record *record)
{
    AUTO(record) *list = record_new(1);
    AUTO_FREE char *text = NULL;

    for (size_t i = 0; i < peer->parameters.count; i++) {
        const struct parameter *item = &peer->parameters.items[i];

        switch (item->type) {
        case PARAMETER_STRING:
            record_set_text(list, item->name, item->value.s);
            break;
        case PARAMETER_INT:
            record_set_number(list, item->name, item->value.i);
            break;
        case PARAMETER_ULLONG:
            record_set_number(list, item->name, (int64_t)item->value.ul);
            break;
        default: /* Of what is not supported across a restart. */
            break;
        }
    }
    text = record_format(list);
    record_set_text(record, "peer-parameters", text);
}

static void
restore_parameters(struct peer *peer, const struct record *record)
{
    static const char *const texts[] = {
        VIR_MIGRATE_PARAM_URI,          VIR_MIGRATE_PARAM_DEST_NAME,
        VIR_MIGRATE_PARAM_DEST_XML,     VIR_MIGRATE_PARAM_PERSIST_XML,
        VIR_MIGRATE_PARAM_GRAPHICS_URI, VIR_MIGRATE_PARAM_LISTEN_ADDRESS,
    };
    const char *text = record_find_text(record, "peer-parameters", "");
    AUTO_ERROR err = {0};
    AUTO(record) *list = record_parse(text, strlen(text), &err);

    for (size_t i = 0; list && i < ARRAY_COUNT(texts); i++) {
        const char *value = record_find_text(list, texts[i], NULL);

        if (value) {
            parameters_add_string(&peer->parameters, texts[i], value);
        }
    }
    if (list && record_has(list, VIR_MIGRATE_PARAM_BANDWIDTH)) {
        parameters_add_ullong(
            &peer->parameters, VIR_MIGRATE_PARAM_BANDWIDTH,
            (uint64_t)record_find_number(list, VIR_MIGRATE_PARAM_BANDWIDTH, 0));
    }
}
