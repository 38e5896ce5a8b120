internal import CWebSockets

/// A buffer for what is written to connections, made once, with the room before it that `lws_write` wants (LWS_PRE).
/// A class, since Embedded Swift cannot destroy another module's noncopyable value that has a `deinit`.
@safe package final class WriteBuffer {
    /// The kind of frame that the bytes are.
    package enum Kind {
        case text
        case binary
        case ping
        case body
    }

    /// In bytes.
    package let capacity: Int
    private let memory: UnsafeMutableRawPointer

    package init(capacity: Int) {
        self.capacity = capacity
        let room = Int(chalk_lws_pre())
        unsafe memory = .allocate(byteCount: room + capacity, alignment: 16)
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: room + capacity)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// The bytes that are written next, `capacity` of them.
    @unsafe package var bytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: memory + Int(chalk_lws_pre()), count: capacity)
    }

    /// Writes the first `count` bytes, whole: the library keeps what the socket does not take.
    package func write(_ count: Int, as kind: Kind, to connection: Connection) -> Bool {
        guard count <= capacity, let wsi = unsafe connection.wsi else { return false }
        let kind =
            switch kind {
            case .text: LWS_WRITE_TEXT
            case .binary: LWS_WRITE_BINARY
            case .ping: LWS_WRITE_PING
            case .body: LWS_WRITE_HTTP
            }
        let start = unsafe bytes.bindMemory(to: UInt8.self)
        return unsafe lws_write(wsi, start.baseAddress, count, kind) >= Int32(count)
    }
}
