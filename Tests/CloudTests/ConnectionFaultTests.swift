import CloudKit
import Foundation
import Testing

@Suite struct ConnectionFaultTests {
    private let silence = [Int16](repeating: 0, count: 1_600)

    private func connectError(_ port: Int) async throws -> Int32 {
        try await blocking {
            do {
                _ = try RawClient(port: port)
                return 0
            } catch RawClient.Failure.system(_, let number) {
                return number
            }
        }
    }

    /// Waits for an answer to audio: the session lives.
    private func expectAnswer(_ client: Unchecked<RawClient>) async throws {
        let silence = self.silence
        try await blocking {
            try client.value.send(samples: silence)
            _ = try client.value.message()
        }
    }

    @Test func `a refusing server keeps its sessions and its port, and accepts again`() async throws {
        try await withServer { server in
            let client = try await openSession(server)
            for _ in 0..<3 {
                try await server.changeFaults("refuse")
                #expect(try await connectError(server.port) == ECONNREFUSED)
                try await expectAnswer(client)
                try await server.changeFaults("refuse=off")
                #expect(try await connectError(server.port) == 0)
            }
        }
    }

    @Test func `a server can refuse from the start`() async throws {
        try await withServer({ $0.faults.refuse = true }) { server in
            #expect(try await connectError(server.port) == ECONNREFUSED)
            try await server.setFaults(FaultPlan())
            try await expectAnswer(try await openSession(server))
        }
    }

    @Test func `connections are reset when accepted, as often as was said`() async throws {
        try await withServer({ $0.faults.acceptReset = FaultTrigger(times: 2) }) { server in
            for _ in 0..<2 { await #expect(throws: RawClient.Failure.self) { try await openSession(server) } }
            try await expectAnswer(try await openSession(server))
            #expect(server.faults == FaultPlan())
        }
    }

    @Test func `a black hole swallows old and new connections and gives back all when lifted`() async throws {
        try await withServer { server in
            let old = try await openSession(server)
            try await expectAnswer(old)
            try await server.changeFaults("black-hole")
            let port = server.port
            let silence = self.silence
            let new = try await blocking { Unchecked(value: try RawClient(port: port)) }
            try await blocking {
                try old.value.send(samples: silence)
                try old.value.send(frame: 9, Data("lost?".utf8))
                #expect(try !old.value.isReadable(withinMilliseconds: 300))
                try new.value.sendRequest(path: "/api/token")
                #expect(try !new.value.isReadable(withinMilliseconds: 300))
            }
            #expect(server.log.tokenRequests.isEmpty)
            try await server.setFaults(FaultPlan())
            try await blocking {
                while try old.value.frame() != RawClient.Frame(opcode: 10, payload: Data("lost?".utf8)) {}
                #expect(try new.value.isReadable(withinMilliseconds: 30_000))
            }
        }
    }

    @Test func `a black hole can take only old or only new connections`() async throws {
        try await withServer { server in
            let port = server.port
            let old = try await openSession(server)
            try await server.changeFaults("black-hole=existing")
            try await expectAnswer(try await openSession(server))
            try await blocking {
                try old.value.send(frame: 9, Data())
                #expect(try !old.value.isReadable(withinMilliseconds: 300))
            }
            try await server.changeFaults("black-hole=new")
            try await expectAnswer(old)
            try await blocking {
                let new = try RawClient(port: port)
                try new.sendRequest(path: "/api/token")
                #expect(try !new.isReadable(withinMilliseconds: 300))
            }
        }
    }

    @Test func `a black hole holds back the close of a session too, and the server still stops`() async throws {
        try await withServer { server in
            let client = try await openSession(server)
            try await server.changeFaults("black-hole")
            try await server.perform(.close(code: 1_001))
            #expect(try await closedSession(server).closeReason == "closed by fault close 1001")
            // Longer than a client is given to answer a close frame.
            let speaks = try await blocking { try client.value.isReadable(withinMilliseconds: 2_500) }
            #expect(!speaks)
        }
    }

    @Test func `slow answers all come, late and in order`() async throws {
        try await withServer { server in
            let client = try await openSession(server)
            try await server.changeFaults("slow=400")
            try await blocking {
                let began = Date()
                for number in 0..<20 { try client.value.send(frame: 9, Data("\(number)".utf8)) }
                for number in 0..<20 { #expect(try client.value.frame().text == "\(number)") }
                #expect(Date().timeIntervalSince(began) >= 0.39)
                for number in 0..<5 { try client.value.send(frame: 9, Data("\(number)".utf8)) }
            }
            try await server.changeFaults("slow=off")
            try await blocking {
                try client.value.send(frame: 9, Data("5".utf8))
                for number in 0...5 { #expect(try client.value.frame().text == "\(number)") }
            }
        }
    }

    @Test func `all live connections can be reset at once`() async throws {
        try await withServer { server in
            let clients = [try await openSession(server), try await openSession(server)]
            for client in clients { try await expectAnswer(client) }
            try await server.perform(.reset)
            for client in clients { #expect(try await blocking { try drain(client.value).ending } == .reset) }
            #expect(try await closedSession(server, 2).closeReason == "reset by fault reset")
            try await expectAnswer(try await openSession(server))
        }
    }

    @Test func `a connection can be cut without a close frame`() async throws {
        try await withServer { server in
            let client = try await openSession(server)
            try await expectAnswer(client)
            try await server.perform(.cut)
            #expect(try await blocking { try drain(client.value).ending } == .cut)
            #expect(try await closedSession(server).closeReason == "cut by fault cut")
        }
    }

    @Test func `a half-closed server reads on`() async throws {
        try await withServer { server in
            let client = try await openSession(server)
            try await expectAnswer(client)
            try await server.perform(.halfClose)
            #expect(try await blocking { try drain(client.value).ending } == .cut)
            let before = server.log.sessions[0].audioBytes
            try await blocking { [silence] in
                for _ in 0..<5 { try client.value.send(samples: silence) }
            }
            let heard = try await blocking {
                server.waitForLog(seconds: 60) { $0.sessions[0].audioBytes == before + 16_000 }
            }
            #expect(heard != nil)
            #expect(heard?.sessions[0].closeReason == nil)
            #expect(heard?.sessions[0].faults.map(\.name) == ["half-close"])
        }
    }

    @Test func `a session stalls after so much audio, and the next does not`() async throws {
        try await withServer({ $0.faults.stall = FaultTrigger(afterMilliseconds: 500, times: 1) }) { server in
            let client = try await openSession(server)
            try await blocking { try stream([Int16](repeating: 0, count: 8_000), to: client.value) }
            let struck = try await blocking { server.waitForLog(seconds: 60) { !$0.sessions[0].faults.isEmpty } }
            #expect(struck?.sessions[0].faults.first?.audioMilliseconds == 500)
            try await blocking {
                try client.value.send(frame: 9, Data("?".utf8))
                while try client.value.isReadable(withinMilliseconds: 300) {
                    #expect(try client.value.frame().opcode == 1)
                }
            }
            try await expectAnswer(try await openSession(server))
        }
    }

    @Test func `a session freezes: it answers pings, and recognises nothing`() async throws {
        try await withServer({ $0.faults.freeze = FaultTrigger(afterMilliseconds: 500, times: 1) }) { server in
            let client = try await openSession(server)
            try await blocking { try stream([Int16](repeating: 0, count: 8_000), to: client.value) }
            let struck = try await blocking { server.waitForLog(seconds: 60) { !$0.sessions[0].faults.isEmpty } }
            #expect(struck?.sessions[0].faults.map(\.name) == ["freeze"])
            try await blocking {
                try stream([Int16](repeating: 0, count: 8_000), to: client.value)
                try client.value.send(frame: 9, Data("?".utf8))
                // What was recognised before comes first; nothing comes after the pong.
                while try client.value.frame().opcode == 1 {}
                #expect(try !client.value.isReadable(withinMilliseconds: 300))
            }
            try await expectAnswer(try await openSession(server))
        }
    }

    @Test func `faults strike through TLS too`() async throws {
        let directory = try TemporaryDirectory()
        let authority = try await blocking { try ThrowawayAuthority(directory: directory.path) }
        try await withServer({
            $0.tls = .init(certificateFile: authority.certificateFile, keyFile: authority.keyFile)
            $0.faults.tokenHang = FaultTrigger(times: 1)
        }) { server in
            // curl's exit codes: 52 nothing got, 56 receive error, 28 time-out, 7 cannot connect, 35 TLS connect error.
            @Sendable func curl(_ seconds: Double) throws -> Int32 {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
                process.arguments = [
                    "curl", "-sS", "-o", "/dev/null", "--cacert", authority.authorityFile, "-X", "POST", "-m",
                    "\(seconds)", server.tokenURL,
                ]
                process.standardError = FileHandle.nullDevice
                try process.run()
                process.waitUntilExit()
                return process.terminationStatus
            }
            #expect(try await blocking { try curl(1) } == 28)
            #expect(try await blocking { try curl(30) } == 0)
            try await server.setFaults(FaultPlan(arguments: ["black-hole"]))
            #expect(try await blocking { try curl(1) } == 28)
            try await server.setFaults(FaultPlan(arguments: ["refuse"]))
            #expect(try await blocking { try curl(30) } == 7)
            try await server.setFaults(FaultPlan(arguments: ["accept-reset*1"]))
            // The reset may come while it connects, or in the handshake.
            #expect([7, 35, 56].contains(try await blocking { try curl(30) }))
            try await server.setFaults(FaultPlan(arguments: ["slow=50"]))
            #expect(try await blocking { try curl(30) } == 0)
        }
    }
}
