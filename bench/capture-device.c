// A microphone without hardware that has one rate, one format and its channels, as a real one has: ALSA's `null` takes
// whatever is asked for, and nothing would be converted. An ioplug (alsa/pcm_ioplug.h); `bench/capture` compiles it.
//   pcm.NAME { type chalkmic infile "FILE" rate 48000 format S16_LE channels 2 }
// FILE has the samples as the device gives them, interleaved; behind its end is silence. It is as fast as it is read.
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    snd_pcm_ioplug_t io;
    int file;
    long rate, channels;
    snd_pcm_format_t format;
} microphone;

static int do_nothing(snd_pcm_ioplug_t *io) {
    (void)io;
    return 0;
}

/// Always a buffer full ahead of the reader.
static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io) {
    return (snd_pcm_sframes_t)((io->appl_ptr + io->buffer_size - 1) % io->buffer_size);
}

/// A reader of the mapped buffer has what is ahead of it filled in again and again: the place in the file follows from
/// the place in the buffer, and nothing is skipped.
static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
                                  snd_pcm_uframes_t size) {
    microphone *self = io->private_data;
    const snd_pcm_channel_area_t *mapped = snd_pcm_ioplug_mmap_areas(io);
    snd_pcm_uframes_t ahead = 0, buffer = io->buffer_size;
    if (mapped && mapped->addr == areas->addr) ahead = (offset + buffer - io->appl_ptr % buffer) % buffer;
    size_t frame = areas->step / 8, bytes = size * frame;
    char *target = (char *)areas->addr + areas->first / 8 + offset * frame;
    ssize_t count = pread(self->file, target, bytes, (off_t)((io->appl_ptr + ahead) * frame));
    if (count < 0) count = 0;
    memset(target + count, 0, bytes - (size_t)count);
    return (snd_pcm_sframes_t)size;
}

static int close_file(snd_pcm_ioplug_t *io) {
    microphone *self = io->private_data;
    close(self->file);
    close(io->poll_fd);
    free(self);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = do_nothing, .stop = do_nothing, .pointer = pointer, .transfer = transfer, .close = close_file,
};

static int constrain(microphone *self) {
    unsigned access[] = {SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED};
    unsigned format = (unsigned)self->format, rate = (unsigned)self->rate, channels = (unsigned)self->channels;
    snd_pcm_ioplug_t *io = &self->io;
    int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, access);
    if (error >= 0) error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, &format);
    if (error >= 0) error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_CHANNELS, 1, &channels);
    if (error >= 0) error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_RATE, 1, &rate);
    if (error >= 0)
        error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 4096, 1 << 22);
    if (error >= 0)
        error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 256, 1 << 20);
    return error < 0 ? error : snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 1024);
}

SND_PCM_PLUGIN_DEFINE_FUNC(chalkmic) {
    (void)root;
    const char *infile = "/dev/zero", *format = "S16_LE";
    microphone *self = calloc(1, sizeof *self);
    if (!self) return -ENOMEM;
    self->rate = 48000;
    self->channels = 1;
    snd_config_iterator_t at, next;
    snd_config_for_each(at, next, conf) {
        snd_config_t *field = snd_config_iterator_entry(at);
        const char *id;
        if (snd_config_get_id(field, &id) < 0) continue;
        if (!strcmp(id, "infile")) snd_config_get_string(field, &infile);
        if (!strcmp(id, "format")) snd_config_get_string(field, &format);
        if (!strcmp(id, "rate")) snd_config_get_integer(field, &self->rate);
        if (!strcmp(id, "channels")) snd_config_get_integer(field, &self->channels);
    }
    self->format = snd_pcm_format_value(format);
    self->file = open(infile, O_RDONLY | O_CLOEXEC);
    self->io = (snd_pcm_ioplug_t){
        .version = SND_PCM_IOPLUG_VERSION, .name = "Chalkbox's bench microphone", .callback = &callbacks,
        .private_data = self, .poll_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), .poll_events = POLLIN,
    };
    int error = self->file < 0 ? -errno : snd_pcm_ioplug_create(&self->io, name, stream, mode);
    if (error < 0) {
        if (self->file >= 0) close(self->file);
        close(self->io.poll_fd);
        free(self);
        return error;
    }
    if ((error = constrain(self)) < 0) {
        snd_pcm_ioplug_delete(&self->io);
        return error;
    }
    *pcmp = self->io.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(chalkmic)
