// SPDX-License-Identifier: MIT
#include "gateway/cli/listeners.h"

#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "config/paths.h"

static bool system_has_ipv6(void)
{
    return access("/proc/net/if_inet6", F_OK) == 0;
}

static struct bytes trim(struct bytes text)
{
    while (text.len != 0 && text.data[0] == ' ') {
        text = bytes_slice(text, 1, text.len);
    }
    while (text.len != 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

static size_t count_colons(struct bytes text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        n += text.data[i] == ':';
    }
    return n;
}

/* "1.2.3.4", "1.2.3.4:5", "::1", "[::1]" and "[::1]:5" to an address with a port. */
static const char *with_port(struct arena *arena, struct bytes entry, uint16_t port,
                             bool *out_is_v6)
{
    const char *text = (const char *)entry.data;
    int len = (int)entry.len;
    bool has_bracket = entry.data[0] == '[';
    size_t n_colons = count_colons(entry);
    *out_is_v6 = has_bracket || n_colons > 1;
    if (has_bracket) {
        bool has_port = entry.data[entry.len - 1] != ']';
        return has_port ? arena_strndup(arena, text, entry.len)
                        : arena_printf(arena, "%.*s:%u", len, text, port);
    }
    if (n_colons == 1) {
        return arena_strndup(arena, text, entry.len);
    }
    return arena_printf(arena, *out_is_v6 ? "[%.*s]:%u" : "%.*s:%u", len, text, port);
}

static bool add(struct listeners *listeners, struct supervisor_listener item, struct fault *fault)
{
    if (listeners->n_items == LISTENERS_MAX) {
        return fault_set(fault, FAULT_LIMIT, "more than %d addresses to listen on", LISTENERS_MAX);
    }
    listeners->items[listeners->n_items++] = item;
    return true;
}

static bool add_addresses(struct listeners *listeners, const char *name, const char *list,
                          uint16_t port, struct fault *fault)
{
    struct bytes rest = bytes_of_str(list);
    while (rest.len != 0) {
        size_t comma = bytes_find(rest, ',');
        struct bytes entry = trim(bytes_slice(rest, 0, comma));
        rest = bytes_slice(rest, comma + 1, rest.len);
        if (entry.len == 0) {
            continue;
        }
        bool is_v6;
        const char *address = with_port(&listeners->arena, entry, port, &is_v6);
        if (is_v6 && !system_has_ipv6()) {
            log_warn("cli", "not listening address=%s reason=no-ipv6-here", address);
            continue;
        }
        if (!add(listeners, (struct supervisor_listener){.name = name, .address = address},
                 fault)) {
            return false;
        }
    }
    return true;
}

static bool add_socket(struct listeners *listeners, const char *name, const char *path,
                       uint32_t mode, const char *group, struct fault *fault)
{
    if (*path == '\0') {
        return true;
    }
    return add(listeners,
               (struct supervisor_listener){
                   .name = name, .unix_path = path, .mode = (mode_t)mode, .group = group},
               fault);
}

static bool add_mail(struct listeners *listeners, const struct settings *settings, const char *home,
                     struct fault *fault)
{
    const char *door = arena_printf(&listeners->arena, "%s/" PATHS_SUBMIT_SOCKET, home);
    const struct imap_settings *imap = &settings->imap;
    const struct smtp_settings *smtp = &settings->smtp;
    return add_addresses(listeners, "imap.listen", imap->listen, imap->port, fault) &&
           add_addresses(listeners, "imap.tls", imap->listen, imap->tls_port, fault) &&
           add_socket(listeners, "imap.socket", imap->socket, imap->socket_mode, imap->socket_group,
                      fault) &&
           add_addresses(listeners, "smtp.listen", smtp->listen, smtp->port, fault) &&
           add_addresses(listeners, "smtp.tls", smtp->listen, smtp->tls_port, fault) &&
           add_socket(listeners, "smtp.socket", smtp->socket, smtp->socket_mode, smtp->socket_group,
                      fault) &&
           add_socket(listeners, "smtp.socket", door, 0600, "", fault) &&
           add_socket(listeners, "smtp.lmtp", smtp->lmtp_socket, smtp->socket_mode,
                      smtp->socket_group, fault) &&
           add_addresses(listeners, "smtp.lmtp_listen", smtp->lmtp_listen, smtp->lmtp_port,
                         fault) &&
           add_addresses(listeners, "http.listen", settings->http.listen, settings->http.port,
                         fault) &&
           (!settings->api.enabled || add_addresses(listeners, "api.listen", settings->api.listen,
                                                    settings->api.port, fault));
}

/* Of the relay alone: it has nothing else to show. */
static bool add_metrics(struct listeners *listeners, const struct http_settings *http,
                        struct fault *fault)
{
    return !http->metrics ||
           add_addresses(listeners, "node.metrics", http->listen, http->port, fault);
}

/* Strict Tor mode listens for Tor alone, and only if it forwards a name to us. */
static const char *node_addresses(const struct node_settings *node)
{
    if (node->tor != TOR_STRICT) {
        return node->listen;
    }
    return node->onion[0] != '\0' ? "127.0.0.1" : "";
}

static bool add_node(struct listeners *listeners, const struct node_settings *node,
                     struct fault *fault)
{
    if (!add_addresses(listeners, "node.listen", node_addresses(node), node->port, fault)) {
        return false;
    }
    if (!node->lan_discovery || node->tor != TOR_OFF) {
        return true;
    }
    return add(listeners,
               (struct supervisor_listener){
                   .name = "node.lan",
                   .address = arena_printf(&listeners->arena, "0.0.0.0:%u", node->lan_port),
                   .datagrams = true},
               fault);
}

bool listeners_init(struct listeners *listeners, const struct settings *settings, const char *home,
                    bool mail, struct fault *fault)
{
    *listeners = (struct listeners){0};
    bool ok = add_node(listeners, &settings->node, fault) &&
              (mail ? add_mail(listeners, settings, home, fault)
                    : add_metrics(listeners, &settings->http, fault));
    if (!ok) {
        listeners_clear(listeners);
    }
    return ok;
}

void listeners_clear(struct listeners *listeners)
{
    arena_clear(&listeners->arena);
    listeners->n_items = 0;
}
