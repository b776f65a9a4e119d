/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qemu/capabilities.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "base/text.h"
#include "qemu/capabilities_probe.h"
#include "qemu/capabilities_replies.h"

struct qemu_capabilities_cache {
    struct loop *loop;   /* Borrowed; outlives us. */
    char *folder;        /* Owned.  NULL: nothing is kept on disk. */
    struct list entries; /* struct entry, the newest last. */
};

/* A binary as it is, or was: what was given out stays valid. */
struct entry {
    struct list link;
    struct qemu_capabilities_cache *cache; /* Borrowed; owns us. */
    char *binary;                          /* Owned. */
    struct qemu_binary_stamp stamp;
    struct qemu_capabilities *caps; /* Owned.  NULL while it is asked. */
    struct qemu_probe *probe;       /* Owned.  NULL where it is not asked. */
    struct error failure;           /* Of the last attempt, for the waiters. */
    struct list waiters;            /* struct waiter */
    struct deferral answer;
};

struct waiter {
    struct list link;
    void (*done)(void *owner, const struct qemu_capabilities *caps,
                 const struct error *err);
    void *owner;
};

static struct entry *entry_new(struct qemu_capabilities_cache *cache,
                               const char *binary,
                               const struct qemu_binary_stamp *stamp);
static void entry_free(struct entry *entry);
static struct entry *find_entry(const struct qemu_capabilities_cache *cache,
                                const char *binary,
                                const struct qemu_binary_stamp *stamp);
static void ask(struct entry *entry);
static void load(struct entry *entry);
static void probe_done(void *owner, struct json_object *replies,
                       const struct error *err);
static void answer(void *owner);

unsigned
qemu_capabilities_version(const struct qemu_capabilities *caps)
{
    return caps->major * 1000000 + caps->minor * 1000 + caps->micro;
}

const struct qemu_machine *
qemu_capabilities_find_machine(const struct qemu_capabilities *caps,
                               const char *name)
{
    for (size_t i = 0; i < caps->machine_count; i++) {
        const struct qemu_machine *machine = &caps->machines[i];

        if (name ? strcmp(machine->name, name) == 0 : machine->is_default) {
            return machine;
        }
    }
    for (size_t i = 0; name && i < caps->machine_count; i++) {
        if (is_same_text(caps->machines[i].alias, name)) {
            return &caps->machines[i];
        }
    }
    return NULL;
}

const char *
qemu_capabilities_machine(const struct qemu_capabilities *caps,
                          const char *name)
{
    const struct qemu_machine *machine =
        qemu_capabilities_find_machine(caps, name);

    return machine ? machine->name : NULL;
}

const struct qemu_cpu_model *
qemu_capabilities_find_cpu_model(const struct qemu_capabilities *caps,
                                 const char *name)
{
    for (size_t i = 0; i < caps->cpu_model_count; i++) {
        if (strcmp(caps->cpu_models[i].name, name) == 0) {
            return &caps->cpu_models[i];
        }
    }
    return NULL;
}

struct qemu_capabilities_cache *
qemu_capabilities_cache_new(struct loop *loop, const char *folder)
{
    struct qemu_capabilities_cache *cache = xcalloc(1, sizeof(*cache));

    cache->loop = loop;
    cache->folder = xstrdup_null(folder);
    list_init(&cache->entries);
    return cache;
}

void
qemu_capabilities_cache_free(struct qemu_capabilities_cache *cache)
{
    if (!cache) {
        return;
    }
    LIST_FOR_EACH (link, &cache->entries) {
        entry_free(container_of(link, struct entry, link));
    }
    free(cache->folder);
    free(cache);
}

void
qemu_capabilities_get(struct qemu_capabilities_cache *cache, const char *binary,
                      void (*done)(void *owner,
                                   const struct qemu_capabilities *caps,
                                   const struct error *err),
                      void *owner)
{
    struct waiter *waiter = xcalloc(1, sizeof(*waiter));
    struct qemu_binary_stamp stamp = {0};
    AUTO_ERROR err = {0};
    int found = qemu_binary_stamp_read(binary, &stamp, &err);
    struct entry *entry = find_entry(cache, binary, &stamp);

    if (!entry) {
        entry = entry_new(cache, binary, &stamp);
    }
    waiter->done = done;
    waiter->owner = owner;
    list_add(&entry->waiters, &waiter->link);
    if (entry->probe) {
        return;
    }
    if (found < 0) {
        error_clear(&entry->failure);
        error_move(&entry->failure, &err);
    } else if (!entry->caps && !error_is_set(&entry->failure)) {
        ask(entry);
    }
    if (!entry->probe) {
        deferral_schedule(&entry->answer, cache->loop, answer, entry);
    }
}

void
qemu_capabilities_forget(struct qemu_capabilities_cache *cache,
                         const void *owner)
{
    LIST_FOR_EACH (entry_link, &cache->entries) {
        struct entry *entry = container_of(entry_link, struct entry, link);

        LIST_FOR_EACH (link, &entry->waiters) {
            struct waiter *waiter = container_of(link, struct waiter, link);

            if (waiter->owner == owner) {
                list_remove(link);
                free(waiter);
            }
        }
    }
}

const struct qemu_capabilities *
qemu_capabilities_known(const struct qemu_capabilities_cache *cache,
                        const char *binary)
{
    struct qemu_binary_stamp stamp;
    AUTO_ERROR err = {0};

    if (qemu_binary_stamp_read(binary, &stamp, &err) < 0) {
        return NULL;
    }
    const struct entry *entry = find_entry(cache, binary, &stamp);
    return entry ? entry->caps : NULL;
}

static struct entry *
entry_new(struct qemu_capabilities_cache *cache, const char *binary,
          const struct qemu_binary_stamp *stamp)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));

    entry->cache = cache;
    entry->binary = xstrdup(binary);
    entry->stamp = *stamp;
    list_init(&entry->waiters);
    list_add(&cache->entries, &entry->link);
    return entry;
}

static void
entry_free(struct entry *entry)
{
    list_remove(&entry->link);
    LIST_FOR_EACH (link, &entry->waiters) {
        free(container_of(link, struct waiter, link));
    }
    deferral_cancel(&entry->answer);
    qemu_probe_free(entry->probe);
    qemu_capabilities_free(entry->caps);
    error_clear(&entry->failure);
    free(entry->binary);
    free(entry);
}

static struct entry *
find_entry(const struct qemu_capabilities_cache *cache, const char *binary,
           const struct qemu_binary_stamp *stamp)
{
    LIST_FOR_EACH (link, &cache->entries) {
        struct entry *entry = container_of(link, struct entry, link);

        if (strcmp(entry->binary, binary) == 0 &&
            qemu_binary_stamp_is_equal(&entry->stamp, stamp)) {
            return entry;
        }
    }
    return NULL;
}

/* Afterwards there is one of 'caps', 'probe', and 'failure'. */
static void
ask(struct entry *entry)
{
    if (entry->cache->folder) {
        load(entry);
    }
    if (!entry->caps) {
        entry->probe = qemu_probe_start(entry->cache->loop, entry->binary,
                                        probe_done, entry, &entry->failure);
    }
}

static void
load(struct entry *entry)
{
    AUTO_ERROR err = {0};
    struct json_object *replies =
        qemu_replies_load(entry->cache->folder, entry->binary, &entry->stamp);

    if (replies) {
        entry->caps = qemu_capabilities_decode(replies, entry->binary, &err);
    }
    json_object_put(replies);
}

static void
probe_done(void *owner, struct json_object *replies, const struct error *err)
{
    struct entry *entry = owner;

    if (err) {
        error_copy(&entry->failure, err);
    } else {
        entry->caps =
            qemu_capabilities_decode(replies, entry->binary, &entry->failure);
    }
    if (entry->caps && entry->cache->folder) {
        qemu_replies_save(entry->cache->folder, entry->binary, &entry->stamp,
                          replies);
    }
    /* Not from here: the probe is freed there. */
    deferral_schedule(&entry->answer, entry->cache->loop, answer, entry);
}

/* Whoever asks from inside of this is answered in another round.  A failure is
 * forgotten: the next one tries again. */
static void
answer(void *owner)
{
    struct entry *entry = owner;
    AUTO_ERROR failure = {0};
    unsigned count = 0;

    qemu_probe_free(STEAL(entry->probe));
    error_move(&failure, &entry->failure);
    LIST_FOR_EACH (link, &entry->waiters) {
        count++;
    }
    for (; count > 0 && !list_is_empty(&entry->waiters); count--) {
        struct waiter *waiter =
            container_of(entry->waiters.next, struct waiter, link);

        list_remove(&waiter->link);
        waiter->done(waiter->owner, entry->caps, entry->caps ? NULL : &failure);
        free(waiter);
    }
}
