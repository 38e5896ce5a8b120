import Foundation
import RecorderCore
import Testing

/// Bounds that rely on each other: who changes one is told which other it breaks.
@Suite struct `Limits fit together` {
    private static func milliseconds(_ samples: Int64) -> Int64 { samples / SampleIndex.samplesPerMillisecond }

    @Test func `a power cut costs less than two seconds`() {
        let worst =
            Limits.commitMilliseconds + Self.milliseconds(Limits.flacBlockSamples)
            + Self.milliseconds(Limits.periodSamples)
        #expect(worst < 2_000)
        #expect(Limits.segmentSamples % Limits.flacBlockSamples == 0, "a file ends with a whole frame")
        #expect(Limits.recordingSamples % Limits.segmentSamples == 0)
    }

    @Test func `what is final is in the journal two seconds later`() {
        // Until a word is whole: half a second of silence, and as much as a service is wrong about its end and late
        // with a message.
        let whole: Int64 = 500 + 2 * 120
        #expect(whole + Limits.wordsCommitMilliseconds < 1_900, "and a disk takes its time")
        #expect(Limits.wordsCommitMilliseconds < Limits.commitMilliseconds)
    }

    @Test func `the watchdog is more patient than anything that the loop waits for`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        let unit = try String(contentsOf: root.appending(path: "board/systemd/chalkbox.service"), encoding: .utf8)
        let line = try #require(unit.split(separator: "\n").first { $0.hasPrefix("WatchdogSec=") })
        let watchdog = try #require(Int64(line.dropFirst("WatchdogSec=".count).filter(\.isNumber))) * 1_000
        let waits = [Limits.freeSpaceMilliseconds, Limits.netlinkAnswerMilliseconds, Limits.sliceMilliseconds]
        for wait in waits { #expect(wait * 4 < watchdog * 3, "three quarters of \(watchdog) ms") }
    }

    @Test func `the ring holds what is sent, replayed and caught up`() {
        #expect(Limits.ringSamples.nonzeroBitCount == 1, "a power of two")
        #expect(Int64(Limits.ringSamples) > Limits.longestReplaySamples)
        #expect(Int64(Limits.ringSamples) > Int64(Limits.replaySamples) + Limits.burstSamples)
        #expect(Limits.captureBufferMilliseconds >= 200, "two periods")
        #expect(Limits.behindSamples > Limits.burstSamples, "what a burst brings is not behind")
    }

    @Test func `who waits for somebody waits longer than he can take`() {
        #expect(Limits.attemptMilliseconds > Limits.keyTimeoutMilliseconds)
        #expect(Limits.attemptMilliseconds > Limits.connectTimeoutMilliseconds)
        #expect(Limits.quietSessionMilliseconds > Limits.attemptMilliseconds)
        #expect(Limits.prefetchRetryMilliseconds > Limits.attemptMilliseconds)
        #expect(Limits.audioExchangeMilliseconds > Limits.exchangeMilliseconds)
        #expect(Limits.storeWorkMilliseconds > Limits.storeAnswerMilliseconds)
        #expect(Limits.storeLateMilliseconds > Limits.commitMilliseconds)
        #expect(Limits.microphoneOpenMilliseconds > Limits.microphoneStallMilliseconds)
        #expect(Limits.networkDelayMilliseconds > Limits.networkQuietMilliseconds)
        #expect(Limits.storeHandOverMilliseconds < Limits.storeCloseMilliseconds)
    }

    @Test func `attempts come no faster than their distance, and a session outlives its burst`() {
        #expect(Limits.attemptSpacingMilliseconds < 1_000, "the first wait of a burst")
        #expect(Limits.stableSessionMilliseconds < Limits.realTimePaceMilliseconds)
        #expect(Limits.stableSessionMilliseconds < Limits.quietSessionMilliseconds)
        #expect(Limits.keyMarginMilliseconds < Limits.keyLifetimeMilliseconds)
        #expect(Limits.keyLifetimeMilliseconds < 3_600_000)
        #expect(Limits.arpResolutionMilliseconds > 3_000, "three questions, a second apart")
        #expect(Limits.retryAfterMilliseconds(86_400) == Limits.retryAfterMilliseconds)
        #expect(Limits.backfillDelayMilliseconds < Limits.backfillRefusedMilliseconds)
        #expect(Limits.backfillRefusedMilliseconds < Limits.backfillCapMilliseconds)
    }

    @Test func `words are kept for as long as they may be heard again`() {
        #expect(Limits.overlapSamples <= Limits.longestOverlapSamples)
        #expect(Limits.longestOverlapSamples < Limits.longestReplaySamples)
        #expect(Limits.comparedSamples >= Limits.longestOverlapSamples + Limits.seamSamples)
        #expect(Limits.seamSamples < Limits.cutWordSamples)
        #expect(Limits.recentWords < Limits.committedWords)
    }

    @Test func `names, bytes and clients add up`() {
        #expect(Int64(Limits.missingFiles) > Limits.recordingSamples / Limits.segmentSamples)
        #expect(Limits.controlFollowers < Limits.controlClients, "somebody can be put out")
        #expect(Limits.errorMessageBytes < Limits.serviceMessageBytes)
        #expect(Limits.transcriptNodes > 9 * Limits.transcriptTokens)
        #expect(Limits.batchWords < Limits.pendingWords)
        #expect(Limits.clippedSeconds <= Limits.clippingSeconds && Limits.clippingSeconds < 32, "bits of a word")
    }
}
