/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program that takes QEMU's command line and speaks its monitor's language,
 * but has no guest: a megabyte of memory and no processor time, so that
 * hundreds of them fit where one QEMU does.  Two of them really migrate, over
 * TCP or a unix socket, with QEMU's events, states and refusals of version 7.2.
 * It ignores options that it does not know.
 *
 * $FAKE_QEMU_SCRIPT names a file that makes it misbehave.  A line each:
 *
 *   # a comment
 *   guest NAME        what follows is for guests of that name only; * for all
 *   WHERE [#N] DEED   at this place (only the Nth time) do that instead
 *   set NAME NUMBER
 *
 * WHERE is a QMP command, or
 *   start             before the monitor is accepted
 *   greeting          before the greeting
 *   at:STATE          after its migration got there ("at:pre-switchover"); for
 *                     a destination "at:setup", "at:active", "at:completed"
 * DEED is
 *   return JSON       this result, of whatever type
 *   error TEXT        GenericError
 *   never             no reply, the rest goes on
 *   delay MS          the normal reply, that much later
 *   exit STATUS TEXT  TEXT to stderr, then exit
 *   kill              SIGKILL to itself
 *   hang              SIGSTOP to itself
 *   close             closes the monitor's connection
 *   endless           a line that never ends
 *   garbage TEXT      this line
 *   fail TEXT         (at:STATE only) the migration fails with that text
 * NAME of "set" is
 *   migration-ms               from active to the switchover; 100
 *   passes                     events MIGRATION_PASS on the way; 3
 *   converge-at-downtime-limit active for ever, until downtime-limit (ms) is at
 *                              least that, or the guest is stopped
 *   memory-mib                 what query-migrate says of the guest's memory */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "fake.h"

enum { LINE_LIMIT = 1024 * 1024 };

/* A reply that waits. */
struct delayed {
    struct timer timer;
    struct fake *fake;
    struct json_object *message;
};

static void die(const struct error *err);
static void open_monitor(struct fake *fake);
static int listen_at(const char *path);
static void client_came(void *owner, int fd);
static void serve(struct fake *fake, int fd);
static size_t input_came(void *owner, const uint8_t *data, size_t size);
static void client_gone(void *owner, const struct error *why);
static void serve_next(void *owner);
static void line_came(struct fake *fake, const char *line, size_t length);
static void command_came(struct fake *fake, struct json_object *message);
static void reply(struct fake *fake, struct json_object *message,
                  const struct line *line);
static void reply_error(struct fake *fake, struct json_object *id,
                        const char *class, const char *text);
static void reply_late(void *owner);
static void send_json(struct fake *fake, struct json_object *json);
static void send_endless(struct fake *fake);
static void exit_now(void *owner);
static void terminated(void *owner, int signal);

int
main(int argc, char **argv)
{
    static struct fake fake;
    static struct signal_watch terminate;
    AUTO_ERROR err = {0};

    if (argc > 1 && strstr(argv[1], "-version")) {
        printf("QEMU emulator version 7.2.22 (fake)\n");
        return 0;
    }
    options_parse(&fake.options, argc, argv);
    script_read(&fake.script, fake.options.name);
    fake.run_state = fake.options.is_incoming  ? QMP_RUN_STATE_INMIGRATE
                     : fake.options.is_stopped ? QMP_RUN_STATE_PRELAUNCH
                                               : QMP_RUN_STATE_RUNNING;
    fake.migration.status = QMP_MIGRATION_NONE;
    fake.balloon = fake.options.memory;
    fake.parameters = json_object_new_object();
    fake.loop = loop_new(&err);
    if (!fake.loop || signal_watch_start(&terminate, fake.loop, SIGTERM,
                                         terminated, &fake, &err) < 0) {
        die(&err);
    }
    signal(SIGPIPE, SIG_IGN);
    const struct line *line = script_next(&fake.script, "start");
    if (line && line->deed == DEED_DELAY) {
        usleep((useconds_t)line->number * 1000);
    } else if (line && misbehave(&fake, line)) {
        return loop_run(fake.loop, &err) < 0;
    }
    open_monitor(&fake);
    if (loop_run(fake.loop, &err) < 0) {
        die(&err);
    }
    return 0;
}

void
emit(struct fake *fake, const char *event, struct json_object *data)
{
    struct json_object *message = json_object_new_object();
    struct json_object *timestamp = json_object_new_object();
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    json_object_object_add(timestamp, "seconds",
                           json_object_new_int64(now.tv_sec));
    json_object_object_add(timestamp, "microseconds",
                           json_object_new_int64(now.tv_nsec / 1000));
    json_object_object_add(message, "timestamp", timestamp);
    json_object_object_add(message, "event", json_object_new_string(event));
    if (data) {
        json_object_object_add(message, "data", data);
    }
    if (fake->is_negotiated) {
        send_json(fake, message);
    } else {
        json_object_put(message);
    }
}

bool
misbehave(struct fake *fake, const struct line *line)
{
    switch (line->deed) {
    case DEED_NEVER:
        return true;
    case DEED_EXIT:
        if (*line->text) {
            fprintf(stderr, "qemu-system-x86_64: %s\n", line->text);
        }
        leave((int)line->number);
    case DEED_KILL:
        raise(SIGKILL);
        return true;
    case DEED_HANG:
        raise(SIGSTOP);
        return false;
    case DEED_CLOSE:
        client_gone(fake, NULL);
        return true;
    case DEED_ENDLESS:
        send_endless(fake);
        return true;
    case DEED_GARBAGE:
        if (fake->client) {
            stream_write(fake->client, line->text, strlen(line->text));
            stream_write(fake->client, "\r\n", 2);
        }
        return true;
    default:
        return false;
    }
}

void
leave(int status)
{
    fflush(NULL);
    _exit(status);
}

void
quit_fake(struct fake *fake, const char *reason, bool is_by_guest)
{
    struct json_object *data = json_object_new_object();

    json_object_object_add(data, "guest", json_object_new_boolean(is_by_guest));
    json_object_object_add(data, "reason", json_object_new_string(reason));
    emit(fake, "SHUTDOWN", data);
    if (is_by_guest && fake->options.stays_after_shutdown) {
        emit(fake, "STOP", NULL);
        fake->run_state = QMP_RUN_STATE_SHUTDOWN;
        return;
    }
    /* After the reply. */
    deferral_schedule(&fake->exit, fake->loop, exit_now, fake);
}

static void
die(const struct error *err)
{
    fprintf(stderr, "qemu-system-x86_64: %s\n", err->message);
    leave(1);
}

static void
open_monitor(struct fake *fake)
{
    int fd = fake->options.monitor_fd;
    int is_listening = 0;
    socklen_t size = sizeof(is_listening);

    if (fd < 0 && fake->options.monitor_path) {
        fd = listen_at(fake->options.monitor_path);
    }
    if (fd < 0) {
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) < 0) {
        fprintf(stderr, "qemu-system-x86_64: -chardev: fd %d: %s\n", fd,
                strerror(errno));
        leave(1);
    }
    if (is_listening) {
        fake->listener =
            listener_new_from_fd(fake->loop, fd, client_came, fake);
    } else {
        serve(fake, fd);
    }
}

static int
listen_at(const char *path)
{
    struct socket_address address = {.path = (char *)path};
    AUTO_ERROR err = {0};
    int fd = socket_listen(&address, &err);

    if (fd < 0) {
        die(&err);
    }
    return fd;
}

static void
client_came(void *owner, int fd)
{
    struct fake *fake = owner;

    if (!fake->client) {
        serve(fake, fd);
    } else if (fake->waiting_count < ARRAY_COUNT(fake->waiting)) {
        fake->waiting[fake->waiting_count++] = fd;
    } else {
        close(fd);
    }
}

static void
serve(struct fake *fake, int fd)
{
    static const struct stream_callbacks callbacks = {
        .input = input_came,
        .closed = client_gone,
    };
    static const char greeting[] =
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, "
        "\"major\": 7}, \"package\": \"fake\"}, \"capabilities\": "
        "[\"oob\"]}}\r\n";

    fake->is_negotiated = false;
    fake->client = stream_new(fake->loop, fd, LINE_LIMIT, &callbacks, fake);
    const struct line *line = script_next(&fake->script, "greeting");
    if (!line || !misbehave(fake, line)) {
        stream_write(fake->client, greeting, strlen(greeting));
    }
}

static size_t
input_came(void *owner, const uint8_t *data, size_t size)
{
    struct fake *fake = owner;
    const char *newline = memchr(data, '\n', size);

    if (!newline) {
        return 0;
    }
    size_t length = (size_t)(newline - (const char *)data);
    line_came(fake, (const char *)data, length);
    return length + 1;
}

static void
client_gone(void *owner, const struct error *why)
{
    struct fake *fake = owner;

    (void)why;
    stream_free(STEAL(fake->client));
    fake->is_negotiated = false;
    deferral_schedule(&fake->next_client, fake->loop, serve_next, fake);
}

static void
serve_next(void *owner)
{
    struct fake *fake = owner;

    if (!fake->client && fake->waiting_count > 0) {
        int fd = fake->waiting[0];

        memmove(fake->waiting, fake->waiting + 1,
                --fake->waiting_count * sizeof(fake->waiting[0]));
        serve(fake, fd);
    }
}

static void
line_came(struct fake *fake, const char *line, size_t length)
{
    AUTO_FREE char *copy = xstrndup(line, length);
    struct json_object *message = json_tokener_parse(copy);

    if (json_object_is_type(message, json_type_object)) {
        command_came(fake, message);
    } else if (strspn(copy, " \r\t") != length) {
        reply_error(fake, NULL, "GenericError", "JSON parse error");
    }
    json_object_put(message);
}

static void
command_came(struct fake *fake, struct json_object *message)
{
    const char *name = text_member(message, "execute");
    struct json_object *id = json_object_object_get(message, "id");

    name = *name ? name : text_member(message, "exec-oob");
    if (fake->is_negotiated == (strcmp(name, "qmp_capabilities") == 0)) {
        reply_error(fake, id, "CommandNotFound",
                    fake->is_negotiated
                        ? "Capabilities negotiation is already complete, "
                          "command ignored"
                        : "Expecting capabilities negotiation with "
                          "'qmp_capabilities'");
        return;
    }
    const struct line *line = script_next(&fake->script, name);
    if (line && line->deed == DEED_DELAY) {
        struct delayed *delayed = xcalloc(1, sizeof(*delayed));

        delayed->fake = fake;
        delayed->message = json_object_get(message);
        timer_start(&delayed->timer, fake->loop, line->number, reply_late,
                    delayed);
    } else if (!line || !misbehave(fake, line)) {
        reply(fake, message, line);
    }
}

/* 'line' is "return" or "error" of the script, or NULL. */
static void
reply(struct fake *fake, struct json_object *message, const struct line *line)
{
    const char *name = text_member(message, "execute");
    struct json_object *id = json_object_object_get(message, "id");
    struct refusal refusal = {0};
    struct json_object *result;

    name = *name ? name : text_member(message, "exec-oob");
    if (line && line->deed == DEED_ERROR) {
        reply_error(fake, id, "GenericError", line->text);
        return;
    }
    if (line && line->deed == DEED_RETURN) {
        result = json_tokener_parse(line->text);
    } else {
        result = run_command(
            fake, name, json_object_object_get(message, "arguments"), &refusal);
        if (!result) {
            reply_error(fake, id, refusal.class, refusal.text);
            free(refusal.text);
            return;
        }
    }
    struct json_object *answer = json_object_new_object();
    json_object_object_add(answer, "return", result);
    if (id) {
        json_object_object_add(answer, "id", json_object_get(id));
    }
    send_json(fake, answer);
    if (strcmp(name, "qmp_capabilities") == 0) {
        fake->is_negotiated = true;
    }
}

static void
reply_error(struct fake *fake, struct json_object *id, const char *class,
            const char *text)
{
    struct json_object *answer = json_object_new_object();
    struct json_object *error = json_object_new_object();

    json_object_object_add(error, "class", json_object_new_string(class));
    json_object_object_add(error, "desc", json_object_new_string(text));
    json_object_object_add(answer, "error", error);
    if (id) {
        json_object_object_add(answer, "id", json_object_get(id));
    }
    send_json(fake, answer);
}

static void
reply_late(void *owner)
{
    struct delayed *delayed = owner;

    reply(delayed->fake, delayed->message, NULL);
    json_object_put(delayed->message);
    free(delayed);
}

/* Takes 'json'. */
static void
send_json(struct fake *fake, struct json_object *json)
{
    AUTO_TEXT line = {0};

    text_add(&line,
             json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN));
    text_add(&line, "\r\n");
    if (fake->client) {
        stream_write(fake->client, line.data, line.length);
    }
    json_object_put(json);
}

/* More than anybody takes. */
static void
send_endless(struct fake *fake)
{
    enum { SIZE = 20 * 1024 * 1024 };
    AUTO_FREE char *line = xcalloc(SIZE, 1);

    memset(line, ' ', SIZE);
    if (fake->client) {
        stream_write(fake->client, line, SIZE);
    }
}

static void
exit_now(void *owner)
{
    (void)owner;
    leave(0);
}

static void
terminated(void *owner, int signal)
{
    (void)signal;
    fprintf(stderr,
            "qemu-system-x86_64: terminating on signal 15 from pid 1\n");
    quit_fake(owner, "host-signal", false);
}
