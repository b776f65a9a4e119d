/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What has become of the guests that were to come here, by the number of their
 * handover: kept on disk after the migration itself is forgotten, so that a
 * source that did not hear the end of it can ask at any later time.
 *
 *   STATE_DIR/handovers/ID.record
 *
 * An entry is written before anybody is told, and removed after LEDGER_DAYS. */

#pragma once

#include "domain/domain.h"

enum { LEDGER_DAYS = 30 };

/* TAKEN: the guest is this host's, and has run here, or was let settle here as
 * it was asked to.  RETURNED: it has never run here, its QEMU is dead, and it
 * will not be started any more. */
enum ledger_outcome {
    LEDGER_NOTHING,
    LEDGER_UNSAVED, /* It is known, but could not be saved yet. */
    LEDGER_TAKEN,
    LEDGER_RETURNED,
};

/* Saves it.  Where that fails, the log says so, and it is tried again when
 * somebody asks: nobody is told what is not on disk. */
void ledger_note(const struct domain *domain, const struct uuid *handover,
                 enum ledger_outcome outcome);
/* Removes an entry, for a handover that is tried once more.  Fails where it
 * would come back. */
int ledger_forget(struct host *host, const struct uuid *handover,
                  struct error *err);
/* LEDGER_NOTHING where there is no entry, or none of that domain that can be
 * read. */
enum ledger_outcome ledger_find(struct host *host, const struct uuid *domain,
                                const struct uuid *handover);
/* Removes what is too old: for the daemon's start. */
void ledger_clean(struct host *host);
/* Forgets what could not be saved: for the daemon's end. */
void ledger_stop(struct host *host);
