/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The XML of "virsh capabilities": the host, and the guests that its QEMU can
 * run.  Pure. */

#pragma once

#include "base/text.h"

#include "base/uuid.h"
#include "daemon/host_info.h"
#include "qemu/capabilities.h"

/* All borrowed. */
struct capabilities_facts {
    const struct uuid *uuid;
    const struct host_info *info;
    const struct qemu_capabilities *qemu;
};

/* Caller frees. */
char *capabilities_format(const struct capabilities_facts *facts);

/* 'value' as an attribute or an element's text. */
void capabilities_add_escaped(struct text *text, const char *value);
