/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/wire.h"

#include <ctype.h>
#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void add_word(struct text *name, const char *word, size_t length);

void
wire_domain(const struct domain *domain, struct remote_dom *wire)
{
    wire->name = domain->name;
    memcpy(wire->uuid, domain->uuid.bytes, sizeof domain->uuid.bytes);
    wire->id = domain->id;
}

struct domain *
wire_find(struct client *client, const struct remote_dom *wire,
          struct error *err)
{
    struct uuid uuid;
    char text[UUID_TEXT_SIZE];
    struct domain *domain;

    memcpy(uuid.bytes, wire->uuid, sizeof uuid.bytes);
    domain = domain_find_by_uuid(&client->daemon->host, &uuid);
    if (!domain) {
        uuid_format(&uuid, text);
        error_set(err, ERROR_NO_DOMAIN,
                  "no domain with matching uuid '%s' (%s)", text, wire->name);
    }
    return domain;
}

struct domain *
wire_find_or_fail(struct client *client, struct rpc_call *call,
                  const struct remote_dom *wire)
{
    AUTO_ERROR err = {0};
    struct domain *domain = wire_find(client, wire, &err);

    if (!domain) {
        rpc_call_fail(call, &err);
    }
    return domain;
}

/* Each group of flags of which none is set says nothing. */
bool
wire_is_wanted(const struct domain *domain, unsigned flags)
{
    enum domain_state state = domain->state;
    bool is_active = domain_is_active(domain);
    bool is_other = state != DOMAIN_STATE_RUNNING &&
                    state != DOMAIN_STATE_PAUSED &&
                    state != DOMAIN_STATE_SHUTOFF;
    const struct {
        unsigned yes, no;
        bool is_so;
    } pairs[] = {
        {VIR_CONNECT_LIST_DOMAINS_ACTIVE,         VIR_CONNECT_LIST_DOMAINS_INACTIVE,
         is_active                                                                                             },
        {VIR_CONNECT_LIST_DOMAINS_PERSISTENT,
         VIR_CONNECT_LIST_DOMAINS_TRANSIENT,                                         domain->definition != NULL},
        {VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE,
         VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE,                                    false                     },
        {VIR_CONNECT_LIST_DOMAINS_AUTOSTART,
         VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART,                                      domain->has_autostart     },
        {VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT,
         VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT,                                       false                     },
        {VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT,
         VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT,                                     false                     },
    };
    unsigned states =
        flags &
        (VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED |
         VIR_CONNECT_LIST_DOMAINS_SHUTOFF | VIR_CONNECT_LIST_DOMAINS_OTHER);

    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        if ((flags & (pairs[i].yes | pairs[i].no)) &&
            !(flags & (pairs[i].is_so ? pairs[i].yes : pairs[i].no))) {
            return false;
        }
    }
    return !states ||
           ((states & VIR_CONNECT_LIST_DOMAINS_RUNNING) &&
            state == DOMAIN_STATE_RUNNING) ||
           ((states & VIR_CONNECT_LIST_DOMAINS_PAUSED) &&
            state == DOMAIN_STATE_PAUSED) ||
           ((states & VIR_CONNECT_LIST_DOMAINS_SHUTOFF) &&
            state == DOMAIN_STATE_SHUTOFF) ||
           ((states & VIR_CONNECT_LIST_DOMAINS_OTHER) && is_other);
}

int
wire_check_flags(uint64_t flags, uint64_t known, const char *function,
                 struct error *err)
{
    if (!(flags & ~known)) {
        return 0;
    }
    return error_set(err, ERROR_INVALID_FLAGS,
                     "unsupported flags (0x%llx) in function %s",
                     (unsigned long long)(flags & ~known), function);
}

/* libvirt's dispatchers are named after the procedures: DOMAIN_GET_XML_DESC is
 * remoteDispatchDomainGetXMLDesc.  Clients read the name in the refusals of
 * others.  The names are made once and kept. */
const char *
wire_api_name(const struct rpc_call *call)
{
    static char *names[RPC_QEMU_FIRST + 16];
    int number = (int)rpc_call_procedure(call);
    const char *word = rpc_procedure_name(number);
    AUTO_TEXT name = {0};

    if (number < 0 || number >= (int)ARRAY_COUNT(names)) {
        return "remoteDispatch";
    }
    if (names[number]) {
        return names[number];
    }
    if (number >= RPC_QEMU_FIRST) {
        text_add(&name, "qemuDispatch");
        word += strlen("QEMU_");
    } else {
        text_add(&name, "remoteDispatch");
    }
    while (*word) {
        size_t length = strcspn(word, "_");

        add_word(&name, word, length);
        word += length + (word[length] == '_');
    }
    names[number] = text_take(&name);
    return names[number];
}

void
wire_finish(struct rpc_call *call, const struct error *err)
{
    if (err && error_is_set(err)) {
        rpc_call_fail(call, err);
    } else {
        rpc_call_reply(call, NULL);
    }
}

/* "Domain", but "XML". */
static void
add_word(struct text *name, const char *word, size_t length)
{
    static const char *const kept[] = {"ID", "OS", "URI", "UUID", "XML"};

    for (size_t i = 0; i < ARRAY_COUNT(kept); i++) {
        if (strlen(kept[i]) == length && memcmp(kept[i], word, length) == 0) {
            text_add_bytes(name, word, length);
            return;
        }
    }
    for (size_t i = 0; i < length; i++) {
        char letter = i == 0 ? word[i] : (char)tolower((unsigned char)word[i]);

        text_add_bytes(name, &letter, 1);
    }
}
