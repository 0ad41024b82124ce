// SPDX-License-Identifier: MIT
/* XML-RPC both ways: what is read, what is refused and with which bound, what is written. */
#include "tests/support/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/compat/xmlrpc_read.h"
#include "gateway/compat/xmlrpc_write.h"

#define CALL(params) "<methodCall><methodName>m</methodName>" params "</methodCall>"
#define ONE(value) CALL("<params><param><value>" value "</value></param></params>")

static bool reads(struct rpc_call *out, const char *xml, struct fault *fault)
{
    *out = (struct rpc_call){0};
    return xmlrpc_read(out, bytes_of_str(xml), fault);
}

static void each_value_becomes_its_like(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        const char *json; /* NULL: refused */
    } rows[] = {
        {CALL(""), "[]"},
        {CALL("<params/>"), "[]"},
        {"<?xml version='1.0'?>\n" CALL(
             "\n <params> <param> <value>x</value> </param> </params>\n"),
         "[\"x\"]"},
        {ONE("<int>42</int>"), "[42]"},
        {ONE("<i4> -7 </i4>"), "[-7]"},
        {ONE("<i8>9223372036854775807</i8>"), "[9223372036854775807]"},
        {ONE("<i8>9223372036854775808</i8>"), NULL},
        {ONE("<int>99999999999999999999999999999999999999999999999999</int>"), NULL},
        {ONE("<int>+5</int>"), "[5]"},
        {ONE("<int></int>"), NULL},
        {ONE("<int>-</int>"), NULL},
        {ONE("<int>1 2</int>"), NULL},
        {ONE("<int>0x10</int>"), NULL},
        {ONE("<boolean>1</boolean>"), "[true]"},
        {ONE("<boolean>0</boolean>"), "[false]"},
        {ONE("<boolean>2</boolean>"), NULL},
        {ONE("<boolean>true</boolean>"), NULL},
        {ONE("<double>1.5</double>"), "[1.5]"},
        {ONE("<double>-2.5e3</double>"), "[-2500.0]"},
        {ONE("<double>1e999</double>"), NULL},
        {ONE("<double>nan</double>"), NULL},
        {ONE("<double>0x1p3</double>"), NULL},
        {ONE("<double></double>"), NULL},
        {ONE("<string>a &lt;b&gt; &amp; &#228;</string>"), "[\"a <b> & ä\"]"},
        {ONE("<string> kept </string>"), "[\" kept \"]"},
        {ONE("<string><![CDATA[<raw>]]></string>"), "[\"<raw>\"]"},
        {ONE("<string/>"), "[\"\"]"},
        {ONE(" bare "), "[\" bare \"]"},
        {ONE(""), "[\"\"]"},
        {ONE("<dateTime.iso8601>20240101T00:00:00</dateTime.iso8601>"), "[\"20240101T00:00:00\"]"},
        {ONE("<base64>aGV5\n IQ==</base64>"), "[\"hey!\"]"},
        {ONE("<base64>!</base64>"), NULL},
        {ONE("<base64>aGV</base64>"), NULL},
        {ONE("<base64>/w==</base64>"), NULL}, /* no UTF-8 */
        {ONE("<base64>AAA=</base64>"), NULL}, /* NUL */
        {ONE("<nil/>"), "[null]"},
        {ONE("<array><data><value>1</value><value><int>2</int></value></data></array>"),
         "[[\"1\", 2]]"},
        {ONE("<array><data/></array>"), "[[]]"},
        {ONE("<struct><member><name>a</name><value>b</value></member></struct>"),
         "[{\"a\": \"b\"}]"},
        {ONE("<struct/>"), "[{}]"},
        {ONE("<struct><member><name>a</name></member></struct>"), NULL},
        {ONE("<struct><member><value>a</value></member></struct>"), NULL},
        {ONE("<struct><member><name>a</name><value>b</value><value>c</value></member></struct>"),
         NULL},
        {ONE("<struct><member><name>a</name><name>b</name><value>c</value></member></struct>"),
         NULL},
        {ONE("<int>1</int><int>2</int>"), NULL},
        {ONE("text<int>1</int>"), NULL},
        {ONE("<int>1</int>text"), NULL},
        {ONE("<float>1</float>"), NULL},
        {CALL("<params><param></param></params>"), NULL},
        {CALL("<params><param><value>1</value><value>2</value></param></params>"), NULL},
        {CALL("<params><value>1</value></params>"), NULL},
        {CALL("<params>text</params>"), NULL},
        {"<methodCall/>", NULL},
        {"<methodCall><methodName/></methodCall>", NULL},
        {"<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>", NULL},
        {"<methodResponse/>", NULL},
        {CALL("") "<methodCall/>", NULL},
        {"", NULL},
        {"nonsense", NULL},
        {"<methodCall><methodName>m</methodName>", NULL},
        {CALL("<params><param><value>\xff</value></param></params>"), NULL},
        {CALL("<params><param><value>\xed\xa0\x80</value></param></params>"), NULL},
        {ONE("&nothing;"), NULL},
        {"<?xml version='1.0' encoding='no-such'?>" CALL(""), NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rpc_call call;
        struct fault fault = {0};
        bool ok = reads(&call, rows[i].xml, &fault);
        char *json = ok ? json_dumps(call.params, JSON_REAL_PRECISION(6)) : NULL;
        if (ok != (rows[i].json != NULL) || (ok && strcmp(json, rows[i].json) != 0)) {
            fail_msg("%s: %s", rows[i].xml, ok ? json : fault.text);
        }
        if (!ok) {
            assert_int_not_equal(fault.code, FAULT_NONE);
            assert_null(call.method);
        }
        free(json);
        rpc_call_clear(&call);
    }
}

static void entities_of_ones_own_are_refused(void **state)
{
    (void)state;
    static const char *const bombs[] = {
        "<!DOCTYPE x>" CALL(""),
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
        "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>" ONE("&c;"),
        "<!DOCTYPE x SYSTEM \"file:///etc/passwd\">" ONE("&x;"),
        "<!DOCTYPE x [<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]>" CALL(""),
    };
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        struct rpc_call call;
        struct fault fault = {0};
        assert_false(reads(&call, bombs[i], &fault));
        assert_string_equal(fault.text, "a call has no DOCTYPE");
    }
}

/* `n` arrays within each other; or structures. */
static char *nested(size_t n, bool structs)
{
    struct buf xml = {0};
    buf_append_str(&xml, "<methodCall><methodName>m</methodName><params><param>");
    for (size_t i = 0; i < n; i++) {
        buf_append_str(&xml,
                       structs ? "<value><struct><member><name>n</name>" : "<value><array><data>");
    }
    buf_append_str(&xml, "<value><int>1</int></value>");
    for (size_t i = 0; i < n; i++) {
        buf_append_str(&xml, structs ? "</member></struct></value>" : "</data></array></value>");
    }
    buf_append_str(&xml, "</param></params></methodCall>");
    char *text = xstrdup(buf_str(&xml));
    buf_clear(&xml);
    return text;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    for (int structs = 0; structs < 2; structs++) {
        for (size_t n = RPC_MAX_DEPTH - 1; n <= RPC_MAX_DEPTH + 1; n++) {
            struct rpc_call call;
            struct fault fault = {0};
            char *xml = nested(n, structs != 0);
            bool ok = reads(&call, xml, &fault);
            assert_int_equal(ok, n <= RPC_MAX_DEPTH);
            assert_true(ok || fault.code == FAULT_LIMIT);
            rpc_call_clear(&call);
            free(xml);
        }
    }
}

static void values_and_the_methods_name_are_bounded(void **state)
{
    (void)state;
    for (size_t n = RPC_MAX_VALUES; n <= RPC_MAX_VALUES + 1; n++) {
        struct rpc_call call;
        struct fault fault = {0};
        struct buf xml = {0};
        buf_append_str(&xml, "<methodCall><methodName>m</methodName><params>");
        for (size_t i = 0; i < n; i++) {
            buf_append_str(&xml, "<param><value>1</value></param>");
        }
        buf_append_str(&xml, "</params></methodCall>");
        assert_int_equal(reads(&call, buf_str(&xml), &fault), n == RPC_MAX_VALUES);
        rpc_call_clear(&call);
        buf_clear(&xml);
    }
    for (size_t n = RPC_MAX_METHOD_BYTES; n <= RPC_MAX_METHOD_BYTES + 1; n++) {
        struct rpc_call call;
        struct fault fault = {0};
        char *name = xcalloc(n + 1, 1);
        memset(name, 'm', n);
        char *xml = xasprintf("<methodCall><methodName> %s </methodName></methodCall>", name);
        assert_int_equal(reads(&call, xml, &fault), n == RPC_MAX_METHOD_BYTES);
        rpc_call_clear(&call);
        free(xml);
        free(name);
    }
}

/* In a block of exactly that size, so that one byte too far is seen. */
static void a_call_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    static const char whole[] =
        "<?xml version='1.0'?>" CALL("<params><param><value><struct><member><name>a</name><value>"
                                     "<array><data><value><i8>1</i8></value></data></array>"
                                     "</value></member></struct></value></param></params>");
    for (size_t len = 0; len < sizeof(whole); len++) {
        struct rpc_call call = {0};
        struct fault fault = {0};
        uint8_t *copy = xmemdup(whole, len);
        bool ok = xmlrpc_read(&call, (struct bytes){copy, len}, &fault);
        assert_int_equal(ok, len == sizeof(whole) - 1);
        rpc_call_clear(&call);
        free(copy);
    }
}

static void each_value_is_written_as_its_element(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *xml;
    } rows[] = {
        {"\"a<b>&c\"", "<string>a&lt;b&gt;&amp;c</string>"},
        {"\"\\u0001\\t\\n\\r\"", "<string>\xef\xbf\xbd\t\n&#13;</string>"},
        {"\"\\uffff\"", "<string>\xef\xbf\xbd</string>"},
        {"\"\\u00e4\\uff5e\"", "<string>ä～</string>"},
        {"2147483647", "<int>2147483647</int>"},
        {"2147483648", "<i8>2147483648</i8>"},
        {"-2147483648", "<int>-2147483648</int>"},
        {"-2147483649", "<i8>-2147483649</i8>"},
        {"1.5", "<double>1.5</double>"},
        {"true", "<boolean>1</boolean>"},
        {"false", "<boolean>0</boolean>"},
        {"null", "<nil/>"},
        {"[]", "<array><data>\n</data></array>"},
        {"{\"k\": [1]}", "<struct>\n<member>\n<name>k</name>\n<value><array><data>\n"
                         "<value><int>1</int></value>\n</data></array></value>\n</member>\n"
                         "</struct>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = {0};
        json_t *value = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        xmlrpc_write_result(&out, value);
        char *expected = xasprintf("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n"
                                   "<value>%s</value>\n</param>\n</params>\n</methodResponse>\n",
                                   rows[i].xml);
        assert_string_equal(buf_str(&out), expected);
        free(expected);
        json_decref(value);
        buf_clear(&out);
    }
}

static void a_fault_has_its_code_and_text(void **state)
{
    (void)state;
    struct buf out = {0};
    xmlrpc_write_fault(&out, 20, "Invalid method: <x>");
    assert_string_equal(buf_str(&out),
                        "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n"
                        "<member>\n<name>faultCode</name>\n<value><int>20</int></value>\n"
                        "</member>\n<member>\n<name>faultString</name>\n<value><string>Invalid "
                        "method: &lt;x&gt;</string></value>\n</member>\n</struct></value>\n"
                        "</fault>\n</methodResponse>\n");
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value_becomes_its_like),
        cmocka_unit_test(entities_of_ones_own_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(values_and_the_methods_name_are_bounded),
        cmocka_unit_test(a_call_cut_at_any_byte_is_refused),
        cmocka_unit_test(each_value_is_written_as_its_element),
        cmocka_unit_test(a_fault_has_its_code_and_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
