/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Carries out what migrate/coordinator_v3.def or coordinator_v2.def decides:
 * calls the two ends of a migration in turn and hands cookies, XML, parameters
 * and flags from one to the next.
 *
 * An end is a table of functions: a daemon behind a connection
 * (ferry/coordinator_remote.h), this daemon's own domain, or a fake in a test.
 * Used by libvmferry and, for peer-to-peer migrations, by the daemon. */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/parameters.h"
#include "migrate/coordinator.h"

enum coordinator_side { COORDINATOR_SOURCE, COORDINATOR_DESTINATION };

/* What a call takes along.  All borrowed, until the function returns. */
struct coordinator_request {
    enum coordinator_protocol protocol; /* Which form of the call is meant. */
    unsigned flags;                     /* As this side is to see them. */
    /* The user's, with destination_xml from Prepare on, migrate_uri from
     * Perform on, destination_name from Finish on. */
    const struct parameters *parameters;
    const void *cookie;
    size_t cookie_size; /* 0: none. */
    bool is_cancelled;  /* Finish and Confirm. */
    /* Confirm: the destination may have been told to run the guest. */
    bool was_finish_sent;
};

enum coordinator_finding {
    COORDINATOR_FOUND_NOTHING,
    COORDINATOR_FOUND_RUNNING,
    COORDINATOR_FOUND_CANCELLED,
};

/* What a call brings back.  All borrowed, during the callback. */
struct coordinator_answer {
    const void *cookie; /* Begin, Prepare, Perform, Finish. */
    size_t cookie_size;
    const char *xml;                  /* Begin, the dump. */
    const char *uri;                  /* Prepare; NULL: the user's. */
    bool is_paused;                   /* The look. */
    bool has_domain;                  /* Finish. */
    enum coordinator_finding finding; /* Asking again. */
};

/* 'answer' is NULL where 'err' is not.  ERROR_PEER_LOST says that the end's
 * connection is gone and nothing more will come from it. */
typedef void coordinator_answered(void *owner,
                                  const struct coordinator_answer *answer,
                                  const struct error *err);

/* Each calls 'answered' once, now or later.  A source needs get_state, perform,
 * abort; for v3 begin and confirm, for v2 dump_xml.  A destination needs
 * prepare, finish, ask_again. */
struct coordinator_end_operations {
    void (*begin)(void *end, const struct coordinator_request *request,
                  coordinator_answered *answered, void *owner);
    /* The XML that v3's Begin would give, without taking any job. */
    void (*dump_xml)(void *end, const struct coordinator_request *request,
                     coordinator_answered *answered, void *owner);
    void (*get_state)(void *end, const struct coordinator_request *request,
                      coordinator_answered *answered, void *owner);
    void (*prepare)(void *end, const struct coordinator_request *request,
                    coordinator_answered *answered, void *owner);
    void (*perform)(void *end, const struct coordinator_request *request,
                    coordinator_answered *answered, void *owner);
    void (*finish)(void *end, const struct coordinator_request *request,
                   coordinator_answered *answered, void *owner);
    void (*confirm)(void *end, const struct coordinator_request *request,
                    coordinator_answered *answered, void *owner);
    /* Stops a perform that is under way, which then fails. */
    void (*abort)(void *end, const struct coordinator_request *request,
                  coordinator_answered *answered, void *owner);
    /* Finish was asked for, and the connection broke: finds out what came of
     * it.  In v3 'request' is that of a Finish that cancels, in v2, where the
     * source has nothing to go back to, nothing may be cancelled. */
    void (*ask_again)(void *end, const struct coordinator_request *request,
                      coordinator_answered *answered, void *owner);
    /* Forgets the calls under way: nothing more is answered. */
    void (*forget)(void *end);
};

struct coordinator_end {
    const struct coordinator_end_operations *operations;
    void *end;
    const char *name; /* Borrowed. For texts: the host, or its URI. */
    /* The source is this daemon itself (peer-to-peer): its errors are told as
     * they are, and the destination gets no parameter that is not its own. */
    bool is_here;
    /* The destination keeps what it has of a migration whose connection is
     * lost, and can be joined again. */
    bool comes_back;
    /* The source's daemon goes on in our place where either of the connections
     * is lost (docs/decisions/013). */
    bool goes_on;
};

struct coordinator_options {
    enum coordinator_protocol protocol;
    const char *domain; /* Borrowed. The source's name of it. */
    unsigned flags;     /* libvirt's. */
    const struct parameters *parameters; /* Borrowed. The user's. */
    /* v3: the source knows CHANGE_PROTECTION (feature 7). */
    bool has_protection;
    struct coordinator_end source;
    struct coordinator_end destination;
};

struct coordinator_callbacks {
    /* A rule was walked. May be NULL. */
    void (*moved)(void *owner, enum coordinator_state state);
    /* The destination is away, and is to be got back: coordinator_rejoined()
     * or coordinator_lost() follows.  NULL: there is no way. */
    void (*rejoin)(void *owner, enum coordinator_state state);
    /* It is over; 'state' is one of the six ends.  'err' is NULL where the
     * guest is at the destination; then 'warning' may say what went wrong after
     * it had started there.  May free the coordinator. */
    void (*ended)(void *owner, enum coordinator_state state,
                  const struct error *err, const struct error *warning);
};

struct coordinator;

/* Copies the options; the ends outlive it. */
struct coordinator *
coordinator_new(const struct coordinator_options *options,
                const struct coordinator_callbacks *callbacks, void *owner);
/* Forgets the calls under way.  What they started goes on by itself, and the
 * hosts clean up when the connections to them close. */
void coordinator_free(struct coordinator *coordinator);
void coordinator_start(struct coordinator *coordinator);
/* After a restart, without a connection to the destination: begins again, or,
 * where Perform was called, goes on with it. */
enum coordinator_progress {
    COORDINATOR_HAS_BEGUN,
    COORDINATOR_PERFORMS,
    COORDINATOR_MAY_HAVE_FINISHED, /* Perform was answered. */
};
void coordinator_restart(struct coordinator *coordinator,
                         enum coordinator_progress progress);
/* The connection to the destination is back, and so is what was there; or it
 * has said what has become of a guest that was to run there. */
void coordinator_rejoined(struct coordinator *coordinator,
                          enum coordinator_finding finding);
/* It will not come back. */
void coordinator_gave_up(struct coordinator *coordinator,
                         const struct error *why);
/* The user wants the guest to stay. */
void coordinator_interrupt(struct coordinator *coordinator);
/* The connection to that side is gone.  An end's call that was answered with
 * ERROR_PEER_LOST has said so already; twice does no harm. */
void coordinator_lost(struct coordinator *coordinator,
                      enum coordinator_side side, const struct error *why);
/* The destination answers pings and not the call; its connection is about to be
 * closed for that. */
void coordinator_hangs(struct coordinator *coordinator);
enum coordinator_state
coordinator_current_state(const struct coordinator *coordinator);
