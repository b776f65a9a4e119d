/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the files of qmp/commands.h share; for them alone. */

#pragma once

#include "qmp/commands.h"

/* A command whose result does not matter.  Takes 'arguments'. */
void qmp_command(struct qmp_session *session, const char *command,
                 struct json_object *arguments, qmp_done *done, void *owner);
/* The same; 'fd' (taken) goes along. */
void qmp_command_fd(struct qmp_session *session, const char *command,
                    struct json_object *arguments, int fd, qmp_done *done,
                    void *owner);
/* The same, out of band. */
void qmp_command_oob(struct qmp_session *session, const char *command,
                     struct json_object *arguments, qmp_done *done,
                     void *owner);
