// One resampler, as the capture thread would use it: blocks of 30 ms, 32-bit float, one channel. `bench/capture`
// compiles it, and reads what it measured from standard error: CPU seconds of the resampler's own calls, and the most
// samples of 16 kHz that it held back after a block.
//   capture-resample soxr mq|hq|vhq RATE   capture-resample speex 0..10 RATE   capture-resample src medium RATE
// Samples of RATE come on standard input, those of 16 kHz go to standard output.
#include <samplerate.h>
#include <soxr.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { output_rate = 16000, block_milliseconds = 30, largest_block = 192000 * block_milliseconds / 1000 };

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static soxr_t soxr;
static SpeexResamplerState *speex;
static SRC_STATE *src;
static double ratio;

static int prepare(const char *library, const char *quality, unsigned rate) {
    int error = 0;
    ratio = (double)output_rate / rate;
    if (!strcmp(library, "soxr")) {
        unsigned long recipe = !strcmp(quality, "mq") ? SOXR_MQ : !strcmp(quality, "hq") ? SOXR_HQ : SOXR_VHQ;
        soxr_quality_spec_t spec = soxr_quality_spec(recipe, 0);
        soxr = soxr_create(rate, output_rate, 1, NULL, NULL, &spec, NULL);
        return soxr != NULL;
    }
    if (!strcmp(library, "speex")) {
        speex = speex_resampler_init(1, rate, output_rate, atoi(quality), &error);
        return speex != NULL;
    }
    src = src_new(SRC_SINC_MEDIUM_QUALITY, 1, &error);
    return src != NULL;
}

/// All of `count` samples go in; what is ready comes out.
static size_t convert(const float *input, size_t count, float *output, size_t room) {
    if (soxr) {
        size_t taken, given;
        soxr_process(soxr, input, count, &taken, output, room, &given);
        return given;
    }
    if (speex) {
        spx_uint32_t taken = (spx_uint32_t)count, given = (spx_uint32_t)room;
        speex_resampler_process_float(speex, 0, input, &taken, output, &given);
        return given;
    }
    SRC_DATA data = {.data_in = input, .data_out = output, .input_frames = (long)count,
                     .output_frames = (long)room, .src_ratio = ratio};
    src_process(src, &data);
    return (size_t)data.output_frames_gen;
}

int main(int argc, char **argv) {
    static float input[largest_block], output[largest_block];
    if (argc != 4) return 2;
    unsigned rate = (unsigned)atoi(argv[3]);
    if (rate < output_rate || rate > 192000 || !prepare(argv[1], argv[2], rate)) return 2;
    size_t block = (size_t)rate * block_milliseconds / 1000, count, given = 0, taken = 0;
    double cpu = 0, held = 0, behind;
    while ((count = fread(input, sizeof *input, block, stdin)) > 0) {
        double start = cpu_seconds();
        size_t ready = convert(input, count, output, largest_block);
        cpu += cpu_seconds() - start;
        if (fwrite(output, sizeof *output, ready, stdout) != ready) return 1;
        taken += count;
        given += ready;
        if ((behind = (double)taken * ratio - (double)given) > held) held = behind;
    }
    fprintf(stderr, "%.6f %.0f\n", cpu, held);
    return 0;
}
