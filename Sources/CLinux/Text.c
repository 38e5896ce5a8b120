// Errors as text, and text as numbers.
#define _GNU_SOURCE
#include "CLinux.h"

#include <locale.h>

int chalk_errno(void) { return errno; }

const char *chalk_error_text(int error) {
    static _Thread_local char text[128];
    if (error == CHALK_IRREGULAR) return "It is a pipe, a socket or a device, not a regular file";
    return strerror_r(error, text, sizeof text);
}

const char *_swift_stdlib_strtod_clocale(const char *text, double *value) {
    static locale_t c_locale;
    if (c_locale == NULL) c_locale = newlocale(LC_ALL_MASK, "C", NULL);
    char *end;
    *value = strtod_l(text, &end, c_locale);
    return end == text ? NULL : end;
}
