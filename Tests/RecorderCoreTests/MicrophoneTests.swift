import RecorderCore
import Testing

private let loud: Float = 1_073_741_824 / 100
private let noise: Float = 1_073_741_824 / 1e9

struct ChannelWatchTests {
    private func hear(
        _ watch: inout ChannelWatch, seconds: Double, _ powers: [Float], correlation: Float = 0.5
    ) {
        var power = ChannelWatch.Values(repeating: 0)
        for (channel, value) in powers.enumerated() { power[channel] = value }
        for _ in 0..<Int(seconds * 10) {
            var products = ChannelWatch.Values(repeating: 0)
            for channel in powers.indices {
                products[channel] = correlation * (power[channel] * power[watch.reference]).squareRoot()
            }
            watch.heard(power: power, products: products, channels: powers.count, milliseconds: 100)
        }
    }

    @Test func `a channel that is silent while another one speaks is dead after 3 s, whichever it is`() {
        for dead in 0..<2 {
            var watch = ChannelWatch()
            let powers = dead == 0 ? [noise, loud] : [loud, noise]
            hear(&watch, seconds: 2.8, powers)
            #expect(watch.faults == ChannelFaults())
            #expect(!watch.isLeftOut(dead))
            hear(&watch, seconds: 1, powers)
            #expect(watch.faults == ChannelFaults(dead: 1 << UInt8(dead)))
            #expect(watch.isLeftOut(dead) && !watch.isLeftOut(1 - dead))
            hear(&watch, seconds: 4, [loud, loud])
            #expect(watch.faults == ChannelFaults())
        }
    }

    @Test func `nobody speaks: nothing is known, and what was known stays`() {
        var watch = ChannelWatch()
        hear(&watch, seconds: 60, [noise, 0])
        #expect(watch.faults == ChannelFaults())
        hear(&watch, seconds: 4, [loud, 0])
        hear(&watch, seconds: 60, [noise, noise])
        #expect(watch.faults.dead == 2)
    }

    @Test func `two microphones that hear the room differently are fine`() {
        var watch = ChannelWatch()
        for _ in 0..<20 {
            hear(&watch, seconds: 5, [loud, loud / 90], correlation: 0.2)
            hear(&watch, seconds: 5, [loud / 90, loud], correlation: -0.5)
        }
        #expect(watch.faults == ChannelFaults())
    }

    @Test func `an inverted channel is left out at once, and told after a second or two`() {
        var watch = ChannelWatch()
        hear(&watch, seconds: 0.1, [loud, loud], correlation: -0.99)
        #expect(watch.isLeftOut(1) && !watch.isLeftOut(0))
        #expect(watch.faults == ChannelFaults())
        hear(&watch, seconds: 1.5, [loud, loud], correlation: -0.99)
        #expect(watch.faults == ChannelFaults(inverted: 2))
        hear(&watch, seconds: 12, [loud, loud], correlation: 0.9)
        #expect(watch.faults == ChannelFaults())
        #expect(!watch.isLeftOut(1))
    }

    @Test func `who selected a channel is told of that one only`() {
        let faults = ChannelFaults(dead: 0b10, inverted: 0b100)
        #expect(faults.text(of: .one(1)) == "")
        #expect(faults.text(of: .one(2)).hasPrefix("channel 2 is silent"))
        #expect(faults.text(of: .mix).hasPrefix("channel 3 is the opposite"))
        #expect(ChannelFaults(dead: 1).text(of: .mix).hasPrefix("channel 1 is silent"))
        #expect(ChannelFaults(isMissing: true).text(of: .one(4)).contains("audio.channel"))
    }
}

struct ClockWatchTests {
    private func heard(_ partsPerMillion: Int, _ milliseconds: Int64) -> ClockWatch {
        var watch = ClockWatch()
        watch.heard(DeviceClock(nominalRate: 48_000, partsPerMillion: partsPerMillion, milliseconds: milliseconds))
        return watch
    }

    @Test func `a rate over half a percent off is wrong, when it was measured for long enough to know`() {
        #expect(heard(80_000, 5_000).isWrong)
        #expect(!heard(6_000, 5_000).isWrong)
        #expect(heard(6_000, 60_000).isWrong)
        #expect(heard(-6_000, 60_000).isWrong)
        #expect(!heard(4_900, 600_000).isWrong)
    }

    @Test func `the drift of a minute or more is told`() {
        #expect(heard(37, 59_000).drift == nil)
        #expect(heard(37, 60_000).drift == 37)
    }

    @Test func `both rates are told`() {
        let clock = DeviceClock(nominalRate: 48_000, partsPerMillion: -81_250, milliseconds: 60_000)
        #expect(clock.measuredRate == 44_100)
    }
}

struct OffsetWatchTests {
    @Test func `an offset is taken off as a whole, and what speech has stays`() {
        var watch = OffsetWatch()
        for mean in [20, -63, 63] { watch.heard(mean: mean) }
        #expect(watch.offset == 0)
        watch.heard(mean: -900)
        #expect(watch.offset == -900)
        watch.heard(mean: 10)
        #expect(watch.offset == -900)
        watch.heard(mean: 900)
        #expect(watch.offset == 0)
    }
}

@Suite struct `What the microphone's thread finds out` {
    private static func level(_ rmsTenths: Int) -> RecorderInput {
        .capture(.level(CaptureLevel(peakTenths: rmsTenths + 100, rmsTenths: rmsTenths), clipped: 0))
    }

    @Test func `a channel that is left out is told once, and when it is back`() {
        var box = Box()
        box.goLive()
        for _ in 0..<3 { box.happens(.capture(.channels(ChannelFaults(dead: 2))), after: 1_000) }
        #expect(box.log.filter { $0.hasPrefix("channels ") }.count == 1)
        #expect(box.log.last?.hasPrefix("channels state=faulty reason=\"channel 2 is silent") == true)
        #expect(box.recorder.lesson?.microphoneFault(of: .mix).problem == "")
        #expect(box.recorder.lesson?.microphoneFault(of: .mix).note.hasPrefix("channel 2") == true)
        #expect(box.recorder.lesson?.microphoneFault(of: .one(2)).problem.hasPrefix("channel 2") == true)
        box.happens(.capture(.channels(ChannelFaults())), after: 1_000)
        #expect(box.log.last == "channels state=fine")
    }

    @Test func `a wrong rate is told once with both figures, and the drift at the end`() {
        var box = Box()
        box.goLive()
        for second in 1...20 {
            let clock = DeviceClock(
                nominalRate: 48_000, partsPerMillion: -81_250, milliseconds: Int64(second) * 5_000)
            box.happens(.capture(.clock(clock)), after: 5_000)
        }
        #expect(box.log.filter { $0.hasPrefix("clock ") } == [
            "clock state=wrong says_hz=48000 measured_hz=44100 ppm=-81250"
        ])
        #expect(box.recorder.lesson?.microphoneFault(of: .mix).problem.contains("gives 44100") == true)
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 100_000))))
        #expect(box.log.contains("clock state=measured says_hz=48000 measured_hz=44100 ppm=-81250 over_ms=100000"))
    }

    @Test func `the loudest and the quietest second, and the drift, go into the index`() {
        var box = Box()
        box.goLive()
        for tenths in [-300, -612, -188, -250] { box.happens(Self.level(tenths), after: 1_000) }
        box.happens(.capture(.clock(DeviceClock(nominalRate: 16_000, partsPerMillion: 37, milliseconds: 60_000))))
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 4_000))))
        let sound = MeasuredSound(loudestTenths: -188, quietestTenths: -612, driftPartsPerMillion: 37)
        #expect(box.effects.contains(.store(.measured(sound))))
    }
}
