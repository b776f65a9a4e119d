/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "qmp/commands.h"

#include "qmp/command.h"

void
qmp_nbd_server_start(struct qmp_session *session, const char *path,
                     qmp_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();
    struct json_object *address = json_object_new_object();
    struct json_object *data = json_object_new_object();

    json_object_object_add(data, "path", json_object_new_string(path));
    json_object_object_add(address, "type", json_object_new_string("unix"));
    json_object_object_add(address, "data", data);
    json_object_object_add(arguments, "addr", address);
    qmp_command(session, "nbd-server-start", arguments, done, owner);
}

void
qmp_nbd_export_add(struct qmp_session *session, const char *node,
                   bool is_writable, qmp_done *done, void *owner)
{
    struct json_object *arguments = json_object_new_object();

    json_object_object_add(arguments, "type", json_object_new_string("nbd"));
    json_object_object_add(arguments, "id", json_object_new_string(node));
    json_object_object_add(arguments, "node-name",
                           json_object_new_string(node));
    json_object_object_add(arguments, "name", json_object_new_string(node));
    json_object_object_add(arguments, "writable",
                           json_object_new_boolean(is_writable));
    qmp_command(session, "block-export-add", arguments, done, owner);
}

void
qmp_nbd_server_stop(struct qmp_session *session, qmp_done *done, void *owner)
{
    qmp_command(session, "nbd-server-stop", NULL, done, owner);
}
