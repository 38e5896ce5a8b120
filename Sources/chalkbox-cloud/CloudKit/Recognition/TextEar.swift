/// Finds out which pieces of a text lesson some audio has as a whole.
///
/// It goes by the tone-coded marks alone: silence, also in mid-word, breaks off what is said, and the first mark behind
/// it tells where the lesson goes on. Only before the first mark of all it concludes what was said: a session begins
/// between two marks.
struct TextEar {
    private let lesson: TextLesson
    private var decoder = ToneDecoder()
    /// The audio's place of the lesson's first sample.
    private var origin: Int?
    /// What was heard of the lesson without a break.
    private var run = 0..<0
    /// The next piece to be heard.
    private var next = 0
    private var receivedSamples = 0

    init(_ lesson: TextLesson) { self.lesson = lesson }

    /// - Returns: the pieces, each with its place in the audio.
    mutating func feed(_ samples: [Int16]) -> [(piece: Int, startSample: Int)] {
        receivedSamples += samples.count
        return hear(decoder.feed(samples))
    }

    mutating func finish() -> [(piece: Int, startSample: Int)] { hear(decoder.finish()) }

    /// A mark is known before all that it stands for has been said.
    private mutating func takeHeard(_ heard: inout [(piece: Int, startSample: Int)]) {
        guard let origin else { return }
        let end = min(run.upperBound, receivedSamples - origin)
        while next < lesson.pieces.count, lesson.pieces[next].endSample <= end {
            heard.append((next, lesson.pieces[next].startSample + origin))
            next += 1
        }
    }

    private mutating func hear(_ marks: [ToneWord]) -> [(piece: Int, startSample: Int)] {
        var heard: [(piece: Int, startSample: Int)] = []
        for mark in marks {
            let start = Int(mark.index) * TextLesson.markSamples
            let end = start + TextLesson.markSamples
            if mark.startSample - start == origin, run.upperBound <= start {
                run = run.lowerBound..<end
            } else {
                let before = origin == nil ? min(mark.startSample, start, TextLesson.markSamples) : 0
                origin = mark.startSample - start
                run = (start - before)..<end
                next = lesson.pieces.firstIndex { $0.startSample >= run.lowerBound } ?? lesson.pieces.count
            }
            takeHeard(&heard)
        }
        takeHeard(&heard)
        return heard
    }
}
