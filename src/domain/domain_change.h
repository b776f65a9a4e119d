/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes of a domain's configurations that need no restart.  Who may change
 * what and when is the caller's to check: these write it down. */

#pragma once

#include "domain/domain.h"

/* Which of the two configurations a call means. */
struct domain_choice {
    bool is_live;
    bool is_config;
};

/* By VIR_DOMAIN_AFFECT_LIVE and _CONFIG; with neither, the live one of a domain
 * that runs and otherwise the other.  Fails where there is no such one. */
int domain_choose(const struct domain *domain, unsigned flags,
                  struct domain_choice *choice, struct error *err);
/* Takes 'guest', and saves it before it is used. */
int domain_replace_definition(struct domain *domain, struct guest *guest,
                              struct error *err);
/* Whether the guest is to be started with the host; kept on disk. */
int domain_set_autostart(struct domain *domain, bool is_on, struct error *err);
/* An inactive domain that is defined. */
int domain_rename(struct domain *domain, const char *name, struct error *err);
/* Once in the life of the host: starts the guests that are to be. */
void domain_autostart_all(struct host *host);
