internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// What the school's servers answered, as values. Whether an offset can be is for `Outbox` to judge, which knows what
/// to do then.
enum TusAnswers {
    static func read(_ answer: HTTPAnswer, to request: UploadRequest, at endpoint: Endpoint) -> UploadAnswer {
        do throws(UplinkFailure) {
            switch request {
            case .create:
                try accept(answer, at: endpoint)
                return .created(url: try location(answer, at: endpoint))
            case .offset:
                try accept(answer, at: endpoint)
                let length = try answer.uploadLength.map { text throws(UplinkFailure) in
                    try number(text, "length", at: endpoint)
                }
                return .offset(try number(answer.uploadOffset ?? "", "offset", at: endpoint), length: length)
            case .send:
                try accept(answer, at: endpoint)
                return .sent(offset: try number(answer.uploadOffset ?? "", "offset", at: endpoint))
            case .manifest:
                if answer.status == 409, let names = missing(answer.body) { return .missing(names) }
                try accept(answer, at: endpoint)
                return .accepted
            }
        } catch {
            return .failed(error)
        }
    }

    private static func accept(_ answer: HTTPAnswer, at endpoint: Endpoint) throws(UplinkFailure) {
        guard answer.isSuccess else { throw Refusals.failure(answer, at: endpoint) }
    }

    /// RFC 3986 section 5.2, as far as servers use it.
    static func location(_ answer: HTTPAnswer, at endpoint: Endpoint) throws(UplinkFailure) -> String {
        guard let location = answer.location, !location.isEmpty else {
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
        guard
            let value = Refusals.json(body, limitBytes: Limits.manifestAnswerBytes, limitValues: limitValues),
            let elements = value["missing"]?.array, !elements.isEmpty, elements.count <= Limits.missingFiles
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

/// An answer that is no success, in words.
enum Refusals {
    static func failure(_ answer: HTTPAnswer, at endpoint: Endpoint) -> UplinkFailure {
        var text = "\(endpoint.peer) answered HTTP \(answer.status)"
        if (300..<400).contains(answer.status) {
            text += ": it redirects, which is not followed; set the URL to where it leads"
            return UplinkFailure(.httpStatus(answer.status), text)
        }
        let value = json(answer.body, limitBytes: Limits.manifestAnswerBytes, limitValues: UploaderLimits.answerNodes)
        var said = ""
        if let value {
            for name in ["message", "error_message", "error", "detail"] where said.isEmpty {
                said = value[name]?.string ?? ""
            }
        } else {
            said = String(decoding: answer.body.prefix(Limits.errorMessageBytes), as: UTF8.self)
        }
        said = said.clipped(bytes: Limits.errorMessageBytes).trimmingSpaces
        if !said.isEmpty { text += ": " + said }
        return UplinkFailure(
            .httpStatus(answer.status), text,
            errorType: (value?["error_type"]?.string ?? "").clipped(bytes: WebLimits.errorTypeBytes),
            requestID: (value?["request_id"]?.string ?? "").clipped(bytes: WebLimits.requestIDBytes),
            retryAfterSeconds: answer.retryAfterSeconds)
    }

    /// Nil for what is no JSON object.
    static func json(_ body: [UInt8], limitBytes: Int, limitValues: Int) -> JSONValue? {
        guard body.first == 0x7B else { return nil }
        do throws(JSONError) {
            return try JSONValue.parse(body, limitBytes: limitBytes, limitValues: limitValues)
        } catch {
            return nil
        }
    }
}
