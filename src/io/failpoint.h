/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Points at which a test can hold the daemon and do it harm (tests/crash): each
 * save of a record, each message to or from a client, a peer or QEMU.
 *
 * With VMFERRY_FAILPOINTS in the environment, the path of a unix socket on
 * which the test listens, the whole daemon stands still at each point: it sends
 * the point's name and a newline, and goes on after a byte of answer, or when
 * the test is gone.  Without it a point costs one branch.
 *
 *   save/STATE           the record is on disk, nothing was done about it yet
 *   save/none            the same without a migration
 *   save/removed         the record is gone
 *   save/ledger          what became of a handover is on disk
 *   qemu/forked          a QEMU is about to be executed, and in no record
 *   qmp/sent/COMMAND     QEMU has it
 *   qmp/answered/COMMAND the answer is here, and nobody has heard of it yet
 *   qmp/event/EVENT      the same; of MIGRATION with its status
 *   rpc/received/CALL    of a client or a peer: a call is here
 *   rpc/replied/CALL     the reply to it is sent
 *   peer/sent/CALL       to another daemon: the call is sent
 *   peer/replied/CALL    the reply is here, and nobody has heard of it yet */

#pragma once

#include <stdbool.h>

extern bool failpoints_are_used;

/* Connects, where the environment says so. */
void failpoints_start(void);
/* For failpoint(). */
void failpoint_pass(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Takes a format and what belongs to it; for the thread of the loop. */
#define failpoint(...)                                                         \
    do {                                                                       \
        if (__builtin_expect(failpoints_are_used, false)) {                    \
            failpoint_pass(__VA_ARGS__);                                       \
        }                                                                      \
    } while (0)
