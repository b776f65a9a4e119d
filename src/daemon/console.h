/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A console: the terminal or socket of a guest's serial port, as a flow of a
 * client's call.  One client at a time; another one has to force its way.
 *
 * What the guest writes is read only as fast as the client reads it (a terminal
 * that nobody reads loses the rest, as a serial line does).  What the client
 * types waits here where the guest doesn't take it, up to a bound, and then in
 * the client; where the guest takes nothing for a while, the console ends. */

#pragma once

#include "daemon/client.h"
#include "domain/domain.h"

struct console_options {
    const char *path; /* Borrowed during console_open(). */
    bool is_socket;   /* A unix socket; otherwise a terminal. */
    bool is_forced;   /* Whoever has it loses it. */
};

/* Takes 'call', and answers it. */
void console_open(struct daemon *daemon, struct rpc_call *call,
                  const struct console_options *options);
/* The daemon stops: those that aren't open yet are let go. */
void consoles_abandon(struct daemon *daemon);
