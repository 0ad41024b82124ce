// SPDX-License-Identifier: MIT
/* bittern setup PROGRAM: a configuration that can be pasted. The gateway is asked for the ports and
 * the address, so that what is printed is what is there. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/str.h"
#include "gateway/cli/setup_text.h"

static int list_programs(void)
{
    fputs("usage: bittern setup PROGRAM\n\nprograms:", stderr);
    for (size_t i = 0; i < setup_programs_len; i++) {
        fprintf(stderr, " %s", setup_programs[i].name);
    }
    fputc('\n', stderr);
    return CLI_USAGE;
}

/* A random one (RFC 9562 section 5.4). */
static bool add_uuid(json_t *info, const char *name, struct fault *fault)
{
    uint8_t raw[16];
    char hex[2 * sizeof(raw) + 1];
    if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw)) {
        return fault_set_errno(fault, errno, "take random bytes");
    }
    raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
    hex_encode(hex, (struct bytes){raw, sizeof(raw)});
    return json_object_set_new(info, name,
                               json_sprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                                            hex + 16, hex + 20)) == 0;
}

/* The account's name as a URL's user: what is not a letter or digit is a percent sign and two
 * digits. */
static void add_url(json_t *info)
{
    struct buf url = {0};
    const char *account = json_string_value(json_object_get(info, "account"));
    for (const char *c = account == NULL ? "" : account; *c != '\0'; c++) {
        if (ascii_is_alpha(*c) || ascii_is_digit(*c) || strchr("-._", *c) != NULL) {
            buf_append_byte(&url, (uint8_t)*c);
        } else {
            buf_printf(&url, "%%%02X", (unsigned)(uint8_t)*c);
        }
    }
    json_object_set_new(info, "account_url", json_string(buf_str(&url)));
    buf_clear(&url);
}

int cmd_setup(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("setup", NULL, 0, &argc, argv) || argc != 2) {
        return list_programs();
    }
    const struct setup_program *program = setup_program_find(argv[1]);
    if (program == NULL) {
        fprintf(stderr, "bittern: there is nothing for '%s'\n", argv[1]);
        return list_programs();
    }
    struct fault fault = {0};
    json_t *info = cli_call_running(cli, "setup.info", NULL, &fault);
    if (info == NULL) {
        return cli_fail(&fault);
    }
    if (cli->json) {
        return cli_print_json(info);
    }
    add_url(info);
    if (!add_uuid(info, "uuid", &fault) || !add_uuid(info, "uuid_mail", &fault)) {
        json_decref(info);
        return cli_fail(&fault);
    }
    struct buf out = {0};
    setup_text(&out, program, info);
    fputs(buf_str(&out), stdout);
    buf_clear(&out);
    json_decref(info);
    return CLI_DONE;
}
