/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The unix socket of a QEMU's monitor.  Neither function waits: a connection to
 * a socket that listens is there at once, accepted or not. */

#pragma once

#include "base/error.h"

/* A listening socket that only we and root can connect to.  Replaces what is at
 * 'path'. */
int monitor_socket_listen(const char *path, struct error *err);
int monitor_socket_connect(const char *path, struct error *err);
