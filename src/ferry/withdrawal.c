/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A destination that waits for its source to come back is told that it will
 * not: the guest goes on here.  Where it can't be reached for too long, its own
 * deadlines end it. */

#include <stdlib.h>

#include "base/memory.h"
#include "ferry/handover.h"
#include "ferry/ledger.h"

struct withdrawal {
    struct list link; /* In host->withdrawals. */
    struct host *host;
    char *name; /* Owned. */
    char *uri;  /* Owned. */
    struct handover_ask *ask;
};

static void answered(void *owner, enum handover_verdict verdict,
                     const struct error *err);
static void withdrawal_free(struct withdrawal *withdrawal);

void
ferry_withdraw(struct domain *domain, const char *uri,
               const struct uuid *handover)
{
    struct host *host = domain->host;
    struct withdrawal *withdrawal = xcalloc(1, sizeof *withdrawal);
    const struct handover_ask_options options = {
        .uri = uri,
        .name = domain->name,
        .domain = &domain->uuid,
        .handover = handover,
        .wish = HANDOVER_RECLAIM,
        .give_up_ms = host->settings.rejoin_timeout_ms,
    };

    /* It may ask later than we tell. */
    ledger_note(domain, handover, LEDGER_TAKEN);
    list_add(&host->withdrawals, &withdrawal->link);
    withdrawal->host = host;
    withdrawal->name = xstrdup(domain->name);
    withdrawal->uri = xstrdup(uri);
    withdrawal->ask = handover_ask_new(host, &options, answered, withdrawal);
}

void
ferry_stop_withdrawals(struct host *host)
{
    LIST_FOR_EACH (link, &host->withdrawals) {
        withdrawal_free(container_of(link, struct withdrawal, link));
    }
}

static void
answered(void *owner, enum handover_verdict verdict, const struct error *err)
{
    struct withdrawal *withdrawal = owner;
    bool is_over = err && err->code == ERROR_OPERATION_TIMEOUT;

    if (is_over || verdict == HANDOVER_TAKEN) {
        host_note(withdrawal->host, LOG_LEVEL_ERROR, NULL,
                  "taking back the migration of domain '%s' to %s: %s",
                  withdrawal->name, withdrawal->uri,
                  is_over ? err->message : "it says that it has the guest");
    }
    if (is_over ||
        (!err && verdict != HANDOVER_PENDING && verdict != HANDOVER_WHOLE)) {
        withdrawal_free(withdrawal);
    }
}

static void
withdrawal_free(struct withdrawal *withdrawal)
{
    list_remove(&withdrawal->link);
    handover_ask_free(withdrawal->ask);
    free(withdrawal->name);
    free(withdrawal->uri);
    free(withdrawal);
}
