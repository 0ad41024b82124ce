// SPDX-License-Identifier: MIT
#include "gateway/compat/api_error.h"

#include <stddef.h>

static const char *const texts[API_N_ERRORS] = {
    [API_BLANK_PASSPHRASE] = "The specified passphrase is blank.",
    [API_NO_ADDRESSES] = "Why would you ask me to generate 0 addresses for you?",
    [API_TOO_MANY_ADDRESSES] =
        "You have (accidentally?) specified too many addresses to make. Maximum 999. This check "
        "only exists to prevent mischief; if you really want to create more addresses than this, "
        "contact the Bitmessage developers and we can modify the check or you can do it yourself "
        "by searching the source code for this message.",
    [API_ENCODING_TYPE] = "The encoding type must be 2 or 3.",
    [API_ADDRESS_VERSION_UNSUPPORTED] =
        "The address version number currently must be 2, 3 or 4. Others aren't supported. Check "
        "the address.",
    [API_ADDRESS_STREAM_UNSUPPORTED] =
        "The stream number must be 1. Others aren't supported. Check the address.",
    [API_ADDRESS_NOT_OURS] = "Could not find this address in your keys.dat file.",
    [API_SENDER_DISABLED] = "Your fromAddress is disabled. Cannot send.",
    [API_ACKDATA_SIZE] = "Invalid ackData object size.",
    [API_EXISTS] = "You are already subscribed to that address.",
    [API_LABEL_NOT_UTF8] = "Label is not valid UTF-8 data.",
    [API_CHAN_MISMATCH] = "Chan name does not match address.",
    [API_HASH_LENGTH] =
        "The length of hash should be 32 bytes (encoded in hex thus 64 characters).",
    [API_CHAN_PRESENT] = "Chan address is already present.",
    [API_NOT_A_CHAN] =
        "Specified address is not a chan address. Use deleteAddress API call instead.",
    [API_MESSAGE_TOO_LONG] = "Message is too long.",
};

const char *api_error_text(enum api_error code)
{
    return texts[code] == NULL ? "" : texts[code];
}
