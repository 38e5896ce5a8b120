import Foundation
import Glibc
import LinuxRuntime
import OwnThread
import PeerKit
import RecorderCore
import Testing
import WebTransport

@testable import SpeechUplink

/// What talks over sockets runs one after the other, so that the time limits hold on a loaded machine and the
/// children of one test inherit nothing from another.
@Suite(.ownThread, .serialized) enum NetworkTests {}

/// An uplink with its ring and notifier, and its events so far.
final class UplinkFixture {
    let ring = SampleRing(capacity: 1 << 17)
    let notifier: EventNotifier
    let thread: TransportThread
    let uplink: SpeechClient
    private(set) var events: [UplinkEvent] = []
    /// Last, so that it goes last.
    private let turn = LWSContextLock("speech")

    init(_ settings: UplinkSettings, caFile: String = "") throws {
        let log = Log(threshold: .error)
        notifier = try EventNotifier()
        thread = try TransportThread(caFile: caFile, log: log)
        uplink = SpeechClient(settings: settings, ring: ring, thread: thread, notifier: notifier, log: log)
    }

    deinit {
        thread.shutdown()
    }

    /// Samples whose value is their index.
    func record(_ count: Int) {
        let start = ring.head.value
        let samples = (0..<count).map { Int16(truncatingIfNeeded: start + Int64($0)) }
        samples.withUnsafeBufferPointer { ring.append($0) }
    }

    static func audio(_ range: Range<Int>) -> [UInt8] {
        range.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    func request(_ id: SessionID = 1, url: String, base: Int64 = 0, secret: String = "key-1") -> SessionRequest {
        SessionRequest(
            id: id, key: SessionKey(secret: secret, webSocketURL: url),
            recording: RecordingID("01JD0000000000000000000000")!, base: SampleIndex(base))
    }

    /// The first event from now on, or so far, that matches; nil after 40 s.
    func wait<T>(_ match: (UplinkEvent) -> T?) -> T? {
        notifier.first(among: &events, takenBy: uplink.takeEvents, match)
    }

    func opened(_ session: SessionID = 1) -> Bool {
        wait {
            switch $0 {
            case .opened(session, _): true
            case .closed(session, _): false
            default: nil
            }
        } ?? false
    }

    /// `.some(nil)`: closed without failure.
    func closed(_ session: SessionID = 1) -> UplinkFailure?? {
        wait { if case .closed(session, let failure) = $0 { .some(failure) } else { nil } }
    }

    func key(_ attempt: KeyRequestID = 1) -> Result<SessionKey, UplinkFailure>? {
        wait {
            switch $0 {
            case .key(attempt, let key): .success(key)
            case .keyFailed(attempt, let failure): .failure(failure)
            default: nil
            }
        }
    }

    /// Without how much had reached the peer, which depends on the kernel.
    func messages(_ session: SessionID = 1) -> [ServiceMessage] {
        events.compactMap {
            guard case .message(session, var message) = $0 else { return nil }
            message.sentMilliseconds = 0
            return message
        }
    }
}
