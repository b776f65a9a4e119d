/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is done about a QEMU that has been asked and says nothing: its callers
 * are told, and the connection is kept. */

#include "base/clock.h"
#include "qmp/pending.h"
#include "qmp/session_private.h"

static void silence_passed(void *owner);
static void describe_silence(const struct qmp_session *session,
                             struct error *why);

void
qmp_session_set_silence_limit(struct qmp_session *session, int64_t limit_ms)
{
    session->silence_limit_ms = limit_ms;
    session_watch_silence(session);
}

void
qmp_session_set_patient(struct qmp_session *session, const void *owner)
{
    session->patient = owner;
}

int64_t
qmp_session_waiting_ms(const struct qmp_session *session)
{
    const struct pending *first = pending_first_sent(&session->commands);

    return first ? monotonic_ms() - first->sent_ms : -1;
}

/* From now on: only while something is asked. */
void
session_watch_silence(struct qmp_session *session)
{
    if (session->state != READY) {
        return;
    }
    if (session->silence_limit_ms == 0 || session->is_silent ||
        list_is_empty(&session->commands)) {
        timer_stop(&session->deadline);
        return;
    }
    timer_start(&session->deadline, session->loop, session->silence_limit_ms,
                silence_passed, session);
}

static void
silence_passed(void *owner)
{
    struct qmp_session *session = owner;
    bool is_freed = false;
    AUTO_ERROR why = {0};

    session->is_silent = true;
    describe_silence(session, &why);
    session->is_freed = &is_freed;
    if (session->callbacks.silent) {
        session->callbacks.silent(session->owner, &why);
    }
    if (!is_freed) {
        session->is_freed = NULL;
        session_give_up(session);
    }
}

/* From the loop: who waits is told, unless QEMU has come back meanwhile. */
void
session_give_up(void *owner)
{
    struct qmp_session *session = owner;
    bool is_freed = false;
    AUTO_ERROR why = {0};

    if (!session->is_silent) {
        session_send_unsent(session);
        return;
    }
    describe_silence(session, &why);
    session->is_freed = &is_freed;
    pending_give_up(&session->commands, session->patient, &why, &is_freed);
    if (!is_freed) {
        session->is_freed = NULL;
    }
}

static void
describe_silence(const struct qmp_session *session, struct error *why)
{
    const struct pending *first = pending_first_sent(&session->commands);

    error_set(why, ERROR_OPERATION_TIMEOUT,
              "QEMU's monitor has not answered '%s' for %lld ms",
              first ? first->command : "",
              (long long)qmp_session_waiting_ms(session));
}
