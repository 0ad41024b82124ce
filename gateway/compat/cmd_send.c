// SPDX-License-Identifier: MIT
/* Messages and broadcasts to be sent, and how far they have come. The order of the checks is
 * PyBitmessage's. */
#include <string.h>

#include "gateway/agent/letters/letters.h"
#include "gateway/compat/command.h"
#include "gateway/compat/letter_status.h"

enum {
    MOST_CONTENT_BYTES = (1 << 18) - 500, /* subject and text */
    LEAST_TTL_SEC = 3600,
    MOST_TTL_SEC = 28 * 86400,
    USUAL_TTL_SEC = 4 * 86400,
    LEAST_ACKDATA_DIGITS = 76
};

/* Parameters from `at` on: subject, message, encodingType, TTL. */
static bool take_content(struct command *command, struct letter_draft *draft, size_t at)
{
    int64_t encoding;
    int64_t ttl_sec;
    if (!command_take_integer(command, &encoding, at + 2, 2)) {
        return false;
    }
    if (encoding != 2 && encoding != 3) {
        command_fail(command, API_ENCODING_TYPE);
        return false;
    }
    if (!command_take_base64(command, &draft->subject, at) ||
        !command_take_base64(command, &draft->text, at + 1)) {
        return false;
    }
    if (draft->subject.len + draft->text.len > MOST_CONTENT_BYTES) {
        command_fail(command, API_MESSAGE_TOO_LONG);
        return false;
    }
    if (!command_take_integer(command, &ttl_sec, at + 3, USUAL_TTL_SEC)) {
        return false;
    }
    draft->is_extended = encoding == 3;
    draft->ttl_sec = ttl_sec < LEAST_TTL_SEC  ? LEAST_TTL_SEC
                     : ttl_sec > MOST_TTL_SEC ? MOST_TTL_SEC
                                              : ttl_sec;
    return true;
}

static bool take_sender(struct command *command, struct letter_draft *draft, size_t index)
{
    const char *text;
    struct agent_identity_info info;
    if (!command_take_text(command, &text, index) ||
        !command_check_address(command, &draft->from, command_add_prefix(command, text))) {
        return false;
    }
    if (!command_find_own(command, &info, &draft->from)) {
        command_fail_text(command, API_ADDRESS_NOT_OURS,
                          "Could not find your fromAddress in the keys.dat file.");
        return false;
    }
    if (!info.enabled) {
        command_fail(command, API_SENDER_DISABLED);
        return false;
    }
    draft->account_id = info.account_id;
    return true;
}

void command_run_send_message(struct command *command)
{
    struct letter_draft draft = {0};
    const char *to;
    if (!take_content(command, &draft, 2) || !command_take_text(command, &to, 0) ||
        !take_sender(command, &draft, 1)) {
        return;
    }
    to = command_add_prefix(command, to);
    enum address_status status = address_decode(&draft.to, bytes_of_str(to));
    if (status != ADDRESS_OK) {
        command_fail_text(command, API_UNEXPECTED,
                          "Unexpected API Failure - the recipient's address: %s",
                          address_status_text(status));
        return;
    }
    agent_letter_send(command->parts->agent, &draft, command_done_with_answer(command));
}

void command_run_send_broadcast(struct command *command)
{
    struct letter_draft draft = {.is_broadcast = true};
    if (take_content(command, &draft, 1) && take_sender(command, &draft, 0)) {
        agent_letter_send(command->parts->agent, &draft, command_done_with_answer(command));
    }
}

/* ---- getStatus ---- */

static bool keep_status(void *context, const struct letter *letter)
{
    struct command *command = context;
    command->text = letter_status(letter);
    return false;
}

static void end_status(void *context, const struct fault *fault)
{
    struct command *command = context;
    if (fault != NULL) {
        command_fail_fault(command, fault);
    } else {
        command_finish_text(command, command->text);
    }
}

void command_run_get_status(struct command *command)
{
    struct letter_query query = {.box = LETTERS_SENT, .with_trash = true, .with_text = true};
    const char *text;
    const char *account;
    if (!command_take_text(command, &text, 0)) {
        return;
    }
    if (strlen(text) < LEAST_ACKDATA_DIGITS) {
        command_fail(command, API_ACKDATA_SIZE);
        return;
    }
    if (!command_take_hex(command, &query.ticket, 0) ||
        !command_account(command, &query.account_id, &account)) {
        return;
    }
    command->text = "notfound";
    agent_letters_read(command->parts->agent, &query,
                       &(struct letter_reader){keep_status, end_status, command});
}
