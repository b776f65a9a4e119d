/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/config.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "daemon/protocols.h"
#include "io/socket.h"
#include "state/store.h"

enum type { TEXT, ADDRESS, TRACE, NUMBER, UUID, PORTS, LEVEL, PROTOCOLS };

static const struct {
    struct config_key key;
    enum type type;
    size_t offset;
} keys[] = {
/* clang-format off */
#define KEY(name, field, type, standard, argument, help)                       \
    {{name, standard, argument, help}, type, offsetof(struct config, field)},
#include "daemon/config.def"
#undef KEY
    /* clang-format on */
};

struct reading {
    struct config *config;
    FILE *file;
    int line;         /* The number of the one that was read last. */
    struct error err; /* The first that was found. */
    int wrong_line;   /* Where. */
    int errnum;       /* Of reading; 0: it went well. */
};

static int set_value(struct config *config, size_t index, const char *value,
                     struct error *err);
static int set_text(char **field, enum type type, const char *value,
                    struct error *err);
static int set_ports(struct config_ports *ports, const char *value,
                     struct error *err);
static char *next_line(char *line, int size, void *stream);
static int found_key(void *user, const char *section, const char *name,
                     const char *value);
static char *default_peer_uri(const struct config *config, bool is_privileged);
static char *default_folder(bool is_privileged, const char *system,
                            const char *variable, const char *below_home);
static int complete_uuid(struct config *config, struct error *err);

void
config_init(struct config *config)
{
    *config = (struct config){0};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        AUTO_ERROR err = {0};

        if (keys[i].key.standard) {
            int is_set = set_value(config, i, keys[i].key.standard, &err);

            assert(is_set == 0);
        }
    }
}

void
config_done(struct config *config)
{
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        if (keys[i].type <= TRACE) {
            char **field = (void *)((char *)config + keys[i].offset);

            free(*field);
            *field = NULL;
        }
    }
}

int
config_set(struct config *config, const char *key, const char *value,
           struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        if (strcmp(keys[i].key.name, key) == 0) {
            return set_value(config, i, value, err);
        }
    }
    return error_set(err, ERROR_INVALID_ARG, "there is no setting '%s'", key);
}

int
config_read(struct config *config, const char *path, struct error *err)
{
    struct reading reading = {.config = config, .file = fopen(path, "re")};
    int wrong_line;

    if (!reading.file) {
        return error_set_errno(err, errno, "reading the configuration file %s",
                               path);
    }
    /* The first line that inih, or found_key(), did not like. */
    wrong_line = ini_parse_stream(next_line, &reading, found_key, &reading);
    fclose(reading.file);
    if (reading.errnum) {
        error_clear(&reading.err);
        return error_set_errno(err, reading.errnum,
                               "reading the configuration file %s", path);
    }
    if (wrong_line != 0 && wrong_line == reading.wrong_line) {
        error_move(err, &reading.err);
        return error_wrap(err, "%s:%d", path, wrong_line);
    }
    error_clear(&reading.err);
    if (wrong_line != 0) {
        return error_set(err, ERROR_INVALID_ARG,
                         "%s:%d: not a line of the form 'key = value'", path,
                         wrong_line);
    }
    return 0;
}

int
config_complete(struct config *config, bool is_privileged, struct error *err)
{
    char name[256];

    if (!config->runtime_dir) {
        config->runtime_dir = default_folder(is_privileged, "/run/vmferry",
                                             "XDG_RUNTIME_DIR", NULL);
    }
    if (!config->state_dir) {
        config->state_dir = default_folder(is_privileged, "/var/lib/vmferry",
                                           "XDG_STATE_HOME", ".local/state");
    }
    if (!config->runtime_dir || !config->state_dir) {
        return error_set(err, ERROR_INVALID_ARG,
                         "%s is not set: say where to keep things with"
                         " --runtime-dir and --state-dir",
                         config->runtime_dir ? "HOME" : "XDG_RUNTIME_DIR");
    }
    if (!config->listen_unix) {
        config->listen_unix = xasprintf("%s/vmferry.sock", config->runtime_dir);
    }
    if (!config->host_name) {
        if (gethostname(name, sizeof name) < 0) {
            return error_set_errno(err, errno, "asking for the host's name");
        }
        name[sizeof name - 1] = '\0';
        config->host_name = xstrdup(name);
    }
    if (!config->peer_uri && config->listen_tcp) {
        config->peer_uri = default_peer_uri(config, is_privileged);
    }
    if (config->peer_uri && strcmp(config->peer_uri, "none") == 0) {
        free(config->peer_uri);
        config->peer_uri = NULL;
    }
    if (store_make_folder(config->runtime_dir, err) < 0 ||
        store_make_folder(config->state_dir, err) < 0) {
        return -1;
    }
    return complete_uuid(config, err);
}

/* NULL where the address makes none. */
static char *
default_peer_uri(const struct config *config, bool is_privileged)
{
    struct socket_address address = {0};
    AUTO_ERROR err = {0};
    const char *host;
    char *uri = NULL;

    if (socket_address_parse(config->listen_tcp, &address, &err) < 0) {
        return NULL; /* Whoever listens there says so. */
    }
    host = address.host;
    if (!host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        host = config->migration_address ? config->migration_address
                                         : config->host_name;
    }
    if (!address.path && address.port) {
        bool is_v6 = strchr(host, ':');

        uri = xasprintf("qemu+tcp://%s%s%s:%u/%s", is_v6 ? "[" : "", host,
                        is_v6 ? "]" : "", (unsigned)address.port,
                        is_privileged ? "system" : "session");
    }
    socket_address_done(&address);
    return uri;
}

char *
config_help(void)
{
    AUTO_TEXT text = {0};

    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        const struct config_key *key = &keys[i].key;

        text_addf(&text, "  --%s %s\n      %s", key->name, key->argument,
                  key->help);
        if (key->standard && *key->standard) {
            text_addf(&text, " Default: %s.", key->standard);
        }
        text_add(&text, "\n");
    }
    return text_take(&text);
}

const struct config_key *
config_key_at(unsigned index)
{
    return index < ARRAY_COUNT(keys) ? &keys[index].key : NULL;
}

static int
set_value(struct config *config, size_t index, const char *value,
          struct error *err)
{
    void *field = (char *)config + keys[index].offset;
    uint64_t number;
    int result = 0;

    switch (keys[index].type) {
    case TEXT:
    case ADDRESS:
    case TRACE:
        result = set_text(field, keys[index].type, value, err);
        break;
    case NUMBER:
        if (!parse_u64(value, 1000000, &number) || number == 0) {
            result = error_set(err, ERROR_INVALID_ARG,
                               "'%s' is not a number of seconds from 1", value);
        } else {
            *(uint64_t *)field = number;
        }
        break;
    case UUID:
        if (!uuid_parse(value, field)) {
            result =
                error_set(err, ERROR_INVALID_ARG, "'%s' is not a UUID", value);
        }
        break;
    case PORTS:
        result = set_ports(field, value, err);
        break;
    case PROTOCOLS:
        result = protocols_parse(value, field, err);
        break;
    case LEVEL:
        if (!log_level_parse(value, field)) {
            result =
                error_set(err, ERROR_INVALID_ARG,
                          "'%s' is not error, warning, info or debug", value);
        }
        break;
    }
    return result < 0 ? error_wrap(err, "%s", keys[index].key.name) : 0;
}

static int
set_text(char **field, enum type type, const char *value, struct error *err)
{
    struct socket_address address = {0};

    if (type == TEXT && *value == '\0') {
        return error_set(err, ERROR_INVALID_ARG, "the value is empty");
    }
    if (type == ADDRESS) {
        if (socket_address_parse(value, &address, err) < 0) {
            return -1;
        }
        socket_address_done(&address);
    }
    if (type == TRACE && !log_set_traces(value)) {
        return error_set(err, ERROR_INVALID_ARG,
                         "'%s' is not a list of topics (rules, qmp, rpc)",
                         value);
    }
    free(*field);
    *field = xstrdup(value);
    return 0;
}

static int
set_ports(struct config_ports *ports, const char *value, struct error *err)
{
    AUTO_FREE char *copy = xstrdup(value);
    char *dash = strchr(copy, '-');
    uint64_t first, last;

    if (dash) {
        *dash++ = '\0';
    }
    if (!dash || !parse_u64(copy, UINT16_MAX, &first) ||
        !parse_u64(dash, UINT16_MAX, &last) || first == 0 || last < first) {
        return error_set(err, ERROR_INVALID_ARG,
                         "'%s' is not a range of ports, such as 49152-49215",
                         value);
    }
    *ports = (struct config_ports){(uint16_t)first, (uint16_t)last};
    return 0;
}

/* Without leading blanks, which would make it a part of the line before. */
static char *
next_line(char *line, int size, void *stream)
{
    struct reading *reading = stream;
    size_t blanks;

    reading->line++;
    if (!fgets(line, size, reading->file)) {
        reading->errnum = ferror(reading->file) ? errno : 0;
        return NULL;
    }
    blanks = strspn(line, " \t");
    memmove(line, line + blanks, strlen(line + blanks) + 1);
    return line;
}

/* inih: 0 is "report this line, if it is the first". */
static int
found_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;

    if (error_is_set(&reading->err)) {
        return 0;
    }
    if (*section) {
        error_set(&reading->err, ERROR_INVALID_ARG, "there is no section '%s'",
                  section);
    } else if (config_set(reading->config, name, value, &reading->err) == 0) {
        return 1;
    }
    reading->wrong_line = reading->line;
    return 0;
}

static char *
default_folder(bool is_privileged, const char *system, const char *variable,
               const char *below_home)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");

    if (is_privileged) {
        return xstrdup(system);
    }
    if (base && *base == '/') {
        return xasprintf("%s/vmferry", base);
    }
    return below_home && home && *home == '/'
               ? xasprintf("%s/%s/vmferry", home, below_home)
               : NULL;
}

static int
complete_uuid(struct config *config, struct error *err)
{
    AUTO_ERROR absent = {0};
    AUTO_FREE char *kept = NULL;
    char text[UUID_TEXT_SIZE + 1];

    if (!uuid_is_zero(&config->host_uuid)) {
        return 0;
    }
    kept = store_load_text(config->state_dir, "host-uuid", 64, &absent);
    if (kept) {
        kept[strcspn(kept, "\n")] = '\0';
        if (!uuid_parse(kept, &config->host_uuid)) {
            return error_set(err, ERROR_INVALID_ARG,
                             "%s/host-uuid does not contain a UUID",
                             config->state_dir);
        }
        return 0;
    }
    if (absent.errnum != ENOENT) {
        error_move(err, &absent);
        return -1;
    }
    uuid_generate(&config->host_uuid);
    uuid_format(&config->host_uuid, text);
    strcat(text, "\n");
    return store_save_text(config->state_dir, "host-uuid", text, err);
}
