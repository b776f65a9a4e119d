/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server's connection, and a client of it that is a bare socket. */

#pragma once

#include "frames.h"
#include "rpc/connection.h"

enum { CALLS_KEPT = 128 };

/* A server that keeps its calls, and the client's bare socket. */
struct server {
    struct loop *loop;
    struct rpc_connection *connection;
    int client;
    struct rpc_call *calls[CALLS_KEPT];
    size_t call_count;
    bool answers;       /* Each call at once, as GET_HOSTNAME. */
    bool frees_on_call; /* The connection. */
    bool is_closed;
    struct error why;
};

/* For cmocka. */
int set_up(void **state);

void answer_all(struct server *server);

int tear_down(void **state);

/* Takes the message. */
void client_sends(struct server *server, struct rpc_message message);

void client_calls(struct server *server, uint32_t serial);

/* The next message that the client gets, its header apart. */
struct rpc_message client_reads(struct server *server,
                                struct rpc_header *header);

void client_reads_golden(struct server *server, const char *name);

/* An error of the protocol, as libvirtd words it. */
void client_reads_code(struct server *server, uint32_t serial, int code,
                       const char *text);

void client_reads_error(struct server *server, uint32_t serial,
                        const char *text);

void assert_closes_as_broken(struct server *server, struct rpc_message message);
