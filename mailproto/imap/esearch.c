// SPDX-License-Identifier: MIT
#include "mailproto/imap/esearch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/str.h"
#include "mailproto/imap/imap_internal.h"
#include "mailproto/imap/imap_write.h"

/* ---- What is asked for ---- */

void partial_range_parse(struct imap_parser *args, struct partial_range *out)
{
    out->from_end = imap_accept(args, '-');
    out->first = imap_nz_number(args);
    imap_expect(args, ':');
    if (out->from_end) {
        imap_expect(args, '-');
    }
    out->last = imap_nz_number(args);
    if (out->first > out->last) {
        uint32_t low = out->last;
        out->last = out->first;
        out->first = low;
    }
}

void partial_range_apply(const struct partial_range *range, size_t n, size_t *out_first,
                         size_t *out_end)
{
    size_t skipped = range->first - 1 < n ? range->first - 1 : n;
    size_t end = range->last < n ? range->last : n;
    *out_first = range->from_end ? n - end : skipped;
    *out_end = range->from_end ? n - skipped : end;
}

void esearch_parse_returns(struct imap_parser *args, struct esearch_returns *out)
{
    static const struct {
        const char *name;
        unsigned bit;
    } options[] = {{"MIN", SEARCH_RETURN_MIN},
                   {"MAX", SEARCH_RETURN_MAX},
                   {"ALL", SEARCH_RETURN_ALL},
                   {"COUNT", SEARCH_RETURN_COUNT},
                   {"SAVE", SEARCH_RETURN_SAVE},
                   {"PARTIAL", SEARCH_RETURN_PARTIAL},
                   {"UPDATE", SEARCH_RETURN_UPDATE},
                   {"CONTEXT", SEARCH_RETURN_CONTEXT},
                   {"RELEVANCY", SEARCH_RETURN_RELEVANCY}};
    *out = (struct esearch_returns){.is_extended = true};
    imap_expect(args, '(');
    while (imap_ok(args) && !imap_accept(args, ')')) {
        unsigned bit = 0;
        struct bytes word = imap_word(args);
        for (size_t i = 0; i < ARRAY_LEN(options); i++) {
            if (bytes_is_word(word, options[i].name)) {
                bit = options[i].bit;
            }
        }
        if (bit == 0 || (out->wanted & bit & SEARCH_RETURN_PARTIAL) != 0) {
            imap_fail(args, "Unknown return option");
        }
        if (bit == SEARCH_RETURN_PARTIAL) {
            imap_space(args);
            partial_range_parse(args, &out->partial);
        }
        out->wanted |= bit;
        if (imap_peek(args) != ')') {
            imap_space(args);
        }
    }
    unsigned lists = out->wanted & (SEARCH_RETURN_ALL | SEARCH_RETURN_PARTIAL);
    if (lists == (SEARCH_RETURN_ALL | SEARCH_RETURN_PARTIAL)) {
        imap_fail(args, "Either ALL or PARTIAL");
    }
    if (out->wanted == 0) {
        out->wanted = SEARCH_RETURN_ALL;
    }
    imap_space(args);
}

bool esearch_means(const struct esearch *answer, size_t i)
{
    unsigned wanted = answer->returns.wanted;
    unsigned few = SEARCH_RETURN_MIN | SEARCH_RETURN_MAX | SEARCH_RETURN_PARTIAL;
    if ((wanted & few) == 0 || (wanted & (SEARCH_RETURN_ALL | SEARCH_RETURN_COUNT)) != 0) {
        return true;
    }
    size_t first = 0;
    size_t end = 0;
    if ((wanted & SEARCH_RETURN_PARTIAL) != 0) {
        partial_range_apply(&answer->returns.partial, answer->n_numbers, &first, &end);
    }
    return ((wanted & SEARCH_RETURN_MIN) != 0 && i == 0) ||
           ((wanted & SEARCH_RETURN_MAX) != 0 && i + 1 == answer->n_numbers) ||
           (first <= i && i < end);
}

/* ---- The line ---- */

static void begin_line(struct imap_session *session, struct esearch *answer)
{
    struct buf *out = &session->out;
    const struct esearch_returns *returns = &answer->returns;
    buf_append_str(out, "* ESEARCH (TAG ");
    imap_write_string(out, bytes_of_str(session->command.tag));
    if (answer->mailbox != NULL) {
        buf_append_str(out, " MAILBOX ");
        imap_write_mailbox(out, answer->mailbox, imap_uses_utf8(session));
        buf_printf(out, " UIDVALIDITY %u", answer->uid_validity);
    }
    buf_append_str(out, answer->is_uid ? ") UID" : ")");
    if (answer->n_numbers > 0 && (returns->wanted & SEARCH_RETURN_MIN) != 0) {
        buf_printf(out, " MIN %u", answer->numbers[0]);
    }
    if (answer->n_numbers > 0 && (returns->wanted & SEARCH_RETURN_MAX) != 0) {
        buf_printf(out, " MAX %u", answer->numbers[answer->n_numbers - 1]);
    }
    if ((returns->wanted & SEARCH_RETURN_COUNT) != 0) {
        buf_printf(out, " COUNT %zu", answer->n_numbers);
    }
    if ((returns->wanted & SEARCH_RETURN_PARTIAL) != 0) {
        const char *sign = returns->partial.from_end ? "-" : "";
        partial_range_apply(&returns->partial, answer->n_numbers, &answer->next, &answer->end);
        answer->next_score = answer->next;
        buf_printf(out, " PARTIAL (%s%u:%s%u ", sign, returns->partial.first, sign,
                   returns->partial.last);
        buf_append_str(out, answer->next >= answer->end ? "NIL" : "");
    } else if (answer->n_numbers > 0 && (returns->wanted & SEARCH_RETURN_ALL) != 0) {
        buf_append_str(out, " ALL ");
        answer->end = answer->n_numbers;
    }
    answer->line_begun = true;
}

static void write_run(struct imap_session *session, struct esearch *answer)
{
    const uint32_t *numbers = answer->numbers;
    size_t first = answer->next;
    size_t last = first;
    while (last + 1 < answer->end && numbers[last + 1] == numbers[last] + 1) {
        last++;
    }
    buf_printf(&session->out, "%u", numbers[first]);
    if (last > first) {
        buf_printf(&session->out, ":%u", numbers[last]);
    }
    answer->next = last + 1;
    if (answer->next < answer->end) {
        buf_append_byte(&session->out, ',');
    }
}

/* The scores, as long as there is room: of the page, where it is one. True when all are told. */
static bool scores_step(struct imap_session *session, struct esearch *answer)
{
    struct buf *out = &session->out;
    size_t end = answer->n_numbers;
    if (answer->scores == NULL || answer->n_numbers == 0) {
        return true;
    }
    if ((answer->returns.wanted & SEARCH_RETURN_PARTIAL) != 0) {
        end = answer->end;
    }
    if (!answer->scores_begun) {
        answer->scores_begun = true;
        buf_append_str(out, " RELEVANCY (");
    }
    for (; answer->next_score < end; answer->next_score++) {
        if (!imap_has_room(session)) {
            return false;
        }
        buf_printf(out, "%u%s", answer->scores[answer->next_score],
                   answer->next_score + 1 < end ? " " : "");
    }
    buf_append_byte(out, ')');
    return true;
}

bool esearch_step(struct imap_session *session, struct esearch *answer)
{
    if (!answer->line_begun) {
        begin_line(session, answer);
    }
    while (answer->next < answer->end) {
        if (!imap_has_room(session)) {
            return false;
        }
        write_run(session, answer);
    }
    if ((answer->returns.wanted & SEARCH_RETURN_PARTIAL) != 0 && !answer->scores_begun) {
        buf_append_byte(&session->out, ')');
    }
    if (!scores_step(session, answer)) {
        return false;
    }
    if (answer->modseq != 0) {
        buf_printf(&session->out, " MODSEQ %" PRIu64, answer->modseq);
    }
    buf_append_str(&session->out, "\r\n");
    return true;
}

void esearch_clear(struct esearch *answer)
{
    free(answer->numbers);
    free(answer->scores);
    answer->numbers = NULL;
    answer->scores = NULL;
    answer->n_numbers = 0;
}
