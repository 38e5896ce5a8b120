import RecorderCore
import Testing

@Suite struct `The level` {
    private static let quiet = second(-1_200)
    private static let loud = second(-300)
    private static let clipped = second(0, clipped: 1)

    private static func second(_ peak: Int, clipped: Int = 0) -> RecorderInput {
        .capture(.level(CaptureLevel(peakTenths: peak, rmsTenths: peak), clipped: clipped))
    }

    private func state(_ box: Box) -> LevelWatch.State? { box.recorder.lesson?.level.state }

    @Test func `thirty seconds of silence are told, and the first sound ends it`() {
        var box = Box()
        box.goLive()
        for _ in 0..<29 { box.happens(Self.quiet, after: 1_000) }
        #expect(state(box) == .fine)
        box.happens(Self.quiet, after: 1_000)
        #expect(state(box) == .quiet)
        #expect(box.log.last == "level state=quiet from=ok peak_dbfs=-120")
        #expect(Lamps(phase: box.recorder.phase, hasAmber: true, level: .quiet) == Lamps(green: .wink))
        box.happens(.store(.committed(through: .zero)))
        #expect(box.effects == [.store(.level(quietSamples: 30 * 16_000, clippedSamples: 0))])
        box.happens(Self.quiet, after: 1_000)
        box.happens(Self.loud, after: 1_000)
        #expect(state(box) == .fine)
        #expect(box.log.last == "level state=ok from=quiet peak_dbfs=-30")
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 32_000))))
        box.happens(.start(StartRequest(header: Box.header)))
        #expect(box.effects.contains(.store(.level(quietSamples: 16_000, clippedSamples: 0))), "before it is closed")
    }

    @Test func `pauses are no fault`() {
        var box = Box()
        box.goLive()
        for _ in 0..<10 {
            for _ in 0..<29 { box.happens(Self.quiet, after: 1_000) }
            box.happens(Self.loud, after: 1_000)
            #expect(state(box) == .fine)
        }
    }

    @Test func `clipping is told when it is more than a slammed door, and is over after ten seconds without`() {
        var box = Box()
        box.goLive()
        box.happens(Self.clipped, after: 1_000)
        box.happens(Self.clipped, after: 1_000)
        #expect(state(box) == .fine)
        box.happens(.store(.committed(through: .zero)))
        let counted = RecorderEffect.store(.level(quietSamples: 0, clippedSamples: 32_000))
        #expect(box.effects == [counted], "it is counted all the same")
        box.happens(Self.clipped, after: 1_000)
        #expect(state(box) == .clipping)
        #expect(Lamps(phase: box.recorder.phase, hasAmber: false, level: .clipping) == Lamps(green: .wink))
        for _ in 0..<9 { box.happens(Self.loud, after: 1_000) }
        #expect(state(box) == .clipping)
        box.happens(Self.loud, after: 1_000)
        #expect(state(box) == .fine)
    }

    @Test func `the threshold is the configuration's`() {
        var watch = LevelWatch()
        for _ in 0..<60 { _ = watch.heard(peakTenths: -520, isClipped: false, thresholdTenths: -550) }
        #expect(watch.state == .fine)
        for _ in 0..<60 { _ = watch.heard(peakTenths: -520, isClipped: false, thresholdTenths: -500) }
        #expect(watch.state == .quiet)
    }

    @Test func `a microphone that is away is not quiet`() {
        var box = Box()
        box.goLive()
        for _ in 0..<40 { box.happens(Self.quiet, after: 1_000) }
        box.happens(.capture(.deviceLost(reason: "unplugged")))
        #expect(state(box) == .fine)
        box.happens(.capture(.deviceBack))
        box.happens(Self.quiet, after: 1_000)
        #expect(state(box) == .fine)
    }

    @Test func `a winking lamp is lit but for a moment`() {
        let lit = (0..<80).filter { LEDPattern.wink.isLit(at: MonotonicTime(milliseconds: $0 * 25)) }
        #expect(lit == Array(0..<70))
        #expect(LEDPattern.wink.nextChange(after: MonotonicTime(milliseconds: 1_750))?.milliseconds == 2_000)
    }
}
