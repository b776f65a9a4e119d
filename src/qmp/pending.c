/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/pending.h"

#include <stdlib.h>

#include "base/memory.h"

struct pending *
pending_new(const char *command, struct json_object *arguments,
            qmp_decode *decode, qmp_untyped_done *done, void *owner)
{
    struct pending *pending = xcalloc(1, sizeof(*pending));

    list_init(&pending->link);
    pending->command = xstrdup(command);
    pending->arguments = arguments;
    pending->decode = decode;
    pending->done = done;
    pending->owner = owner;
    return pending;
}

void
pending_free(struct pending *pending)
{
    json_object_put(pending->arguments);
    free(pending->command);
    free(pending);
}

void
pending_answer(struct pending *pending, struct json_object *result,
               const struct error *err)
{
    if (pending->done && pending->decode) {
        pending->decode(pending->done, pending->owner, result, err);
    } else if (pending->done) {
        ((qmp_reply *)pending->done)(pending->owner, result, err);
    }
    pending_free(pending);
}
