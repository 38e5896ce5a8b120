internal import CWebSockets
package import RecorderCore
package import WireJSON

/// What an answer's head shows of who has given it.
package enum AnswerSign: Equatable, Sendable {
    case none
    /// As the endpoints and services that the box asks answer, and nothing on the way does: JSON, or tus.
    case own
    /// HTML, as log-in pages and proxies answer.
    case page
    /// Content-Encoding, which was not asked for.
    case compressed
}

extension Connection {
    /// Of the answer whose head is told of.
    package var sign: AnswerSign {
        if let encoding = header(WSI_TOKEN_HTTP_CONTENT_ENCODING)?.inLowerCase, encoding != "identity" {
            return .compressed
        }
        // tus 1.0: in every answer of its servers.
        if let version = header("tus-resumable:"), !version.isEmpty { return .own }
        let type = header(WSI_TOKEN_HTTP_CONTENT_TYPE)?.inLowerCase ?? ""
        if ["application/json", "application/problem+json"].contains(where: type.begins) { return .own }
        return type.begins(with: "text/html") ? .page : .none
    }
}

/// An answer's body, as far as it tells who has said it.
package struct AnswerBody {
    /// Nil for what is no JSON object.
    package var object: JSONValue?
    /// What there is instead of JSON, for people.
    private var instead = ""

    /// - Parameters:
    ///   - bytes: a byte order mark before the text does no harm; nil: not known.
    ///   - limitValues: what has more is none.
    package init(_ bytes: [UInt8]?, _ sign: AnswerSign, limitValues: Int) {
        let text = Self.withoutMark(bytes ?? [])
        if sign == .compressed || text.starts(with: [0x1F, 0x8B]) {
            instead = "compressed data, which was not asked for"
        } else if sign == .page || text.first == 0x3C {
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

    /// RFC 8259 section 8.1 lets a parser ignore it; Windows' programs write it.
    package static func withoutMark(_ bytes: [UInt8]) -> [UInt8] {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes[3...]) : bytes
    }

    /// What was found in place of an answer, and what that may mean.
    package var complaint: String {
        instead.isEmpty ? "" : instead + "; a log-in page or a proxy may have answered in its place"
    }
}

/// An answer that is no success, in words, and whether the peer itself has said it.
package enum Refusals {
    private static let values = 4_096

    /// - Parameter body: nil: it is not known.
    package static func failure(
        status: Int, _ sign: AnswerSign, body bytes: [UInt8]?, retryAfterSeconds: Int?, peer: String
    ) -> UplinkFailure {
        let body = AnswerBody(bytes, sign, limitValues: values)
        let isOwn = sign == .own || body.object != nil
        var text = "\(peer) answered HTTP \(status)"
        var said = ""
        if (300..<400).contains(status) {
            text += ": it redirects, which is not followed; a log-in page may answer so"
        } else if let value = body.object {
            for name in ["message", "error_message", "error", "detail"] where said.isEmpty {
                said = value[name]?.string ?? ""
            }
        } else if isOwn {
            said = String(decoding: (bytes ?? []).prefix(Limits.errorMessageBytes), as: UTF8.self)
        } else {
            text += " with " + body.complaint
        }
        said = said.clipped(bytes: Limits.errorMessageBytes).trimmingSpaces
        if !said.isEmpty { text += ": " + said }
        return UplinkFailure(
            isOwn ? .httpStatus(status) : .intercepted(status), text,
            requestID: (body.object?["request_id"]?.string ?? "").clipped(bytes: WebLimits.requestIDBytes),
            retryAfterSeconds: retryAfterSeconds)
    }
}
