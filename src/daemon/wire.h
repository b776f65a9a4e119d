/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What many handlers need between the wire and the domains. */

#pragma once

#include "daemon/client.h"
#include "domain/domain.h"

/* Fills 'wire' from a domain; nothing in it is owned. */
void wire_domain(const struct domain *domain, struct remote_dom *wire);
/* By its UUID, as libvirtd does; fails with NO_DOMAIN. */
struct domain *wire_find(struct client *client, const struct remote_dom *wire,
                         struct error *err);
/* The same, and answers the call where it fails. */
struct domain *wire_find_or_fail(struct client *client, struct rpc_call *call,
                                 const struct remote_dom *wire);
/* Whether a list with these filters (VIR_CONNECT_LIST_DOMAINS_*) has it. */
bool wire_is_wanted(const struct domain *domain, unsigned flags);
/* Fails, with libvirt's text, where 'flags' has a bit that 'known' has not. */
int wire_check_flags(uint64_t flags, uint64_t known, const char *function,
                     struct error *err);
/* "remoteDispatchDomainMigrateBegin3Params" for the call's procedure: a
 * constant. */
const char *wire_api_name(const struct rpc_call *call);
/* Answers with an error, if 'err' is one, or with nothing. */
void wire_finish(struct rpc_call *call, const struct error *err);
