/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/storage.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/memory.h"

enum sharing { LOCAL, SHARED, CLUSTERED };

/* Since then QEMU drops what the page cache has of a file that it hands over
 * (blockdev option drop-cache), whatever its cache mode; libvirt counts on it,
 * too. */
enum { DROPS_CACHE_SINCE = 4 };

/* Magic numbers of statfs(2), from the kernel's headers where it has them. */
static const struct {
    unsigned magic;
    enum sharing sharing;
} file_systems[] = {
    {0x6969,     SHARED   }, /* NFS */
    {0x0517b,    SHARED   }, /* SMB */
    {0xff534d42, SHARED   }, /* CIFS */
    {0xfe534d42, SHARED   }, /* SMB2 */
    {0x5346414f, SHARED   }, /* AFS */
    {0x01161970, CLUSTERED}, /* GFS2 */
    {0x7461636f, CLUSTERED}, /* OCFS2 */
    {0x00c36400, CLUSTERED}, /* Ceph */
    {0x47504653, CLUSTERED}, /* GPFS */
    {0xbacbacbc, CLUSTERED}, /* Veritas */
    {0x0bd00bd0, CLUSTERED}, /* Lustre */
};

/* A worker sees this and nothing else. */
struct check {
    struct pool_request request;
    struct disk {
        char *path; /* Owned. */
        bool is_file;
        bool is_uncached;
    } * disks; /* Owned. */
    size_t count;
    char *shared; /* Owned. Folders, with colons between them. */
    struct error err;
    void (*done)(void *owner, const struct error *err);
    void *owner;
};

static void look(struct pool_request *request);
static void looked(struct pool_request *request);
static int check_disk(const struct check *check, const struct disk *disk,
                      struct error *err);
static bool is_in_shared_folder(const char *folders, const char *path);
static enum sharing find_sharing(const char *path);

void
ferry_check_storage(struct host *host, const struct guest *guest,
                    void (*done)(void *owner, const struct error *err),
                    void *owner)
{
    struct check *check = xcalloc(1, sizeof *check);
    bool drops_cache = host->qemu->major >= DROPS_CACHE_SINCE;

    check->request = (struct pool_request){.work = look, .done = looked};
    check->done = done;
    check->owner = owner;
    check->shared = xstrdup_null(host->settings.shared_filesystems);
    check->disks = xcalloc(guest->disks.count + 1, sizeof *check->disks);
    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        if (disk->path && !disk->is_readonly) {
            check->disks[check->count++] = (struct disk){
                .path = xstrdup(disk->path),
                .is_file = disk->type == GUEST_DISK_TYPE_FILE,
                .is_uncached = drops_cache ||
                               disk->cache == GUEST_DISK_CACHE_NONE ||
                               disk->cache == GUEST_DISK_CACHE_DIRECTSYNC,
            };
        }
    }
    pool_submit(host->pool, &check->request);
}

static void
look(struct pool_request *request)
{
    struct check *check = container_of(request, struct check, request);

    for (size_t i = 0; i < check->count; i++) {
        if (check_disk(check, &check->disks[i], &check->err) < 0) {
            return;
        }
    }
}

static void
looked(struct pool_request *request)
{
    struct check *check = container_of(request, struct check, request);

    check->done(check->owner, error_is_set(&check->err) ? &check->err : NULL);
    for (size_t i = 0; i < check->count; i++) {
        free(check->disks[i].path);
    }
    free(check->disks);
    free(check->shared);
    error_clear(&check->err);
    free(check);
}

static int
check_disk(const struct check *check, const struct disk *disk,
           struct error *err)
{
    enum sharing sharing;

    if ((!disk->is_file && disk->is_uncached) ||
        is_in_shared_folder(check->shared, disk->path)) {
        return 0;
    }
    sharing = find_sharing(disk->path);
    if (sharing == CLUSTERED || (sharing == SHARED && disk->is_uncached)) {
        return 0;
    }
    if (sharing == LOCAL && disk->is_file) {
        return error_set(err, ERROR_MIGRATE_UNSAFE,
                         "Migration without shared storage is unsafe");
    }
    return error_set(err, ERROR_MIGRATE_UNSAFE,
                     "Migration may lead to data corruption if disks use cache"
                     " other than none or directsync");
}

/* Where the path really leads: a link out of the folder is not shared. */
static bool
is_in_shared_folder(const char *folders, const char *path)
{
    AUTO_FREE char *list = xstrdup_null(folders);
    AUTO_FREE char *real = list ? realpath(path, NULL) : NULL;
    char *rest = list;

    while (real && rest) {
        const char *folder = strsep(&rest, ":");
        AUTO_FREE char *real_folder = *folder ? realpath(folder, NULL) : NULL;
        size_t length = real_folder ? strlen(real_folder) : 0;

        if (length > 0 && strncmp(real, real_folder, length) == 0 &&
            (real[length] == '/' || real_folder[length - 1] == '/')) {
            return true;
        }
    }
    return false;
}

static enum sharing
find_sharing(const char *path)
{
    struct statfs info;

    if (statfs(path, &info) < 0) {
        return LOCAL;
    }
    for (size_t i = 0; i < ARRAY_COUNT(file_systems); i++) {
        if ((unsigned)info.f_type == file_systems[i].magic) {
            return file_systems[i].sharing;
        }
    }
    return LOCAL;
}
