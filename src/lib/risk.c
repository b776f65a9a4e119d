/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one thing about a guest that its owner must hear before it is moved: a
 * QEMU before 9.0 that emulates the processor loses track of pages which the
 * guest writes while they are copied.  Its slow path is correct, and is taken
 * where the memory is not a multiple of 64 pages. */

#include <string.h>

#include "base/memory.h"
#include "lib/handle.h"

enum {
    FIXED_IN = 9000000,
    FAST_PATH_KIB = 256,
};

static const char blanks[] = " \t\r\n";

static void
take_memory(void *owner, const void *result)
{
    const struct remote_domain_get_info_ret *ret = result;

    *(uint64_t *)owner = ret->maxMem;
}

static int
get_memory(struct vmferry *handle, const char *domain, uint64_t *memory_kib)
{
    AUTO_DOMAIN dom = {0};
    struct remote_domain_get_info_args args;

    if (handle_find(handle, domain, &dom) < 0) {
        return -1;
    }
    args.dom = dom;
    return handle_call(handle, REMOTE_PROC_DOMAIN_GET_INFO, &args, take_memory,
                       memory_kib);
}

/* The attribute at *at: its value, which is '*length' long, where it is called
 * 'name', otherwise NULL.  Moves on; *at is NULL at what is no attribute. */
static const char *
take_attribute(const char **at, const char *name, size_t *length)
{
    const char *start = *at + strspn(*at, blanks);
    size_t name_length = strcspn(start, "=/> \t\r\n\"'");
    const char *value = start + name_length;
    const char *end = NULL;

    if (start > *at && name_length > 0 && value[0] == '=' &&
        (value[1] == '\'' || value[1] == '"')) {
        value += 2;
        end = strchr(value, value[-1]);
    }
    *at = end ? end + 1 : NULL;
    if (!end || name_length != strlen(name) ||
        strncmp(start, name, name_length) != 0) {
        return NULL;
    }
    *length = (size_t)(end - value);
    return value;
}

/* Nothing but the first tag tells it, and no other call does.  A parser of XML
 * for that is most of what a program has to load to start. */
static int
read_type(const char *xml, bool *is_emulated, struct error *err)
{
    static const char root[] = "<domain";
    const char *at = xml + strspn(xml, blanks);
    const char *type = NULL;
    size_t length = 0;

    at = strncmp(at, root, strlen(root)) == 0 ? at + strlen(root) : NULL;
    while (at && !type) {
        type = take_attribute(&at, "type", &length);
    }
    if (!type) {
        return error_set(err, ERROR_XML,
                         "the daemon's domain XML does not begin with a domain"
                         " and its type");
    }
    *is_emulated =
        length == strlen("qemu") && memcmp(type, "qemu", length) == 0;
    return 0;
}

int
vmferry_is_copy_unreliable(struct vmferry *handle, const char *domain,
                           bool *is_unreliable, uint64_t *memory_kib)
{
    AUTO_FREE char *xml = NULL;
    AUTO_ERROR err = {0};
    bool is_emulated = false;
    uint64_t qemu;
    uint64_t daemon;

    if (vmferry_versions(handle, &qemu, &daemon) < 0 ||
        get_memory(handle, domain, memory_kib) < 0) {
        return -1;
    }
    xml = vmferry_dumpxml(handle, domain, 0);
    if (!xml) {
        return -1;
    }
    if (read_type(xml, &is_emulated, &err) < 0) {
        return handle_fail(handle, &err);
    }
    *is_unreliable =
        is_emulated && qemu < FIXED_IN && *memory_kib % FAST_PATH_KIB == 0;
    return 0;
}
