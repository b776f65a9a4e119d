/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon's settings: from the table config.def, the configuration file, and
 * the command line, which wins. */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/uuid.h"

struct config_ports {
    uint16_t first;
    uint16_t last;
};

/* Texts are owned. */
struct config {
#define CONFIG_TEXT(field)                               char *field;
#define CONFIG_ADDRESS(field)                            char *field;
#define CONFIG_TRACE(field)                              char *field;
#define CONFIG_NUMBER(field)                             uint64_t field;
#define CONFIG_UUID(field)                               struct uuid field;
#define CONFIG_PORTS(field)                              struct config_ports field;
#define CONFIG_LEVEL(field)                              enum log_level field;
#define CONFIG_PROTOCOLS(field)                          unsigned field; /* protocols.h */
#define KEY(name, field, type, standard, argument, help) CONFIG_##type(field)
#include "daemon/config.def"
#undef KEY
};

/* Every key's fixed default. */
void config_init(struct config *config);
void config_done(struct config *config);

/* Sets one key.  Errors name the key and what is wrong with the value. */
int config_set(struct config *config, const char *key, const char *value,
               struct error *err);
/* Reads a file.  An unknown key, a section, or a bad value is an error that
 * names file and line. */
int config_read(struct config *config, const char *path, struct error *err);
/* Fills in what is computed: folders, socket, names.  The host's UUID is read
 * from, or made and kept in, the state folder, which is made, too. */
int config_complete(struct config *config, bool is_privileged,
                    struct error *err);
/* The text of --help's list of options.  Caller frees. */
char *config_help(void);
/* Walks over the keys: NULL after the last. */
struct config_key {
    const char *name;
    const char *standard; /* The default; NULL: computed. */
    const char *argument;
    const char *help;
};
const struct config_key *config_key_at(unsigned index);
