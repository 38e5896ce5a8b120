import CloudKit
import Foundation
import Testing

@Suite struct ControlTests {
    private func withControl(_ body: (CloudServer, String) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/control"
        try await withServer({ $0.controlSocket = path }) { try await body($0, path) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    private func ask(
        _ path: String, _ method: String, _ target: String, _ lines: [String] = []
    ) async throws -> String {
        try await blocking { try ControlClient.request(socket: path, method, target, lines: lines) }
    }

    @Test func `faults are added, replaced and taken out over the socket`() async throws {
        try await withControl { server, path in
            #expect(try await ask(path, "GET", "/faults") == "")
            let added = try await ask(path, "POST", "/faults", ["slow=5", "# a remark", "", "refuse"])
            #expect(added == "refuse\nslow=5\n")
            let changed = try await ask(path, "POST", "/faults", ["refuse=off&error-code=503@4000*2"])
            #expect(changed == "slow=5\nerror-code=503@4000*2\n")
            #expect(server.faults.errorCode == FaultTrigger(503, afterMilliseconds: 4_000, times: 2))
            #expect(try await ask(path, "PUT", "/faults", ["cut-words"]) == "cut-words\n")
            #expect(try await ask(path, "POST", "/faults", ["none"]) == "")
        }
    }

    @Test func `a mistake is told and changes nothing`() async throws {
        try await withControl { server, path in
            do {
                _ = try await ask(path, "POST", "/faults", ["slow=5", "nonsense"])
                Issue.record("nonsense was taken")
            } catch ControlClient.Failure.refused(let reason) {
                #expect(reason.hasPrefix("unknown fault 'nonsense'"))
            }
            #expect(server.faults == FaultPlan())
            await #expect(throws: ControlClient.Failure.self) { try await ask(path, "POST", "/actions", ["dance"]) }
            await #expect(throws: ControlClient.Failure.self) { try await ask(path, "GET", "/nothing") }
            await #expect(throws: ControlClient.Failure.self) { try await ask(path + "x", "GET", "/faults") }
        }
    }

    @Test func `the socket works while the server refuses and while it is a black hole`() async throws {
        try await withControl { server, path in
            let client = try await openSession(server)
            _ = try await ask(path, "POST", "/faults", ["refuse", "black-hole"])
            let port = server.port
            await #expect(throws: RawClient.Failure.self) { try await blocking { _ = try RawClient(port: port) } }
            _ = try await ask(path, "POST", "/actions", ["reset"])
            #expect(try await blocking { try drain(client.value).ending } == .reset)
            _ = try await ask(path, "POST", "/faults", ["none"])
            _ = try await openSession(server)
        }
    }

    @Test func `the log is to be had as JSON`() async throws {
        try await withControl { server, path in
            _ = try await lesson(server, [Int16](repeating: 0, count: 3_200))
            _ = try await closedSession(server)
            let text = try await ask(path, "GET", "/log")
            let log = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
            let sessions = log["sessions"] as? [[String: Any]]
            let session = try #require(sessions?.first)
            #expect(session["close_reason"] as? String == "finished")
            #expect(session["key_hash"] as? String == CloudServer.fingerprint(of: "key"))
            let ranges = session["ranges"] as? [[String: Any]] ?? []
            #expect(ranges.last?["bytes"] as? [Int] == [0, 6_400])
            let concurrency = log["concurrency"] as? [[String: Any]] ?? []
            #expect(concurrency.map { $0["open"] as? Int } == [1, 0])
        }
    }
}
