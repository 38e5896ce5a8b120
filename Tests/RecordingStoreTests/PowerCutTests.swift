import Foundation
import PowerCut
import RecorderCore
import Testing

@testable import LinuxRuntime
@testable import RecordingStore

/// Seeds for each power cut, and how much of the rest is looked at; the nightly run has more.
private let seedsPerCut = Int(ProcessInfo.processInfo.environment["CHALKBOX_CUTS"] ?? "") ?? 1

extension StoreTests {
    @Suite(.serialized) struct PowerCutTests {
        /// Counts what was tried, and tells the first failures.
        private struct Tally {
            var cuts = 0
            var images = 0
            var failures = 0

            mutating func note(_ problems: [String], _ place: @autoclosure () -> String) {
                images += 1
                guard !problems.isEmpty else { return }
                failures += 1
                if failures <= 10 { Issue.record("\(place()): \(problems.joined(separator: "; "))") }
            }
        }

        @Test func `the power may go at any moment of a lesson`() throws {
            let lesson = try TracedLesson()
            let after = try AfterTheCut(lesson)
            var model = DiskModel(root: lesson.root)
            var tally = Tally()
            for cut in 0...lesson.effects.count {
                if cut > 0 { model.apply(lesson.effects[cut - 1]) }
                let next = cut < lesson.effects.count ? lesson.effects[cut] : nil
                tally.cuts += 1
                for fate in fates(cut, next) {
                    let problems = after.problems(
                        model.cut(fate), lesson.promises[cut], thoroughly: tally.images % 16 == 0)
                    tally.note(problems, "cut \(cut), \(fate), before \(describe(next))")
                }
            }
            print(
                "power cut: \(tally.cuts) cut points × \(2 + seedsPerCut) variants"
                    + " (\(tally.images) different disks), \(tally.failures) failures")
        }

        /// Where the next change does not make another disk of it, the same disk is looked at after that change:
        /// more has been promised by then.
        private func fates(_ cut: Int, _ next: StorageEffect?) -> [DiskModel.Fate] {
            var fates: [DiskModel.Fate] = (0..<seedsPerCut).map { .mixed(seed: UInt64(cut * 1_000 + $0)) }
            if next?.isSync != false { fates.append(.dropped) }
            if next?.isSync != true { fates.append(.kept) }
            return fates
        }

        private func describe(_ effect: StorageEffect?) -> String {
            effect.map { "\($0.name) \($0.path.split(separator: "/").last ?? "")" } ?? "nothing"
        }

        @Test func `the power may go again while the box puts right what the last cut left`() throws {
            let lesson = try TracedLesson()
            let after = try AfterTheCut(lesson)
            var tally = Tally()
            var model = DiskModel(root: lesson.root)
            let stride = max(1, lesson.effects.count / (6 * seedsPerCut))
            for cut in 1...lesson.effects.count {
                model.apply(lesson.effects[cut - 1])
                guard cut % stride == stride / 2 else { continue }
                let image = model.cut(.mixed(seed: UInt64(cut)))
                let scratch = Scratch(in: TracedLesson.memory)
                image.write(to: scratch.path)
                let effects = try recovery(scratch.path)
                var again = DiskModel(root: scratch.path, image)
                for second in 0...effects.count {
                    if second > 0 { again.apply(effects[second - 1]) }
                    tally.cuts += 1
                    for fate: DiskModel.Fate in [.dropped, .kept, .mixed(seed: UInt64(second))] {
                        let problems = after.problems(again.cut(fate), lesson.promises[cut], thoroughly: false)
                        tally.note(problems, "cut \(cut), then \(second) of \(effects.count), \(fate)")
                    }
                }
            }
            print("power cut in recovery: \(tally.cuts) cut points × 3 variants, \(tally.failures) failures")
        }

        /// What the start of the box changes on the disk.
        private func recovery(_ root: String) throws -> [StorageEffect] {
            let trace = DiskTrace()
            trace.begin(root)
            defer { trace.end() }
            let bench = try StoreBench(
                root + "/box/state", segmentSamples: TracedLesson.segmentSamples, ringSamples: 1 << 14,
                storage: trace.storage())
            let effects = trace.effects
            bench.store.shutdown()
            return effects
        }
    }
}
