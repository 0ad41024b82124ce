// SPDX-License-Identifier: MIT
#include "gateway/cli/moving/pybitmessage_settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/paths.h"
#include "gateway/cli/moving/keys_file.h"

#define THEIRS "bitmessagesettings"

/* ---- their values in our words; NULL: nothing to take over ---- */

static char *as_it_is(const struct keys_file *keys, const char *value)
{
    (void)keys;
    return *value != '\0' ? xstrdup(value) : NULL;
}

static char *yes_if_true(const struct keys_file *keys, const char *value)
{
    (void)keys;
    return keys_file_is_true(value) ? xstrdup("yes") : NULL;
}

static char *no_if_false(const struct keys_file *keys, const char *value)
{
    (void)keys;
    return keys_file_is_true(value) ? NULL : xstrdup("no");
}

/* Theirs has 0 for "any". */
static char *demand(const struct keys_file *keys, const char *value)
{
    (void)keys;
    return strcmp(value, "0") == 0 ? xstrdup("20000000000") : xstrdup(value);
}

static char *proxy(const struct keys_file *keys, const char *value)
{
    (void)keys;
    return str_starts_with_ci(value, "SOCKS5") ? xstrdup("yes") : NULL;
}

/* HOST:PORT out of two keys, the first of which is `value`. */
static char *with_port(const struct keys_file *keys, const char *value, const char *port_name,
                       const char *otherwise)
{
    const char *port = keys_file_setting(keys, THEIRS, port_name);
    return *value == '\0'
               ? NULL
               : xasprintf("%s:%s", str_equal_ci(value, "localhost") ? "127.0.0.1" : value,
                           port != NULL ? port : otherwise);
}

static char *proxy_host(const struct keys_file *keys, const char *value)
{
    return with_port(keys, value, "socksport", "9050");
}

static char *onion(const struct keys_file *keys, const char *value)
{
    return with_port(keys, value, "onionport", "8444");
}

/* Off until it is set up, which there means that it has a user or another program than the usual.
 */
static char *namecoin_type(const struct keys_file *keys, const char *value)
{
    const char *user = keys_file_setting(keys, THEIRS, "namecoinrpcuser");
    bool is_set_up = strcmp(value, "nmcontrol") == 0 || (user != NULL && *user != '\0');
    return is_set_up ? xstrdup(value) : NULL;
}

static char *namecoin_server(const struct keys_file *keys, const char *value)
{
    return with_port(keys, value, "namecoinrpcport", "8336");
}

static char *days(const struct keys_file *keys, const char *value)
{
    (void)keys;
    uint64_t n;
    return parse_u64(bytes_of_str(value), 365, &n) && n > 0 ? xasprintf("%" PRIu64 "d", n) : NULL;
}

static char *no_others(const struct keys_file *keys, const char *value)
{
    (void)keys;
    return *value != '\0' ? xstrdup("no") : NULL;
}

/* Ours does not start without a login of its own. */
static char *api_enabled(const struct keys_file *keys, const char *value)
{
    const char *user = keys_file_setting(keys, THEIRS, "apiusername");
    const char *password = keys_file_setting(keys, THEIRS, "apipassword");
    bool has_login = user != NULL && *user != '\0' && strchr(user, ':') == NULL &&
                     password != NULL && *password != '\0';
    return keys_file_is_true(value) && has_login ? xstrdup("yes") : NULL;
}

static char *path(const struct keys_file *keys, const char *value)
{
    (void)keys;
    return *value == '/' ? xstrdup(value) : NULL;
}

static const struct setting_row {
    const char *section;
    const char *theirs;
    const char *ours;
    char *(*convert)(const struct keys_file *keys, const char *value);
} rows[] = {
    {THEIRS, "port", "node.port", as_it_is},
    {THEIRS, "maxoutboundconnections", "node.max_outbound", as_it_is},
    {THEIRS, "maxtotalconnections", "node.max_inbound", as_it_is},
    {THEIRS, "maxdownloadrate", "node.max_download_kib", as_it_is},
    {THEIRS, "maxuploadrate", "node.max_upload_kib", as_it_is},
    {THEIRS, "socksproxytype", "node.tor", proxy},
    {THEIRS, "sockshostname", "node.socks", proxy_host},
    {THEIRS, "socksusername", "node.socks_user", as_it_is},
    {THEIRS, "sockspassword", "node.socks_password", as_it_is},
    {THEIRS, "onionhostname", "node.onion", onion},
    {THEIRS, "upnp", "node.upnp", yes_if_true},
    {THEIRS, "trustedpeer", "network.connect", as_it_is},
    {THEIRS, "trustedpeer", "network.bootstrap", no_others},
    {THEIRS, "sendoutgoingconnections", "network.bootstrap", no_if_false},
    {"network", "dandelion", "network.dandelion", as_it_is},
    {THEIRS, "ttl", "agent.ttl", as_it_is},
    {THEIRS, "stopresendingafterxdays", "agent.give_up_after", days},
    {THEIRS, "maxacceptablenoncetrialsperbyte", "agent.max_trials_per_byte", demand},
    {THEIRS, "maxacceptablepayloadlengthextrabytes", "agent.max_extra_bytes", demand},
    {THEIRS, "namecoinrpctype", "namecoin.type", namecoin_type},
    {THEIRS, "namecoinrpchost", "namecoin.server", namecoin_server},
    {THEIRS, "namecoinrpcuser", "namecoin.user", as_it_is},
    {THEIRS, "namecoinrpcpassword", "namecoin.password", as_it_is},
    {THEIRS, "apienabled", "api.enabled", api_enabled},
    {THEIRS, "apiinterface", "api.listen", as_it_is},
    {THEIRS, "apiport", "api.port", as_it_is},
    {THEIRS, "apiusername", "api.username", as_it_is},
    {THEIRS, "apipassword", "api.password", as_it_is},
    {THEIRS, "apivariant", "api.variant", as_it_is},
    {THEIRS, "apinotifypath", "api.notify_path", path},
};

/* ---- what is set here ---- */

/* The line "section.key=value" of a setting; the caller's. */
static char *line_of(const struct settings *settings, const char *name)
{
    struct buf lines = {0};
    char *start = xasprintf("\n%s=", name);
    buf_append_str(&lines, "\n");
    settings_to_lines(&lines, settings);
    const char *place = strstr(buf_str(&lines), start);
    char *line = place != NULL ? xstrndup(place + 1, strcspn(place + 1, "\n")) : xstrdup("");
    buf_clear_secret(&lines);
    free(start);
    return line;
}

/* Still the default, so that it may be changed. */
static bool is_default(const struct settings *now, const struct settings *defaults,
                       const char *name)
{
    char *a = line_of(now, name);
    char *b = line_of(defaults, name);
    bool same = strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

/* ---- writing ---- */

static void write_row(struct buf *out, char section[32], const char *name, const char *value)
{
    size_t len = strcspn(name, ".");
    if (strlen(section) != len || strncmp(section, name, len) != 0) {
        (void)snprintf(section, 32, "%.*s", (int)len, name);
        buf_printf(out, "[%s]\n", section);
    }
    buf_printf(out, "%s = %s\n", name + len + 1, value);
}

/* What is to be added; `n` counts. A value that ours would refuse is left out, and said. */
static void collect(struct buf *out, size_t *n, struct settings *now, const struct keys_file *keys)
{
    struct settings defaults;
    char section[32] = "";
    settings_init(&defaults);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *theirs = keys_file_setting(keys, rows[i].section, rows[i].theirs);
        char *value = theirs != NULL ? rows[i].convert(keys, theirs) : NULL;
        struct fault why = {0};
        if (value == NULL || !is_default(now, &defaults, rows[i].ours)) {
            /* nothing, or the owner's own choice */
        } else if (!settings_set(now, rows[i].ours, value, &why)) {
            fprintf(stderr, "bittern: left out the setting %s: %s\n", rows[i].theirs, why.text);
        } else if (!is_default(now, &defaults, rows[i].ours)) {
            write_row(out, section, rows[i].ours, value);
            ++*n;
        }
        free(value);
    }
    settings_clear(&defaults);
}

static bool append_to_file(const struct cli *cli, struct buf *text, struct fault *fault)
{
    char *path = paths_in(cli->home, PATHS_SETTINGS);
    FILE *file = fopen(path, "ae");
    bool ok = file != NULL &&
              fprintf(file, "\n# taken over from PyBitmessage\n%s", buf_str(text)) >= 0 &&
              fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (!ok) {
        fault_set_errno(fault, errno, "write %s", path);
    }
    if (file != NULL) {
        fclose(file);
    }
    free(path);
    return ok;
}

static bool set_senders_mode(struct cli_session *session, const char *account, struct fault *fault)
{
    json_t *params = json_pack("{s:s}", "mode", "allowed");
    if (account != NULL) {
        json_object_set_new(params, "account", json_string(account));
    }
    json_t *answer = cli_session_call(session, "sender.mode", params, fault);
    json_decref(answer);
    return answer != NULL;
}

bool pybitmessage_settings_take(struct cli *cli, struct cli_session *session, const char *account,
                                const struct keys_file *keys, struct fault *fault)
{
    struct settings now;
    struct buf text = {0};
    size_t n = 0;
    const char *lists = keys_file_setting(keys, THEIRS, "blackwhitelist");
    if (lists != NULL && strcmp(lists, "white") == 0 &&
        !set_senders_mode(session, account, fault)) {
        return false;
    }
    struct cli without_overrides = *cli;
    without_overrides.n_overrides = 0;
    if (!cli_settings(&without_overrides, &now, fault)) {
        return false;
    }
    collect(&text, &n, &now, keys);
    bool ok = n == 0 || append_to_file(cli, &text, fault);
    if (ok && n > 0) {
        fprintf(stderr, "%zu settings were added to bittern.conf; they hold from the next start\n",
                n);
    }
    settings_clear(&now);
    buf_clear_secret(&text);
    return ok;
}

/* ---- ours in their words; NULL: nothing to say ---- */

static char *number(uint64_t value)
{
    return xasprintf("%" PRIu64, value);
}

static char *host_of(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    return colon != NULL ? xstrndup(endpoint, (size_t)(colon - endpoint)) : NULL;
}

static char *port_of(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    return colon != NULL ? xstrdup(colon + 1) : NULL;
}

/* They know one peer alone, or the whole network. */
static char *trusted_peer(const struct settings *settings)
{
    const char *peers = settings->network.connect;
    return *peers != '\0' && strchr(peers, ',') == NULL && !settings->network.bootstrap
               ? xstrdup(peers)
               : NULL;
}

static char *no_outgoing(const struct settings *settings)
{
    return !settings->network.bootstrap && *settings->network.connect == '\0' ? xstrdup("False")
                                                                              : NULL;
}

#define AS_TEXT(field) (*settings->field != '\0' ? xstrdup(settings->field) : NULL)
#define OUT(name, expression)                                                                      \
    static char *name(const struct settings *settings)                                             \
    {                                                                                              \
        return (expression);                                                                       \
    }
OUT(out_port, number(settings->node.port))
OUT(out_max_outbound, number(settings->node.max_outbound))
OUT(out_max_inbound, number(settings->node.max_inbound))
OUT(out_download, number(settings->node.max_download_kib))
OUT(out_upload, number(settings->node.max_upload_kib))
OUT(out_proxy, settings->node.tor != TOR_OFF ? xstrdup("SOCKS5") : NULL)
OUT(out_proxy_host, host_of(settings->node.socks))
OUT(out_proxy_port, port_of(settings->node.socks))
OUT(out_proxy_user, AS_TEXT(node.socks_user))
OUT(out_proxy_password, AS_TEXT(node.socks_password))
OUT(out_proxy_has_user, *settings->node.socks_user != '\0' ? xstrdup("True") : NULL)
OUT(out_onion_host, host_of(settings->node.onion))
OUT(out_onion_port, port_of(settings->node.onion))
OUT(out_upnp, settings->node.upnp ? xstrdup("True") : NULL)
OUT(out_dandelion, number(settings->network.dandelion))
OUT(out_ttl, number((uint64_t)settings->agent.ttl_sec))
OUT(out_days, number((uint64_t)settings->agent.give_up_after_sec / 86400))
OUT(out_max_trials, number(settings->agent.max_trials_per_byte))
OUT(out_max_extra, number(settings->agent.max_extra_bytes))
OUT(out_name_type, settings->namecoin.type == NAMECOIN_NMCONTROL   ? xstrdup("nmcontrol")
                   : settings->namecoin.type == NAMECOIN_NAMECOIND ? xstrdup("namecoind")
                                                                   : NULL)
OUT(out_name_host, host_of(settings->namecoin.server))
OUT(out_name_port, port_of(settings->namecoin.server))
OUT(out_name_user, AS_TEXT(namecoin.user))
OUT(out_name_password, AS_TEXT(namecoin.password))
OUT(out_api, settings->api.enabled ? xstrdup("True") : NULL)
OUT(out_api_listen, AS_TEXT(api.listen))
OUT(out_api_port, number(settings->api.port))
OUT(out_api_user, AS_TEXT(api.username))
OUT(out_api_password, AS_TEXT(api.password))
OUT(out_api_variant, xstrdup(settings->api.variant == API_VARIANT_JSON     ? "json"
                             : settings->api.variant == API_VARIANT_LEGACY ? "legacy"
                                                                           : "xml"))
OUT(out_api_notify, AS_TEXT(api.notify_path))

static const struct out_row {
    const char *section;
    const char *theirs;
    const char *ours; /* written where this is not the default any more */
    char *(*value)(const struct settings *settings);
} out_rows[] = {
    {THEIRS, "port", "node.port", out_port},
    {THEIRS, "maxoutboundconnections", "node.max_outbound", out_max_outbound},
    {THEIRS, "maxtotalconnections", "node.max_inbound", out_max_inbound},
    {THEIRS, "maxdownloadrate", "node.max_download_kib", out_download},
    {THEIRS, "maxuploadrate", "node.max_upload_kib", out_upload},
    {THEIRS, "socksproxytype", "node.tor", out_proxy},
    {THEIRS, "sockshostname", "node.socks", out_proxy_host},
    {THEIRS, "socksport", "node.socks", out_proxy_port},
    {THEIRS, "socksauthentication", "node.socks_user", out_proxy_has_user},
    {THEIRS, "socksusername", "node.socks_user", out_proxy_user},
    {THEIRS, "sockspassword", "node.socks_password", out_proxy_password},
    {THEIRS, "onionhostname", "node.onion", out_onion_host},
    {THEIRS, "onionport", "node.onion", out_onion_port},
    {THEIRS, "upnp", "node.upnp", out_upnp},
    {THEIRS, "trustedpeer", "network.connect", trusted_peer},
    {THEIRS, "sendoutgoingconnections", "network.bootstrap", no_outgoing},
    {THEIRS, "ttl", "agent.ttl", out_ttl},
    {THEIRS, "stopresendingafterxdays", "agent.give_up_after", out_days},
    {THEIRS, "maxacceptablenoncetrialsperbyte", "agent.max_trials_per_byte", out_max_trials},
    {THEIRS, "maxacceptablepayloadlengthextrabytes", "agent.max_extra_bytes", out_max_extra},
    {THEIRS, "namecoinrpctype", "namecoin.type", out_name_type},
    {THEIRS, "namecoinrpchost", "namecoin.server", out_name_host},
    {THEIRS, "namecoinrpcport", "namecoin.server", out_name_port},
    {THEIRS, "namecoinrpcuser", "namecoin.user", out_name_user},
    {THEIRS, "namecoinrpcpassword", "namecoin.password", out_name_password},
    {THEIRS, "apienabled", "api.enabled", out_api},
    {THEIRS, "apiinterface", "api.enabled", out_api_listen}, /* which it must find there */
    {THEIRS, "apiport", "api.enabled", out_api_port},
    {THEIRS, "apiusername", "api.username", out_api_user},
    {THEIRS, "apipassword", "api.password", out_api_password},
    {THEIRS, "apivariant", "api.variant", out_api_variant},
    {THEIRS, "apinotifypath", "api.notify_path", out_api_notify},
    {"network", "dandelion", "network.dandelion", out_dandelion},
};

/* With a current settingsversion a file is no first start's, and everything that is missing has its
 * default; dontconnect lets the user look before it connects. */
bool pybitmessage_settings_write(FILE *out, struct cli *cli, bool allowed_only, struct fault *fault)
{
    struct settings now;
    struct settings defaults;
    const char *section = THEIRS;
    struct cli without_overrides = *cli;
    without_overrides.n_overrides = 0;
    if (!cli_settings(&without_overrides, &now, fault)) {
        return false;
    }
    settings_init(&defaults);
    fprintf(out, "[" THEIRS "]\nsettingsversion = %d\ndontconnect = true\nblackwhitelist = %s\n",
            KEYS_FILE_VERSION, allowed_only ? "white" : "black");
    for (size_t i = 0; i < ARRAY_LEN(out_rows); i++) {
        const struct out_row *row = &out_rows[i];
        char *value = is_default(&now, &defaults, row->ours) ? NULL : row->value(&now);
        if (value != NULL && strcmp(section, row->section) != 0) {
            section = row->section;
            fprintf(out, "\n[%s]\n", section);
        }
        if (value != NULL) {
            keys_file_write_value(out, row->theirs, value);
        }
        free(value);
    }
    fputc('\n', out);
    settings_clear(&now);
    settings_clear(&defaults);
    return true;
}
