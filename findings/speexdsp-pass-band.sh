#!/usr/bin/env bash
# libspeexdsp 1.2.1 (Debian 12, libspeexdsp1 1.2.1-1): what its qualities leave of speech, from 48 to 16 kHz.
#
# Seen, with a sine of half of full scale, one channel, measured when the filter has settled:
#   quality   at 7.2 kHz   at 8.8 kHz, which is to be gone
#   3         -7.0 dB       -88 dB   SPEEX_RESAMPLER_QUALITY_VOIP; ALSA's `speexrate` (alsa-plugins, rate_speexrate.c)
#   4         -2.3 dB       -88 dB   SPEEX_RESAMPLER_QUALITY_DEFAULT
#   5         -1.8 dB      -109 dB   ALSA's `speexrate_medium`
#   7          0.0 dB      -114 dB
# So whoever resamples a 48 kHz microphone to wideband speech (ITU-T G.722: 50 Hz to 7 kHz) with the quality that is
# named after telephony loses half of the amplitude where consonants end. The header (speex/speex_resampler.h) names the
# qualities and gives no pass band; the tables in resample.c (`quality_map`) have it as `downsample_bandwidth`.
# What follows for a recorder: the quality is chosen by what is measured. The product takes 7 (decision own-resampler),
# and its converter's tests hold 0.1 dB to 7.2 kHz and 80 dB from 8.1 kHz on.
#
# Needs cc, apt-get and dpkg-deb on Debian 12, amd64 or arm64, and a mirror of it.
set -euo pipefail

version=1.2.1-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# As an unprivileged user of its own, apt may not write here.
if ! apt-get -o APT::Sandbox::User=root download "libspeexdsp1=$version" "libspeexdsp-dev=$version" >/dev/null 2>&1; then
    echo "cannot download libspeexdsp $version: is this Debian 12, and its package list up to date?"
    exit 2
fi
for package in ./*.deb; do dpkg-deb -x "$package" root; done
library=$(dirname "$(find root -name 'libspeexdsp.so.1' | head -n 1)")

cat >loss.c <<'C'
#include <math.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>

/* dB by which a sine of `frequency` Hz is weaker at 16 kHz than it was at 48 kHz. */
static double loss(int quality, double frequency) {
    enum { frames = 48000 };
    static float input[frames], output[frames / 3 + 16];
    int error;
    SpeexResamplerState *state = speex_resampler_init(1, 48000, 16000, quality, &error);
    for (int n = 0; n < frames; n++) input[n] = 0.5f * (float)sin(2 * M_PI * frequency * n / 48000);
    spx_uint32_t taken = frames, given = frames / 3 + 16;
    speex_resampler_process_float(state, 0, input, &taken, output, &given);
    speex_resampler_destroy(state);
    double power = 0;
    for (int n = 4000; n < 12000; n++) power += (double)output[n] * output[n];
    return 10 * log10(power / 8000 / 0.125 + 1e-20);
}

int main(int argc, char **argv) {
    for (int place = 1; place < argc; place++)
        printf("%s %.1f %.1f\n", argv[place], loss(atoi(argv[place]), 7200), loss(atoi(argv[place]), 8800));
    return 0;
}
C
cc -O2 -o loss loss.c -Iroot/usr/include -L"$library" -lspeexdsp -lm
echo "libspeexdsp $version, 48 to 16 kHz: quality, dB at 7.2 kHz, dB at 8.8 kHz"
LD_LIBRARY_PATH=$library ./loss 3 4 5 7 | tee seen
awk '$1 == 3 && $2 < -6 { bad++ } $1 == 4 && $2 < -2 { bad++ } $1 == 7 && $2 > -0.2 { good++ }
    END { exit !(bad == 2 && good == 1) }' seen || { echo 'not as described any more'; exit 1; }
