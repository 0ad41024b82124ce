// SPDX-License-Identifier: MIT
/* bitmessage: links, both ways; and Namecoin's questions and answers. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "gateway/agent/people/bitmessage_link.h"
#include "gateway/agent/people/namecoin.h"
#include "gateway/agent/people/namecoin_json.h"

static void links_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *link;
        const char *address; /* NULL: refused */
        const char *label;
    } rows[] = {
        {"bitmessage:BM-2abc", "BM-2abc", ""},
        {"BITMESSAGE:2abc", "BM-2abc", ""},
        {"bitmessage:BM-2abc?label=Al%20ice%26", "BM-2abc", "Al ice&"},
        {"bitmessage:BM-2abc?subject=x&label=A+B&body=y", "BM-2abc", "A B"},
        {"bitmessage:bm-2abc", "BM-2abc", ""},
        {"bitmessage:BM-2abc?label=%C3%A4", "BM-2abc", "\xc3\xa4"},
        {"bitmessage:BM-2abc?label=", "BM-2abc", ""},
        {"bitmessage:", NULL, NULL},
        {"bitmessage:BM-", NULL, NULL},
        {"bitmessage:BM-2a/b", NULL, NULL},
        {"bitmessage:BM-2abc?label=%4", NULL, NULL},
        {"bitmessage:BM-2abc?label=%0A", NULL, NULL},
        {"bitmessage:BM-2abc?label=%FF", NULL, NULL},
        {"mailto:BM-2abc", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bitmessage_link link;
        struct fault fault = {0};
        bool ok = bitmessage_link_parse(&link, bytes_of_str(rows[i].link), &fault);
        if (ok != (rows[i].address != NULL) || (ok && (strcmp(link.address, rows[i].address) != 0 ||
                                                       strcmp(link.label, rows[i].label) != 0))) {
            fail_msg("%s: %s '%s'", rows[i].link, ok ? link.address : fault.text,
                     ok ? link.label : "");
        }
    }
}

static bool label_of(size_t len)
{
    struct buf text = {0};
    struct bitmessage_link link;
    buf_append_str(&text, "bitmessage:BM-2abc?label=");
    for (size_t i = 0; i < len; i++) {
        buf_append_byte(&text, 'x');
    }
    bool ok = bitmessage_link_parse(&link, buf_view(&text), NULL);
    buf_clear(&text);
    return ok;
}

static void links_have_bounds_and_write_what_they_read(void **state)
{
    (void)state;
    struct buf text = {0};
    struct bitmessage_link link;

    assert_true(label_of(LINK_LABEL_BYTES - 2));
    assert_true(label_of(LINK_LABEL_BYTES - 1));
    assert_false(label_of(LINK_LABEL_BYTES));

    bitmessage_link_write(&text, "BM-2abc", "a b&c=\xc3\xa4%");
    assert_string_equal(buf_str(&text), "bitmessage:BM-2abc?label=a%20b%26c%3D%C3%A4%25");
    assert_true(bitmessage_link_parse(&link, buf_view(&text), NULL));
    assert_string_equal(link.label, "a b&c=\xc3\xa4%");
    buf_clear(&text);
}

/* ---- Namecoin ---- */

static void names_are_told_from_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *typed;
        const char *name; /* NULL: none */
    } rows[] = {
        {"alice@namecoin.bm.alt", "id/alice"},
        {"id/alice@namecoin.bm.alt", "id/alice"},
        {"id/alice@bm.alt", "id/alice"},
        {"d/alice@NAMECOIN.bm.alt", "d/alice"},
        {"id/alice", "id/alice"},
        {"alice@bm.alt", NULL},
        {"@namecoin.bm.alt", NULL},
        {"id/alice@example.org", NULL},
        {"BM-abc@bm.alt", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[NAMECOIN_NAME_BYTES];
        bool is_name = namecoin_name_of(name, rows[i].typed);
        assert_int_equal(is_name, rows[i].name != NULL);
        if (is_name) {
            assert_string_equal(name, rows[i].name);
        }
    }
}

static bool takes_name(size_t len)
{
    char name[NAMECOIN_NAME_BYTES];
    struct buf typed = {0};
    buf_append_str(&typed, "id/");
    while (typed.len < len) {
        buf_append_byte(&typed, 'x');
    }
    bool ok = namecoin_name_of(name, buf_str(&typed));
    buf_clear(&typed);
    return ok;
}

static void a_name_has_255_bytes(void **state)
{
    (void)state;
    assert_true(takes_name(254));
    assert_true(takes_name(255));
    assert_false(takes_name(256));
}

#define ADDRESS "BM-2cWzSnwjJ7yRP3nLEWUV5LisTZyREWSzUK"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"

static void answers_are_read(void **state)
{
    (void)state;
    static const struct {
        enum namecoin_type type;
        const char *answer;
        enum fault_code code; /* FAULT_NONE: found */
    } rows[] = {
        {NAMECOIN_NAMECOIND, HEAD "{\"result\":{\"value\":\"" ADDRESS "\"},\"error\":null}",
         FAULT_NONE},
        {NAMECOIN_NAMECOIND,
         HEAD "{\"result\":{\"value\":\"{\\\"bitmessage\\\":\\\"" ADDRESS "\\\"}\"}}", FAULT_NONE},
        {NAMECOIN_NMCONTROL, "{\"result\":{\"reply\":\"" ADDRESS "\"}}", FAULT_NONE},
        {NAMECOIN_NAMECOIND, HEAD "{\"result\":{\"value\":\"{}\"}}", FAULT_NOT_FOUND},
        {NAMECOIN_NAMECOIND, HEAD "{\"result\":{\"value\":\"BM-2cWzSnwjJ7yRP3n\"}}",
         FAULT_NOT_FOUND},
        {NAMECOIN_NAMECOIND,
         "HTTP/1.1 500 X\r\n\r\n{\"result\":null,\"error\":{\"code\":-4,\"message\":\"x\"}}",
         FAULT_NOT_FOUND},
        {NAMECOIN_NAMECOIND, "HTTP/1.1 500 X\r\n\r\n{\"error\":{\"code\":-28}}", FAULT_IO},
        {NAMECOIN_NAMECOIND, "HTTP/1.1 401 X\r\n\r\n", FAULT_IO},
        {NAMECOIN_NAMECOIND, HEAD "[1]", FAULT_INVALID},
        {NAMECOIN_NAMECOIND, HEAD "no json", FAULT_INVALID},
        {NAMECOIN_NAMECOIND, "SSH-2.0-x\r\n\r\n", FAULT_INVALID},
        {NAMECOIN_NAMECOIND, "", FAULT_INVALID},
        {NAMECOIN_NMCONTROL, "{\"result\":{\"reply\":null}}", FAULT_NOT_FOUND},
        {NAMECOIN_NMCONTROL, "{\"result\":7}", FAULT_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address address;
        struct fault fault = {0};
        enum parse_result result = namecoin_read_answer(&address, bytes_of_str(rows[i].answer),
                                                        true, rows[i].type, &fault);
        if (result != (rows[i].code == FAULT_NONE ? PARSE_DONE : PARSE_BAD) ||
            fault.code != rows[i].code) {
            fail_msg("%s: %d '%s'", rows[i].answer, (int)result, fault.text);
        }
    }
}

/* At each byte but the last the answer is: more. */
static void an_answer_may_come_in_pieces(void **state)
{
    (void)state;
    static const char whole[] =
        HEAD "{\"result\":{\"value\":\"" ADDRESS "\"},\"error\":null,\"id\":1}";
    for (size_t len = 0; len < strlen(whole); len++) {
        struct address address;
        struct fault fault = {0};
        uint8_t *copy = malloc(len == 0 ? 1 : len);
        memcpy(copy, whole, len);
        if (namecoin_read_answer(&address, (struct bytes){copy, len}, false, NAMECOIN_NAMECOIND,
                                 &fault) != PARSE_MORE) {
            fail_msg("after %zu bytes: %s", len, fault.text);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_read),
        cmocka_unit_test(links_have_bounds_and_write_what_they_read),
        cmocka_unit_test(names_are_told_from_addresses),
        cmocka_unit_test(a_name_has_255_bytes),
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(an_answer_may_come_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
