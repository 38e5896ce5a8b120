// One small API over both libgpiod's, which differ wholly: 1.x (Debian 12) and 2.x (Debian 13). Neither header has a
// version macro. GPIOD_LINE_BULK_MAX_LINES is a macro of every 1.x gpiod.h and of no 2.x one, which has no macros
// at all but its include guard.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef GPIOD_LINE_BULK_MAX_LINES
#define CHALK_GPIOD_V1 1
#else
#define CHALK_GPIOD_V1 0
#endif

/// One requested line and the chip it is on.
struct chalk_gpio_line {
    struct gpiod_chip *chip;
#if CHALK_GPIOD_V1
    struct gpiod_line *line;
#else
    struct gpiod_line_request *request;
    struct gpiod_edge_event_buffer *events;
    unsigned offset;
#endif
};

/// How a button's line is requested.
struct chalk_gpio_button {
    bool active_low;
    /// For the kernel's own debouncing, where the library offers it (2.x); 0 = none.
    unsigned debounce_microseconds;
};

static inline int chalk_gpio_errno(void) { return errno; }

static inline const char *chalk_gpio_version(void) {
#if CHALK_GPIOD_V1
    return gpiod_version_string();
#else
    return gpiod_api_version();
#endif
}

/// The number of lines of the chip at `path`; -1 with errno.
static inline int chalk_gpio_line_count(const char *path) {
    struct gpiod_chip *chip = gpiod_chip_open(path);
    if (chip == NULL) return -1;
#if CHALK_GPIOD_V1
    int count = (int)gpiod_chip_num_lines(chip);
#else
    struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
    int count = info == NULL ? -1 : (int)gpiod_chip_info_get_num_lines(info);
    gpiod_chip_info_free(info);
#endif
    gpiod_chip_close(chip);
    return count;
}

/// The offset of the line that is named `name` on the chip at `path`; -1 with errno, ENOENT when it has none.
static inline int chalk_gpio_find(const char *path, const char *name) {
    struct gpiod_chip *chip = gpiod_chip_open(path);
    if (chip == NULL) return -1;
#if CHALK_GPIOD_V1
    struct gpiod_line *line = gpiod_chip_find_line(chip, name);
    int offset = line == NULL ? -1 : (int)gpiod_line_offset(line);
#else
    int offset = gpiod_chip_get_line_offset_from_name(chip, name);
#endif
    int error = errno;
    gpiod_chip_close(chip);
    errno = error;
    return offset;
}

/// Gives the line back to the kernel. Idempotent.
static inline void chalk_gpio_close(struct chalk_gpio_line *line) {
    if (line->chip == NULL) return;
#if !CHALK_GPIOD_V1
    if (line->request != NULL) gpiod_line_request_release(line->request);
    if (line->events != NULL) gpiod_edge_event_buffer_free(line->events);
#endif
    // 1.x: closing the chip releases its lines.
    gpiod_chip_close(line->chip);
    *line = (struct chalk_gpio_line){0};
}

static inline int chalk_gpio_fail(struct chalk_gpio_line *line) {
    int error = errno;
    chalk_gpio_close(line);
    errno = error;
    return -1;
}

#if !CHALK_GPIOD_V1
/// Requests one line with these settings, which it frees.
static inline int chalk_gpio_request(struct chalk_gpio_line *line, unsigned offset,
                                     struct gpiod_line_settings *settings) {
    struct gpiod_line_config *lines = gpiod_line_config_new();
    struct gpiod_request_config *request = gpiod_request_config_new();
    if (settings != NULL && lines != NULL && request != NULL &&
        gpiod_line_config_add_line_settings(lines, &offset, 1, settings) == 0) {
        gpiod_request_config_set_consumer(request, "chalkbox");
        line->request = gpiod_chip_request_lines(line->chip, request, lines);
        line->offset = offset;
    }
    int error = errno;
    gpiod_request_config_free(request);
    gpiod_line_config_free(lines);
    gpiod_line_settings_free(settings);
    errno = error;
    return line->request == NULL ? -1 : 0;
}
#endif

/// The descriptor that is readable when the button's line has edges.
static inline int chalk_gpio_descriptor(struct chalk_gpio_line *line) {
#if CHALK_GPIOD_V1
    return gpiod_line_event_get_fd(line->line);
#else
    return gpiod_line_request_get_fd(line->request);
#endif
}

/// Requests a button: both edges, pulled to the level of a released button. 0, or -1 with errno.
static inline int chalk_gpio_open_button(struct chalk_gpio_line *line, const char *path, unsigned offset,
                                         struct chalk_gpio_button button) {
    *line = (struct chalk_gpio_line){.chip = gpiod_chip_open(path)};
    if (line->chip == NULL) return -1;
#if CHALK_GPIOD_V1
    struct gpiod_line_request_config config = {
        .consumer = "chalkbox",
        .request_type = GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES,
        .flags = button.active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW | GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP
                                   : GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN,
    };
    line->line = gpiod_chip_get_line(line->chip, offset);
    if (line->line == NULL || gpiod_line_request(line->line, &config, 0) != 0) return chalk_gpio_fail(line);
#else
    struct gpiod_line_settings *settings = gpiod_line_settings_new();
    if (settings != NULL) {
        gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT);
        gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
        gpiod_line_settings_set_bias(settings,
                                     button.active_low ? GPIOD_LINE_BIAS_PULL_UP : GPIOD_LINE_BIAS_PULL_DOWN);
        gpiod_line_settings_set_active_low(settings, button.active_low);
        gpiod_line_settings_set_debounce_period_us(settings, button.debounce_microseconds);
    }
    if (chalk_gpio_request(line, offset, settings) != 0) return chalk_gpio_fail(line);
    line->events = gpiod_edge_event_buffer_new(1);
    if (line->events == NULL) return chalk_gpio_fail(line);
#endif
    int descriptor = chalk_gpio_descriptor(line);
    if (fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) != 0) return chalk_gpio_fail(line);
    return 0;
}

/// Requests a lamp, dark. 0, or -1 with errno.
static inline int chalk_gpio_open_lamp(struct chalk_gpio_line *line, const char *path, unsigned offset,
                                       bool active_low) {
    *line = (struct chalk_gpio_line){.chip = gpiod_chip_open(path)};
    if (line->chip == NULL) return -1;
#if CHALK_GPIOD_V1
    struct gpiod_line_request_config config = {
        .consumer = "chalkbox",
        .request_type = GPIOD_LINE_REQUEST_DIRECTION_OUTPUT,
        .flags = active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0,
    };
    line->line = gpiod_chip_get_line(line->chip, offset);
    if (line->line == NULL || gpiod_line_request(line->line, &config, 0) != 0) return chalk_gpio_fail(line);
#else
    struct gpiod_line_settings *settings = gpiod_line_settings_new();
    if (settings != NULL) {
        gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_OUTPUT);
        gpiod_line_settings_set_active_low(settings, active_low);
        gpiod_line_settings_set_output_value(settings, GPIOD_LINE_VALUE_INACTIVE);
    }
    if (chalk_gpio_request(line, offset, settings) != 0) return chalk_gpio_fail(line);
#endif
    return 0;
}

/// 1 active, 0 not, -1 with errno.
static inline int chalk_gpio_get(struct chalk_gpio_line *line) {
#if CHALK_GPIOD_V1
    return gpiod_line_get_value(line->line);
#else
    return (int)gpiod_line_request_get_value(line->request, line->offset);
#endif
}

/// 0, or -1 with errno.
static inline int chalk_gpio_set(struct chalk_gpio_line *line, bool active) {
#if CHALK_GPIOD_V1
    return gpiod_line_set_value(line->line, active);
#else
    return gpiod_line_request_set_value(line->request, line->offset,
                                        active ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE);
#endif
}

/// Takes one waiting edge of a button: 1 and its fields, 0 when none waits, -1 with errno. A rising edge is the
/// button's press, whichever level that is.
static inline int chalk_gpio_read_edge(struct chalk_gpio_line *line, bool *pressed, int64_t *milliseconds) {
#if CHALK_GPIOD_V1
    struct gpiod_line_event event;
    if (gpiod_line_event_read(line->line, &event) != 0) return errno == EAGAIN ? 0 : -1;
    *pressed = event.event_type == GPIOD_LINE_EVENT_RISING_EDGE;
    *milliseconds = (int64_t)event.ts.tv_sec * 1000 + event.ts.tv_nsec / 1000000;
#else
    int count = gpiod_line_request_read_edge_events(line->request, line->events, 1);
    if (count < 0) return errno == EAGAIN ? 0 : -1;
    if (count == 0) return 0;
    struct gpiod_edge_event *event = gpiod_edge_event_buffer_get_event(line->events, 0);
    *pressed = gpiod_edge_event_get_event_type(event) == GPIOD_EDGE_EVENT_RISING_EDGE;
    *milliseconds = (int64_t)(gpiod_edge_event_get_timestamp_ns(event) / 1000000);
#endif
    return 1;
}
