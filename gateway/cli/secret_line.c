// SPDX-License-Identifier: MIT
#include "gateway/cli/secret_line.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

static bool read_line(char *out, size_t out_size, const char *prompt)
{
    struct termios before;
    bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (is_terminal) {
        struct termios silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH,
                        &silent); /* first: what is typed ahead is dropped */
        fprintf(stderr, "%s: ", prompt);
    }
    bool ok = fgets(out, (int)out_size, stdin) != NULL;
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    return ok;
}

bool secret_line_read(char *out, size_t out_size, const char *prompt, struct fault *fault)
{
    size_t len = 0;
    bool ok = read_line(out, out_size, prompt);
    if (ok) {
        len = strcspn(out, "\r\n");
        ok = out[len] != '\0' || len + 1 < out_size || feof(stdin);
    }
    if (ok && len > 0) {
        out[len] = '\0';
        return true;
    }
    bool is_long = !ok && len > 0;
    mem_wipe(out, out_size);
    return is_long ? fault_set(fault, FAULT_LIMIT, "%s: the line is too long", prompt)
                   : fault_set(fault, FAULT_INVALID, "%s: there is no line of it", prompt);
}
