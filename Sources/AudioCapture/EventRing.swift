internal import RecorderCore
internal import Synchronization

/// Events from the capture thread to the loop: plain integers in a fixed ring, without lock or allocation. One
/// producer, one consumer. Events that do not fit are counted.
@safe final class EventRing: @unchecked Sendable {
    private struct Record {
        var kind: Kind
        var number: Int32
        var start: Int64
        var end: Int64
    }

    private enum Kind: UInt8 {
        case started, silence, deviceLost, deviceBack, level, channels, clock, standby, stopped
    }

    /// A power of two.
    private let capacity: Int
    private let records: UnsafeMutablePointer<Record>
    private let written = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)

    init(capacity: Int = Limits.silenceMarks) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        self.capacity = capacity
        unsafe records = .allocate(capacity: capacity)
        unsafe records.initialize(repeating: Record(kind: .stopped, number: 0, start: 0, end: 0), count: capacity)
    }

    deinit {
        unsafe records.deallocate()
    }

    /// How many events found no room.
    var refused: Int { refusals.load(ordering: .relaxed) }

    /// For the producer alone.
    func push(_ event: CaptureEvent) {
        let index = written.load(ordering: .relaxed)
        guard index - taken.load(ordering: .acquiring) < capacity else {
            refusals.add(1, ordering: .relaxed)
            return
        }
        unsafe records[index & (capacity - 1)] = Self.record(event)
        written.store(index + 1, ordering: .releasing)
    }

    /// For the consumer alone.
    func pop() -> CaptureEvent? {
        let index = taken.load(ordering: .relaxed)
        guard index < written.load(ordering: .acquiring) else { return nil }
        let record = unsafe records[index & (capacity - 1)]
        taken.store(index + 1, ordering: .releasing)
        return Self.event(record)
    }

    private static func record(_ event: CaptureEvent) -> Record {
        switch event {
        case .started(let realtime): Record(kind: .started, number: realtime ? 1 : 0, start: 0, end: 0)
        case .silence(let mark):
            Record(
                kind: .silence, number: Int32(mark.reason.rawValue), start: mark.start.value, end: mark.end.value)
        case .deviceLost(let number, _): Record(kind: .deviceLost, number: number, start: 0, end: 0)
        case .deviceBack: Record(kind: .deviceBack, number: 0, start: 0, end: 0)
        case .level(let level, let clipped):
            Record(
                kind: .level, number: Int32(clamping: clipped), start: Int64(level.peakTenths),
                end: Int64(level.rmsTenths))
        case .channels(let faults):
            Record(
                kind: .channels, number: faults.isMissing ? 1 : 0, start: Int64(faults.dead),
                end: Int64(faults.inverted))
        case .clock(let clock):
            Record(
                kind: .clock, number: Int32(clamping: clock.nominalRate), start: Int64(clock.partsPerMillion),
                end: clock.milliseconds)
        case .standby(let state, _): Record(kind: .standby, number: Int32(state.rawValue), start: 0, end: 0)
        case .stopped(let end): Record(kind: .stopped, number: 0, start: 0, end: end.value)
        }
    }

    private static func event(_ record: Record) -> CaptureEvent {
        switch record.kind {
        case .started: .started(realtime: record.number != 0)
        case .silence:
            .silence(
                SilenceMark(
                    start: SampleIndex(record.start), end: SampleIndex(record.end),
                    reason: SilenceMark.Reason(rawValue: Int(record.number)) ?? .overrun))
        case .deviceLost: .deviceLost(errno: record.number)
        case .deviceBack: .deviceBack
        case .level:
            .level(
                CaptureLevel(peakTenths: Int(record.start), rmsTenths: Int(record.end)), clipped: Int(record.number))
        case .channels:
            .channels(
                ChannelFaults(
                    dead: UInt8(record.start), inverted: UInt8(record.end), isMissing: record.number != 0))
        case .clock:
            .clock(
                DeviceClock(
                    nominalRate: Int(record.number), partsPerMillion: Int(record.start), milliseconds: record.end))
        case .standby: .standby(Standby(rawValue: UInt8(record.number)) ?? .off)
        case .stopped: .stopped(end: SampleIndex(record.end))
        }
    }
}
