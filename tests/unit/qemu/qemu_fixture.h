/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A folder of its own, a loop, and a QEMU (the real one where that is what is
 * tested) for the tests of qemu/. */

#pragma once

#include "io/loop.h"
#include "qemu/process.h"
#include "qmp/commands.h"

struct fixture {
    struct loop *loop;
    char folder[32];
    char *log_path;     /* Owned. */
    char *monitor_path; /* Owned. */
    struct qemu_process *process;
    unsigned started_count;
    unsigned lost_count;
    unsigned ended_count;
    unsigned event_count;
    unsigned reply_count;
    enum qmp_event_type last_event;
    enum qmp_run_state run_state;
    struct error why; /* Of the end, or of the loss. */
    struct error failed;
    char order[64]; /* s v l e d: started, event, lost, ended, reply. */
};

/* The real QEMU; NULL (and the reason is printed) where it is not installed. */
const char *real_qemu(void);

struct fixture *fixture_new(void);
/* Also kills the process. */
void fixture_free(struct fixture *f);
/* Starts 'binary' with these arguments and the monitor's; NULL on failure. */
struct qemu_process *start(struct fixture *f, const char *binary,
                           char *const *arguments, int64_t timeout_ms);
/* An executable script in the folder; caller frees. */
char *write_script(struct fixture *f, const char *text);
void run_until(struct fixture *f, const unsigned *number, unsigned wanted);
extern const struct qemu_process_callbacks fixture_callbacks;
/* qmp_query_status()'s and the others' 'done'; the owner is the fixture. */
void status_came(void *owner, const struct qmp_status *status,
                 const struct error *err);
void done_came(void *owner, const struct error *err);
