/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ferry/storage.h"

#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/memory.h"

enum sharing { LOCAL, SHARED, CLUSTERED };

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

static enum sharing find_sharing(const char *path);

int
ferry_check_storage(const struct guest *guest, struct error *err)
{
    for (size_t i = 0; i < guest->disks.count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];
        bool is_uncached = disk->cache == GUEST_DISK_CACHE_NONE ||
                           disk->cache == GUEST_DISK_CACHE_DIRECTSYNC;
        enum sharing sharing;

        if (!disk->path || disk->is_readonly) {
            continue;
        }
        if (disk->type == GUEST_DISK_TYPE_BLOCK && is_uncached) {
            continue;
        }
        sharing = find_sharing(disk->path);
        if (sharing == CLUSTERED || (sharing == SHARED && is_uncached)) {
            continue;
        }
        if (sharing == LOCAL && disk->type == GUEST_DISK_TYPE_FILE) {
            return error_set(err, ERROR_MIGRATE_UNSAFE,
                             "Migration without shared storage is unsafe");
        }
        return error_set(
            err, ERROR_MIGRATE_UNSAFE,
            "Migration may lead to data corruption if disks use cache other"
            " than none or directsync");
    }
    return 0;
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
