/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/course.h"

#include <libvirt/libvirt.h>

#include "base/clock.h"
#include "base/memory.h"
#include "rpc/typed.h"

void
course_start(struct course *course)
{
    *course->report = (struct vmferry_report){.outcome = VMFERRY_STAYED};
    course->started_us = monotonic_us();
    course->phase_started_us = course->started_us;
    course_tell(course, true, NULL);
}

void
course_tell(const struct course *course, bool is_new_phase,
            const struct vmferry_values *statistics)
{
    const struct vmferry_progress progress = {
        .phase = course->phase,
        .is_new_phase = is_new_phase,
        .is_stopping = course->is_stopping,
        .elapsed_us = monotonic_us() - course->started_us,
        .statistics = statistics,
    };

    if (course->options->progress) {
        course->options->progress(course->options->owner, &progress);
    }
}

void
course_enter(struct course *course, enum vmferry_phase phase, bool is_stopping)
{
    bool was_stopping = course->is_stopping;
    bool is_new = phase != course->phase;

    course->is_stopping = is_stopping;
    if (is_new) {
        course_stop_clock(course);
        course->phase = phase;
    }
    if (is_new || was_stopping != is_stopping) {
        course_tell(course, is_new, NULL);
    }
}

void
course_stop_clock(struct course *course)
{
    int64_t now_us = monotonic_us();

    course->report->phase_us[course->phase] +=
        now_us - course->phase_started_us;
    course->report->phase = course->phase;
    course->report->total_us = now_us - course->started_us;
    course->phase_started_us = now_us;
}

static void
take_state(void *owner, const void *result)
{
    const struct remote_domain_get_state_ret *ret = result;
    struct vmferry_report *report = owner;

    report->state = ret->state;
    report->reason = ret->reason;
}

static void
take_statistics(void *owner, const void *result)
{
    const struct remote_domain_get_job_stats_ret *ret = result;
    struct vmferry_report *report = owner;
    struct vmferry_values *values = vmferry_values_new();
    AUTO_ERROR err = {0};

    if (ret->type != VIR_DOMAIN_JOB_COMPLETED ||
        rpc_params_decode(ret->params.params_val, ret->params.params_len,
                          &values->list, &err) < 0) {
        vmferry_values_free(values);
        return;
    }
    report->statistics = values;
}

void
course_ask(struct course *course, struct rpc_connection *connection,
           unsigned questions)
{
    struct remote_domain_get_state_args of_state = {0};
    struct remote_domain_get_job_stats_args of_job = {
        .flags = VIR_DOMAIN_JOB_STATS_COMPLETED |
                 VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED,
    };
    AUTO_ERROR not_found = {0};
    AUTO_ERROR no_state = {0};
    AUTO_ERROR no_statistics = {0};
    AUTO_DOMAIN dom = {0};

    if (handle_find_on(course->handle, connection, course->report->name, &dom,
                       &not_found) < 0) {
        return;
    }
    of_state.dom = dom;
    of_job.dom = dom;
    if (questions & COURSE_STATE) {
        handle_call_on(course->handle, connection, REMOTE_PROC_DOMAIN_GET_STATE,
                       &of_state, take_state, course->report, &no_state);
    }
    if (questions & COURSE_STATISTICS) {
        handle_call_on(course->handle, connection,
                       REMOTE_PROC_DOMAIN_GET_JOB_STATS, &of_job,
                       take_statistics, course->report, &no_statistics);
    }
}
