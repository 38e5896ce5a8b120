// The C surface that Swift sees of libasound: its own header, and what Swift cannot import.
#pragma once
#include <alsa/asoundlib.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

/// The newest message that libasound wanted to print in this thread. One Swift file may use this function: a header's
/// static variable exists once for each object that refers to it.
static inline char *chalk_alsa_message(void) {
    static _Thread_local char message[256];
    return message;
}

/// snd_lib_error_handler_t (alsa/error.h): libasound's own messages are kept, not printed.
static inline void chalk_alsa_keep_message(const char *file, int line, const char *function, int error,
                                           const char *format, ...) {
    (void)file;
    (void)line;
    (void)function;
    (void)error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(chalk_alsa_message(), 256, format, arguments);
    va_end(arguments);
}

static inline void chalk_alsa_silence(void) {
    chalk_alsa_message()[0] = 0;
    snd_lib_error_set_handler(chalk_alsa_keep_message);
}

/// How a PCM was set up, or which step of it failed.
typedef struct {
    /// The index in `chalk_alsa_configure`'s formats: PCMFormat.
    unsigned format;
    unsigned rate, channels;
    snd_pcm_uframes_t period, buffer;
    const char *what;
} chalk_pcm_setup;

/// Sets a PCM up in its own format, rate and number of channels (the number nearest to `setup->channels`), with periods
/// of 100 ms and a buffer of `buffer_seconds`, as near as it has them. Wakes once a period; the start is explicit, not
/// by the first read. Only s16 when it may convert. 0, or an error; `what` says of what.
static inline int chalk_alsa_configure(snd_pcm_t *pcm, int may_convert, unsigned buffer_seconds,
                                       chalk_pcm_setup *setup) {
    static const snd_pcm_format_t formats[] = {SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S32_LE, SND_PCM_FORMAT_S24_3LE,
                                               SND_PCM_FORMAT_S24_LE, SND_PCM_FORMAT_FLOAT_LE};
    // A rate of which 16 kHz is a whole part costs a quarter of what 44.1 kHz costs; else the one nearest to 48 kHz.
    static const unsigned rates[] = {16000, 48000, 32000, 96000, 44100};
    snd_pcm_hw_params_t *hardware;
    snd_pcm_sw_params_t *software;
    snd_pcm_hw_params_alloca(&hardware);
    snd_pcm_sw_params_alloca(&software);
    int result;
#define CHALK_STEP(name, call) \
    do { \
        setup->what = name; \
        if ((result = (call)) < 0) return result; \
    } while (0)
    CHALK_STEP("any format", snd_pcm_hw_params_any(pcm, hardware));
    CHALK_STEP("interleaved access",
               snd_pcm_hw_params_set_access(pcm, hardware, SND_PCM_ACCESS_RW_INTERLEAVED));
    setup->what = "samples of 16, 24 or 32 bits";
    for (setup->format = 0; (result = snd_pcm_hw_params_set_format(pcm, hardware, formats[setup->format])) < 0;)
        if (may_convert || ++setup->format == 5) return result;
    CHALK_STEP("any number of channels", snd_pcm_hw_params_set_channels_near(pcm, hardware, &setup->channels));
    unsigned place = 0;
    while (place < 5 && snd_pcm_hw_params_set_rate(pcm, hardware, rates[place], 0) < 0) place++;
    setup->rate = rates[place < 5 ? place : 1];
    if (place == 5) CHALK_STEP("any rate", snd_pcm_hw_params_set_rate_near(pcm, hardware, &setup->rate, NULL));
    // The lowest that speech is recorded with, and the highest that converters have.
    CHALK_STEP("a usual rate", setup->rate < 4000 || setup->rate > 768000 ? -EINVAL : 0);
    setup->period = setup->rate / 10;
    setup->buffer = setup->rate * buffer_seconds;
    CHALK_STEP("a buffer of 2 s", snd_pcm_hw_params_set_buffer_size_near(pcm, hardware, &setup->buffer));
    CHALK_STEP("a period of 100 ms", snd_pcm_hw_params_set_period_size_near(pcm, hardware, &setup->period, NULL));
    CHALK_STEP("its own format with these buffers", snd_pcm_hw_params(pcm, hardware));
    snd_pcm_hw_params_get_period_size(hardware, &setup->period, NULL);
    snd_pcm_hw_params_get_buffer_size(hardware, &setup->buffer);
    CHALK_STEP("a wake-up each period", snd_pcm_sw_params_current(pcm, software));
    CHALK_STEP("a wake-up each period", snd_pcm_sw_params_set_avail_min(pcm, software, setup->period));
    CHALK_STEP("a wake-up each period", snd_pcm_sw_params(pcm, software));
#undef CHALK_STEP
    return 0;
}

/// Nobody reads what libasound wants to print. (Any Swift file may use it: it keeps nothing.)
static inline void chalk_alsa_drop_message(const char *file, int line, const char *function, int error,
                                           const char *format, ...) {
    (void)file;
    (void)line;
    (void)function;
    (void)error;
    (void)format;
}

static inline void chalk_alsa_ignore_messages(void) { snd_lib_error_set_handler(chalk_alsa_drop_message); }

/// Tenths of a decibel of a ratio above 0.
static inline int chalk_decibel_tenths(double ratio) { return (int)lround(200 * log10(ratio)); }
