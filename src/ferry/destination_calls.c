/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The client's calls to a destination: Prepare and Finish.  Each takes the job
 * as the specification says ("QEMU Migration Locking Rules") and becomes an
 * event for destination.def. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ferry/destination.h"

/* Prepare, until the domain is its own. */
struct arrival {
    struct host *host;
    struct ferry_call *call;
    const struct migration_parameters *parameters;
    unsigned flags;
    struct guest *guest;             /* Owned. */
    char *original_name;             /* Owned. */
    struct guest_seen_cpu *cpu;      /* Owned. */
    struct cookie_handover handover; /* uri owned. */
    bool has_handover;
    struct qemu_migration_start start;
    struct domain *domain; /* A reference. */
    struct error refusal;
    bool is_granted;
};

static void prepare(struct host *host,
                    const struct migration_parameters *parameters,
                    struct ferry_cookie cookie, unsigned flags,
                    struct ferry_call *call, enum destination_event event);
static int read_guest(struct arrival *arrival, struct ferry_cookie cookie,
                      struct error *err);
static int read_cpu(struct arrival *arrival,
                    const struct migration_cookie *cookie, struct error *err);
static struct destination *make_destination(struct arrival *arrival,
                                            struct error *err);
static struct destination *find_prepared(const struct arrival *arrival);
static struct destination *prepare_again(struct arrival *arrival,
                                         struct destination *destination,
                                         struct error *err);
static int take_domain(struct arrival *arrival, struct error *err);
static int set_up(struct arrival *arrival, struct destination *destination,
                  struct error *err);
static void granted(struct qemu_migration_start *start);
static void refused(struct qemu_migration_start *start,
                    const struct error *err);
static int find_finishing(struct host *host, const char *name,
                          struct destination **destination, struct error *err);
static int check_handover(struct host *host, const char *name,
                          struct ferry_cookie bytes, struct error *err);
static struct destination *enter_finish(struct host *host, const char *name,
                                        enum destination_event event,
                                        enum qemu_migration_phase phase,
                                        struct ferry_call *call);
static void cancel(struct destination *destination);
static int finish_cookie_read(struct destination *destination,
                              struct ferry_cookie cookie, unsigned flags,
                              struct error *err);

void
ferry_prepare(struct host *host, const struct migration_parameters *parameters,
              struct ferry_cookie cookie, unsigned flags,
              struct ferry_call *call)
{
    prepare(host, parameters, cookie, flags, call,
            flags & VIR_MIGRATE_OFFLINE ? DESTINATION_EVENT_PREPARE_OFFLINE
                                        : DESTINATION_EVENT_PREPARE);
}

void
ferry_prepare2(struct host *host, const struct migration_parameters *parameters,
               unsigned flags, struct ferry_call *call)
{
    prepare(host, parameters, (struct ferry_cookie){0}, flags, call,
            DESTINATION_EVENT_PREPARE2);
}

static void
prepare(struct host *host, const struct migration_parameters *parameters,
        struct ferry_cookie cookie, unsigned flags, struct ferry_call *call,
        enum destination_event event)
{
    struct arrival arrival = {
        .host = host,
        .call = call,
        .parameters = parameters,
        .flags = flags,
    };
    struct destination *destination = NULL;
    AUTO_ERROR err = {0};

    if (read_guest(&arrival, cookie, &err) == 0) {
        destination = find_prepared(&arrival);
        if (destination) {
            event = DESTINATION_EVENT_REPREPARE;
            destination = prepare_again(&arrival, destination, &err);
        } else {
            destination = make_destination(&arrival, &err);
        }
    }
    guest_free(arrival.guest);
    free(arrival.original_name);
    free(arrival.handover.uri);
    guest_seen_cpu_free(arrival.cpu);
    error_clear(&arrival.refusal);
    if (destination) {
        destination->call = call;
        destination_happened(destination, event);
    } else {
        call->done(call, NULL, &err);
    }
    domain_put(arrival.domain);
}

static struct destination *
make_destination(struct arrival *arrival, struct error *err)
{
    struct destination *destination;

    if (take_domain(arrival, err) < 0) {
        return NULL;
    }
    destination = destination_new(arrival->domain);
    destination->client_id = arrival->call->client_id;
    destination->flags = arrival->flags;
    destination->original_name = STEAL(arrival->original_name);
    destination->cpu_there = STEAL(arrival->cpu);
    if ((!arrival->has_handover ||
         destination_learn_handover(destination, &arrival->handover, err) ==
             0) &&
        set_up(arrival, destination, err) == 0) {
        return destination;
    }
    arrival->domain->migration = NULL;
    destination->base.free(&destination->base);
    arrival->domain->id = -1;
    domain_stopped(arrival->domain, VIR_DOMAIN_SHUTOFF_FAILED,
                   VIR_DOMAIN_EVENT_STOPPED_FAILED);
    qemu_migration_job_finish(&arrival->domain->migration_job, monotonic_ms());
    return NULL;
}

/* What a source that has come back asks for again: the same handover. */
static struct destination *
find_prepared(const struct arrival *arrival)
{
    struct domain *domain =
        domain_find_by_uuid(arrival->host, &arrival->guest->uuid);
    struct destination *destination = domain ? destination_find(domain) : NULL;

    return destination && destination->handover.comes_back &&
                   arrival->has_handover && destination->handover.has_id &&
                   uuid_is_equal(&destination->handover.id,
                                 &arrival->handover.id) &&
                   destination_takes(destination, DESTINATION_EVENT_REPREPARE)
               ? destination
               : NULL;
}

/* The call of before, if there was one, is nobody's any more. */
static struct destination *
prepare_again(struct arrival *arrival, struct destination *destination,
              struct error *err)
{
    const struct qemu_migration_caller caller = {
        .api = arrival->call->api,
        .client = arrival->call->client_name,
        .client_id = arrival->call->client_id,
    };
    struct ferry_call *before = STEAL(destination->call);
    struct qemu_migration_job *job = &destination->domain->migration_job;
    AUTO_ERROR replaced = {0};

    arrival->domain = domain_get(destination->domain);
    if (before) {
        error_set(&replaced, ERROR_OPERATION_ABORTED,
                  "Prepare was called again by a source that came back");
        before->done(before, NULL, &replaced);
    }
    if (job->facts.is_owned) {
        job->client_id = caller.client_id;
    } else if (qemu_migration_job_start_phase(job, QEMU_MIGRATION_PHASE_PREPARE,
                                              &caller, monotonic_ms(),
                                              err) < 0) {
        return NULL;
    }
    destination_joined(destination, caller.client_id);
    guest_seen_cpu_free(destination->cpu_there);
    destination->cpu_there = STEAL(arrival->cpu);
    free(STEAL(destination->listen_address));
    migration_uri_done(&destination->uri);
    return set_up(arrival, destination, err) < 0 ? NULL : destination;
}

void
ferry_finish(struct host *host, const char *name, struct ferry_cookie cookie,
             unsigned flags, int cancelled, struct ferry_call *call)
{
    enum destination_event event =
        cancelled                      ? DESTINATION_EVENT_FINISH_CANCELLED
        : (flags & VIR_MIGRATE_PAUSED) ? DESTINATION_EVENT_FINISH_PAUSED
                                       : DESTINATION_EVENT_FINISH;
    struct destination *destination;
    AUTO_ERROR err = {0};

    if (check_handover(host, name, cookie, &err) < 0) {
        call->done(call, NULL, &err);
        return;
    }
    destination =
        enter_finish(host, name, event, QEMU_MIGRATION_PHASE_FINISH3, call);
    if (!destination) {
        return;
    }
    destination->flags = flags;
    if (!cancelled &&
        finish_cookie_read(destination, cookie, flags, &err) < 0) {
        destination_fail(destination, &err);
        event = DESTINATION_EVENT_FINISH_CANCELLED;
    }
    if (cancelled) {
        cancel(destination);
    }
    destination_happened(destination, event);
}

/* A call that was long on its way, and meant for another migration, changes
 * nothing.  What else is wrong with its cookie is found later. */
static int
check_handover(struct host *host, const char *name, struct ferry_cookie bytes,
               struct error *err)
{
    const struct domain *domain = domain_find_by_name(host, name);
    const struct destination *destination =
        domain ? destination_find(domain) : NULL;
    AUTO_MIGRATION_COOKIE cookie = {0};
    AUTO_ERROR ignored = {0};

    if (destination) {
        struct ferry_identity identity = {host, destination->original_name,
                                          &domain->uuid};

        if (ferry_cookie_read(&cookie, bytes, MIGRATION_CALL_FINISH, &identity,
                              &ignored) == 0 &&
            destination_is_other_handover(destination, &cookie)) {
            return error_set(err, ERROR_OPERATION_INVALID,
                             "this Finish is of another migration of domain"
                             " '%s'",
                             name);
        }
    }
    return 0;
}

/* The configuration does not come in a cookie: it is what runs. */
void
ferry_finish2(struct host *host, const char *name, unsigned flags, int retcode,
              struct ferry_call *call)
{
    enum destination_event event = retcode ? DESTINATION_EVENT_FINISH_CANCELLED
                                   : (flags & VIR_MIGRATE_PAUSED)
                                       ? DESTINATION_EVENT_FINISH2_PAUSED
                                       : DESTINATION_EVENT_FINISH2;
    struct destination *destination =
        enter_finish(host, name, event, QEMU_MIGRATION_PHASE_FINISH2, call);

    if (!destination) {
        return;
    }
    destination->flags = flags;
    if (retcode) {
        cancel(destination);
    } else if (flags & VIR_MIGRATE_PERSIST_DEST) {
        guest_free(destination->persist);
        destination->persist = guest_copy(destination->domain->live);
    }
    destination_happened(destination, event);
}

static void
cancel(struct destination *destination)
{
    AUTO_ERROR err = {0};

    error_set(&err, ERROR_MIGRATE_FINISH_OK, "migration successfully aborted");
    destination_fail(destination, &err);
}

/* The guest's destination, with the call as its own; NULL where the call was
 * refused, and nothing has changed.  A guest that is being killed is nobody's
 * call: whoever finishes it is told why, once it is dead. */
static struct destination *
enter_finish(struct host *host, const char *name, enum destination_event event,
             enum qemu_migration_phase phase, struct ferry_call *call)
{
    struct qemu_migration_caller caller = {
        .api = call->api,
        .client = call->client_name,
        .client_id = call->client_id,
    };
    struct destination *destination;
    bool is_dying;
    AUTO_ERROR err = {0};

    if (find_finishing(host, name, &destination, &err) < 0) {
        call->done(call, NULL, &err);
        return NULL;
    }
    is_dying =
        destination->state == DESTINATION_STATE_KILLING && !destination->call;
    if (!is_dying &&
        (destination->call || !destination_takes(destination, event))) {
        error_set(&err, ERROR_OPERATION_INVALID,
                  "the incoming migration of domain '%s' can't be finished: it"
                  " is %s",
                  name, destination_rules.states[destination->state]);
    } else if (!is_dying) {
        qemu_migration_job_start_phase(&destination->domain->migration_job,
                                       phase, &caller, monotonic_ms(), &err);
    }
    if (error_is_set(&err)) {
        call->done(call, NULL, &err);
        return NULL;
    }
    destination->call = call;
    destination_joined(destination, call->client_id);
    return destination;
}

static int
read_guest(struct arrival *arrival, struct ferry_cookie bytes,
           struct error *err)
{
    const struct migration_parameters *parameters = arrival->parameters;
    struct ferry_identity identity = {.host = arrival->host};
    AUTO_MIGRATION_COOKIE cookie = {0};

    if (!parameters->destination_xml) {
        return error_set(err, ERROR_INTERNAL, "no domain XML passed");
    }
    arrival->guest = host_read_guest(arrival->host, parameters->destination_xml,
                                     GUEST_PARSE_MIGRATION, err);
    if (!arrival->guest) {
        return -1;
    }
    arrival->original_name = xstrdup(arrival->guest->name);
    identity.original_name = arrival->original_name;
    identity.uuid = &arrival->guest->uuid;
    if (parameters->destination_name) {
        free(arrival->guest->name);
        arrival->guest->name = xstrdup(parameters->destination_name);
        if (guest_check(arrival->guest, err) < 0) {
            return -1;
        }
    }
    if (ferry_cookie_read(&cookie, bytes, MIGRATION_CALL_PREPARE, &identity,
                          err) < 0) {
        return -1;
    }
    arrival->has_handover = cookie.sections & COOKIE_HANDOVER;
    arrival->handover = cookie.handover;
    cookie.handover.uri = NULL;
    return read_cpu(arrival, &cookie, err);
}

static int
read_cpu(struct arrival *arrival, const struct migration_cookie *cookie,
         struct error *err)
{
    if (cookie->sections & COOKIE_CPU) {
        guest_cpu_free(arrival->guest->live_cpu);
        arrival->guest->live_cpu =
            guest_cpu_parse(cookie->cpu, strlen(cookie->cpu), err);
        if (!arrival->guest->live_cpu) {
            return error_wrap(err, "the CPU in the migration cookie");
        }
    }
    if (cookie->sections & COOKIE_SEEN_CPU) {
        arrival->cpu = guest_seen_cpu_parse(cookie->seen_cpu, err);
        if (!arrival->cpu) {
            return error_wrap(err, "the migration cookie");
        }
    }
    return 0;
}

/* The domain, with its job; a domain that has other work is refused at once,
 * since a client that prepares has a guest waiting elsewhere. */
static int
take_domain(struct arrival *arrival, struct error *err)
{
    struct domain *domain =
        domain_add_live(arrival->host, STEAL(arrival->guest), err);

    if (!domain) {
        return -1;
    }
    arrival->domain = domain_get(domain);
    arrival->start = (struct qemu_migration_start){
        .kind = VIR_JOB_MIGRATION_IN,
        .caller = {.api = arrival->call->api,
                   .client = arrival->call->client_name,
                   .client_id = arrival->call->client_id},
        .wait_ms = 0,
        .granted = granted,
        .refused = refused,
    };
    qemu_migration_job_start(&domain->migration_job, &arrival->start,
                             monotonic_ms());
    if (!arrival->is_granted) {
        domain_drop_live(domain);
        error_move(err, &arrival->refusal);
        return -1;
    }
    return 0;
}

static int
set_up(struct arrival *arrival, struct destination *destination,
       struct error *err)
{
    const struct migration_parameters *parameters = arrival->parameters;
    AUTO_ERROR dropped = {0};

    incoming_error_take(arrival->host, arrival->domain->name, &dropped);
    destination->listen_address = xstrdup_null(parameters->listen_address);
    destination->has_uri = parameters->migrate_uri;
    if (destination->has_uri) {
        return migration_uri_parse(parameters->migrate_uri, &destination->uri,
                                   err);
    }
    return 0;
}

static void
granted(struct qemu_migration_start *start)
{
    container_of(start, struct arrival, start)->is_granted = true;
}

static void
refused(struct qemu_migration_start *start, const struct error *err)
{
    error_copy(&container_of(start, struct arrival, start)->refusal, err);
}

/* A guest that was given up while no call of its client waited has left its
 * reason. */
static int
find_finishing(struct host *host, const char *name,
               struct destination **destination, struct error *err)
{
    struct domain *domain = domain_find_by_name(host, name);

    *destination = domain ? destination_find(domain) : NULL;
    if (!*destination && incoming_error_take(host, name, err)) {
        return -1;
    }
    if (!domain) {
        return error_set(err, ERROR_NO_DOMAIN,
                         "no domain with matching name '%s'", name);
    }
    if (!*destination) {
        return error_set(err, ERROR_OPERATION_INVALID,
                         "domain '%s' is not processing incoming migration",
                         name);
    }
    return qemu_migration_job_is_active(&domain->migration_job,
                                        VIR_JOB_MIGRATION_IN, err);
}

static int
finish_cookie_read(struct destination *destination, struct ferry_cookie bytes,
                   unsigned flags, struct error *err)
{
    struct domain *domain = destination->domain;
    struct ferry_identity identity = {domain->host, destination->original_name,
                                      &domain->uuid};
    AUTO_MIGRATION_COOKIE cookie = {0};

    if (ferry_cookie_read(&cookie, bytes, MIGRATION_CALL_FINISH, &identity,
                          err) < 0) {
        return -1;
    }
    if (destination_take_token(destination, &cookie, err) < 0) {
        return -1;
    }
    if (cookie.sections & COOKIE_STATISTICS) {
        destination->has_statistics = true;
        destination->statistics = cookie.statistics;
        migration_statistics_received(&destination->statistics,
                                      (uint64_t)realtime_ms());
    }
    if (!(flags & VIR_MIGRATE_PERSIST_DEST)) {
        return 0;
    }
    guest_free(STEAL(destination->persist));
    if (!cookie.persistent) {
        destination->persist = guest_copy(domain->live);
        return 0;
    }
    destination->persist = host_read_guest(domain->host, cookie.persistent,
                                           GUEST_PARSE_INACTIVE, err);
    if (!destination->persist) {
        return error_wrap(err, "the configuration to define for domain '%s'",
                          domain->name);
    }
    if (!uuid_is_equal(&destination->persist->uuid, &domain->uuid)) {
        return error_set(err, ERROR_INTERNAL,
                         "the configuration to define for domain '%s' is of"
                         " another domain",
                         domain->name);
    }
    free(destination->persist->name);
    destination->persist->name = xstrdup(domain->name);
    return 0;
}
