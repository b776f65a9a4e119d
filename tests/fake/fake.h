/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of fake_qemu; see fake_qemu.c for what it is and how it is told to
 * misbehave. */

#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/loop.h"
#include "io/socket.h"
#include "io/stream.h"
#include "qmp/types.h"

/* --- fake_options.c: the command line, as far as it matters here --- */

struct options {
    char *name;     /* "guest=NAME" of -name. */
    char *uuid;     /* -uuid */
    char *machine;  /* The first word of -machine. */
    int monitor_fd; /* Listening or connected; -1: 'monitor_path' */
    char *monitor_path;
    char **chardevs; /* Ids of the others. */
    size_t chardev_count;
    uint64_t memory; /* Bytes. */
    char *cpu;       /* -cpu: "MODEL,FEATURE=on,..." */
    unsigned cpus;
    int vnc_display; /* -1: no VNC server. */
    bool is_incoming;
    bool is_stopped; /* -S */
    bool stays_after_shutdown;
};

void options_parse(struct options *options, int argc, char **argv);

/* --- fake_script.c: what goes wrong --- */

enum deed {
    DEED_DEFAULT, /* Nothing is scripted. */
    DEED_RETURN,
    DEED_ERROR,
    DEED_NEVER,
    DEED_EXIT,
    DEED_KILL,
    DEED_HANG,
    DEED_CLOSE,
    DEED_ENDLESS,
    DEED_GARBAGE,
    DEED_DELAY,
    DEED_FAIL,
};

struct line {
    char *where;  /* A command, or "at:STATE", or "start". */
    unsigned nth; /* 0: every time; else, only then. */
    unsigned seen;
    enum deed deed;
    long number; /* Of exit and delay. */
    char *text;  /* The rest of the line. */
};

struct script {
    struct line *lines;
    size_t count;
    size_t capacity;
    /* What "set" changes. */
    long migration_ms;
    long passes;
    long converge_at_ms; /* Not before downtime-limit is as high; 0: at once. */
    long memory_mib;     /* What query-migrate says; 0: of -m. */
};

/* Reads $FAKE_QEMU_SCRIPT, if there is one, for the guest of that name. */
void script_read(struct script *script, const char *guest);
/* What is to be done at this place, this time; NULL: what is normal. */
const struct line *script_next(struct script *script, const char *where);

/* --- fake_qemu.c: the monitor --- */

struct migration {
    enum qmp_migration_status status;
    bool was_running;         /* Source: before the switchover. */
    bool is_stopped;          /* Source: by the switchover. */
    bool is_peer_lost;        /* Source: not noticed yet. */
    bool is_postcopy;         /* It is to be, or is. */
    bool has_return_path;     /* Destination: the source waits for us. */
    bool is_source_paused;    /* Destination: its guest does not run. */
    bool has_started_loading; /* Destination: there was a listener. */
    struct connect_attempt *attempt;
    struct listener *listener;
    struct stream *stream;
    struct timer tick;
    char *host;
    uint16_t port;
    char *error; /* NULL: none. */
    long pass;
    long ticks;
    int64_t started_ms;
    int64_t stopped_ms;
    int64_t ended_ms;
    uint64_t sent;
};

struct fake {
    struct loop *loop;
    struct pool *pool; /* NULL until it migrates. */
    struct options options;
    struct script script;
    struct listener *listener;
    struct stream *client; /* NULL while nobody is connected. */
    int waiting[16];       /* Connections that wait for their turn. */
    size_t waiting_count;
    bool is_negotiated;
    enum qmp_run_state run_state;
    bool runs_after_load; /* cont came while incoming. */
    uint32_t capabilities;
    struct json_object *parameters;
    struct migration migration;
    struct deferral exit;
    struct deferral next_client;
    uint64_t balloon;
};

void emit(struct fake *fake, const char *event, struct json_object *data);
/* What the script says for this place, other than a reply: exits, hangs, waits.
 * True where the normal thing is to be left out. */
bool misbehave(struct fake *fake, const struct line *line);
/* Exits without a look back. */
void leave(int status) __attribute__((noreturn));
void quit_fake(struct fake *fake, const char *reason, bool is_by_guest);

/* --- fake_commands.c --- */

/* A result, or NULL and a class and text of an error. */
struct refusal {
    const char *class;
    char *text;
};
struct json_object *run_command(struct fake *fake, const char *name,
                                struct json_object *arguments,
                                struct refusal *refusal);
struct json_object *refuse(struct refusal *refusal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct json_object *empty(void);
const char *text_member(struct json_object *object, const char *name);
void set_run_state(struct fake *fake, enum qmp_run_state state);

/* --- fake_migration.c --- */

struct json_object *migrate(struct fake *fake, struct json_object *arguments,
                            struct refusal *refusal);
struct json_object *migrate_cancel(struct fake *fake,
                                   struct json_object *arguments,
                                   struct refusal *refusal);
struct json_object *migrate_continue(struct fake *fake,
                                     struct json_object *arguments,
                                     struct refusal *refusal);
struct json_object *migrate_start_postcopy(struct fake *fake,
                                           struct json_object *arguments,
                                           struct refusal *refusal);
struct json_object *query_migrate(struct fake *fake,
                                  struct json_object *arguments,
                                  struct refusal *refusal);
bool is_migrating(const struct fake *fake);

/* What both sides share.  The stream, from the source: a line "H ...", then any
 * number of chunks that begin with D, one P where post-copy begins, one E.
 * Back: one A. */
enum { MIGRATION_CHUNK = 4096 };
/* True where the script says that it stays there. */
bool migration_enter(struct fake *fake, enum qmp_migration_status status);
int migration_parse_uri(const char *uri, struct socket_address *address,
                        struct error *err);
/* As QEMU until 9.0: a destination that can't load exits, and says why only on
 * stderr. */
void die_loading(const char *why, const char *name) __attribute__((noreturn));

/* --- fake_incoming.c --- */

struct json_object *migrate_incoming(struct fake *fake,
                                     struct json_object *arguments,
                                     struct refusal *refusal);
