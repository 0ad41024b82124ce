// SPDX-License-Identifier: MIT
/* Commands that concern no message and no address. */
#include "base/log.h"
#include "gateway/agent/letters/letters.h"
#include "gateway/compat/command.h"

void command_run_hello_world(struct command *command)
{
    const char *a;
    const char *b;
    if (command_take_text(command, &a, 0) && command_take_text(command, &b, 1)) {
        command_finish_text(command, arena_printf(&command->arena, "%s-%s", a, b));
    }
}

/* Python adds texts, too. */
static bool add_texts(struct command *command)
{
    const char *a = json_string_value(json_array_get(command->params, 0));
    const char *b = json_string_value(json_array_get(command->params, 1));
    if (a == NULL || b == NULL) {
        return false;
    }
    command_finish_text(command, arena_printf(&command->arena, "%s%s", a, b));
    return true;
}

void command_run_add(struct command *command)
{
    const json_t *a = json_array_get(command->params, 0);
    const json_t *b = json_array_get(command->params, 1);
    json_int_t sum = 0;
    double left;
    double right;
    if (json_is_integer(a) && json_is_integer(b) &&
        !__builtin_add_overflow(json_integer_value(a), json_integer_value(b), &sum)) {
        command_finish_take(command, json_integer(sum));
    } else if (!add_texts(command) && command_take_number(command, &left, 0, 0) &&
               command_take_number(command, &right, 1, 0)) {
        json_t *value = json_real(left + right); /* NULL when it is beyond all numbers */
        command_finish_take(command, value == NULL ? json_null() : value);
    }
}

/* There is no window with a status bar: the line goes into the log. */
void command_run_status_bar(struct command *command)
{
    const char *message;
    if (command_take_text(command, &message, 0)) {
        log_info("compat", "statusBar text=\"%s\"", log_escape(bytes_of_str(message)).text);
        command_finish_text(command, "success");
    }
}

/* What is deleted is overwritten by the database as it goes, and its room is used again. */
void command_run_delete_and_vacuum(struct command *command)
{
    int64_t account_id;
    const char *account;
    if (command_account(command, &account_id, &account)) {
        agent_trash_empty(command->parts->agent, account_id,
                          command_done_with_text(command, "done"));
    }
}

void command_run_shutdown(struct command *command)
{
    log_info("compat", "shutdown asked for");
    command->parts->shut_down(command->parts->context);
    command_finish_text(command, "done");
}
