internal import RecorderCore
internal import WebTransport
internal import WireJSON

/// Reads the responses of the service's asynchronous interface (docs/PROTOCOL.md, Asynchronous API).
enum TranscriptionResponses {
    static func read(
        _ response: HTTPResponse, to request: TranscriptionRequest, at endpoint: Endpoint
    ) -> TranscriptionAnswer {
        do throws(UplinkFailure) {
            switch request {
            case .deleteTranscription, .deleteFile:
                if response.isSuccess {
                    _ = try response.object(at: endpoint)
                    return .deleted
                }
                let failure = response.refusal(at: endpoint)
                if case .service(.httpStatus(404, _, _)) = failure.cause { return .deleted }
                throw failure
            case .uploadAudio:
                return .file(try name(try value(response, at: endpoint), at: endpoint))
            case .create:
                return .transcription(try name(try value(response, at: endpoint), at: endpoint))
            case .state:
                return try state(try value(response, at: endpoint), at: endpoint)
            case .transcript:
                var message = try ServiceJSON.message(
                    try value(response, at: endpoint), limit: Limits.transcriptTokens, peer: endpoint.peer)
                for place in message.tokens.indices { message.tokens[place].isFinal = true }
                return .text(message)
            }
        } catch {
            return .failed(error)
        }
    }

    private static func value(_ response: HTTPResponse, at endpoint: Endpoint) throws(UplinkFailure) -> JSONValue {
        guard let value = try response.object(at: endpoint, limitValues: Limits.transcriptNodes) else {
            throw UplinkFailure(.intercepted(response.status), "\(endpoint.peer) sent an empty response")
        }
        return value
    }

    private static func name(_ value: JSONValue, at endpoint: Endpoint) throws(UplinkFailure) -> String {
        guard let name = value["id"]?.string, TranscriptionRequests.isName(name) else {
            throw ServiceJSON.malformed("an answer without a valid id", endpoint.peer)
        }
        return name
    }

    private static func state(_ value: JSONValue, at endpoint: Endpoint) throws(UplinkFailure) -> TranscriptionAnswer {
        switch value["status"]?.string ?? "" {
        case "queued", "processing": return .pending
        case "completed": return .completed
        case "error":
            let said = (value["error_message"]?.string ?? "").clipped(bytes: Limits.errorMessageBytes)
            return .refused(said.isEmpty ? "no reason given" : said)
        default: throw ServiceJSON.malformed("an unknown transcription status", endpoint.peer)
        }
    }
}
