internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// What the school's servers answered, as values. Whether an offset can be is for `Outbox` to judge, which knows what
/// to do then.
enum TusResponses {
    static func read(_ response: HTTPResponse, to request: UploadRequest, at endpoint: Endpoint) -> UploadAnswer {
        do throws(UplinkFailure) {
            switch request {
            case .create:
                try accept(response, at: endpoint)
                return .created(url: try location(response, at: endpoint))
            case .offset:
                try accept(response, at: endpoint)
                let length = try response.uploadLength.map { text throws(UplinkFailure) in
                    try number(text, "length", at: endpoint)
                }
                return .offset(try number(response.uploadOffset ?? "", "offset", at: endpoint), length: length)
            case .send:
                try accept(response, at: endpoint)
                return .sent(offset: try number(response.uploadOffset ?? "", "offset", at: endpoint))
            case .manifest:
                if response.status == 409, let names = missing(response.body) { return .missing(names) }
                _ = try response.said(at: endpoint, limitValues: UploaderLimits.answerNodes)
                return .accepted
            }
        } catch {
            return .failed(error)
        }
    }

    private static func accept(_ response: HTTPResponse, at endpoint: Endpoint) throws(UplinkFailure) {
        guard response.isSuccess else { throw response.refusal(at: endpoint) }
    }

    /// RFC 3986 section 5.2, as far as servers use it.
    static func location(_ response: HTTPResponse, at endpoint: Endpoint) throws(UplinkFailure) -> String {
        guard let location = response.location, !location.isEmpty else {
            throw UplinkFailure(.messageMalformed, "\(endpoint.peer) made an upload without saying where (no Location)")
        }
        let scheme = endpoint.isTLS ? "https:" : "http:"
        let url: String
        if location.cut(at: ":").map({ $0.after.begins(with: "//") && !$0.before.holds(0x2F) }) ?? false {
            url = location
        } else if location.begins(with: "//") {
            url = scheme + location
        } else if location.begins(with: "/") {
            url = scheme + "//" + endpoint.authority + location
        } else {
            let path = endpoint.path.cut(at: "?")?.before ?? endpoint.path
            url = scheme + "//" + endpoint.authority + (path.before(last: "/") ?? "") + "/" + location
        }
        do throws(UplinkFailure) {
            _ = try Endpoint(url, name: "the Location of \(endpoint.peer)", secure: "https", plain: "http")
        } catch {
            // The server's mistake, not the configuration's.
            throw UplinkFailure(.messageMalformed, error.detail)
        }
        return url
    }

    /// Digits and nothing else.
    private static func number(
        _ text: String, _ what: StaticString, at endpoint: Endpoint
    ) throws(UplinkFailure) -> Int64 {
        guard !text.isEmpty, text.utf8.count <= 18, text.isEvery({ $0 >= 0x30 && $0 <= 0x39 }), let value = Int(text)
        else { throw UplinkFailure(.messageMalformed, "\(endpoint.peer) answered no valid \(what)") }
        return Int64(value)
    }

    /// Nil when the answer names none, or what cannot be a name.
    private static func missing(_ body: [UInt8]) -> [String]? {
        let limitValues = Limits.missingFiles + 64
        guard let elements = ResponseBody(body, .unknown, limitValues: limitValues).object?["missing"]?.array,
            !elements.isEmpty, elements.count <= Limits.missingFiles
        else { return nil }
        var names: [String] = []
        for element in elements {
            guard let name = element.string, !name.isEmpty, name.utf8.count <= UploaderLimits.fileNameBytes else {
                return nil
            }
            names.append(name)
        }
        return names
    }
}

extension HTTPResponse {
    func refusal(at endpoint: Endpoint) -> UplinkFailure {
        ErrorResponse.failure(
            status: status, origin, body: body, retryAfterSeconds: retryAfterSeconds, peer: endpoint.peer)
    }

    /// What a success says; nil when it says nothing.
    func said(at endpoint: Endpoint, limitValues: Int) throws(UplinkFailure) -> JSONValue? {
        guard isSuccess else { throw refusal(at: endpoint) }
        guard !body.isEmpty else { return nil }
        let body = ResponseBody(body, origin, limitValues: limitValues)
        guard let object = body.object else {
            // A success of the peer's own is JSON, or nothing: what stands between must not settle a lesson.
            throw UplinkFailure(
                origin == .peer ? .messageMalformed : .intercepted(status),
                "\(endpoint.peer) answered HTTP \(status) with " + body.complaint)
        }
        return object
    }
}
