import RecorderCore
import Testing

/// Cases that the simulator found.
@Suite struct `What is over reaches into nothing` {
    @Test func `a service that finishes unasked has not said the last word`() {
        var box = Box()
        box.goLive()
        box.happens(.uplink(.message(session: 1, message([(" one", 0, 900)], final: 2_000, finished: true))))
        #expect(box.recorder.phase == .reconnecting(attempt: 2))
        #expect(box.recorder.lesson?.transcript.coverage.end == SampleIndex(milliseconds: 2_000))
    }

    @Test func `sessions that are accepted and never heard of end in a burst that ends`() throws {
        var box = Box()
        box.goLive()
        for attempt in 1..<6 {
            let session = try #require(box.recorder.lesson?.uplink.session?.id)
            box.happens(.uplink(.closed(session: session, UplinkFailure(.stalled, "no sign of life"))), after: 3_100)
            #expect(box.recorder.phase == .reconnecting(attempt: attempt + 1))
            try box.untilDeadline()
            box.happens(.uplink(.key(attempt: try #require(box.requestedKey), Box.key)))
            box.happens(.uplink(.opened(session: .lesson(session.number + 1), tookMilliseconds: 10)))
        }
        box.happens(.uplink(.closed(session: 6, UplinkFailure(.stalled, "no sign of life"))), after: 3_100)
        #expect(box.recorder.phase == .failed(.transcription("no sign of life")))
    }

    @Test func `a STOP that the capture thread carries out late does not end the next lesson`() {
        var box = Box()
        box.goLive()
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 9_000))))
        #expect(box.recorder.phase == .live)
        #expect(box.recorder.lesson?.end == nil)
    }

    @Test func `what was asked for in one lesson and comes in the next is nobody's`() throws {
        var box = Box()
        box.start()
        box.happens(.stop)
        box.happens(.capture(.stopped(end: SampleIndex(milliseconds: 100))))
        if box.closing == nil { try box.untilDeadline() }
        box.happens(.closed(samples: 1_600, words: 0))
        box.start()
        let before = box.recorder
        box.happens(.uplink(.keyFailed(attempt: 1, UplinkFailure(.timeout, "no answer"))))
        box.happens(.uplink(.key(attempt: 1, Box.key)))
        #expect(box.recorder == before)
        box.happens(.uplink(.key(attempt: 2, Box.key)))
        #expect(box.request?.id == 1)
    }

    @Test func `the end of an earlier recording does not end the next lesson`() {
        var box = Box()
        box.goLive()
        box.happens(.closed(samples: 160_000, words: 3))
        #expect(box.recorder.phase == .live)
    }
}
