/// A piece of a word, in the service's sense: a leading space begins a word.
package struct RecognisedToken: Equatable, Sendable {
    package var text: String
    /// Counted from the session's first sample; `end` is one past the last.
    package var startSample: Int
    package var endSample: Int
    package var confidence: Double
    /// The session's own label, "1", "2", … in order of first appearance.
    package var speaker: String
    package var language: String
    /// The pieces of a text lesson that it is; nil of other recognisers.
    package var pieces: Range<Int>?

    package var startMilliseconds: Int { startSample / samplesPerMillisecond }
    package var endMilliseconds: Int { endSample / samplesPerMillisecond }
}

/// 16 kHz.
let samplesPerMillisecond = 16

/// What a recogniser says after some audio.
package struct Recognition: Equatable, Sendable {
    /// Tokens that became final now; each is reported once.
    package var finals: [RecognisedToken] = []
    /// The present guess for everything after the finals; it replaces the guess before it.
    package var nonFinals: [RecognisedToken] = []
    /// No more final tokens will come for audio before this sample.
    package var finalSamples = 0
    /// Samples looked at.
    package var totalSamples = 0
}

/// Turns the samples of one session into tokens. Used from one queue or thread at a time.
///
/// Final tokens depend on the samples alone, never on how they were divided among calls of `feed`.
package protocol Recogniser: AnyObject {
    /// Takes the session's next samples, 16 kHz mono.
    func feed(_ samples: [Int16]) -> Recognition
    /// Makes everything heard so far final and goes on.
    func finalize() -> Recognition
    /// Ends the audio and makes everything final.
    func finish() -> Recognition
}

/// Which recogniser a server uses for its sessions.
package enum RecogniserKind: Equatable, Sendable {
    /// Words carried by tone codes.
    case script
    /// Text of any script that tone codes carry.
    case text(TextLesson)
    /// libpocketsphinx with the acoustic model, language model and dictionary in a directory laid out as Debian's
    /// `pocketsphinx-en-us` does.
    case pocketSphinx(modelDirectory: String)

    package static let debianModelDirectory = "/usr/share/pocketsphinx/model/en-us"

    /// A fresh recogniser for one session. It may take a second to load its model.
    package func makeRecogniser(
        habits: ScriptHabits = ScriptHabits()
    ) throws(RecogniserError) -> any Recogniser {
        switch self {
        case .script: ScriptRecogniser(habits: habits)
        case .text(let lesson): TextRecogniser(lesson, habits: habits)
        case .pocketSphinx(let directory): try PocketSphinxRecogniser(modelDirectory: directory)
        }
    }
}

package enum RecogniserError: Error, Equatable, CustomStringConvertible {
    /// The decoder refused the model: a file is missing or of another version.
    case modelNotUsable(directory: String)

    package var description: String {
        switch self {
        case .modelNotUsable(let directory):
            "cannot load the speech model in \(directory); install pocketsphinx-en-us or name another directory"
        }
    }
}

extension Recogniser {
    /// All final tokens of a whole recording.
    package func transcribe(_ samples: [Int16]) -> [RecognisedToken] {
        var tokens: [RecognisedToken] = []
        for start in stride(from: 0, to: samples.count, by: 16_000) {
            tokens += feed(Array(samples[start..<min(start + 16_000, samples.count)])).finals
        }
        return tokens + finish().finals
    }
}
