/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a domain is and does now.  Nothing here waits for anything: a domain
 * that migrates answers at once. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "daemon/dispatch.h"
#include "daemon/wire.h"
#include "domain/domain_change.h"

static const struct guest *
guest_of(const struct domain *domain)
{
    return domain->live ? domain->live : domain->definition;
}

static unsigned
vcpus_of(const struct guest *guest)
{
    return guest->current_vcpus.is_set ? (unsigned)guest->current_vcpus.value
                                       : guest->vcpus;
}

void
handle_domain_get_state(struct client *client, struct rpc_call *call,
                        const struct remote_domain_get_state_args *args)
{
    struct remote_domain_get_state_ret ret;
    AUTO_ERROR err = {0};
    struct domain *domain;

    if (wire_check_flags(args->flags, 0, "qemuDomainGetState", &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (domain) {
        ret.state = (int)domain->state;
        ret.reason = domain->reason;
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_get_info(struct client *client, struct rpc_call *call,
                       const struct remote_domain_get_info_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_get_info_ret ret = {0};

    if (domain) {
        const struct guest *guest = guest_of(domain);

        ret.state = (unsigned char)domain->state;
        ret.maxMem = guest->memory_kib;
        ret.memory = guest->current_memory_kib;
        ret.nrVirtCpu = (unsigned short)vcpus_of(guest);
        ret.cpuTime = domain_cpu_time_ns(domain);
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_get_os_type(struct client *client, struct rpc_call *call,
                          const struct remote_domain_get_os_type_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    char hvm[] = "hvm";
    struct remote_domain_get_os_type_ret ret = {.type = hvm};

    if (domain) {
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_get_max_memory(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_max_memory_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_get_max_memory_ret ret = {0};

    if (domain) {
        ret.memory = guest_of(domain)->memory_kib;
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_get_max_vcpus(struct client *client, struct rpc_call *call,
                            const struct remote_domain_get_max_vcpus_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_get_max_vcpus_ret ret = {0};
    AUTO_ERROR err = {0};

    if (!domain) {
        return;
    }
    if (domain_check_active(domain, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    ret.num = (int)domain->live->vcpus;
    rpc_call_reply(call, &ret);
}

void
handle_domain_get_vcpus_flags(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_vcpus_flags_args *args)
{
    struct remote_domain_get_vcpus_flags_ret ret = {0};
    const unsigned known = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG |
                           VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST;
    struct domain_choice choice;
    struct domain *domain = NULL;
    const struct guest *guest;
    AUTO_ERROR err = {0};

    if (wire_check_flags(args->flags, known, "qemuDomainGetVcpusFlags", &err) ==
        0) {
        domain = wire_find(client, &args->dom, &err);
    }
    if (domain && domain_choose(domain, args->flags, &choice, &err) == 0 &&
        (args->flags & VIR_DOMAIN_VCPU_GUEST)) {
        if (choice.is_live) {
            error_set(&err, ERROR_ARGUMENT_UNSUPPORTED,
                      "QEMU guest agent is not configured");
        } else {
            error_set(&err, ERROR_INVALID_ARG,
                      "vCPU count provided by the guest agent can only be"
                      " requested for live domains");
        }
    }
    if (error_is_set(&err)) {
        rpc_call_fail(call, &err);
        return;
    }
    guest = choice.is_live ? domain->live : domain->definition;
    ret.num = args->flags & VIR_DOMAIN_VCPU_MAXIMUM ? (int)guest->vcpus
                                                    : (int)vcpus_of(guest);
    rpc_call_reply(call, &ret);
}

void
handle_domain_is_active(struct client *client, struct rpc_call *call,
                        const struct remote_domain_is_active_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_is_active_ret ret = {0};

    if (domain) {
        ret.active = domain_is_active(domain);
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_is_persistent(struct client *client, struct rpc_call *call,
                            const struct remote_domain_is_persistent_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_is_persistent_ret ret = {0};

    if (domain) {
        ret.persistent = domain->definition != NULL;
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_is_updated(struct client *client, struct rpc_call *call,
                         const struct remote_domain_is_updated_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_is_updated_ret ret = {0};

    if (domain) {
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_get_autostart(struct client *client, struct rpc_call *call,
                            const struct remote_domain_get_autostart_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_get_autostart_ret ret = {0};

    if (domain) {
        ret.autostart = domain->has_autostart;
        rpc_call_reply(call, &ret);
    }
}

/* No security driver: an empty label, which is its NUL. */
void
handle_domain_get_security_label(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_security_label_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    char empty[] = "";
    struct remote_domain_get_security_label_ret ret = {
        .label = {sizeof empty, empty},
    };

    if (domain) {
        rpc_call_reply(call, &ret);
    }
}

void
handle_domain_get_xml_desc(struct client *client, struct rpc_call *call,
                           const struct remote_domain_get_xml_desc_args *args)
{
    const unsigned known = VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE |
                           VIR_DOMAIN_XML_UPDATE_CPU |
                           VIR_DOMAIN_XML_MIGRATABLE;
    struct remote_domain_get_xml_desc_ret ret;
    AUTO_ERROR err = {0};
    struct domain *domain;

    if (wire_check_flags(args->flags, known, "qemuDomainGetXMLDesc", &err) <
        0) {
        rpc_call_fail(call, &err);
        return;
    }
    if (client->is_readonly && (args->flags & VIR_DOMAIN_XML_SECURE)) {
        error_set(&err, ERROR_OPERATION_DENIED,
                  "virDomainGetXMLDesc with secure flag");
        rpc_call_fail(call, &err);
        return;
    }
    domain = wire_find_or_fail(client, call, &args->dom);
    if (domain) {
        ret.xml = domain_format(domain, args->flags);
        rpc_call_reply(call, &ret);
        free(ret.xml);
    }
}

/* How the domain's monitor is: OK, or busy with a job. */
void
handle_domain_get_control_info(
    struct client *client, struct rpc_call *call,
    const struct remote_domain_get_control_info_args *args)
{
    struct domain *domain = wire_find_or_fail(client, call, &args->dom);
    struct remote_domain_get_control_info_ret ret = {0};
    int64_t waiting_ms;
    AUTO_ERROR err = {0};

    if (!domain) {
        return;
    }
    if (domain_check_active(domain, &err) < 0) {
        rpc_call_fail(call, &err);
        return;
    }
    waiting_ms = qmp_session_waiting_ms(qemu_process_monitor(domain->qemu));
    if (qemu_process_state(domain->qemu) != QEMU_PROCESS_READY) {
        ret.state = VIR_DOMAIN_CONTROL_ERROR;
        ret.details = VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR;
    } else if (waiting_ms >= 0) {
        ret.state = VIR_DOMAIN_CONTROL_OCCUPIED;
        ret.stateTime = (uint64_t)waiting_ms;
    }
    rpc_call_reply(call, &ret);
}
