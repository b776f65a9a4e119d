/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What both kinds of migration have in common, whoever calls the hosts: the
 * clock of its phases, who is told of them, and the look back at the end. */

#pragma once

#include "lib/handle.h"

/* Part of a migration, on the stack of vmferry_migrate(). */
struct course {
    struct vmferry *handle; /* Borrowed, as all of it. */
    const char *uri;        /* The destination's; NULL: not known yet. */
    const struct vmferry_migrate_options *options;
    struct vmferry_report *report;
    enum vmferry_phase phase; /* Where it is, */
    bool is_stopping;
    int64_t started_us;
    int64_t phase_started_us; /* and since when. */
    char *domain;             /* Owned. The source's name, once it is known. */
    bool has_stand_in;        /* The source's daemon goes on without us. */
    bool is_interrupted;      /* The user wants the guest to stay. */
};

/* Empties the report, and tells of phase "connect". */
void course_start(struct course *course);
/* 'statistics' may be NULL. */
void course_tell(const struct course *course, bool is_new_phase,
                 const struct vmferry_values *statistics);
/* Tells of the phase, too, where it or the direction is a new one. */
void course_enter(struct course *course, enum vmferry_phase phase,
                  bool is_stopping);
/* Adds up what the phase took so far. */
void course_stop_clock(struct course *course);

/* Asks a host how the guest is and what the completed job has cost, for the
 * report.  What can't be found out is left out. */
enum { COURSE_STATE = 1, COURSE_STATISTICS = 2 };
void course_ask(struct course *course, struct rpc_connection *connection,
                unsigned questions);

/* One of VMFERRY_MIGRATE_PEER2PEER (migrate_peer.c): 0, or -1 and 'err', with
 * ERROR_PEER_LOST where the source, which goes on, was lost. */
int peer_migration_run(struct course *course, const char *domain,
                       struct error *err);
/* The end of one that another client has begun. */
int peer_migration_attach(struct course *course, const char *domain,
                          struct error *err);

/* migrate_again.c: 'err' (which it replaces) says why a host was lost; connects
 * to the source again, for some seconds, and waits for the end there. */
int course_go_on(struct course *course, struct error *err);
