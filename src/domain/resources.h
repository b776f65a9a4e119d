/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest that is about to start needs of its host besides QEMU: ports
 * for its displays. */

#pragma once

#include "domain/domain.h"

/* Chooses a VNC port (from 5900) for each display with autoport, one that is
 * free on its address and promised to no other guest of ours. */
int domain_take_resources(struct domain *domain, struct error *err);
