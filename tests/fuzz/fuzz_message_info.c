// SPDX-License-Identifier: MIT
/* The blob of a message's form, as it comes from a decoder that may have been taken over: what is
 * parsed is rendered, and written again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "mailproto/imap/bodystructure.h"
#include "mailproto/imap/message_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct message_info info;
    struct bytes blob = {data, size};
    if (message_info_parse(&info, blob, 1000000, &arena, NULL)) {
        struct buf out = {0};
        envelope_print(&out, &info.envelope);
        bodystructure_print(&out, &info, true);
        buf_reset(&out);
        if (!message_info_write(&out, &info, NULL) ||
            !message_info_parse(&info, buf_view(&out), 1000000, &arena, NULL)) {
            abort();
        }
        buf_clear(&out);
    }
    arena_clear(&arena);
    return 0;
}
