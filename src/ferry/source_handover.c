/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The source's part in the handover between two vmferryds: whose the token is,
 * and whom to ask for it. */

#include <libvirt/libvirt.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ferry/peer.h"
#include "ferry/source.h"

static void answered(void *owner, enum handover_verdict verdict,
                     const struct error *err);

enum source_event
source_variant(const struct source *source, enum source_event variant)
{
    return source->handover.is_kept ? variant : source_event_base(variant);
}

int
source_learn_handover(struct source *source,
                      const struct cookie_handover *cookie, struct error *err)
{
    struct source_handover *handover = &source->handover;
    const struct peer *peer = peer_find(source->domain);
    const char *uri = peer ? peer->uri : cookie->uri;

    if (handover->has_id && !uuid_is_equal(&handover->id, &cookie->id)) {
        return error_set(err, ERROR_INTERNAL,
                         "the cookie is of another migration of domain '%s'",
                         source->domain->name);
    }
    handover->has_id = true;
    handover->id = cookie->id;
    /* Who can't be asked is as good as one that keeps no tokens. */
    handover->is_kept = uri != NULL;
    free(handover->uri);
    handover->uri = xstrdup_null(uri);
    return 0;
}

void
source_ask(struct source *source, enum handover_wish wish)
{
    struct domain *domain = source->domain;
    const struct handover_ask_options options = {
        .uri = source->handover.uri,
        .name = domain->name,
        .domain = &domain->uuid,
        .handover = &source->handover.id,
        .wish = wish,
    };

    source_stop_asking(source);
    host_note(domain->host, LOG_LEVEL_WARNING, domain,
              "asking %s what has become of the guest, which stands still here"
              " meanwhile",
              options.uri);
    source->ask = handover_ask_new(domain->host, &options, answered, source);
}

void
source_stop_asking(struct source *source)
{
    handover_ask_free(STEAL(source->ask));
}

void
source_save_handover(const struct source *source, struct record *record)
{
    const struct source_handover *handover = &source->handover;
    char id[UUID_TEXT_SIZE];

    if (!handover->has_id) {
        return;
    }
    uuid_format(&handover->id, id);
    record_set_text(record, "handover-id", id);
    record_set_bool(record, "handover-is-kept", handover->is_kept);
    record_set_bool(record, "handover-comes-back", handover->comes_back);
    if (handover->uri) {
        record_set_text(record, "handover-uri", handover->uri);
    }
}

void
source_restore_handover(struct source *source, const struct record *record)
{
    struct source_handover *handover = &source->handover;
    const char *id = record_find_text(record, "handover-id", "");

    handover->has_id = uuid_parse(id, &handover->id);
    handover->uri =
        xstrdup_null(record_find_text(record, "handover-uri", NULL));
    handover->is_kept = handover->has_id && handover->uri &&
                        record_find_bool(record, "handover-is-kept", false);
    handover->comes_back =
        handover->has_id && record_has(record, "peer-uri") &&
        record_find_bool(record, "handover-comes-back", false);
}

static void
answered(void *owner, enum handover_verdict verdict, const struct error *err)
{
    static const enum source_event events[] = {
        [HANDOVER_TAKEN] = SOURCE_EVENT_TAKEN,
        [HANDOVER_RETURNED] = SOURCE_EVENT_RETURNED,
        [HANDOVER_WHOLE] = SOURCE_EVENT_WHOLE,
    };
    struct source *source = owner;
    struct domain *domain = source->domain;

    host_note(domain->host, err ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, domain,
              "asked for the guest, %s says: %s", source->handover.uri,
              err ? err->message : handover_verdict_name(verdict));
    if (err || verdict == HANDOVER_UNKNOWN || verdict == HANDOVER_PENDING ||
        !source_takes(source, events[verdict])) {
        return; /* It asks again. */
    }
    source_stop_asking(source);
    source_happened(source, events[verdict]);
}
