/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a user does to a running guest from outside: its power button, its reset
 * line, its keyboard.  All of it waits behind a migration. */

#include <libvirt/libvirt.h>

#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/work.h"
#include "qmp/commands.h"

enum {
    SHUTDOWN_KNOWN =
        VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | VIR_DOMAIN_SHUTDOWN_GUEST_AGENT,
};

static void power_button(struct client *client, struct rpc_call *call,
                         const struct remote_dom *dom, unsigned flags,
                         void (*run)(struct work *work));
static void start_checked(struct client *client, struct rpc_call *call,
                          const struct remote_dom *dom, struct error *err,
                          void (*run)(struct work *work));
static void run_shutdown(struct work *work);
static void run_reboot(struct work *work);
static void run_reset(struct work *work);
static void run_nmi(struct work *work);
static void run_send_key(struct work *work);
static void run_wakeup(struct work *work);
static struct qmp_session *monitor_of(struct work *work);

void
handle_domain_shutdown(struct client *client, struct rpc_call *call,
                       const struct remote_domain_shutdown_args *args)
{
    power_button(client, call, &args->dom, 0, run_shutdown);
}

void
handle_domain_shutdown_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_shutdown_flags_args *args)
{
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, SHUTDOWN_KNOWN, "qemuDomainShutdownFlags",
                         &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    power_button(client, call, &args->dom, args->flags, run_shutdown);
}

void
handle_domain_reboot(struct client *client, struct rpc_call *call,
                     const struct remote_domain_reboot_args *args)
{
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, SHUTDOWN_KNOWN, "qemuDomainReboot",
                         &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    power_button(client, call, &args->dom, args->flags, run_reboot);
}

void
handle_domain_reset(struct client *client, struct rpc_call *call,
                    const struct remote_domain_reset_args *args)
{
    AUTO_ERROR err = {0};

    wire_check_flags(args->flags, 0, "qemuDomainReset", &err);
    start_checked(client, call, &args->dom, &err, run_reset);
}

void
handle_domain_inject_nmi(struct client *client, struct rpc_call *call,
                         const struct remote_domain_inject_nmi_args *args)
{
    AUTO_ERROR err = {0};

    wire_check_flags(args->flags, 0, "qemuDomainInjectNMI", &err);
    start_checked(client, call, &args->dom, &err, run_nmi);
}

/* Codes of Linux and of QEMU are the same for all keys of the first set of
 * scan codes; other sets are not translated. */
void
handle_domain_send_key(struct client *client, struct rpc_call *call,
                       const struct remote_domain_send_key_args *args)
{
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, 0, "qemuDomainSendKey", &err) == 0 &&
        args->codeset != VIR_KEYCODE_SET_LINUX &&
        args->codeset != VIR_KEYCODE_SET_QNUM) {
        error_set(&err, ERROR_ARGUMENT_UNSUPPORTED,
                  "keys of the code set %u: give Linux's or QEMU's own",
                  args->codeset);
    }
    for (unsigned i = 0; i < args->keycodes.keycodes_len; i++) {
        if (!error_is_set(&err) && (args->keycodes.keycodes_val[i] == 0 ||
                                    args->keycodes.keycodes_val[i] > 127)) {
            error_set(&err, ERROR_INTERNAL,
                      "cannot translate keycode %u of linux codeset to qnum"
                      " keycode",
                      args->keycodes.keycodes_val[i]);
        }
    }
    start_checked(client, call, &args->dom, &err, run_send_key);
}

void
handle_domain_pm_wakeup(struct client *client, struct rpc_call *call,
                        const struct remote_domain_pm_wakeup_args *args)
{
    AUTO_ERROR err = {0};

    wire_check_flags(args->flags, 0, "qemuDomainPMWakeup", &err);
    start_checked(client, call, &args->dom, &err, run_wakeup);
}

/* Without flags, and with both, the agent is not there and the button is. */
static void
power_button(struct client *client, struct rpc_call *call,
             const struct remote_dom *dom, unsigned flags,
             void (*run)(struct work *work))
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(client, dom, &err);

    if (domain && flags == VIR_DOMAIN_SHUTDOWN_GUEST_AGENT) {
        if (domain_is_active(domain)) {
            error_set(&err, ERROR_ARGUMENT_UNSUPPORTED,
                      "QEMU guest agent is not configured");
        } else {
            domain_check_active(domain, &err);
        }
    }
    start_checked(client, call, dom, &err, run);
}

static void
start_checked(struct client *client, struct rpc_call *call,
              const struct remote_dom *dom, struct error *err,
              void (*run)(struct work *work))
{
    struct domain *domain =
        error_is_set(err) ? NULL : wire_find(client, dom, err);

    if (!domain) {
        rpc_call_fail(call, err);
        return;
    }
    work_start(client, call, domain, JOB_MODIFY, run);
}

/* A guest that is paused would not hear the button, and answer it much later.
 */
static void
run_shutdown(struct work *work)
{
    struct qmp_session *monitor;
    AUTO_ERROR err = {0};

    if (domain_is_active(work->domain) &&
        work->domain->state != DOMAIN_STATE_RUNNING) {
        error_set(&err, ERROR_OPERATION_INVALID, "domain is not running");
        work_done(work, &err);
        return;
    }
    monitor = monitor_of(work);
    if (monitor) {
        work->domain->is_rebooting = false;
        qmp_system_powerdown(monitor, work_done, work);
    }
}

static void
run_reboot(struct work *work)
{
    struct qmp_session *monitor = monitor_of(work);

    if (monitor) {
        work->domain->is_rebooting = true;
        qmp_system_powerdown(monitor, work_done, work);
    }
}

static void
run_reset(struct work *work)
{
    struct qmp_session *monitor = monitor_of(work);

    if (monitor) {
        work->domain->is_rebooting = false;
        qmp_system_reset(monitor, work_done, work);
    }
}

static void
run_nmi(struct work *work)
{
    struct qmp_session *monitor = monitor_of(work);

    if (monitor) {
        qmp_inject_nmi(monitor, work_done, work);
    }
}

static void
run_send_key(struct work *work)
{
    const struct remote_domain_send_key_args *args = rpc_call_args(work->call);
    struct qmp_session *monitor = monitor_of(work);

    if (monitor) {
        qmp_send_key(monitor, args->keycodes.keycodes_val,
                     args->keycodes.keycodes_len, args->holdtime, work_done,
                     work);
    }
}

static void
run_wakeup(struct work *work)
{
    struct qmp_session *monitor = monitor_of(work);

    if (monitor) {
        qmp_system_wakeup(monitor, work_done, work);
    }
}

/* NULL where the work was ended with an error. */
static struct qmp_session *
monitor_of(struct work *work)
{
    AUTO_ERROR err = {0};
    struct qmp_session *monitor = work_monitor(work->domain, &err);

    if (!monitor) {
        work_done(work, &err);
    }
    return monitor;
}
