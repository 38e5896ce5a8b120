import Foundation
import RecorderCore
import Testing

@testable import AudioCapture

/// What a converter makes of a device's frames, beside what a perfect one would.
private struct Conversion {
    let parameters: PCMParameters
    var selection = ChannelSelection.mix
    /// Frames of each read; the last is repeated.
    var reads = [1_600]
    var levels = ChannelLevels()

    init(_ rate: Int, _ format: PCMFormat = .s16, channels: Int = 1) {
        parameters = PCMParameters(
            framesPerSecond: rate, format: format, channels: channels, periodFrames: rate / 10, bufferFrames: rate * 2)
    }

    /// - Parameter signal: of a frame and a channel.
    func run(frames: Int, _ signal: (Int, Int) -> Double) throws -> [Int16] {
        let converter = try #require(
            SampleConverter(parameters: parameters, selection: selection, levels: levels))
        var (made, place, round): ([Int16], Int, Int) = ([], 0, 0)
        while place < frames {
            let count = min(reads[min(round, reads.count - 1)], frames - place)
            for index in 0..<count * parameters.channels {
                PCMBytes.store(
                    signal(place + index / parameters.channels, index % parameters.channels), parameters.format,
                    in: converter.frames, index)
            }
            made += converter.convert(count)
            place += count
            round += 1
        }
        return made + converter.flush()
    }

    /// - Returns: in dB, relative to before, without beginning and end.
    func level(ofTone hertz: Double, amplitude: Double = 0.5) throws -> Double {
        let rate = Double(parameters.framesPerSecond)
        let made = try run(frames: parameters.framesPerSecond / 4) { frame, _ in
            amplitude * sin(2 * .pi * hertz * Double(frame) / rate)
        }
        let middle = made[1_000..<3_000]
        let power = middle.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(middle.count)
        return 10 * log10(max(power, 1e-3) / (amplitude * amplitude * 32_768 * 32_768 / 2))
    }
}

private let rates = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000]

struct ConverterTests {
    @Test(arguments: rates, PCMFormat.allCases)
    func `a tone comes out where a perfect converter has it, of any rate and format`(
        rate: Int, format: PCMFormat
    ) throws {
        var conversion = Conversion(rate, format, channels: 2)
        conversion.reads = [1, 7, 1_600, 333, 1_599, 480]
        let made = try conversion.run(frames: rate / 8) { frame, _ in
            0.5 * sin(2 * .pi * 1_000 * Double(frame) / Double(rate))
        }
        #expect(made.count == (rate / 8 * 16_000 + rate - 1) / rate)
        var worst = 0.0
        for (index, sample) in made.enumerated().dropFirst(200).dropLast(200) {
            worst = max(worst, abs(Double(sample) - 16_384 * sin(2 * .pi * 1_000 * Double(index) / 16_000)))
        }
        // −70 dBFS: libspeexdsp interpolates its filter for rates like 44.1 kHz.
        #expect(worst <= (rate % 8_000 == 0 ? 2 : 10))
    }

    @Test(arguments: rates.filter { $0 > 16_000 })
    func `what 16 kHz cannot hold is 80 dB down, and speech is as it was`(rate: Int) throws {
        let conversion = Conversion(rate, .float)
        for hertz: Double in [60, 300, 1_000, 3_400, 7_200] where hertz < Double(rate) / 2 {
            #expect(abs(try conversion.level(ofTone: hertz)) <= 0.1, "\(hertz) Hz")
        }
        for hertz: Double in [8_100, 9_000, 12_000, 15_900, 20_000, 23_900] where hertz < Double(rate) / 2 {
            #expect(try conversion.level(ofTone: hertz, amplitude: 0.999) <= -80, "\(hertz) Hz")
        }
    }

    @Test(arguments: rates)
    func `a click is within one sample of its place`(rate: Int) throws {
        for place in [rate / 10, rate / 10 + 1, rate / 7, rate / 3] {
            let made = try Conversion(rate, .s32).run(frames: rate / 2) { frame, _ in frame == place ? 0.9 : 0 }
            let peak = try #require(made.indices.max { abs(Int(made[$0])) < abs(Int(made[$1])) })
            #expect(abs(Double(peak) - Double(place) * 16_000 / Double(rate)) <= 1)
        }
    }

    @Test func `the last frames are not lost, and the next stream begins without the old one`() throws {
        let conversion = Conversion(48_000, .s32)
        let converter = try #require(
            SampleConverter(parameters: conversion.parameters, selection: .mix, levels: ChannelLevels()))
        for _ in 0..<2 {
            // A click two samples before the end, then one at the beginning: 4 ms wait in the filter.
            var made: [Int16] = []
            for block in 0..<3 {
                for index in 0..<1_600 {
                    let isClick = block == 0 && index == 0 || block == 2 && index == 1_594
                    PCMBytes.store(isClick ? 0.9 : 0, .s32, in: converter.frames, index)
                }
                made += converter.convert(1_600)
            }
            made += converter.flush()
            #expect(made.count == 1_600)
            #expect(made[0] > 9_000)
            #expect(made[1_598] > 9_000)
            #expect(made[100..<1_500].allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: PCMFormat.allCases)
    func `full scale is cut off, never wrapped`(format: PCMFormat) throws {
        var conversion = Conversion(48_000, format)
        conversion.reads = [777]
        // A square wave rings behind each edge: louder than full scale after the filter.
        let made = try conversion.run(frames: 48_000) { frame, _ in frame / 240 % 2 == 0 ? 1.2 : -1.2 }
        for (index, sample) in made.enumerated() where (4..<76).contains(index % 80) {
            #expect(index / 80 % 2 == 0 ? sample > 25_000 : sample < -25_000, "sample \(index): \(sample)")
        }
        #expect(made.max() == .max && made.min() == .min)
        #expect(try #require(conversion.levels.all.first).clipped > 0)
    }

    @Test func `what is 16 kHz mono s16 comes out bit by bit, in reads of any size`() throws {
        var conversion = Conversion(16_000)
        conversion.reads = [1, 2, 3, 1_000, 1_600, 17]
        let all = (0..<65_536).map { Int16(truncatingIfNeeded: $0 &* 25_173) }
        let made = try conversion.run(frames: all.count) { frame, _ in Double(all[frame]) / 32_768 }
        #expect(made == all)
    }

    @Test func `what is no number is silence`() throws {
        let made = try Conversion(16_000, .float).run(frames: 6) { frame, _ in
            [0.25, .nan, .infinity, -.infinity, 1e30, 2][frame]
        }
        #expect(made == [8_192, 0, 0, 0, 0, .max])
    }
}

struct ChannelChoiceTests {
    private static func voice(_ frame: Int) -> Double { 0.3 * sin(2 * .pi * 400 * Double(frame) / 48_000) }

    private func peak(_ samples: some Collection<Int16>) -> Int { samples.map { abs(Int($0)) }.max() ?? 0 }

    @Test(arguments: [(ChannelSelection.one(1), 3_277), (.one(2), 6_554), (.one(4), 13_107), (.mix, 8_192)])
    func `one channel is taken, or the mean of all`(selection: ChannelSelection, wanted: Int) throws {
        var conversion = Conversion(16_000, .s24packed, channels: 4)
        conversion.selection = selection
        let made = try conversion.run(frames: 1_600) { frame, channel in
            Double(channel + 1) / 10 * (frame % 32 < 16 ? 1 : -1)
        }
        #expect(abs(peak(made) - wanted) <= 1)
    }

    @Test func `left = -right is recorded from the first sample on`() throws {
        let conversion = Conversion(48_000, .s32, channels: 2)
        let made = try conversion.run(frames: 48_000) { frame, channel in Self.voice(frame) * (channel == 0 ? 1 : -1) }
        #expect(abs(peak(made[100..<800]) - 9_830) < 20)
        #expect(abs(peak(made[8_000...]) - 9_830) < 20)
    }

    @Test func `a dead channel is left out, and what it cost comes back`() throws {
        let conversion = Conversion(48_000, .s16, channels: 2)
        let made = try conversion.run(frames: 5 * 48_000) { frame, channel in channel == 0 ? 0 : Self.voice(frame) }
        #expect(abs(peak(made[1_000..<16_000]) - 4_915) < 20, "it may be a pause of one of two speakers")
        #expect(abs(peak(made[(4 * 16_000)...]) - 9_830) < 20)
    }

    @Test func `each channel has its own level and its own clipping`() throws {
        let conversion = Conversion(48_000, .s16, channels: 3)
        _ = try conversion.run(frames: 48_000) { frame, channel in
            switch channel {
            case 0: frame % 2 == 0 ? 0.1 : -0.1
            case 1: 0
            default: frame % 4_800 < 100 ? 1 : 0.01
            }
        }
        let levels = conversion.levels.all
        #expect(levels.map(\.level.peakTenths) == [-200, CaptureLevel.silenceTenths, 0])
        #expect(levels.map(\.level.rmsTenths)[..<2] == [-200, CaptureLevel.silenceTenths])
        #expect(levels.map(\.clipped) == [0, 0, 10])
    }
}
