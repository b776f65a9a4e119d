/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connection URIs. */

#include <assert.h>
#include <stdint.h>

#include "base/memory.h"
#include "rpc/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = xstrndup((const char *)data, size);
    AUTO_RPC_URI uri = {0};
    AUTO_ERROR err = {0};

    if (rpc_uri_parse(text, &uri, &err) == 0) {
        assert(uri.name && uri.scheme);
        assert(!uri.address.path == (uri.transport == RPC_TRANSPORT_TCP));
    }
    return 0;
}
