/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/image_locks.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/memory.h"

/* QEMU's lock for "I write": RAW_LOCK_PERM_BASE and the number of
 * BLK_PERM_WRITE. */
enum { WRITER_BYTE = 100 + 1 };

/* Looks at a time, of the daemon's workers. */
enum { LOOKS_MAX = 2 };

/* A worker sees this and nothing else. */
struct image_locks {
    struct list link; /* In host->image_looks. */
    struct pool_request request;
    char **paths; /* Owned, and each of them. */
    size_t count;
    pid_t qemu; /* This host's, or 0. */
    enum image_use use;
    void (*done)(void *owner, enum image_use use); /* NULL: dropped. */
    void *owner;
};

static size_t count_looks(const struct host *host);
static void look(struct pool_request *request);
static void looked(struct pool_request *request);
static enum image_use look_at(const char *path, pid_t qemu);
static bool is_held_by(pid_t qemu, const struct stat *image);
static bool names_image(const char *path, const struct stat *image);

struct image_locks *
image_locks_ask(const struct domain *domain,
                void (*done)(void *owner, enum image_use use), void *owner)
{
    struct host *host = domain->host;
    const struct guest *guest = domain->live;
    size_t most = guest ? guest->disks.count : 0;
    struct image_locks *locks;

    if (count_looks(host) >= LOOKS_MAX) {
        return NULL;
    }
    locks = xcalloc(1, sizeof *locks);
    list_add(&host->image_looks, &locks->link);
    locks->request = (struct pool_request){.work = look, .done = looked};
    locks->done = done;
    locks->owner = owner;
    locks->qemu = domain->qemu ? qemu_process_pid(domain->qemu) : 0;
    locks->paths = xcalloc(most + 1, sizeof *locks->paths);
    for (size_t i = 0; i < most; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        if (disk->path && !disk->is_readonly && !disk->is_shareable) {
            locks->paths[locks->count++] = xstrdup(disk->path);
        }
    }
    pool_submit(host->pool, &locks->request);
    return locks;
}

void
image_locks_drop(struct image_locks *locks)
{
    if (locks) {
        locks->done = NULL;
    }
}

void
image_locks_stop(struct host *host)
{
    LIST_FOR_EACH (link, &host->image_looks) {
        struct image_locks *locks =
            container_of(link, struct image_locks, link);
        void (*done)(void *owner, enum image_use use) = STEAL(locks->done);

        if (done) {
            done(locks->owner, IMAGES_UNKNOWN);
        }
    }
}

static size_t
count_looks(const struct host *host)
{
    size_t count = 0;

    LIST_FOR_EACH (link, &host->image_looks) {
        count++;
    }
    return count;
}

static void
look(struct pool_request *request)
{
    struct image_locks *locks =
        container_of(request, struct image_locks, request);
    size_t free_count = 0;

    for (size_t i = 0; i < locks->count; i++) {
        enum image_use use = look_at(locks->paths[i], locks->qemu);

        if (use == IMAGES_IN_USE) {
            locks->use = IMAGES_IN_USE;
            return;
        }
        free_count += use == IMAGES_FREE;
    }
    if (locks->count > 0 && free_count == locks->count) {
        locks->use = IMAGES_FREE;
    }
}

static void
looked(struct pool_request *request)
{
    struct image_locks *locks =
        container_of(request, struct image_locks, request);

    if (locks->done) {
        locks->done(locks->owner, locks->use);
    }
    list_remove(&locks->link);
    for (size_t i = 0; i < locks->count; i++) {
        free(locks->paths[i]);
    }
    free(locks->paths);
    free(locks);
}

/* A device may be written by a host whose locks nobody sees here. */
static enum image_use
look_at(const char *path, pid_t qemu)
{
    struct flock lock = {
        .l_type = F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = WRITER_BYTE,
        .l_len = 1,
    };
    struct stat image;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum image_use use = IMAGES_UNKNOWN;

    if (fd < 0) {
        return IMAGES_UNKNOWN;
    }
    if (fstat(fd, &image) == 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0) {
        if (lock.l_type == F_UNLCK) {
            use = S_ISREG(image.st_mode) ? IMAGES_FREE : IMAGES_UNKNOWN;
        } else if (!qemu || !is_held_by(qemu, &image)) {
            use = IMAGES_IN_USE;
        }
    }
    close(fd);
    return use;
}

/* The kernel does not say who holds such a lock, but which a process has. */
static bool
is_held_by(pid_t qemu, const struct stat *image)
{
    char path[64];
    DIR *folder;
    struct dirent *entry;
    bool is_held = false;

    snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)qemu);
    folder = opendir(path);
    if (!folder) {
        return true; /* It can't be told from another's. */
    }
    while (!is_held && (entry = readdir(folder))) {
        char file[128];

        snprintf(file, sizeof file, "%s/%.32s", path, entry->d_name);
        is_held = entry->d_name[0] != '.' && names_image(file, image);
    }
    closedir(folder);
    return is_held;
}

/* "lock:	1: OFDLCK ADVISORY  READ -1 fe:01:131089 100 101" */
static bool
names_image(const char *path, const struct stat *image)
{
    AUTO_FREE char *wanted =
        xasprintf(" %02x:%02x:%llu ", major(image->st_dev),
                  minor(image->st_dev), (unsigned long long)image->st_ino);
    char line[256];
    bool is_found = false;
    FILE *file = fopen(path, "re");

    if (!file) {
        return false;
    }
    while (!is_found && fgets(line, sizeof line, file)) {
        is_found = strncmp(line, "lock:", 5) == 0 && strstr(line, wanted);
    }
    fclose(file);
    return is_found;
}
