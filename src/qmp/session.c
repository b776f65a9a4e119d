/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/failpoint.h"
#include "io/stream.h"
#include "qmp/message.h"
#include "qmp/pending.h"
#include "qmp/session_private.h"

static struct qmp_session *session_new(struct loop *loop);
static size_t input_came(void *owner, const uint8_t *data, size_t size);
static void line_came(struct qmp_session *session, const char *line,
                      size_t length);
static int message_came(struct qmp_session *session,
                        struct json_object *message, struct error *err);
static int greeting_came(struct qmp_session *session,
                         struct json_object *message, struct error *err);
static void negotiation_ended(void *owner, struct json_object *result,
                              const struct error *err);
static int event_came(struct qmp_session *session, struct json_object *message,
                      struct error *err);
static int reply_came(struct qmp_session *session, struct json_object *message,
                      struct error *err);
static void add(struct qmp_session *session, struct pending *pending);
static void send_pending(struct qmp_session *session, struct pending *pending);
static void deadline_passed(void *owner);
static void stream_closed(void *owner, const struct error *why);
static void end(struct qmp_session *session, struct error *why);
static void report_end(void *owner);
static void fail_all(struct qmp_session *session, const bool *is_freed);

struct qmp_session *
qmp_session_new(struct loop *loop, int fd, int64_t greeting_timeout_ms,
                const struct qmp_callbacks *callbacks, void *owner)
{
    static const struct stream_callbacks stream_callbacks = {
        .input = input_came,
        .closed = stream_closed,
    };
    struct qmp_session *session = session_new(loop);

    session->callbacks = *callbacks;
    session->owner = owner;
    session->stream =
        stream_new(loop, fd, QMP_LINE_LIMIT, &stream_callbacks, session);
    timer_start(&session->deadline, loop, greeting_timeout_ms, deadline_passed,
                session);
    return session;
}

struct qmp_session *
qmp_session_new_closed(struct loop *loop, const struct error *why)
{
    struct qmp_session *session = session_new(loop);

    session->state = CLOSED;
    session->is_end_reported = true;
    error_copy(&session->why, why);
    return session;
}

void
qmp_session_close(struct qmp_session *session, const struct error *why)
{
    AUTO_ERROR copy = {0};

    if (session->state != CLOSED) {
        error_copy(&copy, why);
        end(session, &copy);
    }
}

void
qmp_session_abandon(struct qmp_session *session, const struct error *why)
{
    bool is_freed = false;

    qmp_session_close(session, why);
    deferral_cancel(&session->end);
    session->is_end_reported = true;
    session->is_freed = &is_freed;
    fail_all(session, &is_freed);
    if (!is_freed) {
        session->is_freed = NULL;
    }
}

void
qmp_session_free(struct qmp_session *session)
{
    if (!session) {
        return;
    }
    if (session->is_freed) {
        *session->is_freed = true;
    }
    timer_stop(&session->deadline);
    deferral_cancel(&session->end);
    deferral_cancel(&session->refusal);
    stream_free(session->stream);
    LIST_FOR_EACH (link, &session->commands) {
        list_remove(link);
        pending_free(container_of(link, struct pending, link));
    }
    json_tokener_free(session->tokener);
    error_clear(&session->why);
    free((char *)session->version.package);
    free(session->name);
    free(session);
}

void
qmp_session_set_name(struct qmp_session *session, const char *name)
{
    free(session->name);
    session->name = xstrdup(name);
}

bool
qmp_session_is_ready(const struct qmp_session *session)
{
    return session->state == READY;
}

struct qmp_version
qmp_session_version(const struct qmp_session *session)
{
    return session->version;
}

bool
qmp_session_has_oob(const struct qmp_session *session)
{
    return session->has_oob;
}

void
qmp_execute(struct qmp_session *session, const char *command,
            struct json_object *arguments, qmp_reply *done, void *owner)
{
    qmp_execute_decoded(session, command, arguments, NULL,
                        (qmp_untyped_done *)done, owner);
}

void
qmp_execute_oob(struct qmp_session *session, const char *command,
                struct json_object *arguments, qmp_reply *done, void *owner)
{
    qmp_execute_decoded_oob(session, command, arguments, NULL,
                            (qmp_untyped_done *)done, owner);
}

void
qmp_forget(struct qmp_session *session, const void *owner)
{
    pending_forget(&session->commands, owner);
    if (session->patient == owner) {
        session->patient = NULL;
    }
}

unsigned
qmp_session_pending(const struct qmp_session *session)
{
    return pending_count(&session->commands);
}

void
qmp_execute_decoded(struct qmp_session *session, const char *command,
                    struct json_object *arguments, qmp_decode *decode,
                    qmp_untyped_done *done, void *owner)
{
    struct pending *pending =
        pending_new(command, arguments, decode, done, owner);

    add(session, pending);
}

void
qmp_execute_decoded_fd(struct qmp_session *session, const char *command,
                       struct json_object *arguments, int fd,
                       qmp_decode *decode, qmp_untyped_done *done, void *owner)
{
    struct pending *pending =
        pending_new(command, arguments, decode, done, owner);

    pending->fd = fd;
    add(session, pending);
}

void
qmp_execute_decoded_oob(struct qmp_session *session, const char *command,
                        struct json_object *arguments, qmp_decode *decode,
                        qmp_untyped_done *done, void *owner)
{
    struct pending *pending =
        pending_new(command, arguments, decode, done, owner);

    pending->is_oob = true;
    add(session, pending);
}

static struct qmp_session *
session_new(struct loop *loop)
{
    struct qmp_session *session = xcalloc(1, sizeof(*session));

    session->loop = loop;
    session->name = xstrdup("qemu");
    session->version.package = xstrdup("");
    session->tokener = qmp_tokener_new();
    list_init(&session->commands);
    return session;
}

static size_t
input_came(void *owner, const uint8_t *data, size_t size)
{
    struct qmp_session *session = owner;
    size_t taken = 0;
    bool is_freed = false;

    session->is_freed = &is_freed;
    while (session->state != CLOSED) {
        const char *line = (const char *)data + taken;
        size_t left = size - taken;
        const char *newline =
            memchr(line + session->scanned, '\n', left - session->scanned);

        if (!newline && left > QMP_LINE_LIMIT) {
            AUTO_ERROR why = {0};

            error_set(&why, ERROR_INTERNAL,
                      "QEMU sent a line of more than %d bytes", QMP_LINE_LIMIT);
            end(session, &why);
            break;
        }
        if (!newline) {
            session->scanned = left;
            session->is_freed = NULL;
            return taken;
        }
        session->scanned = 0;
        taken += (size_t)(newline - line) + 1;
        line_came(session, line, (size_t)(newline - line));
        if (is_freed) {
            return size;
        }
    }
    session->is_freed = NULL;
    return size;
}

static void
line_came(struct qmp_session *session, const char *line, size_t length)
{
    AUTO_ERROR err = {0};
    const bool *is_freed = session->is_freed;

    if (length > 0 && line[length - 1] == '\r') {
        length--;
    }
    if (length == 0) {
        return;
    }
    if (log_has_trace(LOG_TOPIC_qmp)) {
        log_trace(LOG_TOPIC_qmp, "%s <- %.*s", session->name, (int)length,
                  line);
    }
    struct json_object *message =
        qmp_message_parse(session->tokener, line, length, &err);
    bool was_silent = session->is_silent;
    session->is_silent = false;
    int result = message ? message_came(session, message, &err) : -1;

    json_object_put(message);
    if (*is_freed) {
        return;
    }
    if (result < 0) {
        end(session, &err);
        return;
    }
    session_watch_silence(session);
    if (was_silent && session->callbacks.silent) {
        session->callbacks.silent(session->owner, NULL);
    }
}

static int
message_came(struct qmp_session *session, struct json_object *message,
             struct error *err)
{
    if (session->state == GREETING) {
        return greeting_came(session, message, err);
    }
    if (json_object_object_get_ex(message, "event", NULL)) {
        return event_came(session, message, err);
    }
    return reply_came(session, message, err);
}

static int
greeting_came(struct qmp_session *session, struct json_object *message,
              struct error *err)
{
    struct qmp_greeting greeting;
    struct json_object *arguments = json_object_new_object();
    struct json_object *enable = json_object_new_array();

    json_object_object_add(arguments, "enable", enable);
    if (qmp_greeting_decode(message, &greeting, err) < 0) {
        json_object_put(arguments);
        return -1;
    }
    session->has_oob = greeting.has_oob;
    if (greeting.has_oob) {
        json_object_array_add(enable, json_object_new_string("oob"));
    }
    free((char *)session->version.package);
    session->version = greeting.version;
    session->version.package = xstrdup(greeting.version.package);
    session->state = NEGOTIATING;
    struct pending *pending =
        pending_new("qmp_capabilities", arguments, NULL,
                    (qmp_untyped_done *)negotiation_ended, session);
    list_add(&session->commands, &pending->link);
    send_pending(session, pending);
    return 0;
}

static void
negotiation_ended(void *owner, struct json_object *result,
                  const struct error *err)
{
    struct qmp_session *session = owner;

    (void)result;
    if (session->state == CLOSED) {
        return; /* This is only one of those that failed. */
    }
    if (err) {
        AUTO_ERROR why = {0};

        error_copy(&why, err);
        end(session, &why);
        return;
    }
    timer_stop(&session->deadline);
    session->state = READY;
    session_send_unsent(session);
    if (session->callbacks.ready) {
        session->callbacks.ready(session->owner);
    }
}

static int
event_came(struct qmp_session *session, struct json_object *message,
           struct error *err)
{
    struct qmp_event event;

    if (qmp_event_decode(message, &event, err) < 0) {
        return -1;
    }
    failpoint("qmp/event/%s%s%s", event.name,
              event.type == QMP_EVENT_MIGRATION ? "-" : "",
              event.type == QMP_EVENT_MIGRATION ? event.migration.status_name
                                                : "");
    if (session->callbacks.event) {
        session->callbacks.event(session->owner, &event);
    }
    return 0;
}

static int
reply_came(struct qmp_session *session, struct json_object *message,
           struct error *err)
{
    struct json_object *id = NULL;
    struct json_object *result = NULL;
    struct json_object *refusal = NULL;
    bool has_result = json_object_object_get_ex(message, "return", &result);
    bool has_refusal = json_object_object_get_ex(message, "error", &refusal);
    struct pending *pending;

    json_object_object_get_ex(message, "id", &id);
    if (has_result == has_refusal) {
        return error_set(err, ERROR_INTERNAL,
                         "QEMU sent what is neither reply nor event: %.100s",
                         json_object_to_json_string(message));
    }
    pending = json_object_is_type(id, json_type_int)
                  ? pending_find(&session->commands, json_object_get_uint64(id))
                  : NULL;
    if (!pending) {
        return error_set(err, ERROR_INTERNAL,
                         "QEMU answered what was not asked: %.100s",
                         json_object_to_json_string(message));
    }
    AUTO_ERROR why = {0};
    if (has_refusal &&
        qmp_refusal_decode(refusal, pending->command, &why, err) < 0) {
        return -1;
    }
    failpoint("qmp/answered/%s", pending->command);
    list_remove(&pending->link);
    pending_answer(pending, result, has_refusal ? &why : NULL);
    return 0;
}

static void
add(struct qmp_session *session, struct pending *pending)
{
    bool is_patient = session->patient && pending->owner == session->patient;

    list_add(&session->commands, &pending->link);
    if (session->is_silent && !is_patient && session->state == READY) {
        deferral_schedule(&session->refusal, session->loop, session_give_up,
                          session);
    } else if (session->state == READY) {
        send_pending(session, pending);
        /* Asking on and on does not make it speak. */
        if (!timer_is_running(&session->deadline)) {
            session_watch_silence(session);
        }
    } else if (session->state == CLOSED) {
        deferral_schedule(&session->end, session->loop, report_end, session);
    }
}

void
session_send_unsent(struct qmp_session *session)
{
    LIST_FOR_EACH (link, &session->commands) {
        struct pending *pending = container_of(link, struct pending, link);

        if (pending->id == 0) {
            send_pending(session, pending);
        }
    }
}

static void
send_pending(struct qmp_session *session, struct pending *pending)
{
    pending->id = ++session->last_id;
    pending->sent_ms = monotonic_ms();
    AUTO_FREE char *line =
        qmp_message_format(pending->command, STEAL(pending->arguments),
                           pending->id, pending->is_oob && session->has_oob);
    log_trace(LOG_TOPIC_qmp, "%s -> %.*s", session->name, (int)strlen(line) - 1,
              line);
    stream_write_fd(session->stream, line, strlen(line), STEAL_FD(pending->fd));
    failpoint("qmp/sent/%s", pending->command);
}

static void
deadline_passed(void *owner)
{
    struct qmp_session *session = owner;
    AUTO_ERROR why = {0};

    error_set(&why, ERROR_OPERATION_TIMEOUT,
              "QEMU's monitor sent no %s in time",
              session->state == GREETING ? "greeting" : "first reply");
    end(session, &why);
}

static void
stream_closed(void *owner, const struct error *why)
{
    struct qmp_session *session = owner;
    AUTO_ERROR copy = {0};

    if (session->state == CLOSED) {
        return;
    }
    if (why) {
        error_copy(&copy, why);
        error_wrap(&copy, "the connection to QEMU's monitor");
    } else {
        error_set(&copy, ERROR_PEER_LOST,
                  "QEMU closed the connection to its monitor");
    }
    end(session, &copy);
}

/* Empties 'why'.  Called from callbacks of the stream, which lives on until
 * report_end() for that reason. */
static void
end(struct qmp_session *session, struct error *why)
{
    assert(session->state != CLOSED);
    session->state = CLOSED;
    error_move(&session->why, why);
    timer_stop(&session->deadline);
    deferral_cancel(&session->refusal);
    deferral_schedule(&session->end, session->loop, report_end, session);
}

static void
report_end(void *owner)
{
    struct qmp_session *session = owner;
    bool is_freed = false;

    stream_free(STEAL(session->stream));
    session->is_freed = &is_freed;
    fail_all(session, &is_freed);
    if (!is_freed && !session->is_end_reported) {
        session->is_end_reported = true;
        if (session->callbacks.closed) {
            session->callbacks.closed(session->owner, &session->why);
        }
    }
    if (!is_freed) {
        session->is_freed = NULL;
    }
}

/* What is asked meanwhile is left for another round: whoever tries again for
 * ever must not hold up the loop. */
static void
fail_all(struct qmp_session *session, const bool *is_freed)
{
    unsigned count = qmp_session_pending(session);

    for (unsigned i = 0; i < count && !*is_freed; i++) {
        struct pending *pending =
            container_of(session->commands.next, struct pending, link);
        AUTO_ERROR err = {0};

        list_remove(&pending->link);
        error_set(&err, ERROR_PEER_LOST,
                  "unable to execute QEMU command '%s': %s", pending->command,
                  session->why.message);
        pending_answer(pending, NULL, &err);
    }
}
