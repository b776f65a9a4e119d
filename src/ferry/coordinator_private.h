/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A coordinator, as data.  Shared by coordinator.c and coordinator_losses.c,
 * and by nobody else. */

#pragma once

#include "ferry/coordinator.h"

struct coordinator {
    /* Set by coordinator_new(). */
    char *domain; /* Owned. */
    struct coordinator_end ends[2];
    const struct coordinator_callbacks *callbacks; /* Borrowed. */
    void *owner;
    enum coordinator_protocol protocol;
    bool has_protection;
    /* What was learnt on the way. */
    enum coordinator_state state;
    unsigned flags;               /* With PAUSED where the guest is. */
    struct parameters parameters; /* Owned. The user's, and ours. */
    void *cookie;                 /* Owned. The last that came. */
    size_t cookie_size;
    bool is_lost[2];
    bool was_finish_sent;       /* Not one that cancels. */
    bool does_destination_hang; /* What it will be lost for. */
    struct error error;         /* Why it failed: the first cause. */
    struct error finish_error;  /* What a cancelling Finish said. */
    struct error warning;       /* What went wrong after success. */
    uint64_t trace_number;      /* ferry/rule_trace.h */
};

/* Decides, tells, and does.  Must be the last thing that its callers do: the
 * coordinator may be gone afterwards. */
void coordinator_happened(struct coordinator *coordinator,
                          enum coordinator_event event);
/* The last that came; replaces the one before. */
void coordinator_take_cookie(struct coordinator *coordinator,
                             const void *cookie, size_t size);
