/// An answer that fits no question: any status with any body, as a log-in page, a proxy or a broken server gives it.
struct OddAnswer {
    /// What follows the head. `cut` comes without a type, which alone would say that it is the server's own.
    enum Body: Int, CaseIterable {
        case none, html, json, cut, gzip

        var name: String {
            switch self {
            case .none: "none"
            case .html: "html"
            case .json: "json"
            case .cut: "cut"
            case .gzip: "gzip"
            }
        }

        fileprivate var type: String {
            switch self {
            case .none: ""
            case .html: "text/html; charset=utf-8"
            case .json, .cut, .gzip: "application/json"
            }
        }

        fileprivate var bytes: [UInt8] {
            switch self {
            case .none: []
            case .html: Array("<!DOCTYPE html><html><title>Log in</title></html>".utf8)
            case .json: Array(#"{"message":"an odd answer"}"#.utf8)
            case .cut: Array(#"{"message":"an odd"#.utf8)
            // gzip -c of {}
            case .gzip:
                [31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 171, 174, 5, 0, 67, 191, 166, 163, 2, 0, 0, 0]
            }
        }
    }

    let status: Int
    let body: Body

    init(_ trigger: FaultTrigger) {
        status = trigger.value / Body.allCases.count
        body = Body(rawValue: trigger.value % Body.allCases.count) ?? .none
    }

    static func value(status: Int, _ body: Body) -> Int { status * Body.allCases.count + body.rawValue }

    /// As it goes over the wire; the HTTP encoder would not write all of these.
    /// - Parameter hasBody: false for the answer to HEAD.
    func bytes(hasBody: Bool) -> [UInt8] {
        var head = "HTTP/1.1 \(status) Odd\r\nConnection: close\r\nContent-Length: \(body.bytes.count)\r\n"
        if !body.type.isEmpty, body != .cut { head += "Content-Type: \(body.type)\r\n" }
        if body == .gzip { head += "Content-Encoding: gzip\r\n" }
        return Array((head + "\r\n").utf8) + (hasBody ? body.bytes : [])
    }
}

extension FaultRow {
    static func answer(_ name: String, _ field: any PlanField<FaultTrigger?>, _ meaning: String) -> FaultRow {
        FaultRow(
            name: name, form: "=STATUS:BODY[*TIMES]",
            meaning: meaning + ", whatever it is; BODY is none, html, json, cut or gzip",
            set: { plan, argument throws(FaultArgumentError) in
                try argument.takes(value: true, times: true)
                let parts = (argument.value ?? "").split(separator: ":")
                guard parts.count == 2, let status = Int(parts[0]), (100...999).contains(status),
                    let body = OddAnswer.Body.allCases.first(where: { $0.name == parts[1] })
                else { throw .badValue(argument.text, accepted: "STATUS:BODY, such as 403:html") }
                plan[keyPath: field] = FaultTrigger(OddAnswer.value(status: status, body), times: argument.times)
            },
            clear: { $0[keyPath: field] = nil },
            show: { plan in
                guard let trigger = plan[keyPath: field], trigger.times != 0 else { return nil }
                let answer = OddAnswer(trigger)
                return "\(name)=\(answer.status):\(answer.body.name)" + (trigger.times.map { "*\($0)" } ?? "")
            })
    }
}

extension FaultTable {
    static let answers: [FaultRow] = [
        .answer("token-answer", \.tokenAnswer, "the token endpoint answers so"),
        .answer("handshake-answer", \.handshakeAnswer, "the WebSocket handshake is answered so"),
        .answer("create-answer", \.createAnswer, "the creation of an upload is answered so"),
        .answer("head-answer", \.headAnswer, "HEAD of an upload is answered so"),
        .answer("patch-answer", \.patchAnswer, "PATCH is answered so, and its body thrown away"),
        .answer("manifest-answer", \.manifestAnswer, "a manifest is answered so, and not kept"),
    ]
}
