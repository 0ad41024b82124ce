// SPDX-License-Identifier: MIT
#include "gateway/cli/console.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "gateway/cli/setup_text.h"
#include "gateway/cli/status_text.h"
#include "gateway/control/control_client.h"

enum { PAUSE_MS = 100, STATUS_EVERY_MS = 1000 };

static const char page[] =
    "\n"
    "Bittern runs. Point a mail program at it:\n"
    "\n"
    "  reading   IMAP  @host@  port @imap_port@ (STARTTLS) or @imap_tls_port@ (TLS)\n"
    "  sending   SMTP  @host@  port @smtp_port@ (STARTTLS) or @smtp_tls_port@ (TLS)\n"
    "  user      @account@\n"
    "  password  @password@\n"
    "  address   @address@\n"
    "  recovery  @recovery_key@\n"
    "  web page  @page@\n"
    "\n"
    "`bittern setup thunderbird` (or mutt, mbsync, msmtp ...) prints a ready configuration.\n"
    "Everything is kept in @home@. Ctrl-C stops.\n"
    "\n";

static const char password_is_known[] = "as it was (`bittern account passwd` makes a new one)";
static const char page_is_off[] = "off ([http] page or listen)";
static const char key_is_new[] = "%s (opens your backups; write it down)";
static const char key_is_known[] = "as it was (`bittern recovery-key --new` makes a new one)";

static void pause_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* One question on a connection of its own, so that a gateway that is started again is met again. */
static json_t *ask(const struct cli *cli, const char *call)
{
    struct control_client *client = control_client_connect(cli->home, NULL);
    if (client == NULL) {
        return NULL;
    }
    struct fault fault = {0};
    json_t *answer = control_client_call(client, call, NULL, &fault);
    control_client_free(&client);
    return answer;
}

static void wait_until_ready(const struct cli *cli)
{
    for (;;) {
        json_t *status = ask(cli, "status");
        bool ready = json_is_true(json_object_get(status, "ready"));
        json_decref(status);
        if (ready) {
            return;
        }
        pause_ms(PAUSE_MS);
    }
}

static void print_page(const struct cli *cli)
{
    json_t *info = ask(cli, "setup.info");
    json_t *first = ask(cli, "setup.first_password");
    const char *password = json_string_value(json_object_get(first, "password"));
    json_t *key = password != NULL ? ask(cli, "recovery_key.new") : NULL;
    const char *recovery_key = json_string_value(json_object_get(key, "recovery_key"));
    if (info != NULL) {
        json_object_set_new(info, "password",
                            json_string(password != NULL ? password : password_is_known));
        if (*cli_text(info, "page") == '\0') {
            json_object_set_new(info, "page", json_string(page_is_off));
        }
        json_object_set_new(info, "recovery_key",
                            recovery_key != NULL ? json_sprintf(key_is_new, recovery_key)
                                                 : json_string(key_is_known));
        struct setup_program program = {"console", page, .escaped = ""};
        struct buf out = {0};
        setup_text(&out, &program, info);
        fputs(buf_str(&out), stdout);
        fflush(stdout);
        buf_clear_secret(&out);
    }
    json_decref(info);
    json_decref(first);
    json_decref(key);
}

static void show_status(const struct cli *cli)
{
    for (;;) {
        json_t *status = ask(cli, "status");
        if (status != NULL) {
            struct buf line = {0};
            status_text_line(&line, status);
            printf("\r\033[K%s", buf_str(&line));
            fflush(stdout);
            buf_clear(&line);
            json_decref(status);
        }
        pause_ms(STATUS_EVERY_MS);
    }
}

pid_t console_start(const struct cli *cli)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, SIG_IGN); /* Ctrl-C is the supervisor's; we end with it */
    if (getppid() != parent) {
        _exit(CLI_DONE);
    }
    wait_until_ready(cli);
    print_page(cli);
    if (isatty(STDOUT_FILENO)) {
        show_status(cli);
    }
    _exit(CLI_DONE);
}
