/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of guest_check(): each one looks at one family, and returns -1 with
 * an error at the first thing that is wrong.  Used inside of guest/ only. */

#pragma once

#include "guest/guest.h"

int guest_check_disks(const struct guest *guest, struct error *err);
int guest_check_controllers(const struct guest *guest, struct error *err);
int guest_check_interfaces(const struct guest *guest, struct error *err);
int guest_check_chardevs(const struct guest *guest, struct error *err);
int guest_check_others(const struct guest *guest, struct error *err);
