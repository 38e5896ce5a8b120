internal import CWebSockets
package import RecorderCore
package import WireJSON

/// Who sent a response, as far as its head shows.
package enum ResponseOrigin: Equatable, Sendable {
    case unknown
    /// The peer itself: JSON or tus, which nothing on the way sends.
    case peer
    /// A log-in page or a proxy may have sent this: HTML.
    case webPage
    /// Content-Encoding, which was not asked for.
    case compressed
}

extension Connection {
    /// The origin of the response whose head has just arrived.
    package var origin: ResponseOrigin {
        if let encoding = header(WSI_TOKEN_HTTP_CONTENT_ENCODING)?.inLowerCase, encoding != "identity" {
            return .compressed
        }
        // tus 1.0: its servers send this header in every response.
        if let version = header("tus-resumable:"), !version.isEmpty { return .peer }
        let type = header(WSI_TOKEN_HTTP_CONTENT_TYPE)?.inLowerCase ?? ""
        if ["application/json", "application/problem+json"].contains(where: type.begins) { return .peer }
        return type.begins(with: "text/html") ? .webPage : .unknown
    }
}

/// A response's body: a JSON object, or what was found instead of one.
package struct ResponseBody {
    /// Nil when the body is not a JSON object.
    package var object: JSONValue?
    /// What was found instead of JSON, for people.
    private var instead = ""

    /// - Parameters:
    ///   - bytes: may begin with a byte order mark; nil: the body is not known.
    ///   - limitValues: a body with more JSON values than this is refused.
    package init(_ bytes: [UInt8]?, _ origin: ResponseOrigin, limitValues: Int) {
        let text = Self.withoutMark(bytes ?? [])
        if origin == .compressed || text.starts(with: [0x1F, 0x8B]) {
            instead = "compressed data, which was not asked for"
        } else if origin == .webPage || text.first == 0x3C {
            instead = "a page"
        } else if text.isEmpty {
            instead = bytes == nil ? "no sign of a service" : "nothing"
        } else if text.first == 0x7B {
            do throws(JSONError) {
                object = try JSONValue.parse(text, limitBytes: text.count, limitValues: limitValues, mendsText: true)
            } catch {
                instead = "half an answer: " + error.message
            }
        } else {
            instead = "no JSON object"
        }
    }

    /// The bytes without a byte order mark. RFC 8259 section 8.1 lets a parser ignore it; Windows programs write it.
    package static func withoutMark(_ bytes: [UInt8]) -> [UInt8] {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes[3...]) : bytes
    }

    /// What was found instead of a JSON object, and what that may mean. Empty when there is an object.
    package var complaint: String {
        instead.isEmpty ? "" : instead + "; a log-in page or a proxy may have answered in its place"
    }
}

/// A response with a status other than 2xx, as a failure that says whether the peer itself refused.
package enum ErrorResponse {
    /// - Parameter body: nil: it is not known.
    package static func failure(
        status: Int, _ origin: ResponseOrigin, body bytes: [UInt8]?, retryAfterSeconds: Int?, peer: String
    ) -> UplinkFailure {
        let body = ResponseBody(bytes, origin, limitValues: TransportLimits.responseValues)
        let isFromPeer = origin == .peer || body.object != nil
        var text = "\(peer) answered HTTP \(status)"
        var said = ""
        if (300..<400).contains(status) {
            text += ": it redirects, which is not followed; a log-in page may answer so"
        } else if let value = body.object {
            for name in ["message", "error_message", "error", "detail"] where said.isEmpty {
                said = value[name]?.string ?? ""
            }
        } else if isFromPeer {
            said = String(decoding: (bytes ?? []).prefix(Limits.errorMessageBytes), as: UTF8.self)
        } else {
            text += " with " + body.complaint
        }
        let type = body.object?["error_type"]?.string ?? ""
        return UplinkFailure(
            isFromPeer
                ? .httpStatus(status, type: ServiceErrorType(type), retryAfterSeconds: retryAfterSeconds)
                : .intercepted(status, retryAfterSeconds: retryAfterSeconds), text, typeName: type, said: said, .files)
    }
}

extension HTTPResponse {
    /// The failure that a response with a status other than 2xx is.
    package func refusal(at endpoint: Endpoint) -> UplinkFailure {
        ErrorResponse.failure(
            status: status, origin, body: body, retryAfterSeconds: retryAfterSeconds, peer: endpoint.peer)
    }

    /// A success's JSON object; nil when its body is empty.
    ///
    /// - Throws: the failure that any other status is, and a success whose body is not JSON.
    package func object(
        at endpoint: Endpoint, limitValues: Int = TransportLimits.responseValues
    ) throws(UplinkFailure) -> JSONValue? {
        guard isSuccess else { throw refusal(at: endpoint) }
        guard !body.isEmpty else { return nil }
        let body = ResponseBody(body, origin, limitValues: limitValues)
        guard let object = body.object else {
            // The peer's own success has a JSON body or none: a proxy's page must not count as one.
            throw UplinkFailure(
                origin == .peer ? .messageMalformed : .intercepted(status),
                "\(endpoint.peer) answered HTTP \(status) with " + body.complaint)
        }
        return object
    }
}
