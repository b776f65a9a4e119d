/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files coordinator_remote*.c share, and nobody else: one call at a
 * time on a connection, and the arguments of the procedures that have no typed
 * parameters. */

#pragma once

#include "ferry/coordinator_remote.h"

/* Sends a call; 'done' ends it with coordinator_remote_end(). */
void coordinator_remote_start(struct coordinator_remote *remote,
                              enum remote_procedure procedure, const void *args,
                              void (*done)(void *owner, const void *result,
                                           const struct error *err),
                              coordinator_answered *answered, void *owner);
void coordinator_remote_end(struct coordinator_remote *remote,
                            const struct coordinator_answer *answer,
                            const struct error *err);

/* A parameter as an optional string of XDR, which '*place' has to outlive. */
char **coordinator_find_text(const struct coordinator_request *request,
                             const char *name, char **place);
/* As a string of XDR: empty where there is none. */
char *coordinator_need_text(const struct coordinator_request *request,
                            const char *name);
uint64_t coordinator_find_bandwidth(const struct coordinator_request *request);

/* coordinator_remote_tunnel.c */
void
coordinator_remote_prepare_tunnel(struct coordinator_remote *remote,
                                  const struct coordinator_request *request,
                                  coordinator_answered *answered, void *owner);

/* coordinator_remote_v2.c: the calls of protocol v2. */
void coordinator_remote_dump_xml(void *end,
                                 const struct coordinator_request *request,
                                 coordinator_answered *answered, void *owner);
void coordinator_remote_prepare2(struct coordinator_remote *remote,
                                 const struct coordinator_request *request,
                                 coordinator_answered *answered, void *owner);
void coordinator_remote_perform2(struct coordinator_remote *remote,
                                 const struct coordinator_request *request,
                                 coordinator_answered *answered, void *owner);
void coordinator_remote_finish2(struct coordinator_remote *remote,
                                const struct coordinator_request *request,
                                coordinator_answered *answered, void *owner);
