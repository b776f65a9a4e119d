/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records from disk: what is taken must come back the same from its own
 * text. */

#include "state/record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERROR err = {0};
    AUTO(record) *first = record_parse((const char *)data, size, &err);
    AUTO(record) *second = NULL;
    AUTO_FREE char *once = NULL;
    AUTO_FREE char *twice = NULL;

    if (!first) {
        assert(error_is_set(&err));
        return 0;
    }
    once = record_format(first);
    second = record_parse(once, strlen(once), &err);
    assert(second);
    twice = record_format(second);
    assert(strcmp(once, twice) == 0);
    return 0;
}
