/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "state/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum {
    LONGEST_NAME = 200,        /* Leaves room for ".unreadable-N". */
    LARGEST_RECORD = 64 << 20, /* Bytes. */
    MOST_SET_ASIDE = 1000,     /* Of one name. */
    TEMPORARY_NAME_SIZE = 48,
};

/* Of a file that is being written: no file of ours begins with a dot. */
static const char temporary_prefix[] = ".writing-";

/* Names, for a walk during which files may come and go. */
struct names {
    char **items; /* Owned, with its elements. */
    size_t count;
    size_t capacity;
};

static int check_name(const char *name, struct error *err);
static int open_folder(const char *folder, struct error *err);
static int create_temporary(int folder_fd, char name[TEMPORARY_NAME_SIZE]);
static int write_all(int fd, const char *bytes, size_t size);
static int replace_file(int folder_fd, const char *name, const char *text);
static char *read_all(int fd, size_t limit, size_t *size, struct error *err);
static char *load(const char *folder, const char *name, size_t limit,
                  size_t *size, struct error *err);
static int rename_new(int folder_fd, const char *from, const char *to);
static int read_names(const char *folder, const char *prefix,
                      const char *suffix, struct names *names,
                      struct error *err);
static int compare_names(const void *a, const void *b);
static void names_done(struct names *names);

#define AUTO_NAMES __attribute__((cleanup(names_done))) struct names

int
store_make_folder(const char *folder, struct error *err)
{
    AUTO_FREE char *path = xstrdup(folder);
    struct stat info;

    for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST) {
            return error_set_errno(err, errno, "making folder '%s'", path);
        }
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        return error_set_errno(err, errno, "making folder '%s'", path);
    }
    if (stat(path, &info) < 0 || !S_ISDIR(info.st_mode)) {
        return error_set_errno(err, ENOTDIR, "making folder '%s'", path);
    }
    return 0;
}

int
store_clean(const char *folder, struct error *err)
{
    AUTO_NAMES names = {0};

    if (read_names(folder, temporary_prefix, "", &names, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < names.count; i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", folder, names.items[i]);

        if (unlink(path) < 0 && errno != ENOENT) {
            return error_set_errno(err, errno, "removing '%s'", path);
        }
    }
    return 0;
}

int
store_save(const char *folder, const char *name, const struct record *record,
           struct error *err)
{
    AUTO_FREE char *text = record_format(record);

    return store_save_text(folder, name, text, err);
}

struct record *
store_load(const char *folder, const char *name, struct error *err)
{
    size_t size;
    AUTO_FREE char *text = load(folder, name, LARGEST_RECORD, &size, err);
    struct record *record;

    if (!text) {
        return NULL;
    }
    record = record_parse(text, size, err);
    if (!record) {
        error_wrap(err, "reading '%s/%s'", folder, name);
    }
    return record;
}

int
store_save_text(const char *folder, const char *name, const char *text,
                struct error *err)
{
    AUTO_CLOSE int folder_fd = -1;

    if (check_name(name, err) < 0) {
        return -1;
    }
    folder_fd = open_folder(folder, err);
    if (folder_fd < 0) {
        return -1;
    }
    if (replace_file(folder_fd, name, text) < 0) {
        return error_set_errno(err, errno, "writing '%s/%s'", folder, name);
    }
    return 0;
}

char *
store_load_text(const char *folder, const char *name, size_t limit,
                struct error *err)
{
    size_t size;
    AUTO_FREE char *text = load(folder, name, limit, &size, err);

    if (!text) {
        return NULL;
    }
    if (strlen(text) != size) {
        error_set(err, ERROR_INTERNAL, "reading '%s/%s': it is no text", folder,
                  name);
        return NULL;
    }
    return STEAL(text);
}

int
store_remove(const char *folder, const char *name, struct error *err)
{
    AUTO_CLOSE int folder_fd = -1;

    if (check_name(name, err) < 0) {
        return -1;
    }
    folder_fd = open_folder(folder, err);
    if (folder_fd < 0) {
        if (err->errnum != ENOENT) {
            return -1;
        }
        error_clear(err);
        return 0;
    }
    if ((unlinkat(folder_fd, name, 0) < 0 && errno != ENOENT) ||
        fsync(folder_fd) < 0) {
        return error_set_errno(err, errno, "removing '%s/%s'", folder, name);
    }
    return 0;
}

char *
store_set_aside(const char *folder, const char *name, struct error *err)
{
    AUTO_CLOSE int folder_fd = -1;
    int result = -1;

    if (check_name(name, err) < 0) {
        return NULL;
    }
    folder_fd = open_folder(folder, err);
    if (folder_fd < 0) {
        return NULL;
    }
    errno = EEXIST;
    for (int n = 1; n <= MOST_SET_ASIDE && result < 0 && errno == EEXIST; n++) {
        AUTO_FREE char *aside = xasprintf("%s.unreadable-%d", name, n);

        result = rename_new(folder_fd, name, aside);
        if (result == 0 && fsync(folder_fd) == 0) {
            return STEAL(aside);
        }
    }
    error_set_errno(err, errno, "setting '%s/%s' aside", folder, name);
    return NULL;
}

int
store_each(const char *folder, const char *suffix,
           void (*found)(void *owner, const char *name), void *owner,
           struct error *err)
{
    AUTO_NAMES names = {0};

    if (read_names(folder, "", suffix, &names, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < names.count; i++) {
        if (names.items[i][0] != '.') {
            found(owner, names.items[i]);
        }
    }
    return 0;
}

static int
check_name(const char *name, struct error *err)
{
    if (*name == '\0' || *name == '.' || strchr(name, '/') ||
        strlen(name) > LONGEST_NAME) {
        return error_set(err, ERROR_INVALID_ARG,
                         "'%s' can't be the name of a file", name);
    }
    return 0;
}

static int
open_folder(const char *folder, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return error_set_errno(err, errno, "opening folder '%s'", folder);
    }
    return fd;
}

/* On failure errno says why, and the file is as it was. */
static int
replace_file(int folder_fd, const char *name, const char *text)
{
    char temporary[TEMPORARY_NAME_SIZE];
    AUTO_CLOSE int fd = create_temporary(folder_fd, temporary);

    if (fd < 0) {
        return -1;
    }
    if (write_all(fd, text, strlen(text)) < 0 || fsync(fd) < 0 ||
        renameat(folder_fd, temporary, folder_fd, name) < 0) {
        int errnum = errno;

        unlinkat(folder_fd, temporary, 0);
        errno = errnum;
        return -1;
    }
    /* The new file is there for everybody; should the host crash before this,
     * the old one may come back.  A failure says so. */
    return fsync(folder_fd);
}

static int
create_temporary(int folder_fd, char name[TEMPORARY_NAME_SIZE])
{
    for (unsigned n = 0; n < 1000; n++) {
        int fd;

        snprintf(name, TEMPORARY_NAME_SIZE, "%s%d-%u", temporary_prefix,
                 (int)getpid(), n);
        fd = openat(folder_fd, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

static int
write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);

        if (written < 0 && errno != EINTR) {
            return -1;
        }
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* The content of a file, with a NUL after it. */
static char *
load(const char *folder, const char *name, size_t limit, size_t *size,
     struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, name);
    AUTO_FREE char *content = NULL;
    AUTO_CLOSE int fd = -1;

    if (check_name(name, err) < 0) {
        return NULL;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        error_set_errno(err, errno, "reading '%s'", path);
        return NULL;
    }
    content = read_all(fd, limit, size, err);
    if (!content) {
        error_wrap(err, "reading '%s'", path);
    }
    return STEAL(content);
}

static char *
read_all(int fd, size_t limit, size_t *size, struct error *err)
{
    AUTO_FREE char *content = NULL;
    struct stat info;
    size_t total = 0;
    ssize_t got;

    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        error_set(err, ERROR_INTERNAL, "it is no regular file");
        return NULL;
    }
    if (info.st_size < 0 || (uintmax_t)info.st_size > limit) {
        error_set(err, ERROR_INTERNAL, "it is larger than %zu bytes", limit);
        return NULL;
    }
    /* Files are replaced, never written to: the size stands. */
    content = xcalloc((size_t)info.st_size + 1, 1);
    while (total < (size_t)info.st_size) {
        got = read(fd, content + total, (size_t)info.st_size - total);
        if (got < 0 && errno != EINTR) {
            error_set_errno(err, errno, "after %zu bytes", total);
            return NULL;
        }
        if (got == 0) {
            break;
        }
        total += got > 0 ? (size_t)got : 0;
    }
    content[total] = '\0';
    *size = total;
    return STEAL(content);
}

/* Never onto another file. */
static int
rename_new(int folder_fd, const char *from, const char *to)
{
    if (renameat2(folder_fd, from, folder_fd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    /* A file system that does not know how. */
    if (linkat(folder_fd, from, folder_fd, to, 0) < 0) {
        return -1;
    }
    return unlinkat(folder_fd, from, 0);
}

static int
read_names(const char *folder, const char *prefix, const char *suffix,
           struct names *names, struct error *err)
{
    DIR *listing = opendir(folder);
    struct dirent *entry;
    struct stat info;
    int errnum;

    if (!listing) {
        return errno == ENOENT
                   ? 0
                   : error_set_errno(err, errno, "reading folder '%s'", folder);
    }
    while (errno = 0, (entry = readdir(listing))) {
        const char *name = entry->d_name;

        if (has_prefix(name, prefix) && has_suffix(name, suffix) &&
            fstatat(dirfd(listing), name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISREG(info.st_mode) || S_ISSOCK(info.st_mode))) {
            names->items = array_grow(names->items, &names->capacity,
                                      names->count, sizeof *names->items);
            names->items[names->count++] = xstrdup(name);
        }
    }
    errnum = errno;
    closedir(listing);
    if (errnum != 0) {
        return error_set_errno(err, errnum, "reading folder '%s'", folder);
    }
    if (names->count > 0) {
        qsort(names->items, names->count, sizeof *names->items, compare_names);
    }
    return 0;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_done(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
    *names = (struct names){0};
}
