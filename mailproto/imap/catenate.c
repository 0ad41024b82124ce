// SPDX-License-Identifier: MIT
#include "mailproto/imap/catenate.h"

#include <stdlib.h>

#include "base/fault.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_url.h"

enum catenate_stage {
    CATENATE_BEGINS,
    CATENATE_OPENS,  /* the mailbox; `call` is under way */
    CATENATE_FINDS,  /* the message */
    CATENATE_READS,  /* `left` bytes from `offset` */
    CATENATE_FIELDS, /* the header, of which some fields are taken */
    CATENATE_ENDS
};

struct catenate {
    struct imap_session *session;
    void (*wake)(struct imap_session *session);
    struct imap_url url;
    bool is_valid;
    enum catenate_stage stage;
    struct mailbox_call *call;
    struct mailbox *mailbox; /* opened for this */
    struct mailbox_reader *reader;
    struct arena arena;
    uint64_t offset;
    uint64_t left;
    struct buf header; /* gathered, then the fields of it */
    struct buf fields;
};

struct catenate *catenate_new(struct imap_session *session, struct bytes url,
                              void (*wake)(struct imap_session *session))
{
    struct catenate *catenate = xcalloc(1, sizeof(*catenate));
    catenate->session = session;
    catenate->wake = wake;
    catenate->is_valid = imap_url_parse(&catenate->url, url, &catenate->arena);
    return catenate;
}

void catenate_free(struct catenate **pointer)
{
    struct catenate *catenate = *pointer;
    if (catenate == NULL) {
        return;
    }
    *pointer = NULL;
    const struct mailbox_ops *ops = catenate->session->ops;
    if (catenate->call != NULL) {
        ops->cancel(&catenate->call);
    }
    if (catenate->reader != NULL) {
        ops->read_end(&catenate->reader);
    }
    if (catenate->mailbox != NULL) {
        ops->close(&catenate->mailbox);
    }
    buf_clear(&catenate->header);
    buf_clear(&catenate->fields);
    arena_clear(&catenate->arena);
    free(catenate);
}

/* ---- The mailbox ---- */

static void changed(void *context, enum mailbox_event event, uint64_t mailbox_id)
{
    (void)context;
    (void)event;
    (void)mailbox_id;
}

static void opened(void *context, const struct mailbox_answer *answer)
{
    struct catenate *catenate = context;
    catenate->call = NULL;
    catenate->mailbox = answer->mailbox;
    catenate->stage = CATENATE_FINDS;
    catenate->is_valid = answer->fault == NULL;
    catenate->wake(catenate->session);
}

static enum catenate_result begin(struct catenate *catenate)
{
    struct imap_session *session = catenate->session;
    const char *name = catenate->url.mailbox;
    if (name == NULL && session->selected.mailbox != NULL) {
        name = session->selected.name;
    }
    if (!catenate->is_valid || name == NULL) {
        return CATENATE_BAD_URL;
    }
    catenate->stage = CATENATE_OPENS;
    catenate->call =
        session->ops->open(session->account, name, (struct mailbox_watcher){changed, catenate},
                           (struct mailbox_done){opened, catenate});
    return CATENATE_WAIT;
}

/* ---- The part ---- */

static void ready(void *context)
{
    struct catenate *catenate = context;
    catenate->wake(catenate->session);
}

static void cut_partial(struct catenate *catenate)
{
    const struct imap_url *url = &catenate->url;
    if (!url->has_partial) {
        return;
    }
    uint64_t skip = url->partial_offset < catenate->left ? url->partial_offset : catenate->left;
    catenate->offset += skip;
    catenate->left -= skip;
    if (url->partial_len != 0 && catenate->left > url->partial_len) {
        catenate->left = url->partial_len;
    }
}

static bool locate(struct catenate *catenate, const struct mailbox_item_data *data)
{
    const struct body_section *section = &catenate->url.section;
    struct message_info info = {0};
    uint32_t part = 0;
    bool fields = section->kind == BODY_SECTION_FIELDS || section->kind == BODY_SECTION_FIELDS_NOT;
    if (!message_info_parse(&info, data->info, data->content_len, &catenate->arena, NULL)) {
        message_info_of_opaque(&info, data->header.len, data->content_len, 0,
                               catenate->session->now.wall_sec, &catenate->arena);
    }
    if (!body_section_find(section, &info, data->content_len, &catenate->offset, &catenate->left,
                           &part)) {
        return false;
    }
    catenate->stage = fields ? CATENATE_FIELDS : CATENATE_READS;
    if (fields && catenate->left > BODY_SECTION_HEADER_MAX_BYTES) {
        catenate->left = BODY_SECTION_HEADER_MAX_BYTES;
    } else if (!fields) {
        cut_partial(catenate);
    }
    return true;
}

static enum catenate_result find(struct catenate *catenate)
{
    struct mailbox_item_data data;
    const struct mailbox_ops *ops = catenate->session->ops;
    if (!catenate->is_valid ||
        (catenate->url.uid_validity != 0 &&
         catenate->url.uid_validity != ops->uid_validity(catenate->mailbox))) {
        return CATENATE_BAD_URL;
    }
    if (catenate->reader == NULL) {
        struct uid_set one = {0};
        uid_set_add(&one, catenate->url.uid);
        catenate->reader = ops->read_start(
            catenate->mailbox, &one, MAILBOX_ITEM_INFO | MAILBOX_ITEM_HEADER | MAILBOX_ITEM_CONTENT,
            (struct mailbox_ready){ready, catenate});
        uid_set_clear(&one);
    }
    switch (ops->read_next(catenate->reader, &data, NULL)) {
    case MAILBOX_READ_OK:
        return locate(catenate, &data) ? CATENATE_PIECE : CATENATE_BAD_URL;
    case MAILBOX_READ_WAIT:
        return CATENATE_WAIT;
    default:
        return CATENATE_BAD_URL;
    }
}

static enum catenate_result read_piece(struct catenate *catenate, struct bytes *out)
{
    const struct mailbox_ops *ops = catenate->session->ops;
    size_t want = catenate->left < MAILBOX_CONTENT_PIECE_BYTES ? (size_t)catenate->left
                                                               : MAILBOX_CONTENT_PIECE_BYTES;
    *out = (struct bytes){0};
    if (catenate->left == 0) {
        return CATENATE_END;
    }
    switch (ops->read_content(catenate->reader, catenate->offset, want, out, NULL)) {
    case MAILBOX_READ_OK:
        catenate->offset += out->len;
        catenate->left -= out->len;
        return CATENATE_PIECE;
    case MAILBOX_READ_WAIT:
        return CATENATE_WAIT;
    default:
        return CATENATE_BAD_URL;
    }
}

/* The whole header first; then the fields of it in one piece. */
static enum catenate_result read_fields(struct catenate *catenate, struct bytes *out)
{
    struct bytes piece = {0};
    enum catenate_result result = CATENATE_PIECE;
    while ((result = read_piece(catenate, &piece)) == CATENATE_PIECE) {
        if (!buf_try_reserve(&catenate->header, piece.len)) {
            return CATENATE_BUSY;
        }
        buf_append_bytes(&catenate->header, piece);
    }
    if (result != CATENATE_END) {
        return result;
    }
    body_section_filter(&catenate->fields, &catenate->url.section, buf_view(&catenate->header));
    catenate->offset = 0;
    catenate->left = catenate->fields.len;
    cut_partial(catenate);
    *out =
        bytes_slice(buf_view(&catenate->fields), (size_t)catenate->offset, (size_t)catenate->left);
    catenate->stage = CATENATE_ENDS;
    return out->len > 0 ? CATENATE_PIECE : CATENATE_END;
}

enum catenate_result catenate_next(struct catenate *catenate, struct bytes *out)
{
    enum catenate_result result = CATENATE_PIECE;
    if (catenate->stage == CATENATE_BEGINS) {
        return begin(catenate);
    }
    if (catenate->stage == CATENATE_OPENS) {
        return CATENATE_WAIT;
    }
    if (catenate->stage == CATENATE_FINDS) {
        result = find(catenate);
    }
    if (result != CATENATE_PIECE || catenate->stage == CATENATE_ENDS) {
        return result == CATENATE_PIECE ? CATENATE_END : result;
    }
    return catenate->stage == CATENATE_FIELDS ? read_fields(catenate, out)
                                              : read_piece(catenate, out);
}
