/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Elements of foreign namespaces in a guest's <metadata>, one for each
 * namespace: management software keeps its notes there. */

#pragma once

#include "guest/guest.h"

/* The element of that namespace, without the namespace, as libvirt shows it;
 * NULL where there is none.  Caller frees. */
char *guest_metadata_get(const struct guest *guest, const char *uri);
/* Puts 'xml', an element, there under the prefix 'key', in place of what was;
 * NULL takes that away.  ERROR_XML where it is no XML. */
int guest_metadata_set(struct guest *guest, const char *uri, const char *key,
                       const char *xml, struct error *err);
