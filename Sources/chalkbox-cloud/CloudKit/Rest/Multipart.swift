package import Foundation

/// Takes a `multipart/form-data` body apart while it comes (RFC 7578, RFC 2046 section 5.1).
package struct Multipart {
    package struct Failure: Error {
        package let reason: String
    }

    package struct Part: Equatable {
        package var name: String
        package var fileName: String?
    }

    package enum Event: Equatable {
        case begin(Part)
        /// Bytes of the part that began last.
        case bytes(Data)
        /// The last part is whole.
        case end
    }

    private enum Phase {
        case preamble, headers, body, epilogue
    }

    private static let maximumHeaderBytes = 8_192

    private let delimiter: Data
    private var phase = Phase.preamble
    /// What has come and is not understood yet.
    private var rest = Data("\r\n".utf8)

    /// - Parameter contentType: the header, with its boundary.
    package init(contentType: String?) throws(Failure) {
        let parameters = Self.parameters(contentType ?? "")
        guard (contentType ?? "").lowercased().hasPrefix("multipart/form-data"),
            let boundary = parameters["boundary"], (1...70).contains(boundary.utf8.count)
        else { throw Failure(reason: "Content-Type is not multipart/form-data with a boundary") }
        delimiter = Data("\r\n--\(boundary)".utf8)
    }

    /// After the last boundary.
    package var isWhole: Bool {
        if case .epilogue = phase { return true }
        return false
    }

    package mutating func feed(_ bytes: some Sequence<UInt8>) throws(Failure) -> [Event] {
        rest.append(contentsOf: bytes)
        var events: [Event] = []
        while try step(&events) {}
        return events
    }

    /// Understands the next piece; false when more must come first.
    private mutating func step(_ events: inout [Event]) throws(Failure) -> Bool {
        switch phase {
        case .preamble, .body:
            guard let place = rest.range(of: delimiter) else {
                let safe = rest.count - delimiter.count
                if safe > 0 {
                    if case .body = phase { events.append(.bytes(Data(rest.prefix(safe)))) }
                    rest = Data(rest.dropFirst(safe))
                }
                return false
            }
            // Two bytes more tell whether it is the last one.
            guard rest.distance(from: place.upperBound, to: rest.endIndex) >= 2 else { return false }
            if case .body = phase {
                let last = Data(rest[..<place.lowerBound])
                if !last.isEmpty { events.append(.bytes(last)) }
                events.append(.end)
            }
            let isLast = rest[place.upperBound...].prefix(2).elementsEqual("--".utf8)
            rest = Data(rest[place.upperBound...])
            phase = isLast ? .epilogue : .headers
            return true
        case .headers:
            guard let end = rest.range(of: Data("\r\n\r\n".utf8)) else {
                guard rest.count <= Self.maximumHeaderBytes else {
                    throw Failure(reason: "a part's headers are too long")
                }
                return false
            }
            events.append(.begin(try Self.part(String(decoding: rest[..<end.lowerBound], as: UTF8.self))))
            rest = Data(rest[end.upperBound...])
            phase = .body
            return true
        case .epilogue:
            rest = Data()
            return false
        }
    }

    private static func part(_ headers: String) throws(Failure) -> Part {
        for line in headers.split(separator: "\r\n") where line.lowercased().hasPrefix("content-disposition:") {
            let parameters = parameters(String(line))
            if let name = parameters["name"] { return Part(name: name, fileName: parameters["filename"]) }
        }
        throw Failure(reason: "a part has no name")
    }

    /// `; name=value` and `; name="value"`.
    private static func parameters(_ header: String) -> [String: String] {
        var parameters: [String: String] = [:]
        for match in header.matches(of: /;\s*([A-Za-z*-]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/) {
            let value = match.2.map(String.init) ?? match.3.map(String.init) ?? ""
            parameters[match.1.lowercased()] = value.replacing(/\\(.)/) { String($0.1) }
        }
        return parameters
    }
}
