// The C surface that Swift sees of OpenSSL's libcrypto: message digests.
#pragma once
#include <openssl/evp.h>
