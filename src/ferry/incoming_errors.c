/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ferry/destination.h"

enum { KEPT_MAX = 64 };

struct incoming_error {
    struct list link;
    char *name; /* Owned. */
    struct error error;
};

static void drop(struct incoming_error *kept);
static struct incoming_error *find(struct host *host, const char *name);

void
incoming_error_keep(struct host *host, const char *name,
                    const struct error *why)
{
    struct incoming_error *kept = find(host, name);
    size_t count = 0;

    if (kept) {
        drop(kept);
    }
    kept = xcalloc(1, sizeof *kept);
    kept->name = xstrdup(name);
    error_copy(&kept->error, why);
    list_add(&host->incoming_errors, &kept->link);
    LIST_FOR_EACH (link, &host->incoming_errors) {
        count++;
    }
    if (count > KEPT_MAX) {
        drop(container_of(host->incoming_errors.next, struct incoming_error,
                          link));
    }
}

bool
incoming_error_take(struct host *host, const char *name, struct error *err)
{
    struct incoming_error *kept = find(host, name);

    if (!kept) {
        return false;
    }
    error_move(err, &kept->error);
    drop(kept);
    return true;
}

void
ferry_done(struct host *host)
{
    LIST_FOR_EACH (link, &host->incoming_errors) {
        drop(container_of(link, struct incoming_error, link));
    }
}

static void
drop(struct incoming_error *kept)
{
    list_remove(&kept->link);
    error_clear(&kept->error);
    free(kept->name);
    free(kept);
}

static struct incoming_error *
find(struct host *host, const char *name)
{
    LIST_FOR_EACH (link, &host->incoming_errors) {
        struct incoming_error *kept =
            container_of(link, struct incoming_error, link);

        if (strcmp(kept->name, name) == 0) {
            return kept;
        }
    }
    return NULL;
}
