// SPDX-License-Identifier: MIT
#include "tests/support/memory_mime.h"

#include "base/buf.h"
#include "base/mem.h"
#include "mailproto/mime/analyse.h"
#include "tests/support/memory_mailbox.h"

void memory_mime_analyse(struct memory_mail_analysis *out, struct bytes content,
                         int64_t arrived_sec)
{
    struct arena arena = {0};
    struct mime_analysis analysis;
    analyse_mail(&analysis, content, arrived_sec, &arena);
    buf_append_bytes(out->info, analysis.info_blob);
    buf_append_bytes(out->text_header, analysis.text.header);
    buf_append_bytes(out->text_body, analysis.text.body);
    arena_clear(&arena);
}
