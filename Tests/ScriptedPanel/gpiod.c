// A GPIO chip made of files, in libgpiod 1's place: what tests plug in, press and look at. `$SCRIPTED_PANEL/gpiochip9` is
// /dev/gpiochip9; it is unplugged when the directory is gone. In it, for line 17:
//   17.level    a button's level, 0 or 1
//   17.edges    a FIFO of its edges, `struct edge` each; its last writer's end hangs the line up
//   17.value    what a lamp was driven to last
//   17.busy     the line is another's (EBUSY)
//   17.broken   it cannot be driven (EIO)
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES = 32 };

struct edge {
    int64_t pressed;
    int64_t nanoseconds;
};

struct gpiod_line {
    struct gpiod_chip *chip;
    unsigned offset;
    int edges;
};

struct gpiod_chip {
    int directory;
    struct gpiod_line lines[LINES];
};

const char *gpiod_version_string(void) { return "scripted"; }

struct gpiod_chip *gpiod_chip_open(const char *path) {
    char place[512];
    snprintf(place, sizeof place, "%s/%s", getenv("SCRIPTED_PANEL"), strrchr(path, '/') + 1);
    int directory = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return NULL;
    struct gpiod_chip *chip = calloc(1, sizeof *chip);
    chip->directory = directory;
    for (unsigned offset = 0; offset < LINES; offset++)
        chip->lines[offset] = (struct gpiod_line){.chip = chip, .offset = offset, .edges = -1};
    return chip;
}

void gpiod_chip_close(struct gpiod_chip *chip) {
    for (unsigned offset = 0; offset < LINES; offset++)
        if (chip->lines[offset].edges >= 0) close(chip->lines[offset].edges);
    close(chip->directory);
    free(chip);
}

unsigned gpiod_chip_num_lines(struct gpiod_chip *chip) { return (void)chip, LINES; }

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned offset) { return &chip->lines[offset]; }

struct gpiod_line *gpiod_chip_find_line(struct gpiod_chip *chip, const char *name) {
    (void)chip, (void)name;
    errno = ENOENT;
    return NULL;
}

unsigned gpiod_line_offset(struct gpiod_line *line) { return line->offset; }

/// Whether the chip is gone; as the kernel does, every call on its lines then says ENODEV.
static int is_gone(struct gpiod_line *line) {
    struct stat status;
    if (fstat(line->chip->directory, &status) == 0 && status.st_nlink > 0) return 0;
    errno = ENODEV;
    return 1;
}

static int open_file(struct gpiod_line *line, const char *what, int flags) {
    char name[32];
    snprintf(name, sizeof name, "%u.%s", line->offset, what);
    return openat(line->chip->directory, name, flags | O_CLOEXEC, 0644);
}

static int has_file(struct gpiod_line *line, const char *what) {
    int file = open_file(line, what, O_RDONLY);
    if (file >= 0) close(file);
    return file >= 0;
}

int gpiod_line_request(struct gpiod_line *line, const struct gpiod_line_request_config *config, int value) {
    if (is_gone(line)) return -1;
    if (has_file(line, "busy")) return errno = EBUSY, -1;
    if (config->request_type == GPIOD_LINE_REQUEST_DIRECTION_OUTPUT) return gpiod_line_set_value(line, value);
    line->edges = open_file(line, "edges", O_RDONLY | O_NONBLOCK);
    return line->edges < 0 ? -1 : 0;
}

int gpiod_line_get_value(struct gpiod_line *line) {
    if (is_gone(line)) return -1;
    char level = '0';
    int file = open_file(line, "level", O_RDONLY);
    if (file < 0) return 0;
    if (read(file, &level, 1) < 0) level = '0';
    close(file);
    return level == '1';
}

int gpiod_line_set_value(struct gpiod_line *line, int value) {
    if (is_gone(line)) return -1;
    if (has_file(line, "broken")) return errno = EIO, -1;
    int file = open_file(line, "value", O_WRONLY | O_CREAT);
    if (file < 0) return -1;
    ssize_t count = pwrite(file, value ? "1" : "0", 1, 0);
    close(file);
    return count == 1 ? 0 : -1;
}

int gpiod_line_event_get_fd(struct gpiod_line *line) { return line->edges; }

int gpiod_line_event_read(struct gpiod_line *line, struct gpiod_line_event *event) {
    struct edge edge;
    ssize_t count = read(line->edges, &edge, sizeof edge);
    if (count == 0) {
        if (!is_gone(line)) errno = EAGAIN;
        return -1;
    }
    if (count != sizeof edge) return -1;
    event->event_type = edge.pressed ? GPIOD_LINE_EVENT_RISING_EDGE : GPIOD_LINE_EVENT_FALLING_EDGE;
    event->ts = (struct timespec){edge.nanoseconds / 1000000000, edge.nanoseconds % 1000000000};
    return 0;
}
