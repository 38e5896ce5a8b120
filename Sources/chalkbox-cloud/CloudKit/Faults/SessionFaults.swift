/// Which faults one session has still to suffer: each strikes it once at most.
struct SessionFaults {
    enum Kind: CaseIterable, Sendable {
        // In the order of their effect: what is sent, then what ends the session.
        case malformedJSON, wrongTypes, hugeMessage, binaryGarbage, stall, freeze, pause, leaveOut, halfClose
        case errorCode, errorType, close, reset, cut

        var field: WritableKeyPath<FaultPlan, FaultTrigger?> {
            switch self {
            case .malformedJSON: \.malformedJSON
            case .wrongTypes: \.wrongTypes
            case .hugeMessage: \.hugeMessage
            case .binaryGarbage: \.binaryGarbage
            case .stall: \.stall
            case .freeze: \.freeze
            case .pause: \.pause
            case .leaveOut: \.leaveOut
            case .halfClose: \.halfClose
            case .errorCode: \.errorCode
            case .errorType: \.errorType
            case .close: \.close
            case .reset: \.reset
            case .cut: \.cut
            }
        }

        var name: String {
            switch self {
            case .malformedJSON: "malformed-json"
            case .wrongTypes: "wrong-types"
            case .hugeMessage: "huge-message"
            case .binaryGarbage: "binary-garbage"
            case .stall: "stall"
            case .freeze: "freeze"
            case .pause: "pause"
            case .leaveOut: "leave-out"
            case .halfClose: "half-close"
            case .errorCode: "error-code"
            case .errorType: "error-type"
            case .close: "close"
            case .reset: "reset"
            case .cut: "cut"
            }
        }

        var endsSession: Bool {
            switch self {
            case .malformedJSON, .wrongTypes, .hugeMessage, .binaryGarbage, .stall, .freeze, .pause, .leaveOut,
                .halfClose:
                false
            case .errorCode, .errorType, .close, .reset, .cut: true
            }
        }
    }

    private var left = Kind.allCases

    /// The faults due after so much audio; none after one that ends the session.
    mutating func due(_ switchboard: FaultSwitchboard, audioMilliseconds: Int) -> [(kind: Kind, value: Int)] {
        var due: [(kind: Kind, value: Int)] = []
        for kind in left {
            guard let trigger = switchboard.claim(kind.field, audioMilliseconds: audioMilliseconds) else { continue }
            due.append((kind, trigger.value))
            left.removeAll { $0 == kind }
            if kind.endsSession { break }
        }
        return due
    }
}
