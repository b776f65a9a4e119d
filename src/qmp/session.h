/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One connection to a QEMU's monitor: lines, greeting, negotiation, commands
 * with their replies, events.
 *
 *   GREETING --greeting--> NEGOTIATING --reply--> READY
 *       |                       |                   |
 *       +------- deadline ------+---- EOF, rubbish -+--> CLOSED
 *
 * QEMU is not trusted: a line that is not JSON, that never ends, that nests too
 * deeply, or that answers what was not asked closes the connection, since from
 * there on no reply can be told from another.  An error that QEMU reports for a
 * command is that command's error and nothing more.  What a reply contains is
 * qmp/commands.h's to check. */

#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/loop.h"
#include "qmp/event.h"

struct qmp_session;

/* A longer line closes the connection. */
enum { QMP_LINE_LIMIT = 16 * 1024 * 1024 };

/* Any of them may call qmp_session_free(); none is called by the functions
 * below themselves, all come from the loop.  Each may be NULL. */
struct qmp_callbacks {
    /* QEMU is up and takes commands. */
    void (*ready)(void *owner);
    void (*event)(void *owner, const struct qmp_event *event);
    /* Once, after every pending command got its error.  'why' is never NULL:
     * QEMU's own end of a connection comes without a reason, too. */
    void (*closed)(void *owner, const struct error *why);
    /* QEMU has been asked, and has said nothing for the time of
     * qmp_session_set_silence_limit(); NULL: it speaks again. */
    void (*silent)(void *owner, const struct error *why);
};

/* From the greeting. */
struct qmp_version {
    unsigned major;
    unsigned minor;
    unsigned micro;
    const char *package; /* Borrowed from the session.  "" where it is plain. */
};

typedef void qmp_reply(void *owner, struct json_object *result,
                       const struct error *err);

/* Takes 'fd', which is connected to a monitor.  The time is for the greeting
 * and the negotiation together: QEMU accepts a second client, but greets it
 * only once the first is gone. */
struct qmp_session *qmp_session_new(struct loop *loop, int fd,
                                    int64_t greeting_timeout_ms,
                                    const struct qmp_callbacks *callbacks,
                                    void *owner);
/* One that never was: its commands fail, 'closed' is not called. */
struct qmp_session *qmp_session_new_closed(struct loop *loop,
                                           const struct error *why);
/* Ends it from this side: as if QEMU had closed, for that reason.  Twice does
 * nothing. */
void qmp_session_close(struct qmp_session *session, const struct error *why);
/* The same for who is about to free it: callbacks of commands are called before
 * it returns, and nobody's else. */
void qmp_session_abandon(struct qmp_session *session, const struct error *why);
/* Pending callbacks are not called. */
void qmp_session_free(struct qmp_session *session);
/* What stands before each line of the trace; copied. */
void qmp_session_set_name(struct qmp_session *session, const char *name);
bool qmp_session_is_ready(const struct qmp_session *session);
/* All zero before it is ready. */
struct qmp_version qmp_session_version(const struct qmp_session *session);
/* Whether QEMU takes out-of-band commands.  False before it is ready. */
bool qmp_session_has_oob(const struct qmp_session *session);

/* Sends a command without waiting for the replies of earlier ones; one that is
 * given before QEMU is ready is sent as soon as it is.  'arguments' (an object)
 * is taken, and may be NULL.  'done' gets the result (borrowed, of any type) or
 * an error:
 *   ERROR_INTERNAL               QEMU refused; its description is in the text
 *   ERROR_OPERATION_UNSUPPORTED  this QEMU does not know the command
 *   ERROR_PEER_LOST              the connection ended, and nobody knows whether
 *                                the command was carried out
 *   ERROR_OPERATION_TIMEOUT      QEMU is silent; where it was silent before,
 * the command was not sent, otherwise it may yet be carried out 'done' may be
 * NULL. */
void qmp_execute(struct qmp_session *session, const char *command,
                 struct json_object *arguments, qmp_reply *done, void *owner);
/* The same, out of band: works while QEMU's main loop hangs, for the few
 * commands that allow it.  In band where QEMU does not offer that. */
void qmp_execute_oob(struct qmp_session *session, const char *command,
                     struct json_object *arguments, qmp_reply *done,
                     void *owner);
/* The pending commands of that owner are answered to nobody. */
void qmp_forget(struct qmp_session *session, const void *owner);
/* Where a command waits and QEMU has said nothing at all for that long, it is
 * taken to hang: callers get an error, those of later commands at once, until
 * it speaks again.  The connection stays, since QEMU may well come back.  0, as
 * in the beginning: never. */
void qmp_session_set_silence_limit(struct qmp_session *session,
                                   int64_t limit_ms);
/* One owner whose commands are sent and waited for all the same: it has
 * deadlines of its own.  Ended by qmp_forget(). */
void qmp_session_set_patient(struct qmp_session *session, const void *owner);
/* For how long QEMU has owed a reply; -1 where it owes none. */
int64_t qmp_session_waiting_ms(const struct qmp_session *session);
/* Commands that have no reply yet. */
unsigned qmp_session_pending(const struct qmp_session *session);

/* For the typed commands: what turns a reply into a typed result and calls a
 * function of another type with it.  'done' is that function. */
typedef void qmp_untyped_done(void);
typedef void qmp_decode(qmp_untyped_done *done, void *owner,
                        struct json_object *result, const struct error *err);
void qmp_execute_decoded(struct qmp_session *session, const char *command,
                         struct json_object *arguments, qmp_decode *decode,
                         qmp_untyped_done *done, void *owner);
/* The same; 'fd' (taken) is passed to QEMU along with the command. */
void qmp_execute_decoded_fd(struct qmp_session *session, const char *command,
                            struct json_object *arguments, int fd,
                            qmp_decode *decode, qmp_untyped_done *done,
                            void *owner);
void qmp_execute_decoded_oob(struct qmp_session *session, const char *command,
                             struct json_object *arguments, qmp_decode *decode,
                             qmp_untyped_done *done, void *owner);
