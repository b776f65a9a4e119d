/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bytes as a connection gets them: frames are found, and each payload is
 * decoded as the arguments and as the result of its procedure, and as an error.
 * What can be decoded must encode to what decodes to the same bytes.  Seeds:
 * tests/golden/rpc, turned into bytes with xxd -r -p. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/parameters.h"
#include "rpc/error_map.h"
#include "rpc/message.h"
#include "rpc/typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_encoded(const struct rpc_coder *coder, const struct rpc_header *header,
            const struct rpc_message *first)
{
    AUTO_ERROR err = {0};
    AUTO_MESSAGE second = {0};
    void *value = rpc_value_decode(coder, first->data + RPC_HEADER_SIZE,
                                   first->size - RPC_HEADER_SIZE, &err);

    assert(value);
    assert(rpc_message_format(&second, header, coder, value, &err) == 0);
    assert(second.size == first->size);
    assert(memcmp(second.data, first->data, first->size) == 0);
    rpc_value_free(coder, value);
}

static void
try_payload(const struct rpc_coder *coder, const struct rpc_header *header,
            const uint8_t *payload)
{
    AUTO_ERROR err = {0}, told = {0};
    AUTO_MESSAGE message = {0};
    void *value = rpc_value_decode(coder, payload,
                                   header->length - RPC_HEADER_SIZE, &err);

    if (!value) {
        return;
    }
    assert(rpc_message_format(&message, header, coder, value, &err) == 0);
    try_encoded(coder, header, &message);
    if (coder == &rpc_error_coder) {
        AUTO_FREE char *text = NULL;

        rpc_error_decode(value, &told);
        text = rpc_error_text(&told);
    }
    if (header->procedure == REMOTE_PROC_DOMAIN_MIGRATE_BEGIN3_PARAMS &&
        coder == rpc_procedure_find(header->procedure)->args) {
        const struct remote_domain_migrate_begin3_params_args *args = value;
        AUTO_PARAMETERS list = {0};

        assert(rpc_params_decode(args->params.params_val,
                                 args->params.params_len, &list, &err) == 0);
        assert(list.count == args->params.params_len);
    }
    rpc_value_free(coder, value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ERROR err = {0};
    size_t frame_size = 1;

    while (rpc_frame_find(data, size, &frame_size, &err) == 0 && frame_size) {
        const struct rpc_procedure *row;
        struct rpc_header header;

        rpc_header_parse(data, &header);
        row = rpc_procedure_find(header.procedure);
        if (row) {
            try_payload(row->args, &header, data + RPC_HEADER_SIZE);
        }
        if (row && row->ret) {
            try_payload(row->ret, &header, data + RPC_HEADER_SIZE);
        }
        try_payload(&rpc_error_coder, &header, data + RPC_HEADER_SIZE);
        data += frame_size;
        size -= frame_size;
    }
    return 0;
}
