/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors as libvirt's protocol carries them.
 *
 * One table turns our codes and origins into libvirt's numbers and texts and
 * back.  Peers act on the numbers; people read the message. */

#pragma once

#include "base/error.h"
#include "rpc/remote.h"

/* Fills 'wire' from 'err', which must be set.  To be emptied with
 * rpc_error_done(). */
void rpc_error_encode(const struct error *err, struct remote_error *wire);
void rpc_error_done(struct remote_error *wire);

/* Fills 'err', which must be empty, from what a peer sent.  The message is
 * without the prefix that libvirt puts before it.  A code that has no name here
 * becomes ERROR_OPERATION_FAILED with its number in 'foreign_code'; an unknown
 * procedure becomes ERROR_NO_SUPPORT, as libvirt's client has it. */
void rpc_error_decode(const struct remote_error *wire, struct error *err);

/* What a person reads: the message with libvirt's prefix, as a client of
 * libvirt would print it.  Caller frees. */
char *rpc_error_text(const struct error *err);
/* libvirt's number for the code of 'err' (virErrorNumber), or its foreign
 * one. */
int rpc_error_number(const struct error *err);
