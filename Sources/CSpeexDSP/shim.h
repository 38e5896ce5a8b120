// The C surface that Swift sees of libspeexdsp: its resampler's own header.
#pragma once
#include <speex/speex_resampler.h>
