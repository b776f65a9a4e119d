/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "rpc/uri.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* The parts of a URI, still as they are written.  All owned. */
struct parts {
    char *scheme;
    char *transport; /* NULL: none. */
    char *user;      /* NULL: none. */
    char *host;      /* Without brackets; "": none. */
    char *port;      /* NULL: none. */
    char *path;      /* With its '/'; "": none. */
    char *query;     /* NULL: none. */
};

static int split(const char *text, struct parts *parts, struct error *err);
static int split_authority(const char *authority, struct parts *parts,
                           struct error *err);
static void parts_done(struct parts *parts);
static bool is_scheme(const char *text);
static bool is_clean(const char *text);
static int choose_transport(const struct parts *parts, struct rpc_uri *uri,
                            struct error *err);
static int fill_tcp(const struct parts *parts, struct rpc_uri *uri,
                    struct error *err);
static int fill_unix(const struct parts *parts, struct rpc_uri *uri,
                     struct error *err);
static char *default_socket(const struct parts *parts);
static int read_query(const struct parts *parts, struct rpc_uri *uri,
                      struct error *err);
static int take_parameter(const char *item, struct rpc_uri *uri, char **name,
                          struct text *rest, struct error *err);
static bool is_for_client(const char *name);
static char *decode(const char *text);

int
rpc_uri_parse(const char *text, struct rpc_uri *uri, struct error *err)
{
    __attribute__((cleanup(parts_done))) struct parts parts = {0};
    AUTO_RPC_URI made = {0};

    if (split(text, &parts, err) < 0 ||
        choose_transport(&parts, &made, err) < 0 ||
        read_query(&parts, &made, err) < 0 ||
        (made.transport == RPC_TRANSPORT_TCP
             ? fill_tcp(&parts, &made, err)
             : fill_unix(&parts, &made, err)) < 0) {
        return error_wrap(err, "the URI '%s'", text);
    }
    made.scheme = STEAL(parts.scheme);
    *uri = made;
    made = (struct rpc_uri){0};
    return 0;
}

void
rpc_uri_done(struct rpc_uri *uri)
{
    free(uri->scheme);
    free(uri->name);
    socket_address_done(&uri->address);
    *uri = (struct rpc_uri){0};
}

/* scheme[+transport]://[user@][host][:port][/path][?query] */
static int
split(const char *text, struct parts *parts, struct error *err)
{
    const char *colon = strstr(text, "://");
    const char *rest, *path;
    AUTO_FREE char *authority = NULL;
    char *plus;

    if (!is_clean(text)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has blanks, control characters or a fragment");
    }
    if (!colon) {
        return error_set(err, ERROR_INVALID_ARG, "has no '://'");
    }
    parts->scheme = xstrndup(text, (size_t)(colon - text));
    plus = strchr(parts->scheme, '+');
    if (plus) {
        *plus = '\0';
        parts->transport = xstrdup(plus + 1);
    }
    if (!is_scheme(parts->scheme)) {
        return error_set(err, ERROR_INVALID_ARG, "has no valid scheme");
    }
    rest = colon + strlen("://");
    path = rest + strcspn(rest, "/?");
    authority = xstrndup(rest, (size_t)(path - rest));
    rest = path + strcspn(path, "?");
    parts->path = xstrndup(path, (size_t)(rest - path));
    if (*rest == '?') {
        parts->query = xstrdup(rest + 1);
    }
    return split_authority(authority, parts, err);
}

static int
split_authority(const char *authority, struct parts *parts, struct error *err)
{
    const char *at = strrchr(authority, '@');
    const char *host = at ? at + 1 : authority;
    const char *end;

    if (at) {
        parts->user = xstrndup(authority, (size_t)(at - authority));
    }
    if (*host == '[') {
        end = strchr(host, ']');
        if (!end) {
            return error_set(err, ERROR_INVALID_ARG, "lacks a ']'");
        }
        parts->host = xstrndup(host + 1, (size_t)(end - host - 1));
        end++;
        if (!strchr(parts->host, ':')) {
            return error_set(err, ERROR_INVALID_ARG,
                             "has no IPv6 address between '[' and ']'");
        }
    } else {
        end = host + strcspn(host, ":");
        parts->host = xstrndup(host, (size_t)(end - host));
    }
    if (*end == ':') {
        parts->port = xstrdup(end + 1);
    } else if (*end) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has '%s' where ':PORT' or '/' should be", end);
    }
    return 0;
}

static void
parts_done(struct parts *parts)
{
    free(parts->scheme);
    free(parts->transport);
    free(parts->user);
    free(parts->host);
    free(parts->port);
    free(parts->path);
    free(parts->query);
}

static bool
is_scheme(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";

    return *text && strchr(letters, *text) &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0';
}

/* No character that may not stand in a URI and would confuse a log or the
 * daemon that gets it. */
static bool
is_clean(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f || *text == '#') {
            return false;
        }
    }
    return true;
}

static int
choose_transport(const struct parts *parts, struct rpc_uri *uri,
                 struct error *err)
{
    static const char *const known[] = {"tls", "ssh", "libssh", "libssh2",
                                        "ext"};
    const char *transport = parts->transport;

    if (!transport) {
        if (*parts->host) {
            return error_set(err, ERROR_NO_SUPPORT,
                             "means TLS, which is not supported; "
                             "'%s+tcp://' is",
                             parts->scheme);
        }
        uri->transport = RPC_TRANSPORT_UNIX;
        return 0;
    }
    if (is_same_text(transport, "unix")) {
        uri->transport = RPC_TRANSPORT_UNIX;
        return 0;
    }
    if (is_same_text(transport, "tcp")) {
        uri->transport = RPC_TRANSPORT_TCP;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (is_same_text(transport, known[i])) {
            return error_set(err, ERROR_NO_SUPPORT,
                             "asks for the transport '%s', which is not "
                             "supported; 'tcp' and 'unix' are",
                             transport);
        }
    }
    return error_set(err, ERROR_INVALID_ARG,
                     "asks for the unknown transport '%s'", transport);
}

static int
fill_tcp(const struct parts *parts, struct rpc_uri *uri, struct error *err)
{
    uint64_t port = RPC_PORT_TCP;

    if (uri->address.path) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has 'socket=', which makes no sense with TCP");
    }
    if (parts->user) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has a user, which makes no sense with TCP");
    }
    if (parts->port &&
        (!parse_u64(parts->port, UINT16_MAX, &port) || port == 0)) {
        return error_set(err, ERROR_INVALID_ARG, "has no valid port: '%s'",
                         parts->port);
    }
    uri->address.port = (uint16_t)port;
    uri->address.host = decode(*parts->host ? parts->host : "localhost");
    if (!uri->address.host) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has a wrong percent sign in its host");
    }
    return 0;
}

static int
fill_unix(const struct parts *parts, struct rpc_uri *uri, struct error *err)
{
    if (*parts->host || parts->port || parts->user) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has a host, which makes no sense with a unix socket");
    }
    if (!uri->address.path) {
        uri->address.path = default_socket(parts);
    }
    return 0;
}

static char *
default_socket(const struct parts *parts)
{
    bool is_libvirt = is_same_text(parts->scheme, "qemu");
    const char *socket =
        is_libvirt ? "libvirt/libvirt-sock" : "vmferry/vmferry.sock";
    const char *folder = getenv("XDG_RUNTIME_DIR");

    if (geteuid() != 0 && folder && is_same_text(parts->path, "/session")) {
        return xasprintf("%s/%s", folder, socket);
    }
    return xasprintf("%s/%s", is_libvirt ? "/var/run" : "/run", socket);
}

/* Takes what is for the client out of the query; the rest goes to the daemon,
 * in the name. */
static int
read_query(const struct parts *parts, struct rpc_uri *uri, struct error *err)
{
    const char *query = parts->query ? parts->query : "";
    AUTO_FREE char *path = decode(parts->path);
    AUTO_FREE char *name = NULL;
    AUTO_TEXT rest = {0};

    if (!path) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has a wrong percent sign in its path");
    }
    while (*query) {
        size_t length = strcspn(query, "&;");
        AUTO_FREE char *item = xstrndup(query, length);

        if (length > 0 && take_parameter(item, uri, &name, &rest, err) < 0) {
            return -1;
        }
        query += length + (query[length] ? 1 : 0);
    }
    uri->name =
        name ? STEAL(name)
             : xasprintf("%s://%s%s%s", parts->scheme, parts->path,
                         rest.length ? "?" : "", rest.length ? rest.data : "");
    return 0;
}

static int
take_parameter(const char *item, struct rpc_uri *uri, char **name,
               struct text *rest, struct error *err)
{
    size_t length = strcspn(item, "=");
    AUTO_FREE char *key = xstrndup(item, length);
    AUTO_FREE char *value = decode(item + length + (item[length] ? 1 : 0));

    if (!value) {
        return error_set(err, ERROR_INVALID_ARG,
                         "has a wrong percent sign in '%s'", item);
    }
    if (is_same_text(key, "socket")) {
        if (*value != '/') {
            return error_set(err, ERROR_INVALID_ARG,
                             "has no absolute path in 'socket='");
        }
        free(uri->address.path);
        uri->address.path = STEAL(value);
    } else if (is_same_text(key, "name")) {
        free(*name);
        *name = STEAL(value);
    } else if (!is_for_client(key)) {
        text_addf(rest, "%s%s", rest->length ? "&" : "", item);
    }
    return 0;
}

/* Parameters of libvirt's client which mean nothing to ours, and which its
 * daemon never sees. */
static bool
is_for_client(const char *name)
{
    static const char *const known[] = {"mode",        "command",
                                        "keyfile",     "pkipath",
                                        "no_verify",   "no_tty",
                                        "netcat",      "proxy",
                                        "auth",        "sshauth",
                                        "known_hosts", "no_sanity",
                                        "privatekey",  "known_hosts_verify",
                                        "tls_priority"};

    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (is_same_text(name, known[i])) {
            return true;
        }
    }
    return false;
}

/* Resolves %XX; NULL where one is none, or is a NUL. */
static char *
decode(const char *text)
{
    AUTO_FREE char *out = xcalloc(strlen(text) + 1, 1);
    char *to = out;

    while (*text) {
        uint64_t byte;
        char digits[] = {'0', 'x', 0, 0, 0};

        if (*text != '%') {
            *to++ = *text++;
            continue;
        }
        digits[2] = text[1];
        digits[3] = text[1] ? text[2] : '\0';
        if (strlen(digits) != 4 || !parse_hex(digits, UINT8_MAX, &byte) ||
            byte == 0) {
            return NULL;
        }
        *to++ = (char)byte;
        text += 3;
    }
    return STEAL(out);
}
