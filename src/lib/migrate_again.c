/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A migration that the source's daemon drives goes on without us: when the
 * connection to that daemon was lost, or we could not go on ourselves, connects
 * to it again and waits for the end there. */

#include <libvirt/libvirt.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "lib/course.h"

enum {
    TRY_FOR_MS = 5000, /* A daemon that is restarted is back long before. */
    PAUSE_MS = 100,
};

static int reconnect(struct course *course, int64_t until_ms,
                     struct error *err);
static int pause_a_moment(struct vmferry *handle, struct error *err);
static bool is_over(const struct error *err);
static int find_guest(struct course *course, const struct error *lost,
                      struct error *err);
static bool is_at_destination(struct course *course);

int
course_go_on(struct course *course, struct error *err)
{
    struct vmferry_report *report = course->report;
    int64_t until_ms = monotonic_ms() + TRY_FOR_MS;
    AUTO_ERROR lost = {0};

    error_move(&lost, err);
    report->outcome = VMFERRY_UNKNOWN;
    for (;;) {
        AUTO_ERROR failed = {0};

        if (reconnect(course, until_ms, &failed) < 0) {
            report->goes_on = true;
            error_copy(err, &lost);
            return error_wrap(err,
                              "%s, which goes on with the migration by itself,"
                              " could not be reached again",
                              course->handle->uri);
        }
        report->outcome = VMFERRY_STAYED;
        if (peer_migration_attach(course, course->domain, &failed) == 0) {
            return 0;
        }
        if (is_over(&failed)) {
            return find_guest(course, &lost, err);
        }
        /* It may not have noticed yet that our old connection is closed. */
        if (failed.code != ERROR_PEER_LOST &&
            (failed.code != ERROR_RESOURCE_BUSY || monotonic_ms() > until_ms)) {
            error_move(err, &failed);
            return -1;
        }
        report->outcome = VMFERRY_UNKNOWN;
        if (failed.code == ERROR_PEER_LOST) {
            until_ms = monotonic_ms() + TRY_FOR_MS;
        }
        if (pause_a_moment(course->handle, err) < 0) {
            report->goes_on = true;
            return -1;
        }
    }
}

/* Without a goodbye: the daemon is to notice that we were cut off. */
static int
reconnect(struct course *course, int64_t until_ms, struct error *err)
{
    struct vmferry *handle = course->handle;

    while (handle_reopen(handle, err) < 0) {
        AUTO_ERROR interrupted = {0};

        if (err->code == ERROR_OPERATION_ABORTED || monotonic_ms() > until_ms) {
            return -1;
        }
        if (pause_a_moment(handle, &interrupted) < 0) {
            error_clear(err);
            error_move(err, &interrupted);
            return -1;
        }
        error_clear(err);
    }
    return 0;
}

static void
wake(void *owner)
{
    *(bool *)owner = true;
}

static int
pause_a_moment(struct vmferry *handle, struct error *err)
{
    struct timer timer = {0};
    bool is_over = false;

    timer_start(&timer, handle->loop, PAUSE_MS, wake, &is_over);
    while (!is_over) {
        if (handle_wait(handle, err) < 0) {
            timer_stop(&timer);
            handle->interruptions = 0;
            return -1;
        }
    }
    return 0;
}

/* Nobody there has heard of a migration any more. */
static bool
is_over(const struct error *err)
{
    return err->code == ERROR_OPERATION_INVALID || err->code == ERROR_NO_DOMAIN;
}

/* It has ended while nobody looked: who has the guest? */
static int
find_guest(struct course *course, const struct error *lost, struct error *err)
{
    struct vmferry_report *report = course->report;
    AUTO_FREE char *name_there = xstrdup_null(report->name);

    course_stop_clock(course);
    if (is_at_destination(course)) {
        report->outcome = VMFERRY_MOVED;
        return 0;
    }
    free(report->name);
    report->name = xstrdup(course->domain);
    report->state = 0;
    course_ask(course, course->handle->connection, COURSE_STATE);
    report->outcome = report->state == VIR_DOMAIN_RUNNING ? VMFERRY_STAYED
                      : report->state == VIR_DOMAIN_SHUTOFF &&
                              report->reason == VIR_DOMAIN_SHUTOFF_MIGRATED
                          ? VMFERRY_MOVED
                          : VMFERRY_UNKNOWN;
    if (report->outcome == VMFERRY_MOVED) {
        free(report->name);
        report->name = STEAL(name_there);
        return 0;
    }
    error_copy(err, lost);
    return error_wrap(err, "the migration of '%s' has ended meanwhile",
                      course->domain);
}

/* As far as we can see it, which the source's daemon may better than we. */
static bool
is_at_destination(struct course *course)
{
    struct vmferry_report *report = course->report;
    struct rpc_opened opened = {0};
    AUTO_ERROR ignored = {0};

    report->state = 0;
    if (!course->uri || handle_open(course->handle, course->uri, 0, NULL, NULL,
                                    &opened, &ignored) < 0) {
        return false;
    }
    course_ask(course, opened.connection, COURSE_STATE);
    rpc_connection_free(opened.connection);
    return report->state == VIR_DOMAIN_RUNNING ||
           (report->state == VIR_DOMAIN_PAUSED &&
            report->reason != VIR_DOMAIN_PAUSED_MIGRATION);
}
