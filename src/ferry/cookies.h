/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What both sides' cookies have in common. */

#pragma once

#include "domain/domain.h"
#include "ferry/ferry.h"
#include "migrate/cookie.h"

/* Which guest a cookie is about. */
struct ferry_identity {
    const struct host *host;   /* Borrowed, as all of it. */
    const char *original_name; /* The source's name of it. */
    const struct uuid *uuid;
};

/* Starts a cookie of this host's. */
void ferry_cookie_init(struct migration_cookie *cookie,
                       const struct ferry_identity *identity);

/* Adds what this host's QEMU can do; 'automatic' is what this side will switch
 * on by itself. */
void ferry_cookie_add_capabilities(struct migration_cookie *cookie,
                                   const struct host *host,
                                   const char *automatic);

/* Reads what the other side sent in 'call'. */
int ferry_cookie_read(struct migration_cookie *cookie,
                      struct ferry_cookie bytes, enum migration_call call,
                      const struct ferry_identity *identity, struct error *err);
