// What the demonstration's recogniser (libpocketsphinx, Debian's en-us model) hears in raw 16 kHz mono s16le from
// standard input, on one line. `bench/capture` compiles it. The pauses that end an utterance, and the blocks, are those
// of the stand-in cloud (Sources/chalkbox-cloud/CloudKit/Recognition).
#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <stdio.h>

enum { block = 1600, longest_utterance = 20 * 16000 };

static void tell(ps_decoder_t *decoder) {
    for (ps_seg_t *segment = ps_seg_iter(decoder); segment; segment = ps_seg_next(segment)) {
        const char *word = ps_seg_word(segment);
        if (word[0] == '<' || word[0] == '[' || word[0] == '+') continue;
        // A variant is `the(2)`.
        for (; *word && *word != '('; word++) putchar(*word);
        putchar(' ');
    }
}

int main(int argc, char **argv) {
    char path[3][512];
    const char *names[] = {"en-us", "en-us.lm.bin", "cmudict-en-us.dict"}, *keys[] = {"-hmm", "-lm", "-dict"};
    if (argc != 2) return 2;
    err_set_logfp(NULL);
    cmd_ln_t *configuration = cmd_ln_init(NULL, ps_args(), TRUE, NULL);
    for (int i = 0; i < 3; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", argv[1], names[i]);
        cmd_ln_set_str_r(configuration, keys[i], path[i]);
    }
    cmd_ln_set_int_r(configuration, "-vad_postspeech", 20);
    ps_decoder_t *decoder = ps_init(configuration);
    if (!decoder) return 1;
    ps_start_stream(decoder);
    ps_start_utt(decoder);
    int16 samples[block];
    size_t count, spoken = 0;
    while ((count = fread(samples, sizeof *samples, block, stdin)) > 0) {
        ps_process_raw(decoder, samples, count, FALSE, FALSE);
        int speaks = ps_get_in_speech(decoder);
        if (!speaks && spoken == 0) continue;
        spoken += count;
        if (speaks && spoken < longest_utterance) continue;
        ps_end_utt(decoder);
        tell(decoder);
        ps_start_utt(decoder);
        spoken = 0;
    }
    ps_end_utt(decoder);
    tell(decoder);
    putchar('\n');
    ps_free(decoder);
    cmd_ln_free_r(configuration);
    return 0;
}
