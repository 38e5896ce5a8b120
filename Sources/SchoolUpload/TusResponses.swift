internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// Reads the responses of the school's servers (docs/PROTOCOL.md, Uploads). `Outbox` judges whether an offset is
/// possible, since it knows what to do when it is not.
enum TusResponses {
    static func read(_ response: HTTPResponse, to request: UploadRequest, at endpoint: Endpoint) -> UploadAnswer {
        do throws(UplinkFailure) {
            switch request {
            case .create:
                try requireSuccess(response, at: endpoint)
                return .created(url: try location(response, at: endpoint))
            case .offset:
                try requireSuccess(response, at: endpoint)
                let length = try response.uploadLength.map { text throws(UplinkFailure) in
                    try number(text, "length", at: endpoint)
                }
                return .offset(try number(response.uploadOffset ?? "", "offset", at: endpoint), length: length)
            case .send:
                try requireSuccess(response, at: endpoint)
                return .sent(offset: try number(response.uploadOffset ?? "", "offset", at: endpoint))
            case .manifest:
                if response.status == 409, let names = missing(response.body) { return .missing(names) }
                _ = try response.object(at: endpoint)
                return .accepted
            }
        } catch {
            return .failed(error)
        }
    }

    private static func requireSuccess(_ response: HTTPResponse, at endpoint: Endpoint) throws(UplinkFailure) {
        guard response.isSuccess else { throw response.refusal(at: endpoint) }
    }

    /// RFC 3986 section 5.2, as far as servers use it.
    static func location(_ response: HTTPResponse, at endpoint: Endpoint) throws(UplinkFailure) -> String {
        guard let location = response.location, !location.isEmpty else {
            throw UplinkFailure(.messageMalformed, "\(endpoint.peer) created an upload without a Location header")
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

    private static func number(
        _ text: String, _ what: StaticString, at endpoint: Endpoint
    ) throws(UplinkFailure) -> Int64 {
        guard let value = text.decimal(upTo: UploadLimits.fileBytes) else {
            throw UplinkFailure(.messageMalformed, "\(endpoint.peer) sent no valid upload \(what)")
        }
        return Int64(value)
    }

    /// The names of missing files; nil when the response has none, or an invalid one.
    private static func missing(_ body: [UInt8]) -> [String]? {
        let limitValues = Limits.missingFiles + 64
        guard let elements = ResponseBody(body, .unknown, limitValues: limitValues).object?["missing"]?.array,
            !elements.isEmpty, elements.count <= Limits.missingFiles
        else { return nil }
        var names: [String] = []
        for element in elements {
            guard let name = element.string, !name.isEmpty, name.utf8.count <= UploadLimits.fileNameBytes else {
                return nil
            }
            names.append(name)
        }
        return names
    }
}
