/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files named on the command line. */

#pragma once

/* The whole of a text file, "-": of stdin; NULL, with the reason printed, where
 * it can't be read or is larger than domain XML ever is.  Caller frees. */
char *file_read(const char *path);
