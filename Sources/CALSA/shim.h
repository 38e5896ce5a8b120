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

/// Tenths of a decibel of a ratio above 0.
static inline int chalk_decibel_tenths(double ratio) { return (int)lround(200 * log10(ratio)); }
