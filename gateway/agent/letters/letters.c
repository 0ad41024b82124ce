// SPDX-License-Identifier: MIT
/* Reading: collect rows a step at a time, sort them, then give each to its reader, its text fetched
 * before. Whatever may take long ends the turn. */
#include "gateway/agent/letters/letters.h"

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/str.h"
#include "gateway/agent/agent_internal.h"
#include "gateway/agent/letters/letter_rows.h"
#include "gateway/decoder/decoder_client.h"
#include "gateway/store/messages.h"

enum { IDS_A_TURN = 1000 };

/* The answers of a decoder that could not. */
static const char untold[] = "[The text of this message could not be read.]";

struct letters_reading {
    struct agent *agent;
    struct letter_query query; /* its texts in the arena */
    struct letter_reader reader;
    struct arena arena;
    struct deferred go_on;
    struct letter_rows rows;
    int64_t after;
    bool is_collected;
    bool is_sorted;
    size_t next;
    struct fault fault;

    struct outgoing_row row; /* sent: the one whose text is fetched */
    struct arena row_arena;
};

static void end_reading(struct letters_reading *reading)
{
    struct letter_reader reader = reading->reader;
    struct fault fault = reading->fault;
    bool closing = reading->agent->closing;
    deferred_cancel(&reading->go_on);
    arena_clear(&reading->arena);
    arena_clear(&reading->row_arena);
    free(reading->rows.items);
    free(reading);
    if (!closing) {
        reader.end(reader.context, fault.code == FAULT_NONE ? NULL : &fault);
    }
}

/* To the reader, who may have had enough: then nothing is left. */
static void give(struct letters_reading *reading, const struct letter *letter)
{
    reading->next++;
    if (!reading->reader.each(reading->reader.context, letter)) {
        reading->next = reading->rows.n_items;
    }
}

static struct letter letter_of(const struct letter_row *row)
{
    return (struct letter){.id = {row->id, row->id_len}, .sec = row->sec, .is_seen = row->is_seen};
}

static void give_ids(struct letters_reading *reading)
{
    for (size_t i = 0; i < IDS_A_TURN && reading->next < reading->rows.n_items; i++) {
        struct letter letter = letter_of(&reading->rows.items[reading->next]);
        give(reading, &letter);
    }
    deferred_arm(&reading->go_on);
}

/* ---- the text of what arrived: out of its mail ---- */

/* "BM-..." of "BM-...@bm.alt"; NULL for what stands for the subscribers. */
static const char *bare_address(const struct mail_addresses *addresses, struct arena *arena)
{
    struct bytes mailbox = addresses->n_items > 0 ? addresses->items[0].mailbox : (struct bytes){0};
    const char *text = arena_strndup(arena, (const char *)mailbox.data, mailbox.len);
    return strcmp(text, "broadcast") == 0 ? NULL : text;
}

static uint64_t encoding_of(const struct outgoing_mail *mail)
{
    uint64_t encoding = 0;
    for (size_t i = 0; i < mail->n_headers; i++) {
        if (bytes_is_word(mail->headers[i].name, "X-Bitmessage-Encoding") &&
            parse_u64(mail->headers[i].value, UINT64_MAX, &encoding)) {
            return encoding;
        }
    }
    return CONTENT_SIMPLE;
}

/* Mails end with a line end, messages seldom: it is not counted to the text. */
static struct bytes without_line_end(struct bytes text)
{
    return text.len > 0 && text.data[text.len - 1] == '\n' ? bytes_slice(text, 0, text.len - 1)
                                                           : text;
}

static void mail_taken_apart(void *context, struct decoder_answer *answer)
{
    struct letters_reading *reading = context;
    struct letter letter = letter_of(&reading->rows.items[reading->next]);
    const struct outgoing_mail *mail = &answer->outgoing;
    if (reading->agent->closing || answer->outcome == DECODER_CLOSED) {
        decoder_answer_free(&answer);
        end_reading(reading);
        return;
    }
    letter.encoding = CONTENT_SIMPLE;
    letter.from = "";
    letter.to = "";
    letter.text = bytes_of_str(untold);
    if (answer->outcome == DECODER_DONE) {
        letter.from = bare_address(&mail->from, &answer->arena);
        letter.from = letter.from == NULL ? "" : letter.from;
        letter.to = bare_address(&mail->to, &answer->arena);
        letter.subject = mail->subject;
        letter.text = without_line_end(mail->text);
        letter.encoding = encoding_of(mail);
    }
    give(reading, &letter);
    decoder_answer_free(&answer);
    deferred_arm(&reading->go_on);
}

/* One that was deleted meanwhile is passed over. */
static bool pass_over(struct letters_reading *reading)
{
    if (reading->fault.code == FAULT_NOT_FOUND) {
        reading->fault = (struct fault){0};
        reading->next++;
    }
    deferred_arm(&reading->go_on);
    return false;
}

static bool fetch_arrived(struct letters_reading *reading, const struct letter_row *row)
{
    struct buf mail = {0};
    if (!messages_read_content(agent_reader(reading->agent), &mail, (uint64_t)row->row,
                               &reading->fault)) {
        buf_clear(&mail);
        return pass_over(reading);
    }
    (void)decoder_client_outgoing(reading->agent->parts.network_decoder, buf_view(&mail),
                                  (struct decoder_done){mail_taken_apart, reading});
    buf_clear(&mail);
    return true;
}

/* ---- the text of what was sent: out of its content ---- */

static void content_taken_apart(void *context, struct decoder_answer *answer)
{
    struct letters_reading *reading = context;
    const struct outgoing_row *row = &reading->row;
    struct letter letter = letter_of(&reading->rows.items[reading->next]);
    if (reading->agent->closing || answer->outcome == DECODER_CLOSED) {
        decoder_answer_free(&answer);
        end_reading(reading);
        return;
    }
    letter.to = row->kind == OUTGOING_TO_SUBSCRIBERS ? NULL : row->recipient;
    letter.from = row->sender;
    letter.subject = bytes_of_str(row->subject);
    letter.text = bytes_of_str(untold);
    if (answer->outcome == DECODER_DONE) {
        letter.subject = answer->content.subject;
        letter.text = answer->content.body;
    }
    letter.encoding = row->form == OUTGOING_FORM_ANY ? CONTENT_SIMPLE : CONTENT_EXTENDED;
    letter.ticket = row->ticket;
    letter.state = row->state;
    letter.kind = row->kind;
    letter.why = row->why;
    letter.is_forced = row->forced;
    letter.awaits_ack = row->ack_packet.len > 0;
    letter.is_asking = row->state == OUTGOING_AWAITING_KEY &&
                       letter_is_asking(agent_reader(reading->agent), row->recipient);
    give(reading, &letter);
    decoder_answer_free(&answer);
    deferred_arm(&reading->go_on);
}

static bool fetch_sent(struct letters_reading *reading, const struct letter_row *row)
{
    struct db *db = agent_reader(reading->agent);
    struct bytes content;
    arena_clear(&reading->row_arena);
    if (!outgoing_read(db, &reading->row, row->row, &reading->row_arena, &reading->fault) ||
        !outgoing_read_content(db, &content, reading->row.mail_id, false, &reading->row_arena,
                               &reading->fault)) {
        return pass_over(reading);
    }
    (void)decoder_client_decode(reading->agent->parts.owner_decoder, CONTENT_SIMPLE, content,
                                (struct decoder_done){content_taken_apart, reading});
    return true;
}

/* ---- the road ---- */

static void collect(struct letters_reading *reading)
{
    if (!letter_rows_collect(agent_reader(reading->agent), &reading->rows, &reading->is_collected,
                             &reading->after, &reading->query, &reading->fault)) {
        reading->is_collected = true;
    }
    deferred_arm(&reading->go_on);
}

static void go_on(void *context)
{
    struct letters_reading *reading = context;
    if (!reading->is_collected) {
        collect(reading);
        return;
    }
    if (!reading->is_sorted) {
        letter_rows_sort(&reading->rows);
        reading->is_sorted = true;
    }
    if (reading->fault.code != FAULT_NONE || reading->next == reading->rows.n_items) {
        end_reading(reading);
    } else if (!reading->query.with_text) {
        give_ids(reading);
    } else if (reading->query.box == LETTERS_ARRIVED) {
        (void)fetch_arrived(reading, &reading->rows.items[reading->next]);
    } else {
        (void)fetch_sent(reading, &reading->rows.items[reading->next]);
    }
}

static struct bytes keep(struct arena *arena, struct bytes bytes)
{
    return bytes.data == NULL
               ? bytes
               : (struct bytes){arena_memdup(arena, bytes.data, bytes.len), bytes.len};
}

void agent_letters_read(struct agent *agent, const struct letter_query *query,
                        const struct letter_reader *reader)
{
    struct letters_reading *reading = xcalloc(1, sizeof(*reading));
    reading->agent = agent;
    reading->query = *query;
    reading->query.id = keep(&reading->arena, query->id);
    reading->query.ticket = keep(&reading->arena, query->ticket);
    if (query->address != NULL) {
        reading->query.address = arena_strdup(&reading->arena, query->address);
    }
    reading->reader = *reader;
    deferred_init(&reading->go_on, agent->parts.loop, go_on, reading);
    deferred_arm(&reading->go_on);
}
