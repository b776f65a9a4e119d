/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starts a guest: QEMU frozen, its answers asked for what only it knows (ptys),
 * then its CPUs; in the order in which things happen.  An incoming guest is
 * left frozen for ferry/destination.c. */

#include "domain/domain.h"

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "domain/domain_internal.h"
#include "io/failpoint.h"
#include "domain/network.h"
#include "domain/resources.h"
#include "qemu/argv.h"
#include "qmp/commands.h"

struct domain_start {
    struct domain *domain; /* Borrowed: owns us. */
    bool is_paused;
    bool is_incoming;
    bool is_failing;  /* QEMU was told to go; 'err' says why. */
    unsigned pending; /* Questions that QEMU has not answered. */
    struct error err;
    struct error unsaved; /* Why there is no record of it. */
    void (*done)(void *owner, const struct error *err);
    void *owner;
};

static int prepare_live(struct domain *domain, struct error *err);
static void settle_clock(struct guest *live);
static int launch(struct domain *domain,
                  const struct domain_start_options *options,
                  struct error *err);
static void forked(void *owner, struct qemu_process *process);
static int make_network(struct domain *domain,
                        const struct domain_start_options *options,
                        struct domain_taps *taps, struct error *err);
static void chardevs_known(void *owner, const struct qmp_chardevs *list,
                           const struct error *err);
static void cpu_known(void *owner, const struct error *err);
static void answered(struct domain *domain, const struct error *err);
static void guest_runs(void *owner, const struct error *err);
static bool is_over(struct domain *domain, const struct error *failed);
static void fail(struct domain *domain, const struct error *why);
static void finish(struct domain *domain, const struct error *err);
static void chardevs_learnt(void *owner, const struct qmp_chardevs *list,
                            const struct error *err);
static void note_ptys(struct guest *live, const struct qmp_chardevs *list);
static void note_pty(struct guest_chardev *chardev,
                     const struct qmp_chardevs *list);

void
domain_start(struct domain *domain, const struct domain_start_options *options,
             void (*done)(void *owner, const struct error *err), void *owner)
{
    AUTO_ERROR err = {0};

    if (domain_is_active(domain) || domain->start) {
        error_set_from(&err, ERROR_FROM_DOMAIN, ERROR_OPERATION_INVALID,
                       "domain is already running");
        done(owner, &err);
        return;
    }
    if (!domain->live && !domain->definition) {
        /* It ended, and was forgotten, while the caller waited for its job. */
        error_set(&err, ERROR_NO_DOMAIN, "no domain with matching name '%s'",
                  domain->name);
        done(owner, &err);
        return;
    }
    domain_get(domain);
    domain->start = xcalloc(1, sizeof *domain->start);
    *domain->start = (struct domain_start){
        .domain = domain,
        .is_paused = options->is_paused,
        .is_incoming = options->is_incoming,
        .done = done,
        .owner = owner,
    };
    if (prepare_live(domain, &err) < 0 || launch(domain, options, &err) < 0) {
        finish(domain, &err);
    }
    domain_put(domain);
}

void
domain_start_ready(struct domain *domain)
{
    struct qmp_session *monitor = qemu_process_monitor(domain->qemu);

    if (domain->start->is_failing) {
        return;
    }
    if (domain->start->is_incoming) {
        finish(domain, NULL);
        return;
    }
    domain->start->pending = 2;
    qmp_query_chardev(monitor, chardevs_known, domain);
    domain_learn_cpu(domain, cpu_known, domain);
}

void
domain_start_ended(struct domain *domain, const struct error *why)
{
    struct domain_start *start = domain->start;

    if (!start->is_failing) {
        error_set(&start->err, ERROR_INTERNAL,
                  "qemu unexpectedly closed the monitor: %s", why->message);
    }
    finish(domain, &start->err);
}

void
domain_start_deaf(struct domain *domain, const struct error *why)
{
    fail(domain, why);
}

void
domain_start_abandon(struct domain *domain, const struct error *why)
{
    struct domain_start *start = STEAL(domain->start);

    if (start) {
        start->done(start->owner, why);
        error_clear(&start->err);
        error_clear(&start->unsaved);
        free(start);
    }
}

void
domain_learn_chardevs(struct domain *domain)
{
    struct qmp_session *monitor = qemu_process_monitor(domain->qemu);

    if (monitor) {
        qmp_query_chardev(monitor, chardevs_learnt, domain_get(domain));
    }
}

static int
prepare_live(struct domain *domain, struct error *err)
{
    if (!domain->live) {
        domain->live = guest_copy(domain->definition);
    }
    settle_clock(domain->live);
    return domain_take_resources(domain, err);
}

/* As libvirt: what is told of a guest that runs, to users and to the host that
 * it moves to, does not depend on this host's time zone. */
static void
settle_clock(struct guest *live)
{
    struct guest_clock *clock = &live->clock;
    time_t now = (time_t)(realtime_ms() / 1000);
    struct tm tm;

    if (clock->offset == GUEST_CLOCK_OFFSET_VARIABLE &&
        clock->basis == GUEST_CLOCK_BASIS_LOCALTIME && localtime_r(&now, &tm) &&
        !__builtin_add_overflow(clock->adjustment, tm.tm_gmtoff,
                                &clock->adjustment)) {
        clock->basis = GUEST_CLOCK_BASIS_UTC;
    }
}

static int
launch(struct domain *domain, const struct domain_start_options *options,
       struct error *err)
{
    struct host *host = domain->host;
    AUTO_FREE char *monitor_path = domain_monitor_path(domain);
    AUTO_FREE char *log_path = domain_log_path(domain);
    struct qemu_argv_options argv_options = {
        .monitor_fd = QEMU_MONITOR_FD,
        .is_incoming = options->is_incoming,
        .has_sandbox = true,
        .qemu_version = qemu_capabilities_version(host->qemu),
        .now_s = realtime_ms() / 1000,
        .cpu = options->cpu,
    };
    struct qemu_process_options process_options = {
        .binary = domain->live->emulator,
        .log_path = log_path,
        .monitor_path = monitor_path,
        .timezone = domain->live->clock.timezone,
        .forked = forked,
        .start_timeout_ms = host->settings.qemu_timeout_ms,
    };
    AUTO_DOMAIN_TAPS taps = {0};
    char **argv;

    if (make_network(domain, options, &taps, err) < 0) {
        return -1;
    }
    argv_options.taps = taps.argv;
    argv_options.tap_count = taps.count;
    argv = qemu_argv_new(domain->live, &argv_options, err);
    if (!argv) {
        return -1;
    }
    process_options.argv = argv;
    process_options.pass_fds = taps.fds;
    process_options.pass_count = taps.fd_count;
    domain->qemu = qemu_process_start(host->loop, &process_options,
                                      &domain_qemu_callbacks, domain, err);
    qemu_argv_free(argv);
    if (!domain->qemu) {
        domain->id = -1;
        return error_wrap(err, "starting QEMU for domain '%s'", domain->name);
    }
    qemu_process_set_silence_limit(domain->qemu,
                                   host->settings.monitor_timeout_ms);
    if (error_is_set(&domain->start->unsaved)) {
        fail(domain, &domain->start->unsaved);
    }
    return 0;
}

/* The record comes before QEMU: a daemon that is killed in between leaves none
 * that nobody knows of. */
static void
forked(void *owner, struct qemu_process *process)
{
    struct domain *domain = owner;
    struct domain_start *start = domain->start;

    domain->qemu = process;
    domain->id = ++domain->host->last_id;
    domain->live->id = (struct guest_number){true, (uint64_t)domain->id};
    domain->state = DOMAIN_STATE_PAUSED;
    domain->reason = start->is_incoming ? VIR_DOMAIN_PAUSED_MIGRATION
                                        : VIR_DOMAIN_PAUSED_STARTING_UP;
    failpoint("qemu/forked");
    domain_save_checked(domain, &start->unsaved);
}

/* An incoming guest still runs elsewhere: its devices stay down. */
static int
make_network(struct domain *domain, const struct domain_start_options *options,
             struct domain_taps *taps, struct error *err)
{
    if (domain_network_make(domain, QEMU_MONITOR_FD + 1, taps, err) < 0) {
        return -1;
    }
    return options->is_incoming ? 0 : domain_network_set_up(domain, true, err);
}

static void
chardevs_known(void *owner, const struct qmp_chardevs *list,
               const struct error *err)
{
    struct domain *domain = owner;

    if (!err) {
        note_ptys(domain->live, list);
    }
    answered(domain, err);
}

/* A guest whose CPU QEMU can't tell runs all the same. */
static void
cpu_known(void *owner, const struct error *failed)
{
    struct domain *domain = owner;

    if (failed && failed->code != ERROR_PEER_LOST) {
        host_note(domain->host, LOG_LEVEL_WARNING, domain,
                  "it is not known which CPU the guest sees: %s",
                  failed->message);
        failed = NULL;
    }
    answered(domain, failed);
}

static void
answered(struct domain *domain, const struct error *err)
{
    if (!domain->start) {
        return; /* The daemon stops. */
    }
    domain->start->pending--;
    if (is_over(domain, err) || domain->start->pending > 0) {
        return;
    }
    if (domain->start->is_paused) {
        guest_runs(domain, NULL);
        return;
    }
    domain->on_resume = (struct domain_expectation){
        VIR_DOMAIN_RUNNING_BOOTED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED};
    qmp_cont(qemu_process_monitor(domain->qemu), guest_runs, domain);
}

static void
guest_runs(void *owner, const struct error *err)
{
    struct domain *domain = owner;

    if (is_over(domain, err)) {
        return;
    }
    domain_get(domain);
    domain_emit(domain, VIR_DOMAIN_EVENT_STARTED,
                VIR_DOMAIN_EVENT_STARTED_BOOTED);
    if (domain->start->is_paused) {
        domain_set_state(domain, DOMAIN_STATE_PAUSED, VIR_DOMAIN_PAUSED_USER);
        domain_emit(domain, VIR_DOMAIN_EVENT_SUSPENDED,
                    VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    } else if (domain->state != DOMAIN_STATE_RUNNING) {
        domain_set_state(domain, DOMAIN_STATE_RUNNING,
                         VIR_DOMAIN_RUNNING_BOOTED);
    }
    finish(domain, NULL);
    domain_put(domain);
}

/* A QEMU whose connection ended under a command is about to be reported as
 * dead, with what it said, or as deaf. */
static bool
is_over(struct domain *domain, const struct error *failed)
{
    if (failed && failed->code != ERROR_PEER_LOST) {
        fail(domain, failed);
    }
    return failed || domain->start->is_failing;
}

/* Ends QEMU; domain_start_ended() follows. */
static void
fail(struct domain *domain, const struct error *why)
{
    struct domain_start *start = domain->start;

    if (start->is_failing) {
        return;
    }
    start->is_failing = true;
    error_copy(&start->err, why);
    error_wrap(&start->err, "starting domain '%s'", domain->name);
    qemu_process_kill(domain->qemu);
}

/* The end of it, one way or the other. */
static void
finish(struct domain *domain, const struct error *failed)
{
    struct domain_start *start = STEAL(domain->start);
    AUTO_ERROR err = {0};

    domain_get(domain);
    if (failed) {
        error_copy(&err, failed);
        domain->on_end = (struct domain_expectation){
            VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED};
        if (domain->migration) {
            domain->migration->ended(domain->migration, &err);
        } else {
            domain->id = -1; /* It never ran: no event. */
            domain_stopped(domain, VIR_DOMAIN_SHUTOFF_FAILED,
                           VIR_DOMAIN_EVENT_STOPPED_FAILED);
        }
    }
    start->done(start->owner, failed ? &err : NULL);
    error_clear(&start->err);
    error_clear(&start->unsaved);
    free(start);
    domain_put(domain);
}

static void
chardevs_learnt(void *owner, const struct qmp_chardevs *list,
                const struct error *err)
{
    struct domain *domain = owner;

    if (!err && domain->live) {
        note_ptys(domain->live, list);
        domain_save(domain);
    }
    domain_put(domain);
}

static void
note_ptys(struct guest *live, const struct qmp_chardevs *list)
{
    for (size_t i = 0; i < live->serials.count; i++) {
        note_pty(live->serials.items[i], list);
    }
    for (size_t i = 0; i < live->consoles.count; i++) {
        note_pty(live->consoles.items[i], list);
    }
    for (size_t i = 0; i < live->channels.count; i++) {
        note_pty(live->channels.items[i], list);
    }
}

/* QEMU says "pty:/dev/pts/3".  The daemon opens it for a console: no other file
 * is believed to be one. */
static void
note_pty(struct guest_chardev *chardev, const struct qmp_chardevs *list)
{
    AUTO_FREE char *id = NULL;

    if (chardev->type != GUEST_CHARDEV_TYPE_PTY || !chardev->device.alias) {
        return;
    }
    id = xasprintf("char%s", chardev->device.alias);
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].label, id) == 0 &&
            has_prefix(list->items[i].filename, "pty:/dev/pts/") &&
            !strstr(list->items[i].filename, "..")) {
            free(chardev->path);
            chardev->path = xstrdup(list->items[i].filename + strlen("pty:"));
        }
    }
}
