/// The service's error types, each with its number and its words. The first with a number is what a fault that gives
/// the number alone means.
package enum ErrorType: String, Equatable, Sendable, CaseIterable {
    case invalidRequest = "invalid_request"
    case modelNotAvailable = "model_not_available"
    case unauthenticated
    case balanceExhausted = "organization_balance_exhausted"
    case organizationBudgetExhausted = "organization_monthly_budget_exhausted"
    case projectBudgetExhausted = "project_monthly_budget_exhausted"
    case permissionDenied = "permission_denied"
    case keySessionExpired = "temp_api_key_session_expired"
    case requestTimeout = "request_timeout"
    case maxDurationReached = "max_duration_reached"
    case limitExceeded = "limit_exceeded"
    case connectionsReached = "max_concurrent_connections_reached"
    case internalError = "internal_error"
    case serviceUnavailable = "service_unavailable"

    package var code: Int {
        switch self {
        case .invalidRequest, .modelNotAvailable: 400
        case .unauthenticated: 401
        case .balanceExhausted, .organizationBudgetExhausted, .projectBudgetExhausted: 402
        case .permissionDenied, .keySessionExpired: 403
        case .requestTimeout: 408
        case .maxDurationReached: 413
        case .limitExceeded, .connectionsReached: 429
        case .internalError: 500
        case .serviceUnavailable: 503
        }
    }

    var message: String {
        switch self {
        case .invalidRequest: "Invalid request."
        case .modelNotAvailable: "The requested model is not available."
        case .unauthenticated: "Incorrect API key provided."
        case .balanceExhausted: "Organization balance exhausted."
        case .organizationBudgetExhausted: "Organization monthly budget exhausted."
        case .projectBudgetExhausted: "Project monthly budget exhausted."
        case .permissionDenied: "Permission denied."
        case .keySessionExpired: "Temporary API key session has expired."
        case .requestTimeout: "Request timeout."
        case .maxDurationReached: "Maximum audio duration reached."
        case .limitExceeded: "Rate limit exceeded."
        case .connectionsReached: "Maximum number of concurrent connections reached."
        case .internalError: "The server had an error processing your request."
        case .serviceUnavailable: "Cannot continue request (code 1). Please restart the request."
        }
    }
}
