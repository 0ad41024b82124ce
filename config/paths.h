// SPDX-License-Identifier: MIT
/* Where things lie: the home folder and what it holds. */
#ifndef BITTERN_CONFIG_PATHS_H
#define BITTERN_CONFIG_PATHS_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/fault.h"

/* The home folder: `home_option` (--home) if not NULL, else $BITTERN_HOME, else bittern/ in the XDG
 * data folder. The result is the caller's. FAULT_INVALID when none of them can be told. */
char *paths_home(const char *home_option, struct fault *fault) MUST_USE;

/* home/name; the caller's. */
char *paths_in(const char *home, const char *name) MUST_USE;

/* What lies in the home. */
#define PATHS_SETTINGS "bittern.conf"
#define PATHS_CONTROL_SOCKET "control.sock"
#define PATHS_LOG "bittern.log"
#define PATHS_LOCK "lock"
#define PATHS_GATEWAY "gateway"
#define PATHS_NODE "node"
#define PATHS_SUBMIT_SOCKET "submit.sock" /* SMTP for the home's owner: bittern sendmail -bs */
#define PATHS_SPOOL "spool"               /* in PATHS_GATEWAY: mails that wait for the gateway */
#define PATHS_SPOOL_SUFFIX ".mail"
#define PATHS_SPOOL_BAD_SUFFIX ".bad"

/* Make the home folder, 0700, with its parents, if it is not there. FAULT_DENIED when it belongs to
 * another user or others may read it. */
bool paths_prepare_home(const char *home, struct fault *fault) MUST_USE;

#endif
