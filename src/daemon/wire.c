/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/wire.h"

#include <ctype.h>
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

int
wire_check_flags(uint64_t flags, uint64_t known, const char *function,
                 struct error *err)
{
    if (!(flags & ~known)) {
        return 0;
    }
    return error_set(err, ERROR_INVALID_ARG,
                     "unsupported flags (0x%llx) in function %s",
                     (unsigned long long)(flags & ~known), function);
}

/* libvirt's dispatchers are named after the procedures: DOMAIN_GET_XML_DESC is
 * remoteDispatchDomainGetXMLDesc.  Clients read the name in the refusals of
 * others.  The names are made once and kept. */
const char *
wire_api_name(const struct rpc_call *call)
{
    static char *names[512];
    int number = (int)rpc_call_procedure(call);
    AUTO_TEXT name = {0};

    if (number < 0 || number >= (int)ARRAY_COUNT(names)) {
        return "remoteDispatch";
    }
    if (names[number]) {
        return names[number];
    }
    text_add(&name, "remoteDispatch");
    for (const char *word = rpc_procedure_name(number); *word;) {
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
