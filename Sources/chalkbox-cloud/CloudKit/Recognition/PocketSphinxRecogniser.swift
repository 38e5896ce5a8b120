internal import CPocketSphinx

/// Real speech recognition by libpocketsphinx 5prealpha, in one speaker's name.
///
/// The decoder's own voice activity detection cuts utterances at pauses; an utterance's words become final at its
/// end and are the guess until then. The decoder is fed blocks of one size, so that its answer does not depend on
/// the frames the samples came in.
package final class PocketSphinxRecogniser: Recogniser {
    /// 100 ms.
    private static let blockSamples = 1_600
    /// Frames are 10 ms (`-frate 100`).
    private static let frameSamples = 160
    /// An utterance without a pause is cut here, so that finals come during a monologue too.
    private static let longestUtteranceSamples = 20 * 16_000
    /// The detector looks back this far when speech begins: `-vad_prespeech` and `-vad_startspeech` are 20 and 10
    /// frames, and a block may have passed since.
    private static let lookBackSamples = 30 * frameSamples + blockSamples

    /// A pause of so many frames ends an utterance. The library's 50 leaves 14 s without a final in read prose;
    /// 20 gives finals every 3 to 6 s there at the same word error rate.
    private static let pauseFrames = 20

    private let decoder: OpaquePointer
    private var waiting: [Int16] = []
    private var speechBegan: Int?
    private var guess: [RecognisedToken] = []
    private var finalSamples = 0
    private var processedSamples = 0

    /// Loads the model, about 100 MB.
    package init(modelDirectory: String) throws(RecogniserError) {
        // Process-wide; the library's progress report is of no use here and would drown the server's own output.
        err_set_logfp(nil)
        let configuration = pocketsphinx_default_configuration()
        defer { cmd_ln_free_r(configuration) }
        cmd_ln_set_str_r(configuration, "-hmm", modelDirectory + "/en-us")
        cmd_ln_set_str_r(configuration, "-lm", modelDirectory + "/en-us.lm.bin")
        cmd_ln_set_str_r(configuration, "-dict", modelDirectory + "/cmudict-en-us.dict")
        cmd_ln_set_int_r(configuration, "-vad_postspeech", Self.pauseFrames)
        guard let decoder = ps_init(configuration) else {
            throw .modelNotUsable(directory: modelDirectory)
        }
        self.decoder = decoder
        ps_start_stream(decoder)
        ps_start_utt(decoder)
    }

    deinit { ps_free(decoder) }

    package func feed(_ samples: [Int16]) -> Recognition {
        waiting += samples
        var finals: [RecognisedToken] = []
        var position = 0
        while waiting.count - position >= Self.blockSamples {
            finals += process(waiting[position..<(position + Self.blockSamples)])
            position += Self.blockSamples
        }
        waiting.removeFirst(position)
        return recognition(finals)
    }

    /// The samples short of a block wait for the next ones, so finalising never shifts the blocks.
    package func finalize() -> Recognition {
        recognition(speechBegan == nil ? [] : cutUtterance())
    }

    package func finish() -> Recognition {
        let rest = waiting[...]
        waiting = []
        var finals = rest.isEmpty ? [] : process(rest)
        finals += cutUtterance()
        finalSamples = processedSamples
        return recognition(finals)
    }

    private func recognition(_ finals: [RecognisedToken]) -> Recognition {
        Recognition(finals: finals, nonFinals: guess, finalSamples: finalSamples, totalSamples: processedSamples)
    }

    private func process(_ block: ArraySlice<Int16>) -> [RecognisedToken] {
        block.withUnsafeBufferPointer { _ = ps_process_raw(decoder, $0.baseAddress, $0.count, 0, 0) }
        processedSamples += block.count
        let isInSpeech = ps_get_in_speech(decoder) != 0
        switch (speechBegan, isInSpeech) {
        case (nil, false):
            finalSamples = max(finalSamples, processedSamples - Self.lookBackSamples)
            return []
        case (nil, true):
            speechBegan = processedSamples
            guess = tokens(areFinal: false)
            return []
        case (.some(let began), true) where processedSamples - began < Self.longestUtteranceSamples:
            guess = tokens(areFinal: false)
            return []
        case (.some, _):
            return cutUtterance()
        }
    }

    private func cutUtterance() -> [RecognisedToken] {
        ps_end_utt(decoder)
        let finals = tokens(areFinal: true)
        ps_start_utt(decoder)
        speechBegan = nil
        guess = []
        finalSamples = max(finalSamples, finals.last?.endSample ?? 0)
        return finals
    }

    /// The words of the utterance's best hypothesis. Frames count from the start of the stream.
    private func tokens(areFinal: Bool) -> [RecognisedToken] {
        var tokens: [RecognisedToken] = []
        // A segment iterator that reached its end frees itself (ps_seg_next).
        var segment = ps_seg_iter(decoder)
        while let current = segment {
            defer { segment = ps_seg_next(current) }
            guard let name = ps_seg_word(current), let word = Self.spoken(String(cString: name)) else { continue }
            var first: Int32 = 0
            var last: Int32 = 0
            ps_seg_frames(current, &first, &last)
            let posterior = ps_seg_prob(current, nil, nil, nil)
            tokens.append(
                RecognisedToken(
                    text: " " + word, startSample: Int(first) * Self.frameSamples,
                    endSample: min((Int(last) + 1) * Self.frameSamples, processedSamples),
                    // Before an utterance's end there is no word lattice, hence no posterior.
                    confidence: areFinal ? min(1, pocketsphinx_probability(decoder, posterior)) : 0.5,
                    speaker: "1", language: "en"))
        }
        return tokens
    }

    /// Leaves out silence and noise, `<s>` and `[NOISE]`, and takes the number off a variant, `the(2)`.
    private static func spoken(_ entry: String) -> String? {
        guard let first = entry.first, first != "<", first != "[", !entry.hasPrefix("++") else { return nil }
        return String(entry.prefix { $0 != "(" })
    }
}
