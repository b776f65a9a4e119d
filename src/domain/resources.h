/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest that is about to start needs of its host besides QEMU: images
 * for its disks, ports for its displays. */

#pragma once

#include "domain/domain.h"

/* Fails where an image isn't there or may not be read. Chooses a VNC port (from
 * 5900) for each display with autoport, one that is free on its address and
 * promised to no other guest of ours. */
int domain_take_resources(struct domain *domain, struct error *err);
