/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stops and continues a guest's CPUs at somebody's request. */

#include "domain/domain.h"

#include <stdlib.h>

#include "base/memory.h"
#include "domain/domain_internal.h"
#include "domain/network.h"
#include "qmp/commands.h"

struct run_request {
    struct domain *domain; /* A reference. */
    void (*done)(void *owner, const struct error *err);
    void *owner;
    const char *what;
    struct error err; /* How it ended. */
};

static void send(struct domain *domain,
                 void (*command)(struct qmp_session *, qmp_done *, void *),
                 struct run_request request);
static void answered(void *owner, const struct error *err);
static void finish(void *owner);

void
domain_suspend(struct domain *domain,
               void (*done)(void *owner, const struct error *err), void *owner)
{
    AUTO_ERROR err = {0};

    if (domain_check_active(domain, &err) < 0) {
        done(owner, &err);
        return;
    }
    if (domain->state == DOMAIN_STATE_PAUSED) {
        done(owner, NULL);
        return;
    }
    if (domain->migration) {
        domain->migration->suspended(domain->migration);
    }
    send(domain, qmp_stop,
         (struct run_request){.domain = domain,
                              .done = done,
                              .owner = owner,
                              .what = "suspending"});
}

void
domain_resume(struct domain *domain,
              void (*done)(void *owner, const struct error *err), void *owner)
{
    AUTO_ERROR err = {0};

    if (domain_check_active(domain, &err) < 0) {
        done(owner, &err);
        return;
    }
    if (domain->state == DOMAIN_STATE_RUNNING) {
        error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_OPERATION_INVALID,
                       "domain is already running");
        done(owner, &err);
        return;
    }
    if (domain->migration &&
        domain->migration->may_resume(domain->migration, &err) < 0) {
        done(owner, &err);
        return;
    }
    /* Down where a migration has handed the guest over, and nobody has told
     * what has become of it. */
    if (domain_network_set_up(domain, true, &err) < 0) {
        done(owner, &err);
        return;
    }
    if (domain->migration) {
        domain->migration->resumed(domain->migration);
    }
    send(domain, qmp_cont,
         (struct run_request){.domain = domain,
                              .done = done,
                              .owner = owner,
                              .what = "resuming"});
}

static void
send(struct domain *domain,
     void (*command)(struct qmp_session *, qmp_done *, void *),
     struct run_request request)
{
    struct qmp_session *monitor = qemu_process_monitor(domain->qemu);
    AUTO_ERROR err = {0};
    struct run_request *copy;

    if (!monitor) {
        error_set(&err, ERROR_OPERATION_FAILED,
                  "%s domain '%s': the monitor of its QEMU does not answer",
                  request.what, domain->name);
        request.done(request.owner, &err);
        return;
    }
    copy = xmemdup(&request, sizeof request);
    domain_get(domain);
    command(monitor, answered, copy);
}

/* Who waits for our job would find a guest that seems to run: it ends only
 * when QEMU's fate is known. */
static void
answered(void *owner, const struct error *failed)
{
    struct run_request *request = owner;

    if (failed) {
        error_set(&request->err,
                  failed->code == ERROR_OPERATION_TIMEOUT
                      ? ERROR_OPERATION_TIMEOUT
                      : ERROR_OPERATION_FAILED,
                  "%s domain '%s': %s", request->what, request->domain->name,
                  failed->message);
    }
    if (failed && failed->code == ERROR_PEER_LOST) {
        domain_wait_fate(request->domain, finish, request);
    } else {
        finish(request);
    }
}

static void
finish(void *owner)
{
    struct run_request *request = owner;

    request->done(request->owner,
                  error_is_set(&request->err) ? &request->err : NULL);
    error_clear(&request->err);
    domain_put(request->domain);
    free(request);
}
