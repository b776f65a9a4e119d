/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "io/failpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum { NAME_SIZE = 256 };

static int connect_to(const char *path);
static bool report(const char *name, size_t size);
static void stop(void);

bool failpoints_are_used;
/* Blocking, and for the whole life of the process. */
static int test_fd = -1;

void
failpoints_start(void)
{
    const char *path = getenv("VMFERRY_FAILPOINTS");

    if (!path || !*path) {
        return;
    }
    test_fd = connect_to(path);
    failpoints_are_used = test_fd >= 0;
    if (!failpoints_are_used) {
        log_line(LOG_LEVEL_WARNING, NULL, "VMFERRY_FAILPOINTS: %s: %s", path,
                 strerror(errno));
    }
}

void
failpoint_pass(const char *format, ...)
{
    char name[NAME_SIZE];
    size_t size;
    va_list args;

    va_start(args, format);
    vsnprintf(name, sizeof name - 1, format, args);
    va_end(args);
    size = strlen(name);
    name[size++] = '\n';
    if (!report(name, size)) {
        stop();
    }
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int why = errno;

        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* False where nobody is left to ask. */
static bool
report(const char *name, size_t size)
{
    char answer;
    ssize_t count;

    if (send(test_fd, name, size, MSG_NOSIGNAL) != (ssize_t)size) {
        return false;
    }
    do {
        count = recv(test_fd, &answer, 1, 0);
    } while (count < 0 && errno == EINTR);
    return count == 1;
}

static void
stop(void)
{
    failpoints_are_used = false;
    close(test_fd);
    test_fd = -1;
}
