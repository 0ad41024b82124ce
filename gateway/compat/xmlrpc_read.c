// SPDX-License-Identifier: MIT
/* Each element has a row: where it may stand, and what its end makes of it. The frames on the stack
 * are the elements that are open; values are handed from the inner ones to the outer. */
#include "gateway/compat/xmlrpc_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

enum element {
    DOCUMENT, /* what stands around the outermost element */
    METHOD_CALL,
    METHOD_NAME,
    PARAMS,
    PARAM,
    VALUE,
    INTEGER,
    BOOLEAN,
    DOUBLE,
    STRING,
    DATE,
    BASE64,
    NIL,
    ARRAY,
    DATA,
    STRUCT,
    MEMBER,
    NAME
};

/* methodCall, params, param; then value, array, data (or value, struct, member) for each depth, and
 * a last value with a scalar. */
enum { MAX_OPEN = 3 + 3 * RPC_MAX_DEPTH + 3, MAX_NUMBER_BYTES = 64 };

static const struct element_row {
    const char *name;
    enum element element;
    enum element parent;
} elements[] = {
    {"methodCall", METHOD_CALL, DOCUMENT},
    {"methodName", METHOD_NAME, METHOD_CALL},
    {"params", PARAMS, METHOD_CALL},
    {"param", PARAM, PARAMS},
    {"value", VALUE, PARAM}, /* also in data and member */
    {"int", INTEGER, VALUE},
    {"i4", INTEGER, VALUE},
    {"i8", INTEGER, VALUE},
    {"boolean", BOOLEAN, VALUE},
    {"double", DOUBLE, VALUE},
    {"string", STRING, VALUE},
    {"dateTime.iso8601", DATE, VALUE},
    {"base64", BASE64, VALUE},
    {"nil", NIL, VALUE},
    {"array", ARRAY, VALUE},
    {"data", DATA, ARRAY},
    {"struct", STRUCT, VALUE},
    {"member", MEMBER, STRUCT},
    {"name", NAME, MEMBER},
};

struct frame {
    enum element element;
    json_t *value; /* so far; owned */
    char *name;    /* of a member */
    bool is_full;  /* its one child (or children) came */
};

struct xml_reader {
    XML_Parser parser;
    struct frame open[MAX_OPEN];
    size_t n_open;
    size_t n_values;
    size_t depth;
    struct buf text; /* of the innermost element that has text */
    struct rpc_call call;
    struct fault *fault;
};

/* ---- the end, well or not */

static void stop(struct xml_reader *reader, enum fault_code code, const char *words)
{
    (void)fault_set(reader->fault, code, "%s", words);
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

static bool is_stopped(const struct xml_reader *reader)
{
    return reader->fault->code != FAULT_NONE;
}

static struct frame *top(struct xml_reader *reader)
{
    return &reader->open[reader->n_open - 1];
}

static void pop(struct xml_reader *reader)
{
    struct frame *frame = top(reader);
    json_decref(frame->value);
    free(frame->name);
    *frame = (struct frame){0};
    reader->n_open--;
}

/* ---- an element begins */

static bool may_stand_in(const struct element_row *row, enum element parent)
{
    return row->parent == parent || (row->element == VALUE && (parent == DATA || parent == MEMBER));
}

static const struct element_row *find_row(const char *name, enum element parent)
{
    for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
        if (strcmp(name, elements[i].name) == 0 && may_stand_in(&elements[i], parent)) {
            return &elements[i];
        }
    }
    return NULL;
}

/* One child is all that these may have. */
static bool takes_one(enum element element)
{
    return element == DOCUMENT || element == PARAM || element == VALUE || element == ARRAY;
}

static bool is_container(enum element element)
{
    return element == ARRAY || element == STRUCT;
}

static bool is_blank(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || strchr(" \t\r\n", text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct xml_reader *reader = context;
    (void)attributes;
    if (is_stopped(reader)) {
        return;
    }
    struct frame *parent = top(reader);
    const struct element_row *row = find_row(name, parent->element);
    if (row == NULL || (takes_one(parent->element) && parent->is_full) ||
        (parent->element == VALUE && !is_blank(buf_view(&reader->text)))) {
        stop(reader, FAULT_INVALID, "an element of XML-RPC stands where it may not");
        return;
    }
    reader->depth += is_container(row->element) ? 1 : 0;
    reader->n_values += row->element == VALUE ? 1 : 0;
    if (reader->depth > RPC_MAX_DEPTH || reader->n_open == MAX_OPEN ||
        reader->n_values > RPC_MAX_VALUES) {
        stop(reader, FAULT_LIMIT, "the call has too many values, or too deep ones");
        return;
    }
    parent->is_full = true;
    reader->open[reader->n_open++] = (struct frame){
        .element = row->element,
        .value = row->element == ARRAY    ? json_array()
                 : row->element == STRUCT ? json_object()
                                          : NULL,
    };
    buf_reset(&reader->text);
}

/* ---- scalars */

static struct bytes trimmed(const struct buf *text)
{
    struct bytes view = buf_view(text);
    while (view.len > 0 && strchr(" \t\r\n", view.data[0]) != NULL) {
        view = bytes_slice(view, 1, view.len);
    }
    while (view.len > 0 && strchr(" \t\r\n", view.data[view.len - 1]) != NULL) {
        view.len--;
    }
    return view;
}

static json_t *read_integer(struct bytes text)
{
    uint64_t size = 0;
    bool is_negative = text.len > 0 && text.data[0] == '-';
    bool has_sign = is_negative || (text.len > 0 && text.data[0] == '+');
    bool ok = parse_u64(bytes_slice(text, has_sign ? 1 : 0, text.len), INT64_MAX, &size);
    return ok ? json_integer(is_negative ? -(json_int_t)size : (json_int_t)size) : NULL;
}

static json_t *read_double(struct bytes text)
{
    char number[MAX_NUMBER_BYTES + 1] = "";
    char *end = NULL;
    if (text.len == 0 || text.len > MAX_NUMBER_BYTES) {
        return NULL;
    }
    memcpy(number, text.data, text.len);
    if (strspn(number, "0123456789+-.eE") != text.len) {
        return NULL;
    }
    double value = strtod(number, &end);
    return *end == '\0' && isfinite(value) ? json_real(value) : NULL;
}

static json_t *read_base64(struct bytes text)
{
    struct buf packed = {0};
    struct buf data = {0};
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.data[i]) == NULL) {
            buf_append_byte(&packed, text.data[i]);
        }
    }
    json_t *value = NULL;
    if (base64_decode(&data, buf_view(&packed)) && memchr(buf_str(&data), '\0', data.len) == NULL) {
        value = json_stringn(buf_str(&data), data.len); /* NULL for what is not UTF-8 */
    }
    buf_clear(&packed);
    buf_clear(&data);
    return value;
}

/* NULL when the text is not that. */
static json_t *read_scalar(enum element element, struct buf *buf)
{
    struct bytes text = trimmed(buf);
    switch (element) {
    case INTEGER:
        return read_integer(text);
    case BOOLEAN:
        return bytes_is_word(text, "1")   ? json_true()
               : bytes_is_word(text, "0") ? json_false()
                                          : NULL;
    case DOUBLE:
        return read_double(text);
    case BASE64:
        return read_base64(text);
    case NIL:
        return text.len == 0 ? json_null() : NULL;
    default:
        return json_stringn(buf_str(buf), buf->len);
    }
}

/* ---- an element ends */

/* The frame around the one that ends, or around that. */
static struct frame *outer(struct xml_reader *reader, size_t n)
{
    return &reader->open[reader->n_open - 1 - n];
}

static void end_value(struct xml_reader *reader)
{
    struct frame *frame = top(reader);
    struct frame *parent = outer(reader, 1);
    json_t *value = frame->value != NULL ? json_incref(frame->value)
                                         : read_scalar(STRING, &reader->text); /* bare text */
    if (parent->element == PARAM) {
        json_array_append_new(reader->call.params, value);
    } else if (parent->element == DATA) {
        json_array_append_new(outer(reader, 2)->value, value);
    } else if (parent->value == NULL) {
        parent->value = value;
    } else {
        json_decref(value);
        stop(reader, FAULT_INVALID, "a member with two values");
    }
}

static void end_member(struct xml_reader *reader)
{
    struct frame *member = top(reader);
    if (member->name == NULL || member->value == NULL) {
        stop(reader, FAULT_INVALID, "a member without a name or a value");
        return;
    }
    json_object_set(outer(reader, 1)->value, member->name, member->value);
}

static void end_name(struct xml_reader *reader)
{
    struct frame *member = outer(reader, 1);
    if (member->name != NULL) {
        stop(reader, FAULT_INVALID, "a member with two names");
        return;
    }
    member->name = xstrdup(buf_str(&reader->text));
}

static void end_method_name(struct xml_reader *reader)
{
    struct bytes name = trimmed(&reader->text);
    if (reader->call.method != NULL || name.len == 0 || name.len > RPC_MAX_METHOD_BYTES) {
        stop(reader, FAULT_INVALID, "a call has one method of a name");
        return;
    }
    reader->call.method = xstrndup((const char *)name.data, name.len);
}

static void end_scalar(struct xml_reader *reader, enum element element)
{
    json_t *value = read_scalar(element, &reader->text);
    if (value == NULL) {
        stop(reader, FAULT_INVALID, "a value that is not what its element says");
        return;
    }
    outer(reader, 1)->value = value;
}

static void end_element(struct xml_reader *reader, enum element element)
{
    switch (element) {
    case METHOD_NAME:
        end_method_name(reader);
        break;
    case VALUE:
        end_value(reader);
        break;
    case MEMBER:
        end_member(reader);
        break;
    case NAME:
        end_name(reader);
        break;
    case ARRAY:
    case STRUCT:
        outer(reader, 1)->value = json_incref(top(reader)->value);
        break;
    case PARAM:
    case DATA:
    case PARAMS:
    case METHOD_CALL:
    case DOCUMENT:
        break;
    default:
        end_scalar(reader, element);
        break;
    }
}

static void on_end(void *context, const XML_Char *name)
{
    struct xml_reader *reader = context;
    (void)name;
    if (is_stopped(reader)) {
        return;
    }
    enum element element = top(reader)->element;
    if (element == PARAM && !top(reader)->is_full) {
        stop(reader, FAULT_INVALID, "a parameter without a value");
        return;
    }
    end_element(reader, element);
    reader->depth -= is_container(element) ? 1 : 0;
    pop(reader);
    buf_reset(&reader->text);
}

/* ---- what stands between them */

static bool has_text(const struct frame *frame)
{
    switch (frame->element) {
    case VALUE:
        return !frame->is_full;
    case DOCUMENT:
    case METHOD_CALL:
    case PARAMS:
    case PARAM:
    case ARRAY:
    case DATA:
    case STRUCT:
    case MEMBER:
        return false;
    default:
        return true;
    }
}

static void on_text(void *context, const XML_Char *text, int len)
{
    struct xml_reader *reader = context;
    if (is_stopped(reader)) {
        return;
    }
    if (has_text(top(reader))) {
        buf_append(&reader->text, text, (size_t)len);
    } else if (!is_blank((struct bytes){(const uint8_t *)text, (size_t)len})) {
        stop(reader, FAULT_INVALID, "text between the elements");
    }
}

static void on_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
                       const XML_Char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    stop(context, FAULT_INVALID, "a call has no DOCTYPE");
}

/* ---- all of it */

static void set_handlers(struct xml_reader *reader)
{
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
}

static bool parse(struct xml_reader *reader, struct bytes body)
{
    if (body.len > INT32_MAX) {
        return fault_set(reader->fault, FAULT_LIMIT, "the call is too long");
    }
    enum XML_Status status =
        XML_Parse(reader->parser, (const char *)body.data, (int)body.len, XML_TRUE);
    if (is_stopped(reader)) {
        return false;
    }
    if (status != XML_STATUS_OK) {
        return fault_set(reader->fault, FAULT_INVALID, "not well-formed XML: %s",
                         XML_ErrorString(XML_GetErrorCode(reader->parser)));
    }
    return reader->call.method != NULL ||
           fault_set(reader->fault, FAULT_INVALID, "a call without a method");
}

void rpc_call_clear(struct rpc_call *call)
{
    free(call->method);
    json_decref(call->params);
    *call = (struct rpc_call){0};
}

bool xmlrpc_read(struct rpc_call *out, struct bytes body, struct fault *fault)
{
    struct fault own = {0};
    struct xml_reader *reader = xcalloc(1, sizeof(*reader));
    reader->fault = &own;
    reader->call.params = json_array();
    reader->open[reader->n_open++] = (struct frame){.element = DOCUMENT};
    reader->parser = XML_ParserCreate(NULL);
    bool ok = false;
    if (reader->parser != NULL) {
        set_handlers(reader);
        ok = parse(reader, body);
        XML_ParserFree(reader->parser);
    } else {
        (void)fault_set(&own, FAULT_NO_SPACE, "no memory for a parser");
    }
    while (reader->n_open > 0) {
        pop(reader);
    }
    buf_clear(&reader->text);
    if (ok) {
        *out = reader->call;
    } else {
        rpc_call_clear(&reader->call);
        (void)fault_set(fault, own.code, "%s", own.text);
    }
    free(reader);
    return ok;
}
