/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/cookies.h"

#include <string.h>

#include "qmp/types.h"

void
ferry_cookie_init(struct migration_cookie *cookie,
                  const struct ferry_identity *identity)
{
    const struct host_settings *settings = &identity->host->settings;

    migration_cookie_init(cookie, identity->original_name, identity->uuid,
                          settings->name, &settings->uuid);
}

void
ferry_cookie_add_capabilities(struct migration_cookie *cookie,
                              const struct host *host, const char *automatic)
{
    for (size_t i = 0; migration_cookie_capability_names[i]; i++) {
        const char *name = migration_cookie_capability_names[i];

        if (host->qemu->migration_capabilities & qmp_capability_parse(name)) {
            migration_cookie_add_capability(cookie, name,
                                            strcmp(name, automatic) == 0);
        }
    }
}

int
ferry_cookie_read(struct migration_cookie *cookie, struct ferry_cookie bytes,
                  enum migration_call call,
                  const struct ferry_identity *identity, struct error *err)
{
    struct migration_cookie_reader reader = {
        .accepts = migration_cookie_accepts(call),
        .name = identity->original_name,
        .uuid = identity->uuid,
        .host_uuid = &identity->host->settings.uuid,
    };

    return migration_cookie_parse(cookie, bytes.data, bytes.size, &reader, err);
}
