/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/pending.h"

#include <stdlib.h>

#include "base/memory.h"

static struct pending *find_hopeful(const struct list *commands,
                                    const void *patient);
static void tell(struct pending *pending, struct json_object *result,
                 const struct error *err);

struct pending *
pending_new(const char *command, struct json_object *arguments,
            qmp_decode *decode, qmp_untyped_done *done, void *owner)
{
    struct pending *pending = xcalloc(1, sizeof(*pending));

    list_init(&pending->link);
    pending->fd = -1;
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
    close_ref(&pending->fd);
    free(pending->command);
    free(pending);
}

void
pending_answer(struct pending *pending, struct json_object *result,
               const struct error *err)
{
    tell(pending, result, err);
    pending_free(pending);
}

unsigned
pending_count(const struct list *commands)
{
    unsigned count = 0;

    LIST_FOR_EACH (link, commands) {
        count++;
    }
    return count;
}

struct pending *
pending_find(const struct list *commands, uint64_t id)
{
    LIST_FOR_EACH (link, commands) {
        struct pending *pending = container_of(link, struct pending, link);

        if (pending->id == id && id != 0) {
            return pending;
        }
    }
    return NULL;
}

const struct pending *
pending_first_sent(const struct list *commands)
{
    const struct pending *first = NULL;

    LIST_FOR_EACH (link, commands) {
        const struct pending *pending =
            container_of(link, struct pending, link);

        if (pending->id != 0 && (!first || pending->id < first->id)) {
            first = pending;
        }
    }
    return first;
}

void
pending_forget(struct list *commands, const void *owner)
{
    LIST_FOR_EACH (link, commands) {
        struct pending *pending = container_of(link, struct pending, link);

        if (pending->owner == owner) {
            pending->done = NULL;
        }
    }
}

void
pending_give_up(struct list *commands, const void *patient,
                const struct error *err, const bool *is_freed)
{
    unsigned count = pending_count(commands);
    struct pending *pending;

    /* Each callback may change the list: begin again after it. */
    for (; count > 0 && (pending = find_hopeful(commands, patient)); count--) {
        pending->is_given_up = true;
        if (pending->id == 0) {
            list_remove(&pending->link);
            pending_answer(pending, NULL, err);
        } else {
            /* Nobody answers it from within: that takes another line. */
            tell(pending, NULL, err);
            if (!*is_freed) {
                pending->done = NULL;
            }
        }
        if (*is_freed) {
            return;
        }
    }
}

static struct pending *
find_hopeful(const struct list *commands, const void *patient)
{
    LIST_FOR_EACH (link, commands) {
        struct pending *pending = container_of(link, struct pending, link);

        if (!pending->is_given_up && (!patient || pending->owner != patient)) {
            return pending;
        }
    }
    return NULL;
}

static void
tell(struct pending *pending, struct json_object *result,
     const struct error *err)
{
    if (pending->done && pending->decode) {
        pending->decode(pending->done, pending->owner, result, err);
    } else if (pending->done) {
        ((qmp_reply *)pending->done)(pending->owner, result, err);
    }
}
