import CloudKit
import Testing

@Suite struct ToneCodeTests {
    private func decode(_ samples: [Int16], frames: (inout SplitMix64) -> Int, seed: UInt64 = 1) -> [ToneWord] {
        var random = SplitMix64(state: seed)
        var decoder = ToneDecoder()
        var words: [ToneWord] = []
        var start = 0
        while start < samples.count {
            let end = min(start + frames(&random), samples.count)
            words += decoder.feed(Array(samples[start..<end]))
            start = end
        }
        return words + decoder.finish()
    }

    @Test func `every word number has a text of its own that leads back to it`() {
        var texts: Set<String> = []
        for index in UInt16.min...UInt16.max {
            let text = Vocabulary.text(of: index)
            texts.insert(text)
            #expect(Vocabulary.index(of: text) == index)
        }
        #expect(texts.count == 65_536)
        #expect(Vocabulary.index(of: "hello") == nil)
    }

    @Test func `a lesson decodes to its truth, sample for sample`() {
        let lesson = ToneLesson(.seconds(60), speakers: 4, seed: 42, firstIndex: 65_000)
        #expect(lesson.samples.count == 960_000)
        #expect(Set(lesson.words.map(\.speaker)) == [1, 2, 3, 4])
        #expect(ToneDecoder.words(in: lesson.samples) == lesson.words)
    }

    @Test func `words are found at any offset, gain and under noise`() {
        var random = SplitMix64(state: 5)
        for trial in 0..<60 {
            let offset = Int.random(in: 0..<4_000, using: &random)
            let index = UInt16.random(in: 0...UInt16.max, using: &random)
            let speaker = Int.random(in: 1...4, using: &random)
            let gain = Double.random(in: 0.01...1, using: &random)
            // Uniform noise of this peak is about 8 dB weaker than the tones.
            let noise = gain * 32_767 * 0.5
            let burst = ToneCode.burst(index: index, speaker: speaker, amplitude: gain * 0.7)
            var samples = [Int16](repeating: 0, count: offset + burst.count + 2_000)
            for position in samples.indices {
                let tone = position >= offset && position < offset + burst.count ? burst[position - offset] : 0
                let value = Double(tone) + Double.random(in: -noise...noise, using: &random)
                samples[position] = Int16(max(-32_768, min(32_767, value)))
            }
            let words = ToneDecoder.words(in: samples)
            #expect(words.map(\.index) == [index] && words.map(\.speaker) == [speaker], "trial \(trial)")
            #expect(words.allSatisfy { abs($0.startSample - offset) <= 32 }, "trial \(trial)")
        }
    }

    @Test func `the frames the samples come in do not matter`() {
        let lesson = ToneLesson(.seconds(20), seed: 3)
        #expect(decode(lesson.samples) { _ in 960 } == lesson.words)
        #expect(decode(lesson.samples) { _ in 1 } == lesson.words)
        #expect(decode(lesson.samples, frames: { Int.random(in: 1...5_000, using: &$0) }) == lesson.words)
    }

    @Test func `words that follow without a pause are all found`() {
        let samples = (0..<50).flatMap { ToneCode.burst(index: $0 * 997, speaker: 1 + Int($0) % 2) }
        let words = ToneDecoder.words(in: samples)
        #expect(words.map(\.index) == (0..<50).map { $0 * 997 })
        #expect(words.map(\.startSample) == (0..<50).map { $0 * ToneCode.wordSamples })
    }

    @Test func `a word cut at the start of a session is not invented`() {
        let lesson = ToneLesson(.words(12), seed: 8)
        for cut in stride(from: lesson.words[0].startSample, to: lesson.words[1].startSample, by: 173) {
            let words = ToneDecoder.words(in: Array(lesson.samples[cut...]))
            let whole = lesson.words.filter { $0.startSample >= cut }
            #expect(words.suffix(whole.count).map(\.startSample) == whole.map { $0.startSample - cut })
            #expect(words.allSatisfy { found in lesson.words.contains { $0.index == found.index } })
            // Loss of the first milliseconds may be survived, but then the start must be right or close to it.
            #expect(words.count - whole.count <= 1)
        }
    }

    @Test func `marked silence costs the words it covers and no others`() {
        let lesson = ToneLesson(.words(40), seed: 9)
        var samples = lesson.samples
        let gap = (lesson.words[10].startSample + 1_000)..<(lesson.words[14].endSample - 900)
        for position in gap { samples[position] = 0 }
        let expected = lesson.words.filter { $0.endSample <= gap.lowerBound || $0.startSample >= gap.upperBound }
        #expect(ToneDecoder.words(in: samples) == expected)
    }

    @Test func `silence, noise and plain tones carry no words`() {
        var random = SplitMix64(state: 1)
        let noise = (0..<320_000).map { _ in Int16.random(in: -8_000...8_000, using: &random) }
        let square = (0..<160_000).map { Int16($0 / 5 % 2 == 0 ? 9_000 : -9_000) }
        #expect(ToneDecoder.words(in: []).isEmpty)
        #expect(ToneDecoder.words(in: [Int16](repeating: 0, count: 160_000)).isEmpty)
        #expect(ToneDecoder.words(in: noise).isEmpty)
        #expect(ToneDecoder.words(in: square).isEmpty)
    }

    @Test func `the same seed makes the same lesson, another seed another`() {
        let lesson = ToneLesson(.words(30), seed: 4)
        #expect(ToneLesson(.words(30), seed: 4).samples == lesson.samples)
        #expect(ToneLesson(.words(30), seed: 5).samples != lesson.samples)
        #expect(lesson.words.map(\.index) == Array(0..<30))
    }
}
