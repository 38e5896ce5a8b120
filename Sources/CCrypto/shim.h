// The C surface that Swift sees of this library: its own header, and what Swift cannot import.
#pragma once
#include <openssl/evp.h>
