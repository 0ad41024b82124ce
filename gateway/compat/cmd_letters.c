// SPDX-License-Identifier: MIT
/* Messages that arrived or were sent: read, marked, thrown away. */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/agent/letters/letters.h"
#include "gateway/compat/command.h"
#include "gateway/compat/letter_status.h"

#define SUBSCRIBERS "[Broadcast subscribers]"

/* Beside the texts: keys, times, addresses. */
enum { ROW_BYTES = 500, ID_ROW_BYTES = 100 };

static const char *const keys[] = {
    [LETTERS_ARRIVED] = "inboxMessage", [LETTERS_SENT] = "sentMessage"};

/* ---- rows ---- */

static json_t *hex_of(struct command *command, struct bytes bytes)
{
    return json_string(command_hex(command, bytes));
}

static json_t *inbox_row(struct command *command, const struct letter *letter)
{
    char received[32];
    (void)snprintf(received, sizeof(received), "%" PRId64, letter->sec);
    return json_pack("{s:o, s:s, s:s, s:o, s:o, s:I, s:s, s:i}", "msgid",
                     hex_of(command, letter->id), "toAddress",
                     letter->to == NULL ? SUBSCRIBERS : letter->to, "fromAddress", letter->from,
                     "subject", command_base64(letter->subject), "message",
                     command_base64(letter->text), "encodingType", (json_int_t)letter->encoding,
                     "receivedTime", received, "read", (int)letter->is_seen);
}

static json_t *sent_row(struct command *command, const struct letter *letter)
{
    return json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:I, s:I, s:s, s:o}", "msgid", hex_of(command, letter->id),
        "toAddress", letter->to == NULL ? SUBSCRIBERS : letter->to, "fromAddress", letter->from,
        "subject", command_base64(letter->subject), "message", command_base64(letter->text),
        "encodingType", (json_int_t)letter->encoding, "lastActionTime", (json_int_t)letter->sec,
        "status", letter_status(letter), "ackData", hex_of(command, letter->ticket));
}

/* ---- readings ---- */

static bool gather_inbox(void *context, const struct letter *letter)
{
    struct command *command = context;
    return command_gather_take(command, inbox_row(command, letter),
                               ROW_BYTES + (letter->subject.len + letter->text.len) * 4 / 3);
}

static bool gather_sent(void *context, const struct letter *letter)
{
    struct command *command = context;
    return command_gather_take(command, sent_row(command, letter),
                               ROW_BYTES + (letter->subject.len + letter->text.len) * 4 / 3);
}

static bool gather_id(void *context, const struct letter *letter)
{
    struct command *command = context;
    return command_gather_take(command, json_pack("{s:o}", "msgid", hex_of(command, letter->id)),
                               ID_ROW_BYTES);
}

/* Under `text`; what was found is a list, or nothing. */
static void finish_list(struct command *command, const struct fault *fault, bool one)
{
    if (fault != NULL) {
        command_fail_fault(command, fault);
    } else if (command->gathered_bytes > COMMAND_MAX_ANSWER_BYTES) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - the answer would be too long: ask for ids, "
                          "and for one message at a time");
    } else if (one && command->gathered == NULL) {
        command_finish_take(command, json_null());
    } else {
        json_t *list = command->gathered == NULL ? json_array() : json_incref(command->gathered);
        command_finish_take(command, json_pack("{s:o}", command->text, list));
    }
}

static void end_list(void *context, const struct fault *fault)
{
    finish_list(context, fault, false);
}

static void end_one(void *context, const struct fault *fault)
{
    finish_list(context, fault, true);
}

static void read_list(struct command *command, enum letter_box box, const char *address,
                      bool with_text)
{
    struct letter_query query = {.box = box, .address = address, .with_text = with_text};
    const char *account;
    if (!command_account(command, &query.account_id, &account)) {
        return;
    }
    const struct letter_reader reader = {
        .each = !with_text               ? gather_id
                : box == LETTERS_ARRIVED ? gather_inbox
                                         : gather_sent,
        .end = end_list,
        .context = command,
    };
    command->text = arena_printf(&command->arena, "%s%s", keys[box], with_text ? "s" : "Ids");
    agent_letters_read(command->parts->agent, &query, &reader);
}

void command_run_inbox(struct command *command)
{
    read_list(command, LETTERS_ARRIVED, NULL, true);
}

void command_run_inbox_ids(struct command *command)
{
    read_list(command, LETTERS_ARRIVED, NULL, false);
}

void command_run_sent(struct command *command)
{
    read_list(command, LETTERS_SENT, NULL, true);
}

void command_run_sent_ids(struct command *command)
{
    read_list(command, LETTERS_SENT, NULL, false);
}

void command_run_inbox_by_receiver(struct command *command)
{
    const char *address;
    if (command_take_text(command, &address, 0)) {
        read_list(command, LETTERS_ARRIVED, address, true);
    }
}

void command_run_sent_by_address(struct command *command)
{
    const char *address;
    if (command_take_text(command, &address, 0)) {
        read_list(command, LETTERS_SENT, address, true);
    }
}

/* ---- one ---- */

static void read_one(struct command *command, enum letter_box box, struct bytes id,
                     struct bytes ticket)
{
    struct letter_query query = {
        .box = box, .id = id, .ticket = ticket, .with_trash = true, .with_text = true};
    const char *account;
    if (!command_account(command, &query.account_id, &account)) {
        return;
    }
    const struct letter_reader reader = {
        .each = box == LETTERS_ARRIVED ? gather_inbox : gather_sent,
        .end = end_one,
        .context = command,
    };
    command->text = keys[box];
    agent_letters_read(command->parts->agent, &query, &reader);
}

void command_run_sent_by_id(struct command *command)
{
    struct bytes id;
    if (command_take_hex(command, &id, 0)) {
        read_one(command, LETTERS_SENT, id, (struct bytes){0});
    }
}

void command_run_sent_by_ackdata(struct command *command)
{
    struct bytes ticket;
    if (command_take_hex(command, &ticket, 0)) {
        read_one(command, LETTERS_SENT, (struct bytes){0}, ticket);
    }
}

/* Marked first; that there is no such message shows when it is read. */
static void on_marked(void *context, const struct fault *fault, const char *text, int64_t number)
{
    struct command *command = context;
    struct bytes id;
    (void)text;
    (void)number;
    if (fault != NULL && fault->code != FAULT_NOT_FOUND) {
        command_fail_fault(command, fault);
    } else if (command_take_hex(command, &id, 0)) {
        read_one(command, LETTERS_ARRIVED, id, (struct bytes){0});
    }
}

void command_run_inbox_by_id(struct command *command)
{
    struct bytes id;
    bool is_seen;
    int64_t account_id;
    const char *account;
    if (!command_take_hex(command, &id, 0) ||
        !command_take_bool(command, &is_seen, 1, "readStatus", false)) {
        return;
    }
    if (!command_has(command, 1)) {
        read_one(command, LETTERS_ARRIVED, id, (struct bytes){0});
    } else if (command_account(command, &account_id, &account)) {
        agent_letter_set_seen(command->parts->agent, account_id, id, is_seen,
                              (struct agent_done){on_marked, command});
    }
}

/* ---- thrown away ---- */

static void move(struct command *command, unsigned boxes, bool by_ticket, bool back,
                 const char *text)
{
    struct letter_choice choice = {.boxes = boxes};
    const char *account;
    if (command_take_hex(command, by_ticket ? &choice.ticket : &choice.id, 0) &&
        command_account(command, &choice.account_id, &account)) {
        agent_letters_trash(command->parts->agent, &choice, back,
                            command_done_with_text(command, text));
    }
}

void command_run_trash(struct command *command)
{
    move(command, LETTERS_IN_ARRIVED | LETTERS_IN_SENT, false, false,
         "Trashed message (assuming message existed).");
}

void command_run_trash_inbox(struct command *command)
{
    move(command, LETTERS_IN_ARRIVED, false, false,
         "Trashed inbox message (assuming message existed).");
}

void command_run_trash_sent(struct command *command)
{
    move(command, LETTERS_IN_SENT, false, false,
         "Trashed sent message (assuming message existed).");
}

void command_run_trash_sent_by_ackdata(struct command *command)
{
    move(command, LETTERS_IN_SENT, true, false, "Trashed sent message (assuming message existed).");
}

/* PyBitmessage has it in its test mode alone; it does no harm. */
void command_run_undelete(struct command *command)
{
    move(command, LETTERS_IN_ARRIVED | LETTERS_IN_SENT, false, true, "Undeleted message");
}
