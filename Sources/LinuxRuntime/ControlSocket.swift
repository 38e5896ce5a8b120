internal import CLinux
internal import RecorderCore

/// The listening end of the control socket (unix(7), mode 0660, group `chalkbox` where it exists).
package final class ControlListener {
    package static let group = "chalkbox"
    package let path: String
    private let descriptor: FileDescriptor

    /// Replaces a stale socket file, never one with a live listener.
    package init(path: String) throws(SystemError) {
        let number = unsafe chalk_unix_listen(path, Self.group)
        guard number >= 0 else { throw .last("listen on", path) }
        descriptor = FileDescriptor(owning: number)
        self.path = path
    }

    deinit {
        _ = unsafe unlink(path)
    }

    package var fileDescriptor: Int32 { descriptor.number }

    /// The next client; nil when none waits, or it has left already.
    /// - Throws: there is no descriptor or memory for it; the client keeps waiting.
    package func accept() throws(SystemError) -> ControlConnection? {
        let number = chalk_unix_accept(descriptor.number)
        if number >= 0 { return ControlConnection(FileDescriptor(owning: number)) }
        let error = SystemError.last("accept at", path)
        guard [EAGAIN, EINTR, ECONNABORTED].contains(error.number) else { throw error }
        return nil
    }
}

/// One end of a control connection: lines out, lines in, both bounded.
package final class ControlConnection {
    package enum Input: Equatable, Sendable {
        case line([UInt8])
        /// A line of more than `Limits.controlLineBytes`; the rest of it is skipped.
        case tooLong
    }

    private let descriptor: FileDescriptor
    private var received: [UInt8] = []
    private var skipping = false
    private var pending: [UInt8] = []
    package private(set) var isClosed = false

    init(_ descriptor: consuming FileDescriptor) {
        self.descriptor = descriptor
    }

    /// Connects to a daemon; blocking, for the command line.
    package convenience init(path: String) throws(SystemError) {
        let number = unsafe chalk_unix_connect(path)
        guard number >= 0 else { throw .last("connect to", path) }
        self.init(FileDescriptor(owning: number))
    }

    package var fileDescriptor: Int32 { descriptor.number }

    /// Root, the daemon's own user and members of group `chalkbox` may command the box (SO_PEERCRED, unix(7)).
    package var peerMayCommand: Bool {
        var user: uid_t = 0
        var group: gid_t = 0
        var process: pid_t = 0
        guard unsafe chalk_peer_credentials(descriptor.number, &user, &group, &process) == 0 else { return false }
        if user == 0 || user == getuid() { return true }
        return unsafe chalk_user_in_group(user, group, ControlListener.group)
    }

    /// Reads what has arrived. An empty result with `isClosed` set means that the peer is gone.
    package func receive() -> [Input] {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe read(descriptor.number, bytes.baseAddress, bytes.count)
        }
        guard count > 0 else {
            let again = count < 0 && (chalk_errno() == EAGAIN || chalk_errno() == EINTR)
            if !again { isClosed = true }
            return []
        }
        var inputs: [Input] = []
        for byte in buffer.prefix(count) { take(byte, &inputs) }
        return inputs
    }

    private func take(_ byte: UInt8, _ inputs: inout [Input]) {
        if byte == 0x0A {
            if skipping {
                inputs.append(.tooLong)
            } else {
                inputs.append(.line(received))
            }
            skipping = false
            received.removeAll(keepingCapacity: true)
        } else if received.count >= Limits.controlLineBytes {
            skipping = true
            received.removeAll()
        } else if !skipping {
            received.append(byte)
        }
    }

    /// Queues a line. The connection of a client that does not read is closed; nobody waits for it.
    package func send(_ line: String) {
        guard !isClosed else { return }
        guard pending.count + line.utf8.count < Limits.controlOutputBytes else {
            isClosed = true
            return
        }
        pending += line.utf8
        pending.append(0x0A)
        flush()
    }

    /// How much waits for the peer to read.
    package var pendingBytes: Int { pending.count }

    /// Whether queued lines wait for the peer to read.
    package var wantsWritable: Bool { !pending.isEmpty && !isClosed }

    package func flush() {
        while !pending.isEmpty {
            let count = unsafe pending.withUnsafeBytes { bytes in
                unsafe chalk_send(descriptor.number, bytes.baseAddress, bytes.count)
            }
            guard count > 0 else {
                if chalk_errno() == EINTR { continue }
                if chalk_errno() != EAGAIN { isClosed = true }
                return
            }
            pending.removeFirst(count)
        }
    }
}
