// SPDX-License-Identifier: MIT
/* An identity's bitmessage: link as a QR code: its modules, a text of '1' (dark) and '0' for each
 * row. How they are drawn is the caller's affair. */
#include <errno.h>
#include <qrencode.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/agent/people/bitmessage_link.h"
#include "gateway/control/api_internal.h"

static json_t *rows_of(const QRcode *code)
{
    size_t width = (size_t)code->width;
    json_t *rows = json_array();
    char *text = xcalloc(1, width + 1);
    for (size_t y = 0; y < width; y++) {
        for (size_t x = 0; x < width; x++) {
            text[x] = (code->data[y * width + x] & 1) != 0 ? '1' : '0';
        }
        json_array_append_new(rows, json_string(text));
    }
    free(text);
    return rows;
}

static void answer_with_code(struct api_call *call, const char *link)
{
    struct fault fault = {0};
    QRcode *code = QRcode_encodeString8bit(link, 0, QR_ECLEVEL_M);
    if (code == NULL) {
        fault_set_errno(&fault, errno, "draw a QR code");
        api_fail(call, &fault);
        return;
    }
    api_finish_take(call, json_pack("{s:s, s:o}", "link", link, "rows", rows_of(code)));
    QRcode_free(code);
}

void api_call_identity_qr(struct api_call *call)
{
    const char *who = api_require_own(call, "address");
    struct agent_identity_info info;
    struct fault fault = {0};
    struct buf link = {0};
    if (who == NULL) {
        return;
    }
    if (agent_identity_find(call->api->agent, who, &info, &fault)) {
        bitmessage_link_write(&link, info.address, api_or_empty(info.label));
        answer_with_code(call, buf_str(&link));
    } else {
        api_fail(call, &fault);
    }
    buf_clear(&link);
}
