/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/disk_sizes.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* Of the header of a qcow2 image. */
enum { QCOW2_SIZE_AT = 24, QCOW2_HEADER = 32, BLOCK = 512 };

struct image {
    char *path; /* Owned. NULL: no medium. */
    bool is_qcow2;
};

struct asking {
    struct pool_request request;
    struct image *images; /* Owned. */
    struct disk_size *sizes;
    size_t count;
    disk_sizes_done *done;
    void *owner;
};

static void look(struct pool_request *request);
static void looked(struct pool_request *request);
static void look_at(const struct image *image, struct disk_size *size);

void
disk_sizes_ask(struct host *host, const struct guest *guest,
               disk_sizes_done *done, void *owner)
{
    struct asking *asking = xcalloc(1, sizeof *asking);

    asking->count = guest->disks.count;
    asking->images = xcalloc(asking->count + 1, sizeof *asking->images);
    asking->sizes = xcalloc(asking->count + 1, sizeof *asking->sizes);
    for (size_t i = 0; i < asking->count; i++) {
        const struct guest_disk *disk = guest->disks.items[i];

        asking->images[i].path = xstrdup_null(disk->path);
        asking->images[i].is_qcow2 = disk->format == GUEST_DISK_FORMAT_QCOW2;
    }
    asking->done = done;
    asking->owner = owner;
    asking->request.work = look;
    asking->request.done = looked;
    pool_submit(host->pool, &asking->request);
}

/* On a worker. */
static void
look(struct pool_request *request)
{
    struct asking *asking = container_of(request, struct asking, request);

    for (size_t i = 0; i < asking->count; i++) {
        if (asking->images[i].path) {
            look_at(&asking->images[i], &asking->sizes[i]);
        }
    }
}

static void
looked(struct pool_request *request)
{
    struct asking *asking = container_of(request, struct asking, request);

    asking->done(asking->owner, asking->sizes, asking->count);
    for (size_t i = 0; i < asking->count; i++) {
        free(asking->images[i].path);
    }
    free(asking->images);
    free(asking->sizes);
    free(asking);
}

/* Never waits for a FIFO that somebody calls a disk. */
static void
look_at(const struct image *image, struct disk_size *size)
{
    AUTO_CLOSE int fd =
        open(image->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    unsigned char header[QCOW2_HEADER];
    struct stat info;
    uint64_t number;

    if (fd < 0 || fstat(fd, &info) < 0) {
        return;
    }
    if (S_ISBLK(info.st_mode)) {
        if (ioctl(fd, BLKGETSIZE64, &number) < 0) {
            return;
        }
        size->physical = number;
        size->allocation = number;
    } else if (S_ISREG(info.st_mode)) {
        size->physical = (uint64_t)info.st_size;
        size->allocation = (uint64_t)info.st_blocks * BLOCK;
    } else {
        return;
    }
    size->capacity = size->physical;
    if (image->is_qcow2 &&
        pread(fd, header, sizeof header, 0) == (ssize_t)sizeof header &&
        memcmp(header, "QFI\xfb", 4) == 0) {
        memcpy(&number, header + QCOW2_SIZE_AT, sizeof number);
        size->capacity = be64toh(number);
    }
    size->is_known = true;
}
