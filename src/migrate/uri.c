/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "migrate/uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static int parse_tcp(const char *text, const char *rest,
                     struct migration_uri *uri, struct error *err);
static int parse_unix(const char *text, const char *rest,
                      struct migration_uri *uri, struct error *err);
static bool has_scheme(const char *text, size_t length);
static char *bracketed(const char *host);

int
migration_uri_parse(const char *text, struct migration_uri *uri,
                    struct error *err)
{
    AUTO_MIGRATION_URI parsed = {0};
    size_t length = strcspn(text, ":");
    const char *rest = text + length + 1;
    int result;

    if (text[length] != ':' || !has_scheme(text, length)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "missing scheme in migration URI: %s", text);
    }
    if (has_prefix(text, "tcp:")) {
        result = parse_tcp(text, rest, &parsed, err);
    } else if (has_prefix(text, "unix:")) {
        result = parse_unix(text, rest, &parsed, err);
    } else {
        result = error_set(err, ERROR_ARGUMENT_UNSUPPORTED,
                           "unsupported scheme %.*s in migration URI %s",
                           (int)length, text, text);
    }
    if (result == 0) {
        *uri = parsed;
        parsed = (struct migration_uri){0};
    }
    return result;
}

int
migration_uri_for_host(const char *hostname, uint16_t port,
                       struct migration_uri *uri, struct error *err)
{
    if (strncasecmp(hostname, "localhost", strlen("localhost")) == 0) {
        return error_set(err, ERROR_INTERNAL,
                         "hostname on destination resolved to localhost, but "
                         "migration requires an FQDN");
    }
    if (!migration_host_is_valid(hostname)) {
        return error_set(err, ERROR_INTERNAL,
                         "'%s' can't be the host of a migration URI", hostname);
    }
    *uri = (struct migration_uri){
        .transport = MIGRATION_TRANSPORT_TCP,
        .host = xstrdup(hostname),
        .port = port,
    };
    return 0;
}

char *
migration_uri_format(const struct migration_uri *uri)
{
    AUTO_FREE char *host = NULL;
    const char *slashes = uri->has_slashes ? "//" : "";

    if (uri->transport == MIGRATION_TRANSPORT_UNIX) {
        return xasprintf("unix:%s%s", slashes, uri->path);
    }
    host = bracketed(uri->host);
    return uri->port ? xasprintf("tcp:%s%s:%u", slashes, host, uri->port)
                     : xasprintf("tcp:%s%s", slashes, host);
}

char *
migration_uri_listen(const struct migration_uri *uri, uint16_t port,
                     const char *listen_address, bool has_ipv6)
{
    AUTO_FREE char *host = NULL;

    if (uri->transport == MIGRATION_TRANSPORT_UNIX) {
        return xasprintf("unix:%s", uri->path);
    }
    host = bracketed(listen_address ? listen_address
                     : has_ipv6     ? "::"
                                    : "0.0.0.0");
    return xasprintf("tcp:%s:%u", host, port ? port : uri->port);
}

char *
migration_uri_connect(const struct migration_uri *uri)
{
    AUTO_FREE char *host = NULL;

    if (uri->transport == MIGRATION_TRANSPORT_UNIX) {
        return xasprintf("unix:%s", uri->path);
    }
    host = bracketed(uri->host);
    return xasprintf("tcp:%s:%u", host, uri->port);
}

void
migration_uri_done(struct migration_uri *uri)
{
    free(uri->host);
    free(uri->path);
    *uri = (struct migration_uri){0};
}

bool
migration_host_is_valid(const char *host)
{
    if (*host == '\0' || strlen(host) > MIGRATION_HOST_MAX) {
        return false;
    }
    for (const char *c = host; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr(".-_:%", *c)) {
            return false;
        }
    }
    return true;
}

/* 'rest' is what follows "tcp:". */
static int
parse_tcp(const char *text, const char *rest, struct migration_uri *uri,
          struct error *err)
{
    const char *host;
    const char *end;
    uint64_t port = 0;

    uri->transport = MIGRATION_TRANSPORT_TCP;
    uri->has_slashes = has_prefix(rest, "//");
    host = uri->has_slashes ? rest + 2 : rest;
    if (*host == '[') {
        host++;
        end = strchr(host, ']');
        if (!end) {
            return error_set(err, ERROR_INVALID_ARG, "unable to parse URI: %s",
                             text);
        }
        uri->host = xstrndup(host, (size_t)(end - host));
        end++;
    } else {
        end = host + strcspn(host, ":/");
        uri->host = xstrndup(host, (size_t)(end - host));
    }
    if (*uri->host == '\0') {
        return error_set(err, ERROR_INVALID_ARG,
                         "missing host in migration URI: %s", text);
    }
    if (*end == ':') {
        AUTO_FREE char *digits = xstrndup(end + 1, strcspn(end + 1, "/"));

        end += 1 + strlen(digits);
        if (!parse_u64(digits, UINT16_MAX, &port)) {
            return error_set(err, ERROR_INVALID_ARG,
                             "invalid port in migration URI: %s", text);
        }
    }
    uri->port = (uint16_t)port;
    if (*end == '/' && uri->has_slashes) {
        end++;
    }
    if (*end != '\0' || !migration_host_is_valid(uri->host)) {
        return error_set(err, ERROR_INVALID_ARG, "unable to parse URI: %s",
                         text);
    }
    return 0;
}

static int
parse_unix(const char *text, const char *rest, struct migration_uri *uri,
           struct error *err)
{
    uri->transport = MIGRATION_TRANSPORT_UNIX;
    uri->has_slashes = has_prefix(rest, "//");
    rest = uri->has_slashes ? rest + 2 : rest;
    if (*rest != '/' || strlen(rest) > MIGRATION_PATH_MAX) {
        return error_set(err, ERROR_INVALID_ARG,
                         "missing socket path in migration URI: %s", text);
    }
    uri->path = xstrdup(rest);
    return 0;
}

/* As RFC 3986 has it: a letter, then letters, digits, "+", "-" and ".". */
static bool
has_scheme(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (!(isalpha(c) || (i > 0 && (isdigit(c) || strchr("+-.", c))))) {
            return false;
        }
    }
    return length > 0;
}

/* The host as it stands before ":port". */
static char *
bracketed(const char *host)
{
    return strchr(host, ':') ? xasprintf("[%s]", host) : xstrdup(host);
}
