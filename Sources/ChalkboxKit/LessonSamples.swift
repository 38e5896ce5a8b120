internal import LinuxRuntime
internal import RecorderCore

/// Programs that hear a lesson over the control socket, from the ring: the capture thread knows nothing of them.
extension Daemon {
    /// Without a lesson the client is told so, and the microphone is left to it until the connection is closed.
    func listen(_ client: ControlClients.Client) -> String {
        client.borrows = !recorder.isHearing
        guard recorder.isHearing else { return Answer.error("no lesson is being recorded", "not-recording") }
        client.hears = ring.head
        clients.feedAt = Clock.now
        return SampleLine.json([], 0, from: ring.head)
    }
}

extension ControlClients {
    /// Gives those who listen what was recorded since. A client who reads slowly keeps its place, until the ring has
    /// gone on beyond it.
    func feed(from ring: SampleRing, isHearing: Bool, now: MonotonicTime, loop: EventLoop) {
        guard let feedAt, now >= feedAt || !isHearing else { return }
        self.feedAt = nil
        for client in clients where client.hears != nil {
            feed(client, from: ring)
            if client.hears != nil, !isHearing {
                client.hears = nil
                client.connection.send(Answer.error("the lesson is over", "ended"))
            }
            if client.hears != nil { self.feedAt = now.adding(milliseconds: Limits.listenMilliseconds) }
            update(client.token, loop: loop)
        }
    }

    private func feed(_ client: Client, from ring: SampleRing) {
        // Behind the head is what another lesson had.
        while let place = client.hears, place <= ring.head, client.connection.pendingBytes < Limits.listenBytes {
            var samples = [Int16](repeating: 0, count: Int(Limits.periodSamples))
            let result = unsafe samples.withUnsafeMutableBufferPointer { unsafe ring.read(from: place, into: $0) }
            guard case .copied(let count) = result else {
                client.hears = nil
                client.connection.send(Answer.error("read too slowly: the samples are not kept any more", "too-slow"))
                return
            }
            guard count > 0 else { return }
            client.hears = place.advanced(by: Int64(count))
            client.connection.send(SampleLine.json(samples, count, from: place))
        }
    }
}

/// What listeners are sent.
enum SampleLine {
    /// - Parameter count: of the samples, the first so many.
    static func json(_ samples: [Int16], _ count: Int, from place: SampleIndex) -> String {
        var bytes: [UInt8] = []
        for index in 0..<count {
            bytes.append(UInt8(truncatingIfNeeded: samples[index]))
            bytes.append(UInt8(truncatingIfNeeded: samples[index] >> 8))
        }
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ok", true)
            writer.field("from", place.value)
            writer.field("samples", Base64.encode(bytes))
        }
        return writer.text
    }
}
