// SPDX-License-Identifier: MIT
#include "gateway/control/api_rows.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"

enum {
    ROWS_AT_A_TIME = 200, /* a millisecond or two */
    MOST_BEGINNINGS = 3
};

struct api_rows {
    struct api_call *call;
    api_rows_part *part;
    struct deferred next_part;
    struct buf text; /* the array as far as it is made */
    size_t next;
    uint64_t version; /* of the people when it was begun */
    unsigned n_beginnings;
};

void api_rows_free(struct api_rows **rows)
{
    if (*rows != NULL) {
        deferred_cancel(&(*rows)->next_part);
        buf_clear(&(*rows)->text);
        free(*rows);
        *rows = NULL;
    }
}

void api_rows_append_take(struct api_call *call, json_t *row)
{
    struct buf *text = &call->rows->text;
    char *dump = json_dumps(row, JSON_COMPACT);
    buf_append_str(text, text->len == 1 ? "" : ",");
    buf_append_str(text, dump);
    free(dump);
    json_decref(row);
}

static void begin_anew(struct api_rows *rows)
{
    buf_reset(&rows->text);
    buf_append_str(&rows->text, "[");
    rows->next = 0;
    rows->version = agent_people_version(rows->call->api->agent);
    rows->n_beginnings++;
}

static void finish(struct api_rows *rows)
{
    struct api_call *call = rows->call;
    buf_append_str(&rows->text, "]");
    call->rows = NULL;
    api_finish_text(call, buf_view(&rows->text));
    api_rows_free(&rows);
}

static void make_part(void *context)
{
    struct api_rows *rows = context;
    if (rows->version != agent_people_version(rows->call->api->agent)) {
        begin_anew(rows);
    }
    bool in_one_go = rows->n_beginnings > MOST_BEGINNINGS || rows->call->api->loop == NULL;
    size_t n = in_one_go ? SIZE_MAX - rows->next : ROWS_AT_A_TIME;
    if (!rows->part(rows->call, rows->next, n)) {
        finish(rows);
        return;
    }
    rows->next += n;
    deferred_arm(&rows->next_part);
}

void api_rows_begin(struct api_call *call, api_rows_part *part)
{
    struct api_rows *rows = xcalloc(1, sizeof *rows);
    rows->call = call;
    rows->part = part;
    deferred_init(&rows->next_part, call->api->loop, make_part, rows);
    call->rows = rows;
    begin_anew(rows);
    make_part(rows);
}
