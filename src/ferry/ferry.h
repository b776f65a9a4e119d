/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration as the daemon's clients drive it: the calls of protocol v3 (and
 * v2), for the domain that goes and the one that comes.
 *
 * Carries out what migrate/source.def and migrate/destination.def decide.  The
 * job lock is taken here.  Flags and parameters have been checked by the caller
 * with migrate/flags.h and migrate/parameters.h. */

#pragma once

#include <stddef.h>

#include "domain/domain.h"
#include "migrate/parameters.h"
#include "migrate/statistics.h"

struct rpc_call;

/* What a successful call answers.  All borrowed during the callback; NULL or 0
 * where the call has no such result. */
struct ferry_result {
    const void *cookie; /* With its NUL; size 0: no cookie. */
    size_t cookie_size;
    const char *xml;         /* Begin. */
    const char *uri;         /* Prepare; NULL where the client's own is used. */
    struct domain *domain;   /* Finish. */
    struct domain *incoming; /* Prepare. */
};

/* A call that a client waits for.  Its memory is the caller's, until 'done'. */
struct ferry_call {
    uint64_t client_id;      /* Which connection; never used twice. */
    const char *client_name; /* For texts; alive as long as the call. */
    const char *api;         /* "remoteDispatchDomainMigratePerform3Params". */
    /* Called once, perhaps before the function returns.  'result' is NULL
     * where 'err' is not. */
    void (*done)(struct ferry_call *call, const struct ferry_result *result,
                 const struct error *err);
};

struct ferry_cookie {
    const void *data; /* Borrowed. Hostile. */
    size_t size;
};

void ferry_begin(struct domain *domain,
                 const struct migration_parameters *parameters, unsigned flags,
                 struct ferry_call *call);
void ferry_prepare(struct host *host,
                   const struct migration_parameters *parameters,
                   struct ferry_cookie cookie, unsigned flags,
                   struct ferry_call *call);
/* The same succeeded, with VIR_MIGRATE_TUNNELLED: what comes on the stream of
 * 'call' is for the domain's QEMU.  To be called before the reply. */
void ferry_open_tunnel(struct domain *domain, const struct rpc_call *call);
void ferry_perform(struct domain *domain,
                   const struct migration_parameters *parameters,
                   struct ferry_cookie cookie, unsigned flags,
                   struct ferry_call *call);
/* A Perform of that client that is refused before it comes here: the job that
 * its Begin took ends, since no Confirm follows a Perform that failed. */
void ferry_refuse_perform(struct domain *domain, uint64_t client_id,
                          const struct error *why);
/* Protocol v2: takes and ends the job itself, since there is no Begin and no
 * Confirm, and checks what Begin checks.  The guest is dead when it succeeds.
 */
void ferry_perform2(struct domain *domain,
                    const struct migration_parameters *parameters,
                    struct ferry_cookie cookie, unsigned flags,
                    struct ferry_call *call);
/* 'name' is the destination's name of the domain. */
void ferry_finish(struct host *host, const char *name,
                  struct ferry_cookie cookie, unsigned flags, int cancelled,
                  struct ferry_call *call);
/* Protocol v2: its cookies say nothing, and are not read. */
void ferry_prepare2(struct host *host,
                    const struct migration_parameters *parameters,
                    unsigned flags, struct ferry_call *call);
void ferry_finish2(struct host *host, const char *name, unsigned flags,
                   int retcode, struct ferry_call *call);
/* UNUSED, for a coordinator of this daemon: cancelled, and no Finish was sent
 * that would let the guest run there. */
enum ferry_confirmation { FERRY_CONFIRMED, FERRY_CANCELLED, FERRY_UNUSED };
void ferry_confirm(struct domain *domain, struct ferry_cookie cookie,
                   unsigned flags, enum ferry_confirmation word,
                   struct ferry_call *call);

/* Perform of a peer-to-peer migration: this daemon is the coordinator, and
 * calls the daemon at 'uri' and itself.  Answers at the end of it all, without
 * a cookie; goes on where the client goes. */
void ferry_migrate_to_peer(struct domain *domain, const char *uri,
                           const struct migration_parameters *parameters,
                           unsigned flags, struct ferry_call *call);
/* Waits for the end of a migration that this daemon drives and for which nobody
 * waits, and is answered then as ferry_migrate_to_peer() is.  'uri' (caller
 * frees) is the destination's. */
void ferry_attach(struct domain *domain, struct ferry_call *call, char **uri);
/* Where the peer-to-peer migration of this domain is, and how long each phase
 * took, in parameters whose names begin with FERRY_OWN_PARAMETER: not
 * libvirt's, for clients that know us.  Adds nothing where there is none. */
#define FERRY_OWN_PARAMETER "vmferry."
void ferry_list_phases(const struct domain *domain, struct parameters *list);

/* domjobabort.  The caller holds VIR_JOB_ABORT.  Succeeds once the order is
 * given; Perform's call then fails. */
int ferry_abort(struct domain *domain, const char *client_name,
                struct error *err);

/* Makes a Perform that is under way fail, for 'why'; NULL: as domjobabort. */
int ferry_stop_perform(struct domain *domain, const struct error *why,
                       struct error *err);

/* A client's connection was closed: what it drove is cleaned up. */
void ferry_client_gone(struct host *host, uint64_t client_id);

/* Statistics of the job that runs: asks QEMU where that tells more.  'done'
 * gets NULL and no error where there is no job. */
void ferry_job_statistics(
    struct domain *domain,
    void (*done)(void *owner, const struct migration_statistics *statistics,
                 const struct error *err),
    void *owner);

/* migrate-setmaxdowntime, migrate-setspeed: kept for the next migration, and
 * told to the one that runs. */
void ferry_set_max_downtime(struct domain *domain, uint64_t downtime_ms,
                            void (*done)(void *owner, const struct error *err),
                            void *owner);
void ferry_set_max_speed(struct domain *domain, uint64_t bandwidth_mib,
                         void (*done)(void *owner, const struct error *err),
                         void *owner);

/* The daemon stops, before its domains go: peer-to-peer migrations are left as
 * they are; the next start finds them in the records. */
void ferry_stop(struct host *host);
/* The daemon stops: what is kept for clients that have not come back goes. */
void ferry_done(struct host *host);

/* Gives a domain whose record tells of a migration its part in it back. */
void ferry_restore(struct domain *domain, const struct record *record);
