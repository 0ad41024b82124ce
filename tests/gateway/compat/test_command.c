// SPDX-License-Identifier: MIT
/* Commands that need no agent: the table's names, the counting of parameters, and the texts of what
 * is refused before anybody is asked. tests/e2e/test_compat_api.py has all the others. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/compat/command.h"
#include "gateway/compat/letter_status.h"

struct heard {
    bool is_answered;
    char *result; /* as JSON; NULL: an error */
    int code;
    char text[1200];
};

static void hear(void *context, json_t *result, int code, const char *text)
{
    struct heard *heard = context;
    assert_false(heard->is_answered);
    heard->is_answered = true;
    heard->code = code;
    if (result != NULL) {
        heard->result = json_dumps(result, JSON_ENCODE_ANY);
    } else {
        (void)snprintf(heard->text, sizeof(heard->text), "%s", text);
    }
}

static void ask(struct heard *out, const char *method, const char *params, enum api_variant variant)
{
    struct api_settings settings = {.variant = variant};
    const struct command_parts parts = {.settings = &settings};
    json_t *values = json_loads(params, JSON_DECODE_ANY, NULL);
    *out = (struct heard){0};
    assert_non_null(values);
    assert_null(command_begin(&parts, method, values, (struct command_done){hear, out}));
    assert_true(out->is_answered);
    json_decref(values);
}

static void answers_and_errors_without_an_agent(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        const char *params;
        const char *result; /* NULL: an error */
        int code;
        const char *text;
    } rows[] = {
        {"helloWorld", "[\"a\", \"b\"]", "\"a-b\"", 0, ""},
        {"helloWorld", "{\"b\": \"2\", \"a\": \"1\"}", "\"1-2\"", 0, ""},
        {"helloWorld", "{\"a\": \"1\", \"c\": \"2\"}", NULL, 0,
         "Command helloWorld has no parameter of such a name"},
        {"helloWorld", "[\"a\"]", NULL, 0,
         "Command helloWorld takes at least 3 parameters (1 given)"},
        {"helloWorld", "[]", NULL, 0, "Command helloWorld takes at least 3 parameters (0 given)"},
        {"helloWorld", "[1, 2, 3, 4]", NULL, 0,
         "Command helloWorld takes at most 3 parameters (4 given)"},
        {"helloWorld", "[1, 2]", NULL, 21, "Unexpected API Failure - parameter 1 is not a string"},
        {"add", "[1, 2]", "3", 0, ""},
        {"add", "[1.5, true]", "2.5", 0, ""},
        {"add", "[9223372036854775807, 1]", "9.2233720368547758e18", 0, ""},
        {"add", "[1e308, 1e308]", "null", 0, ""},
        {"add", "[\"1\", 2]", NULL, 21, "Unexpected API Failure - parameter 1 is not a number"},
        {"nothing", "[]", NULL, 20, "Invalid method: nothing"},
        {"", "[]", NULL, 20, "Invalid method: "},
        {"decodeAddress", "[\"\"]", NULL, 9, "Invalid characters in address: "},
        {"createChan", "[\"\"]", NULL, 1, "The specified passphrase is blank."},
        {"createChan", "[\"AA==\"]", NULL, 21,
         "Unexpected API Failure - a chan's name with a NUL is not supported"},
        {"createChan", "[7]", NULL, 22,
         "Decode error - a string is expected. Had trouble while decoding string: 'int'"},
        {"createDeterministicAddresses", "[\"eA==\", 1, 4, 1, \"yes\"]", NULL, 23,
         "Bool expected in eighteenByteRipe, saw <type 'str'> instead"},
        {"createDeterministicAddresses", "[\"eA==\", 1, 4, 1, false, 1e300]", NULL, 21,
         "Unexpected API Failure - nobody could do so much work"},
        {"createDeterministicAddresses", "[\"eA==\", 1000]", NULL, 5, NULL},
        {"sendMessage", "[\"a\", \"b\", \"\", \"\", 1]", NULL, 6,
         "The encoding type must be 2 or 3."},
        {"sendMessage", "[\"a\", \"b\", \"a\", \"\"]", NULL, 22,
         "Decode error - Incorrect padding. Had trouble while decoding string: 'a'"},
        {"getStatus", "[\"00\"]", NULL, 15, "Invalid ackData object size."},
        {"disseminatePreparedObject", "[\"00\", -1]", NULL, 21,
         "Unexpected API Failure - nobody could do so much work"},
        {"getMessageDataByDestinationHash", "[\"00000000000000000000000000000000\"]",
         "{\"receivedMessageDatas\": []}", 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct heard heard;
        ask(&heard, rows[i].method, rows[i].params, API_VARIANT_XML);
        bool ok = rows[i].result != NULL
                      ? heard.result != NULL && strcmp(heard.result, rows[i].result) == 0
                      : heard.result == NULL && heard.code == rows[i].code &&
                            (rows[i].text == NULL || strcmp(heard.text, rows[i].text) == 0);
        if (!ok) {
            fail_msg("%s%s: %s %d %s", rows[i].method, rows[i].params,
                     heard.result == NULL ? "" : heard.result, heard.code, heard.text);
        }
        free(heard.result);
    }
}

static void old_names_are_for_the_legacy_variant(void **state)
{
    (void)state;
    static const char *const old_names[] = {"listAddressbook", "addAddressbook",
                                            "deleteAddressbook", "getInboxMessagesByAddress"};
    for (size_t i = 0; i < ARRAY_LEN(old_names); i++) {
        assert_null(command_find(old_names[i], API_VARIANT_XML));
        assert_null(command_find(old_names[i], API_VARIANT_JSON));
        assert_non_null(command_find(old_names[i], API_VARIANT_LEGACY));
    }
    assert_ptr_equal(command_find("getInboxMessageByID", API_VARIANT_XML),
                     command_find("getInboxMessageById", API_VARIANT_XML));
    assert_null(command_find("getInboxMessageBy", API_VARIANT_XML));
    assert_null(command_find("legacy:listAddressbook", API_VARIANT_LEGACY));
}

static void every_row_has_names_and_a_help(void **state)
{
    (void)state;
    const struct command_row *row;
    for (size_t i = 0; (row = command_row_at(i)) != NULL; i++) {
        assert_true(row->names[0] != '\0' && row->help[0] != '\0');
    }
}

static void a_quoted_text_is_cut(void **state)
{
    (void)state;
    for (size_t len = COMMAND_MAX_QUOTED_BYTES; len <= COMMAND_MAX_QUOTED_BYTES + 1; len++) {
        struct heard heard;
        char *bad = xcalloc(len + 1, 1);
        memset(bad, '0', len);
        char *params = xasprintf("[\"%s\"]", bad);
        ask(&heard, "decodeAddress", params, API_VARIANT_XML);
        assert_int_equal(heard.code, API_ADDRESS_CHARACTERS);
        assert_int_equal(strlen(heard.text),
                         strlen("Invalid characters in address: ") + COMMAND_MAX_QUOTED_BYTES);
        free(params);
        free(bad);
    }
}

/* ---- states */

static void each_state_has_pybitmessages_word(void **state)
{
    (void)state;
    static const struct {
        struct letter letter;
        const char *word;
    } rows[] = {
        {{.state = OUTGOING_QUEUED}, "msgqueued"},
        {{.state = OUTGOING_QUEUED, .is_forced = true}, "forcepow"},
        {{.state = OUTGOING_AWAITING_KEY}, "awaitingpubkey"},
        {{.state = OUTGOING_AWAITING_KEY, .is_asking = true}, "doingpubkeypow"},
        {{.state = OUTGOING_WORKING}, "doingmsgpow"},
        {{.state = OUTGOING_HELD}, "toodifficult"},
        {{.state = OUTGOING_SENT, .awaits_ack = true}, "msgsent"},
        {{.state = OUTGOING_SENT}, "msgsentnoackexpected"},
        {{.state = OUTGOING_SENT, .kind = OUTGOING_TO_CHAN}, "msgsentnoackexpected"},
        {{.state = OUTGOING_DELIVERED}, "ackreceived"},
        {{.state = OUTGOING_DELIVERED, .kind = OUTGOING_TO_OWN}, "msgsentnoackexpected"},
        {{.state = OUTGOING_FAILED, .why = REPORT_WHY_NO_KEY}, "awaitingpubkey"},
        {{.state = OUTGOING_FAILED, .why = REPORT_WHY_NO_ACK}, "msgsent"},
        {{.state = OUTGOING_FAILED, .why = REPORT_WHY_REFUSED}, "badkey"},
        {{.state = OUTGOING_CANCELLED}, "notfound"},
        {{.state = OUTGOING_QUEUED, .kind = OUTGOING_TO_SUBSCRIBERS}, "broadcastqueued"},
        {{.state = OUTGOING_WORKING, .kind = OUTGOING_TO_SUBSCRIBERS}, "doingbroadcastpow"},
        {{.state = OUTGOING_SENT, .kind = OUTGOING_TO_SUBSCRIBERS}, "broadcastsent"},
        {{.state = OUTGOING_FAILED, .kind = OUTGOING_TO_SUBSCRIBERS}, "badkey"},
        {{.state = OUTGOING_CANCELLED, .kind = OUTGOING_TO_SUBSCRIBERS}, "notfound"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(letter_status(&rows[i].letter), rows[i].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_errors_without_an_agent),
        cmocka_unit_test(old_names_are_for_the_legacy_variant),
        cmocka_unit_test(every_row_has_names_and_a_help),
        cmocka_unit_test(a_quoted_text_is_cut),
        cmocka_unit_test(each_state_has_pybitmessages_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
