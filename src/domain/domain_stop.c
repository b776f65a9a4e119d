/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a guest ends: on demand, by itself, or with its QEMU. */

#include "domain/domain.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/memory.h"
#include "domain/domain_internal.h"

enum { TERMINATE_MS = 1000 }; /* For SIGTERM to do; then SIGKILL. */

struct end_waiter {
    struct list link;
    void (*done)(void *owner);
    void *owner;
    bool is_deafness_enough;
};

struct destroy {
    struct domain *domain; /* A reference. */
    void (*done)(void *owner, const struct error *err);
    void *owner;
};

static void terminate_overdue(void *owner);
static void add_end_waiter(struct domain *domain, struct end_waiter plan);
static void answer_end_waiters(struct domain *domain, bool is_only_deaf);
static void destroyed(void *owner);
static void client_is_gone(void *owner, const struct error *err);
static void free_dead(void *owner);

void
domain_destroy(struct domain *domain,
               void (*done)(void *owner, const struct error *err), void *owner)
{
    AUTO_ERROR err = {0};
    struct destroy *destroy;

    if (domain_check_active(domain, &err) < 0) {
        done(owner, &err);
        return;
    }
    destroy = xcalloc(1, sizeof *destroy);
    *destroy = (struct destroy){domain_get(domain), done, owner};
    /* Nobody knows yet of a guest that starts, and all know of one that is
     * being destroyed. */
    if (!domain->start &&
        domain->on_end.reason != VIR_DOMAIN_SHUTOFF_DESTROYED) {
        domain_emit(domain, VIR_DOMAIN_EVENT_SHUTDOWN,
                    VIR_DOMAIN_EVENT_SHUTDOWN_HOST);
    }
    domain->on_end = (struct domain_expectation){
        VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED};
    if (domain->migration) {
        domain->migration->destroy(domain->migration);
    }
    domain_kill(domain);
    domain_wait_end(domain, destroyed, destroy);
}

void
domain_kill(struct domain *domain)
{
    if (domain->qemu && !timer_is_running(&domain->kill_timer)) {
        qemu_process_terminate(domain->qemu);
        timer_start(&domain->kill_timer, domain->host->loop, TERMINATE_MS,
                    terminate_overdue, domain);
    }
}

void
domain_wait_end(struct domain *domain, void (*done)(void *owner), void *owner)
{
    if (!domain->qemu) {
        done(owner);
        return;
    }
    add_end_waiter(domain, (struct end_waiter){.done = done, .owner = owner});
}

void
domain_wait_fate(struct domain *domain, void (*done)(void *owner), void *owner)
{
    if (!domain->qemu ||
        qemu_process_state(domain->qemu) == QEMU_PROCESS_MONITOR_LOST) {
        done(owner);
        return;
    }
    add_end_waiter(domain, (struct end_waiter){.done = done,
                                               .owner = owner,
                                               .is_deafness_enough = true});
}

void
domain_deaf(struct domain *domain)
{
    answer_end_waiters(domain, true);
}

void
domain_stopped(struct domain *domain, int reason, int detail)
{
    bool was_active = domain_is_active(domain);

    domain_get(domain);
    timer_stop(&domain->kill_timer);
    if (domain->qemu) {
        /* We may be inside one of its callbacks. */
        qemu_process_free(domain->dead);
        domain->dead = STEAL(domain->qemu);
        deferral_schedule(&domain->forget, domain->host->loop, free_dead,
                          domain);
    }
    domain_remove_record(domain);
    domain->id = -1;
    domain->is_rebooting = false;
    domain->autodestroy_client = 0;
    domain->state = DOMAIN_STATE_SHUTOFF;
    domain->reason = reason;
    guest_free(STEAL(domain->live));
    guest_seen_cpu_free(STEAL(domain->cpu));
    domain_expect_nothing(domain);
    if (was_active) {
        domain_emit(domain, VIR_DOMAIN_EVENT_STOPPED, detail);
    }
    domain_remove_if_unused(domain);
    answer_end_waiters(domain, false);
    domain_put(domain);
}

void
domain_abandon(struct domain *domain)
{
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_OPERATION_ABORTED, "the daemon stops");
    /* First those whose turn would come by the answers to others. */
    job_lock_refuse_all(&domain->jobs, &why);
    if (domain->migration) {
        domain->migration->free(STEAL(domain->migration));
    }
    domain_start_abandon(domain, &why);
    if (domain->qemu) {
        qmp_session_abandon(qemu_process_monitor(domain->qemu), &why);
    }
    answer_end_waiters(domain, false);
}

void
domain_kill_with_client(struct domain *domain)
{
    host_note(domain->host, LOG_LEVEL_INFO, domain,
              "destroyed with its client, which is gone");
    domain_destroy(domain, client_is_gone, NULL);
}

static void
client_is_gone(void *owner, const struct error *err)
{
    (void)owner;
    (void)err;
}

static void
terminate_overdue(void *owner)
{
    struct domain *domain = owner;

    if (domain->qemu) {
        qemu_process_kill(domain->qemu);
    }
}

static void
add_end_waiter(struct domain *domain, struct end_waiter plan)
{
    struct end_waiter *waiter = xmemdup(&plan, sizeof plan);

    list_add(&domain->end_waiters, &waiter->link);
}

/* Those who wait for another end from within are left for that. */
static void
answer_end_waiters(struct domain *domain, bool is_only_deaf)
{
    struct list waiters;

    list_init(&waiters);
    LIST_FOR_EACH (link, &domain->end_waiters) {
        struct end_waiter *waiter = container_of(link, struct end_waiter, link);

        if (!is_only_deaf || waiter->is_deafness_enough) {
            list_remove(link);
            list_add(&waiters, link);
        }
    }
    LIST_FOR_EACH (link, &waiters) {
        struct end_waiter *waiter = container_of(link, struct end_waiter, link);

        list_remove(link);
        waiter->done(waiter->owner);
        free(waiter);
    }
}

static void
destroyed(void *owner)
{
    struct destroy *destroy = owner;

    destroy->done(destroy->owner, NULL);
    domain_put(destroy->domain);
    free(destroy);
}

static void
free_dead(void *owner)
{
    struct domain *domain = owner;

    qemu_process_free(STEAL(domain->dead));
}
