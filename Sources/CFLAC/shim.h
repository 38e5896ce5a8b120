// The C surface that Swift sees of this library: its own header, and what Swift cannot import.
#pragma once
#include <FLAC/stream_encoder.h>
#include <FLAC/stream_decoder.h>
#include <FLAC/metadata.h>
