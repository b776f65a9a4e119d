/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The names that the public header has no function for. */

#pragma once

/* "started"; never NULL. */
const char *lifecycle_name(int event);
/* "migrated"; never NULL. */
const char *lifecycle_detail(int event, int detail);
