/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/socket.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "io/socket_options.h"

/* Between two tries where a unix socket's queue is full. */
enum { QUEUE_RETRY_MS = 20 };

/* How far it went with one address. */
enum trial { TRIAL_CONNECTED, TRIAL_UNDER_WAY, TRIAL_FAILED };

/* One address of a name. */
struct candidate {
    struct sockaddr_storage name;
    socklen_t size;
};

/* What a worker sees.  It may outlive the attempt, and frees itself. */
struct lookup {
    struct pool_request request;
    char *host; /* Owned; NULL: this host. */
    char port[8];
    int flags;              /* Of getaddrinfo(3), as are the results. */
    struct addrinfo *found; /* Owned. */
    int result;
    int errnum;
    struct connect_attempt *attempt; /* Borrowed; NULL when it was freed. */
};

struct connect_attempt {
    struct loop *loop;             /* Borrowed; outlives us. */
    struct pool *pool;             /* Borrowed; may be NULL. */
    struct socket_address address; /* Owned copy. */
    int64_t deadline_ms;
    void (*done)(void *owner, int fd, const struct error *err);
    void *owner; /* Borrowed. */

    struct deferral start;
    struct lookup *lookup;        /* Under way, or NULL. */
    struct candidate *candidates; /* Owned. */
    size_t count;
    size_t next; /* The one after the one that is being tried. */
    int fd;      /* Owned. The one being tried, or -1. */
    struct watch watch;
    struct timer timer;
    int errnum; /* Of the last failure. */
};

/* In the order in which they run. */
static void start(void *owner);
static void add_unix(struct connect_attempt *attempt);
static struct lookup *lookup_new(const struct connect_attempt *attempt);
static void look_up(struct pool_request *request);
static void lookup_late(void *owner);
static void looked_up(struct pool_request *request);
static void take_lookup(struct connect_attempt *attempt, struct lookup *lookup);
static void try_next(struct connect_attempt *attempt);
static enum trial try_one(struct connect_attempt *attempt,
                          const struct candidate *candidate);
static int64_t share_ms(const struct connect_attempt *attempt);
static void try_ended(void *owner, uint32_t events);
static void try_late(void *owner);
static void try_again(void *owner);
static void report_failure(struct connect_attempt *attempt);
static void report(struct connect_attempt *attempt, int fd,
                   const struct error *err);

static void stop_trying(struct connect_attempt *attempt);
static void lookup_free(struct lookup *lookup);
static int64_t left_ms(const struct connect_attempt *attempt);

DEFINE_AUTO(lookup);

struct connect_attempt *
socket_connect(struct loop *loop, struct pool *pool,
               const struct socket_address *address, int64_t timeout_ms,
               void (*done)(void *owner, int fd, const struct error *err),
               void *owner)
{
    struct connect_attempt *attempt = xcalloc(1, sizeof *attempt);

    attempt->loop = loop;
    attempt->pool = pool;
    attempt->address = (struct socket_address){
        .path = xstrdup_null(address->path),
        .host = xstrdup_null(address->host),
        .port = address->port,
    };
    attempt->deadline_ms = monotonic_ms() + timeout_ms;
    attempt->done = done;
    attempt->owner = owner;
    attempt->fd = -1;
    deferral_schedule(&attempt->start, loop, start, attempt);
    return attempt;
}

void
connect_attempt_free(struct connect_attempt *attempt)
{
    if (!attempt) {
        return;
    }
    deferral_cancel(&attempt->start);
    stop_trying(attempt);
    socket_address_done(&attempt->address);
    free(attempt->candidates);
    free(attempt);
}

/* A numeric address needs no look-up that blocks. */
static void
start(void *owner)
{
    struct connect_attempt *attempt = owner;
    AUTO(lookup) *lookup = NULL;

    if (attempt->address.path) {
        add_unix(attempt);
        try_next(attempt);
        return;
    }
    lookup = lookup_new(attempt);
    lookup->flags = AI_NUMERICHOST | AI_NUMERICSERV;
    look_up(&lookup->request);
    if (lookup->result == EAI_NONAME) {
        lookup->flags = AI_ADDRCONFIG | AI_NUMERICSERV;
        if (attempt->pool) {
            lookup->attempt = attempt;
            attempt->lookup = lookup;
            timer_start(&attempt->timer, attempt->loop, left_ms(attempt),
                        lookup_late, attempt);
            pool_submit(attempt->pool, &STEAL(lookup)->request);
            return;
        }
        look_up(&lookup->request);
    }
    take_lookup(attempt, lookup);
}

static void
add_unix(struct connect_attempt *attempt)
{
    struct candidate candidate = {.size = sizeof(struct sockaddr_un)};
    struct sockaddr_un *name = (struct sockaddr_un *)&candidate.name;

    if (strlen(attempt->address.path) >= sizeof name->sun_path) {
        attempt->errnum = ENAMETOOLONG;
        return;
    }
    name->sun_family = AF_UNIX;
    strcpy(name->sun_path, attempt->address.path);
    attempt->candidates = xmemdup(&candidate, sizeof candidate);
    attempt->count = 1;
}

static struct lookup *
lookup_new(const struct connect_attempt *attempt)
{
    struct lookup *lookup = xcalloc(1, sizeof *lookup);

    lookup->request.work = look_up;
    lookup->request.done = looked_up;
    lookup->host = xstrdup_null(attempt->address.host);
    snprintf(lookup->port, sizeof lookup->port, "%u", attempt->address.port);
    return lookup;
}

static void
look_up(struct pool_request *request)
{
    struct lookup *lookup = container_of(request, struct lookup, request);
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = lookup->flags,
    };

    lookup->result =
        getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
    lookup->errnum = errno;
}

static void
lookup_late(void *owner)
{
    struct connect_attempt *attempt = owner;

    attempt->errnum = ETIMEDOUT;
    report_failure(attempt);
}

static void
looked_up(struct pool_request *request)
{
    AUTO(lookup) *lookup = container_of(request, struct lookup, request);
    struct connect_attempt *attempt = lookup->attempt;

    if (attempt) {
        timer_stop(&attempt->timer);
        attempt->lookup = NULL;
        take_lookup(attempt, lookup);
    }
}

static void
take_lookup(struct connect_attempt *attempt, struct lookup *lookup)
{
    AUTO_ERROR err = {0};

    if (lookup->result == 0) {
        for (struct addrinfo *at = lookup->found; at; at = at->ai_next) {
            attempt->count++;
        }
        attempt->candidates =
            xcalloc(attempt->count, sizeof *attempt->candidates);
        attempt->count = 0;
        for (struct addrinfo *at = lookup->found; at; at = at->ai_next) {
            struct candidate *to = &attempt->candidates[attempt->count++];

            memcpy(&to->name, at->ai_addr, at->ai_addrlen);
            to->size = at->ai_addrlen;
        }
        try_next(attempt);
        return;
    }
    error_set(&err, ERROR_SYSTEM,
              "Unable to resolve address '%s' service '%s': %s", lookup->host,
              lookup->port,
              lookup->result == EAI_SYSTEM ? strerror(lookup->errnum)
                                           : gai_strerror(lookup->result));
    report(attempt, -1, &err);
}

static void
try_next(struct connect_attempt *attempt)
{
    while (attempt->next < attempt->count) {
        if (left_ms(attempt) == 0) {
            attempt->errnum = ETIMEDOUT;
            break;
        }
        switch (try_one(attempt, &attempt->candidates[attempt->next++])) {
        case TRIAL_CONNECTED:
            report(attempt, STEAL_FD(attempt->fd), NULL);
            return;
        case TRIAL_UNDER_WAY:
            return;
        case TRIAL_FAILED:
            break;
        }
    }
    report_failure(attempt);
}

static enum trial
try_one(struct connect_attempt *attempt, const struct candidate *candidate)
{
    AUTO_CLOSE int fd = socket(candidate->name.ss_family,
                               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    AUTO_ERROR err = {0};

    if (fd < 0) {
        attempt->errnum = errno;
        return TRIAL_FAILED;
    }
    if (connect(fd, (const struct sockaddr *)&candidate->name,
                candidate->size) == 0) {
        attempt->fd = STEAL_FD(fd);
        return TRIAL_CONNECTED;
    }
    attempt->errnum = errno;
    if (errno == EAGAIN) {
        timer_start(&attempt->timer, attempt->loop, QUEUE_RETRY_MS, try_again,
                    attempt);
        return TRIAL_UNDER_WAY;
    }
    if (errno != EINPROGRESS) {
        return TRIAL_FAILED;
    }
    if (watch_start(&attempt->watch, attempt->loop, fd, EPOLLOUT, try_ended,
                    attempt, &err) < 0) {
        attempt->errnum = err.errnum;
        return TRIAL_FAILED;
    }
    attempt->fd = STEAL_FD(fd);
    timer_start(&attempt->timer, attempt->loop, share_ms(attempt), try_late,
                attempt);
    return TRIAL_UNDER_WAY;
}

/* An address that never answers must leave time for those after it. */
static int64_t
share_ms(const struct connect_attempt *attempt)
{
    return left_ms(attempt) / (int64_t)(attempt->count - attempt->next + 1);
}

static void
try_ended(void *owner, uint32_t events)
{
    struct connect_attempt *attempt = owner;
    socklen_t size = sizeof attempt->errnum;

    (void)events;
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &attempt->errnum,
                   &size) == 0 &&
        attempt->errnum == 0) {
        watch_stop(&attempt->watch);
        report(attempt, STEAL_FD(attempt->fd), NULL);
        return;
    }
    stop_trying(attempt);
    try_next(attempt);
}

static void
try_late(void *owner)
{
    struct connect_attempt *attempt = owner;

    stop_trying(attempt);
    attempt->errnum = ETIMEDOUT;
    try_next(attempt);
}

static void
try_again(void *owner)
{
    struct connect_attempt *attempt = owner;

    attempt->next--;
    try_next(attempt);
}

static void
report_failure(struct connect_attempt *attempt)
{
    AUTO_FREE char *text = socket_address_format(&attempt->address);
    AUTO_ERROR err = {0};

    if (attempt->address.path) {
        error_set_errno(&err, attempt->errnum,
                        "Failed to connect socket to '%s'", text);
    } else {
        error_set_errno(&err, attempt->errnum,
                        "unable to connect to server at '%s'", text);
    }
    report(attempt, -1, &err);
}

/* The owner may free us: nothing after it. */
static void
report(struct connect_attempt *attempt, int fd, const struct error *err)
{
    stop_trying(attempt);
    if (fd >= 0) {
        socket_set_options(fd);
    }
    attempt->done(attempt->owner, fd, err);
}

static void
stop_trying(struct connect_attempt *attempt)
{
    watch_stop(&attempt->watch);
    timer_stop(&attempt->timer);
    if (attempt->fd >= 0) {
        close(STEAL_FD(attempt->fd));
    }
    if (attempt->lookup) {
        attempt->lookup->attempt = NULL;
        attempt->lookup = NULL;
    }
}

static void
lookup_free(struct lookup *lookup)
{
    if (!lookup) {
        return;
    }
    if (lookup->found) {
        freeaddrinfo(lookup->found);
    }
    free(lookup->host);
    free(lookup);
}

static int64_t
left_ms(const struct connect_attempt *attempt)
{
    int64_t left = attempt->deadline_ms - monotonic_ms();

    return left > 0 ? left : 0;
}
