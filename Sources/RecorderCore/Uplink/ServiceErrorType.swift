/// The service's `error_type`, which stays the same across its releases: it decides, and the number only where the type
/// is missing or unknown (PROTOCOL, Errors).
package enum ServiceErrorType: Int, CaseIterable, Equatable, Sendable {
    case serviceUnavailable
    case requestTimeout
    case internalError
    case maxDurationReached
    case keySessionExpired
    case limitExceeded
    case connectionsReached
    case unauthenticated
    case permissionDenied
    case balanceExhausted
    case organizationBudgetExhausted
    case projectBudgetExhausted
    case invalidRequest
    case modelNotAvailable

    /// As the service writes them, in the order of the cases.
    private static let names = """
        service_unavailable request_timeout internal_error max_duration_reached temp_api_key_session_expired \
        limit_exceeded max_concurrent_connections_reached unauthenticated permission_denied \
        organization_balance_exhausted organization_monthly_budget_exhausted project_monthly_budget_exhausted \
        invalid_request model_not_available
        """

    package init?(_ name: String) {
        guard !name.isEmpty, let place = Self.names.parts(separatedBy: " ").firstIndex(of: name) else { return nil }
        self.init(rawValue: place)
    }

    package var name: String { Self.names.parts(separatedBy: " ")[rawValue] }

    /// Which of the service's interfaces said it: each has settings of its own.
    package enum Interface: Sendable {
        case session
        case files
    }

    /// What a person has to do, for the types that wait for one; else empty.
    package func advice(_ interface: Interface) -> String {
        switch self {
        case .serviceUnavailable, .requestTimeout, .internalError, .maxDurationReached, .keySessionExpired,
            .limitExceeded, .connectionsReached:
            ""
        case .unauthenticated, .permissionDenied:
            "it does not accept the key; a key belongs to one region: see "
                + (interface == .session ? "transcription.websocket_url" : "transcription.rest_url")
        case .balanceExhausted: "the organization's balance there is used up, and somebody has to top it up"
        case .organizationBudgetExhausted: Self.budget("organization")
        case .projectBudgetExhausted: Self.budget("project")
        case .invalidRequest:
            "it does not accept a setting: see "
                + (interface == .session ? "transcription.model" : "transcription.rest_model")
                + ", language_hints and terms_file"
        case .modelNotAvailable:
            "it does not have that model (any more): see "
                + (interface == .session ? "transcription.model" : "transcription.rest_model")
        }
    }

    private static func budget(_ whose: String) -> String {
        "the \(whose)'s monthly budget there is used up, and somebody has to raise it"
    }
}

extension UplinkFailure {
    /// - Parameters:
    ///   - error: what the service stated, with its type.
    ///   - answer: who answered what, such as "host answered error 402".
    ///   - typeName: as it came; empty: none did.
    ///   - said: the service's own words.
    package init(
        _ error: ServiceError, _ answer: String, typeName: String, said: String,
        _ interface: ServiceErrorType.Interface
    ) {
        let typeName = typeName.clipped(bytes: Limits.errorTypeBytes)
        let said = said.clipped(bytes: Limits.errorMessageBytes).trimmingSpaces
        let advice = ServiceErrorType(typeName)?.advice(interface) ?? ""
        var text = answer
        if !typeName.isEmpty { text += " " + typeName }
        if !said.isEmpty { text += ": " + said }
        if !advice.isEmpty { text += "; " + advice }
        self.init(error, text)
    }
}
