// SPDX-License-Identifier: MIT
#include "gateway/translate/address_form.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "crypto/address_repair.h"

/* Ours first, then what older gateways to Bitmessage used. */
static const char *const domains[] = {
    ADDRESS_FORM_DOMAIN, "bitmessage.alt", "bitmessage", "bm.addr", "bmaddr.lan",
};

static bool is_our_domain(struct bytes domain)
{
    for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
        if (bytes_is_word(domain, domains[i])) {
            return true;
        }
    }
    return false;
}

static const struct {
    char unit;
    int64_t sec;
} ttl_units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};

bool address_form_parse_ttl(int64_t *out_sec, struct bytes text, struct fault *fault)
{
    int64_t unit = 1;
    struct bytes digits = text;
    for (size_t i = 0; i < ARRAY_LEN(ttl_units) && text.len > 1; i++) {
        if (ascii_lower((char)text.data[text.len - 1]) == ttl_units[i].unit) {
            unit = ttl_units[i].sec;
            digits.len--;
            break;
        }
    }
    uint64_t number = 0;
    if (!parse_u64(digits, ADDRESS_FORM_MAX_TTL_SEC, &number)) {
        return fault_set(fault, FAULT_INVALID,
                         "a lifetime is a number with m, h, d or w behind it, 28d at most");
    }
    int64_t sec = (int64_t)number * unit;
    if (sec < ADDRESS_FORM_MIN_TTL_SEC || sec > ADDRESS_FORM_MAX_TTL_SEC) {
        return fault_set(fault, FAULT_INVALID, "a lifetime is between 1h and 28d");
    }
    *out_sec = sec;
    return true;
}

/* Take the quotes off a local part (RFC 5321 section 4.1.2). */
static bool unquote(char *out, size_t out_size, struct bytes local)
{
    size_t n = 0;
    bool quoted = local.len >= 2 && local.data[0] == '"' && local.data[local.len - 1] == '"';
    struct bytes inner = quoted ? bytes_slice(local, 1, local.len - 2) : local;
    for (size_t i = 0; i < inner.len; i++) {
        uint8_t byte = inner.data[i];
        if (quoted && byte == '\\') {
            i++;
            if (i == inner.len) {
                return false;
            }
            byte = inner.data[i];
        } else if (byte == '"') {
            return false;
        }
        if (byte < 0x20 || byte == 0x7f || n + 1 >= out_size) {
            return false;
        }
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return n > 0;
}

/* Where the domain's '@' stands: the last one outside quotes; len when there is none. */
static size_t find_at(struct bytes text)
{
    size_t at = text.len;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\\' && quoted) {
            i++;
        } else if (text.data[i] == '"') {
            quoted = !quoted;
        } else if (text.data[i] == '@' && !quoted) {
            at = i;
        }
    }
    return at;
}

/* Cut "+ttl=2d" off the end of the name. */
static bool take_ttl(struct address_form *form, struct fault *fault)
{
    char *plus = strrchr(form->name, '+');
    if (plus == NULL || !str_starts_with_ci(plus, "+ttl=")) {
        return true;
    }
    struct bytes value = bytes_of_str(plus + strlen("+ttl="));
    if (!address_form_parse_ttl(&form->ttl_sec, value, fault)) {
        return false;
    }
    *plus = '\0';
    if (form->name[0] == '\0') {
        return fault_set(fault, FAULT_INVALID, "there is no address before +ttl=");
    }
    return true;
}

bool address_form_parse(struct address_form *out, struct bytes typed, struct fault *fault)
{
    struct address_form form = {0};
    if (typed.len == 0 || typed.len > ADDRESS_FORM_MAX_BYTES) {
        return fault_set(fault, FAULT_INVALID, "that is no address");
    }
    size_t at = find_at(typed);
    struct bytes domain = bytes_slice(typed, at + 1, typed.len);
    if (at < typed.len && bytes_is_word(domain, "namecoin." ADDRESS_FORM_DOMAIN)) {
        return fault_set(fault, FAULT_UNSUPPORTED, "looking up names in Namecoin is not set up");
    }
    if (at < typed.len && !is_our_domain(domain)) {
        return fault_set(
            fault, FAULT_INVALID,
            "this is Bitmessage: it knows addresses such as BM-...@" ADDRESS_FORM_DOMAIN
            " and no others");
    }
    if (!unquote(form.name, sizeof(form.name), bytes_slice(typed, 0, at)) ||
        !utf8_valid(bytes_of_str(form.name))) {
        return fault_set(fault, FAULT_INVALID, "the part before the @ is not well-formed");
    }
    if (!take_ttl(&form, fault)) {
        return false;
    }

    if (str_equal_ci(form.name, "broadcast")) {
        form.kind = ADDRESS_FORM_BROADCAST;
    } else if (str_starts_with_ci(form.name, "BM-")) {
        form.kind = ADDRESS_FORM_ADDRESS;
    } else {
        form.kind = ADDRESS_FORM_LABEL;
    }
    *out = form;
    return true;
}

/* All letters of one case: most likely folded by a client. */
static bool is_folded(const char *text)
{
    bool lower = false;
    bool upper = false;
    for (const char *c = text + strlen("BM-"); *c != '\0'; c++) {
        lower = lower || (*c >= 'a' && *c <= 'z');
        upper = upper || (*c >= 'A' && *c <= 'Z');
    }
    return lower != upper;
}

static enum address_form_result refuse_misspelt(const struct address_form *form,
                                                enum address_status status,
                                                const struct address_book *book,
                                                struct fault *fault)
{
    struct address meant[2];
    size_t n_meant = 0;
    if (status == ADDRESS_CHECKSUM_FAILED || status == ADDRESS_INVALID_CHARACTERS) {
        n_meant = address_suggest(meant, ARRAY_LEN(meant), bytes_of_str(form->name));
    }
    if (n_meant == 1) {
        char text[ADDRESS_TEXT_BYTES];
        address_encode(text, &meant[0]);
        const char *label = book->label_of(book->context, &meant[0]);
        if (label != NULL && label[0] != '\0') {
            (void)fault_set(fault, FAULT_INVALID, "a letter is wrong: did you mean %s (%.60s)?",
                            text, label);
        } else {
            (void)fault_set(fault, FAULT_INVALID, "a letter is wrong: did you mean %s?", text);
        }
    } else {
        (void)fault_set(fault, FAULT_INVALID, "not a Bitmessage address: %s",
                        address_status_text(status));
    }
    return ADDRESS_FORM_REFUSED;
}

static enum address_form_result resolve_address(struct address *out,
                                                const struct address_form *form,
                                                const struct address_book *book,
                                                struct fault *fault)
{
    struct address found;
    enum address_status status = address_decode(&found, bytes_of_str(form->name));
    if (status == ADDRESS_OK || book->find_alike(book->context, bytes_of_str(form->name), &found)) {
        *out = found;
        return ADDRESS_FORM_FOUND;
    }
    /* A folded prefix ("bm-") fails as a bad character, so it is looked at again without. */
    if (status != ADDRESS_CHECKSUM_FAILED) {
        status = address_decode(&found, bytes_of_str(form->name + strlen("BM-")));
        if (status == ADDRESS_OK) {
            *out = found;
            return ADDRESS_FORM_FOUND;
        }
    }
    if (is_folded(form->name)) {
        return ADDRESS_FORM_FOLDED;
    }
    return refuse_misspelt(form, status, book, fault);
}

enum address_form_result address_form_resolve(struct address *out, const struct address_form *form,
                                              const struct address_book *book, struct fault *fault)
{
    if (form->kind == ADDRESS_FORM_ADDRESS) {
        return resolve_address(out, form, book, fault);
    }
    size_t n_found = 0;
    if (form->kind == ADDRESS_FORM_LABEL) {
        struct address found;
        if (book->find_label(book->context, form->name, &found, &n_found) && n_found == 1) {
            *out = found;
            return ADDRESS_FORM_FOUND;
        }
        /* An address may come without its prefix. */
        if (n_found == 0 && address_decode(&found, bytes_of_str(form->name)) == ADDRESS_OK) {
            *out = found;
            return ADDRESS_FORM_FOUND;
        }
    }
    if (n_found > 1) {
        (void)fault_set(fault, FAULT_INVALID,
                        "more than one contact is called '%.60s': write the address", form->name);
    } else {
        (void)fault_set(fault, FAULT_NOT_FOUND, "no identity or contact is called '%.60s'",
                        form->name);
    }
    return ADDRESS_FORM_REFUSED;
}

bool address_form_check(const struct address *address, struct fault *fault)
{
    if (address->version < 2) {
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "an address of version 1 can no longer be written to");
    }
    if (address->stream != 1) {
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "an address in stream %llu: only stream 1 is in use",
                         (unsigned long long)address->stream);
    }
    return true;
}

void address_form_mail(char out[ADDRESS_MAIL_BYTES], const struct address *address)
{
    char text[ADDRESS_TEXT_BYTES];
    address_encode(text, address);
    (void)snprintf(out, ADDRESS_MAIL_BYTES, "%s@" ADDRESS_FORM_DOMAIN, text);
}
