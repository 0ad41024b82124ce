// SPDX-License-Identifier: MIT
#include "gateway/translate/report.h"

#include <string.h>

#include "base/buf.h"
#include "gateway/translate/address_form.h"
#include "gateway/translate/mail_write.h"

/* A row per kind of report. */
struct report_words {
    enum report_kind kind;
    const char *subject;
    const char *action; /* RFC 3464 section 2.3.3 */
    int status_class;   /* RFC 3463 */
    const char *lead;
    const char *what_now;
};

static const struct report_words all_words[] = {
    {REPORT_FAILED, "Not delivered", "failed", 5,
     "Your mail could not be delivered to this recipient, and is not tried any more.", ""},
    {REPORT_DELAYED, "Not yet delivered", "delayed", 4,
     "Your mail has not reached this recipient yet.",
     "To take it back, delete it from the folder Outbox.\n"},
    {REPORT_DELIVERED, "Delivered", "delivered", 2,
     "Your mail arrived: the recipient's Bitmessage acknowledged it.",
     "This does not tell that anybody has read it.\n"},
    {REPORT_RELAYED, "Sent", "relayed", 2,
     "Your mail is in the Bitmessage network, where this recipient can fetch it.",
     "Nobody acknowledges mail to a chan or to subscribers, nor does every Bitmessage: you will "
     "not "
     "be told when it arrives.\n"},
};

/* A row per reason: the rest of the status code, and what the reader can do about it. */
static const struct report_cause {
    const char *status;
    const char *failed;  /* advice */
    const char *delayed; /* likewise */
} causes[REPORT_N_WHYS] = {
    [REPORT_WHY_NONE] = {"0.0", "", ""},
    [REPORT_WHY_NO_KEY] = {"4.7",
                           "Ask the recipient, some other way, whether the address is right and in "
                           "use; his Bitmessage has to run while yours asks for its key.\n",
                           "You need do nothing: it goes out when the key comes.\n"},
    [REPORT_WHY_NO_ACK] = {"4.7",
                           "Ask the recipient, some other way, whether it arrived: his Bitmessage "
                           "may be set to acknowledge nothing.\n",
                           "You need do nothing: it is sent again by itself, and arrives once.\n"},
    [REPORT_WHY_UNREADABLE] = {"6.1", "Send the text without the attachments.\n", ""},
    [REPORT_WHY_SENDER] = {"1.8", "Enable the identity again, or send it from another.\n", ""},
    [REPORT_WHY_RECIPIENT] = {"1.1", "Join the chan again, or look at the address.\n", ""},
    [REPORT_WHY_REFUSED] = {"3.0", "The log of Bitmessage's node may tell more.\n", ""},
    [REPORT_WHY_TOO_DEAR] = {"7.0", "", ""}, /* names its number: write_advice */
    [REPORT_WHY_WORK] = {"4.5", "", "You need do nothing but leave the machine on.\n"},
    [REPORT_WHY_TURN] = {"4.5", "", "You need do nothing: `bittern status` tells what goes on.\n"},
};

static const struct report_words *words_of(enum report_kind kind)
{
    const struct report_words *words = &all_words[0];
    for (size_t i = 0; i < ARRAY_LEN(all_words); i++) {
        if (all_words[i].kind == kind) {
            words = &all_words[i];
        }
    }
    return words;
}

static const struct report_cause *cause_of(const struct report *report)
{
    return &causes[(unsigned)report->why < REPORT_N_WHYS ? report->why : REPORT_WHY_NONE];
}

static void write_advice(struct buf *out, const struct report *report,
                         const struct report_words *words)
{
    const struct report_cause *cause = cause_of(report);
    buf_append_str(out, "\n");
    if (report->kind == REPORT_FAILED) {
        buf_printf(out,
                   "%sYour mail stands in Sent. To try once more, send it again, or run\n"
                   "    bittern queue retry %lld\n",
                   cause->failed, (long long)report->number);
    } else if (report->kind == REPORT_DELAYED && report->why == REPORT_WHY_TOO_DEAR) {
        buf_printf(out,
                   "It is held until you decide. To do the work all the same, run\n"
                   "    bittern queue retry %lld --force\n"
                   "or raise [agent] max_trials_per_byte and max_extra_bytes.\n",
                   (long long)report->number);
    } else if (report->kind == REPORT_DELAYED) {
        buf_append_str(out, cause->delayed);
    }
    buf_append_str(out, words->what_now);
}

static void write_own_header(struct buf *out, const char *to, const char *subject,
                             const char *unique, int64_t now_sec)
{
    char date[MAIL_DATE_BYTES];
    mail_date(date, now_sec);
    mail_write_address(out, "From", bytes_of_str("Bittern"), "bittern@" ADDRESS_FORM_DOMAIN);
    mail_write_field(out, "To", "%s", to);
    mail_write_text(out, "Subject", bytes_of_str(subject));
    mail_write_field(out, "Date", "%s", date);
    mail_write_field(out, "Message-ID", "<%s@" ADDRESS_FORM_DOMAIN ">", unique);
    mail_write_field(out, "MIME-Version", "1.0");
}

static void write_text(struct buf *out, struct buf *text)
{
    struct buf clean = {0};
    (void)mail_clean_text(&clean, buf_view(text));
    mail_write_text_part(out, buf_view(&clean));
    buf_clear(&clean);
    buf_clear(text);
}

static void write_explanation(struct buf *out, const struct report *report,
                              const struct report_words *words)
{
    char date[MAIL_DATE_BYTES];
    struct buf text = {0};
    mail_date(date, report->accepted_sec);
    buf_printf(&text, "%s\n\n    To:      %s%s%s\n    Subject: %s\n    Sent:    %s\n", words->lead,
               report->recipient_label, report->recipient_label[0] != '\0' ? ", " : "",
               report->recipient, report->subject, date);
    if (report->reason[0] != '\0') {
        buf_printf(&text, "\nThe reason: %s.\n", report->reason);
    }
    if (report->until_sec != 0) {
        mail_date(date, report->until_sec);
        buf_printf(&text, "\nIt is tried until %s.\n", date);
    }
    write_advice(&text, report, words);
    write_text(out, &text);
}

/* A value for the delivery-status part, on one printable line. */
static void write_status_text(struct buf *out, const char *name, const char *value)
{
    struct buf clean = {0};
    (void)mail_clean_line(&clean, bytes_of_str(value));
    buf_printf(out, "%s", name);
    for (size_t i = 0; i < clean.len && i < 800; i++) {
        uint8_t byte = clean.data[i];
        buf_append_byte(out, byte >= 0x20 && byte < 0x7f ? byte : '?');
    }
    buf_append_str(out, "\r\n");
    buf_clear(&clean);
}

static void write_status(struct buf *out, const struct report *report,
                         const struct report_words *words)
{
    char date[MAIL_DATE_BYTES];
    buf_append_str(out, "Content-Type: message/delivery-status\r\n\r\n");
    buf_append_str(out, "Reporting-MTA: dns; " ADDRESS_FORM_DOMAIN "\r\n");
    if (report->envelope_id[0] != '\0') {
        write_status_text(out, "Original-Envelope-Id: ", report->envelope_id);
    }
    mail_date(date, report->accepted_sec);
    buf_printf(out, "Arrival-Date: %s\r\n\r\n", date);
    if (report->original[0] != '\0') {
        write_status_text(out, "Original-Recipient: ", report->original);
    }
    buf_printf(out, "Final-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: %d.%s\r\n",
               report->recipient, words->action, words->status_class, cause_of(report)->status);
    if (report->reason[0] != '\0') {
        write_status_text(out, "Diagnostic-Code: x-bitmessage; ", report->reason);
    }
    if (report->until_sec != 0) {
        mail_date(date, report->until_sec);
        buf_printf(out, "Will-Retry-Until: %s\r\n", date);
    }
}

/* The header with its empty line: what stands before the first empty line. */
static size_t header_len(struct bytes mail)
{
    const uint8_t *end =
        mail.len == 0 ? NULL : memmem(mail.data, mail.len, "\r\n\r\n", strlen("\r\n\r\n"));
    return end == NULL ? mail.len : (size_t)(end - mail.data) + 2;
}

/* What of the mail comes back: all of it with a failure alone (RFC 3461 section 4.3). */
struct returned {
    struct bytes part;
    bool is_full;
    const char *encoding; /* RFC 2045 section 6.2; also of what the part stands in */
};

static const char *encoding_of(struct bytes text)
{
    enum { MAX_LINE_BYTES = 998 };
    bool is_seven_bit = true;
    size_t line_len = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool ends = text.data[i] == '\r' && i + 1 < text.len && text.data[i + 1] == '\n';
        line_len = ends ? 0 : line_len + 1;
        i += ends ? 1 : 0;
        bool is_bare = !ends && (text.data[i] == '\r' || text.data[i] == '\n');
        if (text.data[i] == 0 || is_bare || line_len > MAX_LINE_BYTES) {
            return "binary";
        }
        is_seven_bit = is_seven_bit && text.data[i] < 0x80;
    }
    return is_seven_bit ? "7bit" : "8bit";
}

static struct returned returned_of(const struct report *report)
{
    bool is_full = report->return_full && report->kind == REPORT_FAILED;
    struct bytes part =
        is_full ? report->mail : bytes_slice(report->mail, 0, header_len(report->mail));
    return (struct returned){part, is_full, encoding_of(part)};
}

static void write_returned(struct buf *out, const struct returned *returned)
{
    buf_printf(out, "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n",
               returned->is_full ? "message/rfc822" : "text/rfc822-headers", returned->encoding);
    buf_append_bytes(out, returned->part);
}

void report_write(struct buf *out, const struct report *report)
{
    const struct report_words *words = words_of(report->kind);
    const struct returned returned = returned_of(report);
    struct buf subject = {0};
    buf_printf(&subject, "%s: %s", words->subject, report->subject);
    write_own_header(out, report->to, buf_str(&subject), report->unique, report->now_sec);
    buf_clear(&subject);
    if (report->message_id[0] == '<') {
        write_status_text(out, "In-Reply-To: ", report->message_id);
        write_status_text(out, "References: ", report->message_id);
    }
    mail_write_field(out, "Auto-Submitted", "auto-replied");
    mail_write_field(out, "Content-Transfer-Encoding", "%s", returned.encoding);
    buf_printf(out,
               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
               " boundary=\"=_%s\"\r\n\r\n--=_%s\r\n",
               report->unique, report->unique);
    write_explanation(out, report, words);
    buf_printf(out, "\r\n--=_%s\r\n", report->unique);
    write_status(out, report, words);
    if (returned.part.len > 0) {
        buf_printf(out, "\r\n--=_%s\r\n", report->unique);
        write_returned(out, &returned);
    }
    buf_printf(out, "\r\n--=_%s--\r\n", report->unique);
}

static const char welcome_text[] =
    "Your mail address is\n"
    "\n"
    "    %s\n"
    "\n"
    "Give it to whom you like. Mail to it is encrypted on the sender's machine, passed on by\n"
    "the Bitmessage network without a name on it, and decrypted here. Nobody else can read it\n"
    "or see who writes to whom.\n"
    "\n"
    "Writing. To: takes addresses such as BM-...@bm.alt, or the name of a contact: alice@bm.alt.\n"
    "The subject, the text and the attachments leave this machine; nothing else of your mail\n"
    "does. Attachments reach those who use Bittern, too; for others send text.\n"
    "\n"
    "What happens to it. A mail stands in Sent from the start. While it is in Outbox it has not\n"
    "left yet; delete it there to stop it. Its keyword tells how far it got:\n"
    "\n"
    "    $bm-queued        waits its turn\n"
    "    $bm-awaiting-key  the recipient's key was asked for; he may be away\n"
    "    $bm-working       this machine does the work that keeps spam out: seconds to minutes\n"
    "    $bm-held          he asks for more work than you allowed: bittern queue retry --force\n"
    "    $bm-sent          in the network\n"
    "    $bm-delivered     his Bitmessage has it (not: he has read it)\n"
    "    $bm-failed        given up; a report tells why\n"
    "\n"
    "Chans are rooms that anybody who knows the name can read and write: create a folder\n"
    "Chans/NAME in your mail program and you have joined. To follow somebody's broadcasts create\n"
    "a folder Subscriptions/BM-... Write to broadcast@bm.alt to reach your own subscribers.\n"
    "\n"
    "Your keys are in this machine's home folder and nowhere else: make a backup with\n"
    "    bittern backup FILE\n";

void report_write_welcome(struct buf *out, const struct welcome *welcome)
{
    struct buf text = {0};
    bool has_address = welcome->address[0] != '\0';
    buf_printf(&text, welcome_text,
               has_address ? welcome->address : "(none yet: run  bittern identity new LABEL)");
    write_own_header(out, has_address ? welcome->address : "you@" ADDRESS_FORM_DOMAIN,
                     "Welcome to Bittern", welcome->unique, welcome->now_sec);
    write_text(out, &text);
}
