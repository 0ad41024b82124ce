// SPDX-License-Identifier: MIT
/* PyBitmessage's errors: its codes, and its texts to the letter, since clients look for them. */
#ifndef BITTERN_GATEWAY_COMPAT_API_ERROR_H
#define BITTERN_GATEWAY_COMPAT_API_ERROR_H

enum api_error {
    API_PARAMETER_COUNT = 0,
    API_BLANK_PASSPHRASE = 1,
    API_ADDRESS_VERSION = 2,
    API_STREAM = 3,
    API_NO_ADDRESSES = 4,
    API_TOO_MANY_ADDRESSES = 5,
    API_ENCODING_TYPE = 6,
    API_ADDRESS_UNDECODABLE = 7,
    API_ADDRESS_CHECKSUM = 8,
    API_ADDRESS_CHARACTERS = 9,
    API_ADDRESS_VERSION_TOO_HIGH = 10,
    API_ADDRESS_VERSION_UNSUPPORTED = 11,
    API_ADDRESS_STREAM_UNSUPPORTED = 12,
    API_ADDRESS_NOT_OURS = 13,
    API_SENDER_DISABLED = 14,
    API_ACKDATA_SIZE = 15,
    API_EXISTS = 16,
    API_LABEL_NOT_UTF8 = 17,
    API_CHAN_MISMATCH = 18,
    API_HASH_LENGTH = 19,
    API_INVALID_METHOD = 20,
    API_UNEXPECTED = 21,
    API_DECODE = 22,
    API_BOOL_EXPECTED = 23,
    API_CHAN_PRESENT = 24,
    API_NOT_A_CHAN = 25,
    API_ADDRESS_VARINT = 26,
    API_MESSAGE_TOO_LONG = 27,
    API_N_ERRORS
};

/* Of those that are always said alike; "" for those that name what was wrong. Static storage. */
const char *api_error_text(enum api_error code);

#endif
