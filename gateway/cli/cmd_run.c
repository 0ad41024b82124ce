// SPDX-License-Identifier: MIT
/* bittern run, bittern node, and the gateway that a single command starts where none runs. */
#include "gateway/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/paths.h"
#include "gateway/cli/console.h"
#include "gateway/cli/deliver.h"
#include "gateway/cli/listeners.h"
#include "gateway/cli/supervisor.h"
#include "gateway/cli/supervisor_spawn.h"
#include "gateway/control/call_table.h"
#include "gateway/control/control_client.h"

enum { ONE_SHOT_WAIT_MS = 60 * 1000, ONE_SHOT_POLL_MS = 10 };

/* The settings file of the first run: every key, commented out. */
static bool write_template(const char *path, struct fault *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST || fault_set_errno(fault, errno, "write %s", path);
    }
    struct buf text = {0};
    settings_print_template(&text);
    bool ok = file_write_synced(fd, buf_view(&text), fault) || fault_wrap(fault, "%s", path);
    close(fd);
    buf_clear(&text);
    return ok;
}

static int open_log(const struct cli *cli, const struct log_settings *log, struct fault *fault)
{
    if (strcmp(log->file, "-") == 0) {
        return STDERR_FILENO;
    }
    char *path = *log->file != '\0' ? xstrdup(log->file) : paths_in(cli->home, PATHS_LOG);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        fault_set_errno(fault, errno, "open the log %s", path);
    }
    free(path);
    return fd;
}

/* The home with its settings file, as a first start leaves it. */
static bool prepare(const struct cli *cli, struct settings *out, struct fault *fault)
{
    if (!cli_settings(cli, out, fault)) {
        return false;
    }
    char *path = paths_in(cli->home, PATHS_SETTINGS);
    bool ok = paths_prepare_home(cli->home, fault) && write_template(path, fault);
    free(path);
    if (!ok) {
        settings_clear(out);
    }
    return ok;
}

/* What differs between the ways to start. */
struct start {
    bool with_gateway;
    bool with_node;
    bool one_shot;
    bool with_console;
    char **salvage; /* as in supervisor_options */
};

/* A graphics processor's driver shows itself as one of these; without any of them OpenCL's library
 * need not be asked, which takes time and memory. */
static bool has_gpu_driver(void)
{
    static const char *const signs[] = {"/dev/dri/renderD*", "/dev/nvidia[0-9]*", "/dev/kfd",
                                        "/dev/mali[0-9]*"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        glob_t found;
        int result = glob(signs[i], GLOB_NOSORT, NULL, &found);
        if (result == 0) {
            globfree(&found);
            return true;
        }
    }
    return false;
}

/* Why its process is not started, or NULL. */
static const char *no_gpu(const struct settings *settings, struct start start)
{
    if (!start.with_gateway || start.one_shot) {
        return "there is no proof of work to do";
    }
    if (settings->pow.gpu == POW_GPU_USE_OFF) {
        return "[pow] gpu = off";
    }
    if (settings->pow.gpu == POW_GPU_USE_AUTO && !has_gpu_driver()) {
        return "no graphics processor's driver is loaded";
    }
    return NULL;
}

/* What `[api] notify_path` is told, as its one argument; the names under which the gateway asks. */
static const struct notice {
    const char *name;
    const char *event;
} notices[] = {
    {"notify.startingUp", "startingUp"},
    {"notify.newMessage", "newMessage"},
    {"notify.newBroadcast", "newBroadcast"},
};

/* The programs that the settings name. */
struct named_programs {
    struct supervisor_program items[1 + ARRAY_LEN(notices)];
    size_t n_items;
    const char *argv[DELIVER_MAX_WORDS + 1];
    const char *notice_argv[ARRAY_LEN(notices)][3];
    struct arena arena;
};

/* Ourselves, for LMTP and Maildirs; the domain is an argument, the rest comes with each mail. */
static bool name_ourselves(struct named_programs *programs, const struct cli *cli,
                           const struct mail_settings *mail, struct fault *fault)
{
    char *self = spawn_find(cli->program, "bittern", fault);
    if (self == NULL) {
        return false;
    }
    const char *const words[] = {arena_strdup(&programs->arena, self),
                                 "--home",
                                 cli->home,
                                 "deliver",
                                 mail->deliver,
                                 "--domain",
                                 mail->deliver_domain};
    size_t n_words = mail->deliver_domain[0] != '\0' ? ARRAY_LEN(words) : ARRAY_LEN(words) - 2;
    memcpy(programs->argv, words, n_words * sizeof *words);
    free(self);
    return true;
}

static void name_notices(struct named_programs *programs, const struct api_settings *api)
{
    for (size_t i = 0; api->enabled && api->notify_path[0] != '\0' && i < ARRAY_LEN(notices); i++) {
        programs->notice_argv[i][0] = api->notify_path;
        programs->notice_argv[i][1] = notices[i].event;
        programs->items[programs->n_items++] =
            (struct supervisor_program){.name = notices[i].name, .argv = programs->notice_argv[i]};
    }
}

/* Whoever enters by it reads all mail and may have all keys made: never without a password. */
static bool check_api(const struct api_settings *api, struct fault *fault)
{
    if (!api->enabled) {
        return true;
    }
    if (api->username[0] == '\0' || api->password[0] == '\0') {
        return fault_set(fault, FAULT_INVALID,
                         "[api] enabled = yes needs a username and a password of your own");
    }
    if (strchr(api->username, ':') != NULL) {
        return fault_set(fault, FAULT_INVALID, "[api] username: a colon ends it (RFC 7617)");
    }
    return api->notify_path[0] == '\0' || api->notify_path[0] == '/' ||
           fault_set(fault, FAULT_INVALID, "[api] notify_path: a path begins with /");
}

static bool name_deliver(struct named_programs *programs, const struct cli *cli,
                         const struct mail_settings *mail, struct fault *fault)
{
    struct deliver_target target;
    if (mail->deliver[0] == '\0') {
        return true;
    }
    if (!deliver_target_parse(&target, mail->deliver, &programs->arena, fault)) {
        return false;
    }
    if (target.kind == DELIVER_PROGRAM) {
        memcpy(programs->argv, target.words, target.n_words * sizeof *target.words);
    } else if (!name_ourselves(programs, cli, mail, fault)) {
        return false;
    }
    programs->items[programs->n_items++] =
        (struct supervisor_program){.name = "deliver", .argv = programs->argv};
    return true;
}

/* The setting's, else the credential that systemd's LoadCredential= put there. NULL: none. */
static char *passphrase_file(const struct settings *settings)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (settings->agent.passphrase_file[0] != '\0') {
        return xstrdup(settings->agent.passphrase_file);
    }
    char *path = folder != NULL ? paths_in(folder, "bittern-passphrase") : NULL;
    if (path != NULL && access(path, F_OK) != 0) {
        free(path);
        path = NULL;
    }
    return path;
}

static bool name_programs(struct named_programs *programs, const struct cli *cli,
                          const struct settings *settings, struct fault *fault)
{
    name_notices(programs, &settings->api);
    return check_api(&settings->api, fault) && name_deliver(programs, cli, &settings->mail, fault);
}

static int supervise(const struct cli *cli, const struct settings *settings, struct start start,
                     int log_fd, struct fault *fault)
{
    struct listeners listeners = {0};
    struct named_programs programs = {0};
    if (!name_programs(&programs, cli, settings, fault)) {
        arena_clear(&programs.arena);
        return -1;
    }
    if (!start.one_shot &&
        !listeners_init(&listeners, settings, cli->home, start.with_gateway, fault)) {
        arena_clear(&programs.arena);
        return -1;
    }
    char *passphrase = start.with_gateway && !start.one_shot ? passphrase_file(settings) : NULL;
    struct buf lines = {0};
    settings_to_lines(&lines, settings);
    if (start.with_console && console_start(cli) < 0) {
        log_warn("cli", "console can't start, errno=%d", errno);
    }
    const struct supervisor_options options = {
        .home = cli->home,
        .program = cli->program,
        .settings = buf_view(&lines),
        .listeners = listeners.items,
        .n_listeners = listeners.n_items,
        .programs = programs.items,
        .n_programs = programs.n_items,
        .with_gateway = start.with_gateway,
        .with_node = start.with_node,
        .upnp = start.with_node && settings->node.upnp && settings->node.tor != TOR_STRICT,
        .one_shot = start.one_shot,
        .salvage = start.salvage,
        .passphrase = passphrase,
        .no_gpu = no_gpu(settings, start),
        .log_fd = log_fd,
    };
    int code = supervisor_run(&options, fault);
    buf_clear_secret(&lines);
    free(passphrase);
    listeners_clear(&listeners);
    arena_clear(&programs.arena);
    return code;
}

static int start(const struct cli *cli, struct start how)
{
    struct settings settings;
    struct fault fault = {0};
    if (!prepare(cli, &settings, &fault)) {
        return cli_fail(&fault);
    }
    int code = -1;
    int log_fd = open_log(cli, &settings.log, &fault);
    if (log_fd >= 0) {
        log_init(log_fd, (enum log_level)settings.log.level, "bittern");
        log_show_addresses(settings.log.addresses);
        code = supervise(cli, &settings, how, log_fd, &fault);
    }
    settings_clear(&settings);
    return code >= 0 ? code : cli_fail(&fault);
}

int cmd_run(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("run", NULL, 0, &argc, argv) || argc > 1) {
        return cli_usage("run", "it takes no argument");
    }
    return start(cli,
                 (struct start){.with_gateway = true, .with_node = true, .with_console = true});
}

int cmd_node(struct cli *cli, int argc, char **argv)
{
    if (!cli_options("node", NULL, 0, &argc, argv) || argc > 1) {
        return cli_usage("node", "it takes no argument");
    }
    return start(cli, (struct start){.with_node = true});
}

char *cli_run_salvage(struct cli *cli)
{
    char *report = NULL;
    int code =
        start(cli, (struct start){.with_gateway = true, .one_shot = true, .salvage = &report});
    if (code != CLI_DONE) {
        free(report);
        report = NULL;
    }
    return report;
}

/* ---- One command where nothing runs. ---- */

static pid_t start_one_shot(const struct cli *cli)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(CLI_FAILED);
    }
    _exit(start(cli, (struct start){.with_gateway = true, .one_shot = true}));
}

/* Waits until the control socket answers; NULL when the gateway ended before. */
static struct control_client *wait_for_control(const struct cli *cli, pid_t pid,
                                               struct fault *fault)
{
    for (int waited = 0; waited < ONE_SHOT_WAIT_MS; waited += ONE_SHOT_POLL_MS) {
        struct control_client *client = control_client_connect(cli->home, fault);
        if (client != NULL) {
            return client;
        }
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            fault_set(fault, FAULT_CLOSED,
                      "the gateway did not start; the reason stands above, or "
                      "in the log");
            return NULL;
        }
        nanosleep(&(struct timespec){.tv_nsec = ONE_SHOT_POLL_MS * 1000000L}, NULL);
    }
    fault_set(fault, FAULT_TIMEOUT, "the gateway did not start in time");
    return NULL;
}

struct cli_session {
    struct control_client *client;
    pid_t pid; /* of the gateway that was started for it; 0: one ran */
};

struct cli_session *cli_session_open(struct cli *cli, struct fault *fault)
{
    struct cli_session *session = xcalloc(1, sizeof *session);
    session->client = control_client_connect(cli->home, fault);
    if (session->client == NULL) {
        session->pid = start_one_shot(cli);
        if (session->pid < 0) {
            session->pid = 0;
            fault_set_errno(fault, errno, "start a gateway");
        } else {
            session->client = wait_for_control(cli, session->pid, fault);
        }
    }
    if (session->client == NULL) {
        cli_session_close(&session);
    }
    return session;
}

/* All parts of what comes in parts. */
static json_t *ask(struct control_client *client, const char *call, json_t *params,
                   struct fault *fault)
{
    if (!call_is_paged(call)) {
        return control_client_call(client, call, params, fault);
    }
    json_t *rows = json_array();
    json_t *answer;
    bool has_more = true;
    params = params != NULL ? params : json_object();
    while (has_more &&
           (answer = control_client_call(client, call, json_deep_copy(params), fault)) != NULL) {
        has_more = call_next_page(rows, params, answer);
        json_decref(answer);
    }
    json_decref(params);
    if (has_more) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

json_t *cli_session_call(struct cli_session *session, const char *call, json_t *params,
                         struct fault *fault)
{
    return ask(session->client, call, params, fault);
}

void cli_session_close(struct cli_session **session)
{
    if (*session == NULL) {
        return;
    }
    control_client_free(&(*session)->client);
    if ((*session)->pid != 0) {
        kill((*session)->pid, SIGTERM);
        waitpid((*session)->pid, NULL, 0);
    }
    free(*session);
    *session = NULL;
}

json_t *cli_call(struct cli *cli, const char *call, json_t *params, struct fault *fault)
{
    struct cli_session *session = cli_session_open(cli, fault);
    if (session == NULL) {
        json_decref(params);
        return NULL;
    }
    json_t *answer = cli_session_call(session, call, params, fault);
    cli_session_close(&session);
    return answer;
}

json_t *cli_call_running(struct cli *cli, const char *call, json_t *params, struct fault *fault)
{
    struct control_client *client = control_client_connect(cli->home, fault);
    if (client == NULL) {
        json_decref(params);
        return NULL;
    }
    json_t *answer = ask(client, call, params, fault);
    control_client_free(&client);
    return answer;
}
