import CloudKit
import Foundation
import Testing

@Suite struct TusFaultTests {
    private let bytes = payload(100_000)

    private func withFaults(
        _ faults: String..., body: @escaping @Sendable (CloudServer, TusClient) throws -> Void
    ) async throws {
        let plan = try FaultPlan(arguments: faults)
        try await withServer({ $0.faults = plan }) { server in
            try await blocking { try body(server, TusClient(port: server.port)) }
        }
    }

    @Test(arguments: [401, 403, 413, 429, 500, 503])
    func `each step answers a status on demand, so many times`(status: Int) async throws {
        let bytes = bytes
        try await withFaults(
            "create-status=\(status)*2", "head-status=\(status)*1", "patch-status=\(status)*1",
            "upload-delete-status=\(status)*1", "retry-after=7", "retry-after-5xx=9"
        ) { _, tus in
            for _ in 0..<2 {
                let refused = try tus.create("x/a", length: bytes.count)
                #expect(refused.status == status)
                #expect(refused.headers["retry-after"] == (status == 429 ? "7" : status >= 500 ? "9" : nil))
            }
            let path = try tus.path("x/a", length: bytes.count)
            #expect(try tus.request("HEAD", path).status == status)
            #expect(try tus.patch(path, at: 0, bytes).status == status)
            #expect(try tus.offset(path) == 0)
            #expect(try tus.request("DELETE", path).status == status)
            #expect(try tus.patch(path, at: 0, bytes).status == 204)
        }
    }

    @Test func `without the fault, a 5xx has no Retry-After`() async throws {
        try await withFaults("create-status=503") { _, tus in
            let reply = try tus.create("x/a", length: 1)
            #expect(reply.status == 503)
            #expect(reply.headers["retry-after"] == nil)
        }
    }

    @Test(arguments: ["patch-cut", "patch-reset"])
    func `a connection ends in mid-PATCH at a byte, and what came before is kept`(name: String) async throws {
        let bytes = bytes
        try await withFaults("\(name)=40000*2") { server, tus in
            let path = try tus.path("x/a", length: bytes.count)
            #expect(throws: RawClient.Failure.self) { try tus.patch(path, at: 0, bytes) }
            #expect(try tus.offset(path) == 40_000)
            #expect(throws: RawClient.Failure.self) { try tus.patch(path, at: 40_000, bytes.dropFirst(40_000)) }
            #expect(try tus.offset(path) == 80_000)
            #expect(try tus.patch(path, at: 80_000, bytes.dropFirst(80_000)).status == 204)
            #expect(server.log.objects.map(\.timesCompleted) == [1])
            #expect(server.log.uploads.map(\.receivedBytes) == [100_000])
        }
    }

    @Test func `cuts anywhere lose no byte`() async throws {
        let bytes = bytes
        try await withServer({ $0.faults.patchCut = FaultTrigger(-1, times: 20) }) { server in
            let tus = TusClient(port: server.port)
            let cuts = try await blocking {
                let path = try tus.path("x/a", length: bytes.count)
                var cuts = 0
                while let offset = try tus.offset(path), offset < bytes.count {
                    do {
                        let reply = try tus.patch(path, at: offset, bytes.dropFirst(offset))
                        #expect(reply.status == 204)
                    } catch {
                        cuts += 1
                    }
                }
                return cuts
            }
            #expect(cuts > 1)
            #expect(try await server.object("lessons/x/a") == bytes)
            #expect(server.log.objects.map(\.timesCompleted) == [1])
        }
    }

    @Test func `a black hole in mid-PATCH ends when the server loses patience`() async throws {
        let bytes = bytes
        let plan = try FaultPlan(arguments: ["patch-stall=1000*1"])
        try await withServer({
            $0.faults = plan
            $0.uploadIdleMilliseconds = 2_000
        }) { server in
            let tus = TusClient(port: server.port)
            try await blocking {
                let path = try tus.path("x/a", length: bytes.count)
                let client = try RawClient(port: tus.port)
                try client.begin("PATCH", path, TusClient.patchHeaders(0), body: bytes)
                try tus.wait(path, for: 1_000)
                #expect(throws: RawClient.Failure.self) { try client.reply() }
                let offset = try tus.offset(path)
                #expect(offset == 1_000)
                #expect(try tus.patch(path, at: 1_000, bytes.dropFirst(1_000)).status == 204)
            }
            #expect(try await server.object("lessons/x/a") == bytes)
        }
    }

    @Test func `what was done is done, though the answer is lost`() async throws {
        let bytes = bytes
        try await withFaults("create-lost*1", "patch-lost*1") { server, tus in
            #expect(throws: RawClient.Failure.self) { try tus.create("x/a", length: bytes.count) }
            let path = try tus.path("x/a", length: bytes.count)
            #expect(server.log.uploads.count == 2)
            #expect(throws: RawClient.Failure.self) { try tus.patch(path, at: 0, bytes) }
            #expect(try tus.offset(path) == bytes.count)
            #expect(server.log.objects.map(\.timesCompleted) == [1])
        }
    }

    @Test func `offsets lie, bytes are stored wrong, locations are paths`() async throws {
        let bytes = bytes
        try await withFaults("head-offset=-5*1", "head-offset=7*1", "corrupt*1", "relative-location") { server, tus in
            let location = try tus.create("x/a", length: bytes.count).headers["location"]
            let path = try #require(location)
            #expect(path.hasPrefix("/files/"))
            #expect(try tus.offset(path) == 7)
            #expect(try tus.offset(path) == 0)
            #expect(try tus.patch(path, at: 0, bytes).status == 204)
            let again = try tus.path("x/b", length: bytes.count)
            #expect(try tus.patch(again, at: 0, bytes).status == 204)
            let digests = server.log.objects.map(\.sha256)
            #expect(digests.count == 2 && digests[0] != digests[1])
        }
    }

    @Test func `a slow server holds its client back`() async throws {
        let bytes = bytes
        try await withFaults("upload-rate=200000") { server, tus in
            let path = try tus.path("x/a", length: bytes.count)
            let client = try RawClient(port: tus.port)
            try client.begin("PATCH", path, TusClient.patchHeaders(0), body: bytes.prefix(50_000), announcing: 100_000)
            try client.send(bytes.dropFirst(50_000))
            #expect(try client.reply().status == 204)
            let patch = try #require(server.log.exchanges.last)
            #expect(patch.endMilliseconds - patch.atMilliseconds >= 150)
        }
    }

    @Test func `uploads and objects are lost on demand`() async throws {
        try await withServer { server in
            let tus = TusClient(port: server.port)
            let begun = try await blocking {
                _ = try tus.patch(tus.path("x/whole", length: 3), at: 0, Data("abc".utf8))
                return try tus.path("x/begun", length: 3)
            }
            try await server.perform(.expireUploads)
            #expect(try await blocking { try tus.request("HEAD", begun).status } == 410)
            let forgotten = try await blocking { try tus.path("x/begun", length: 3) }
            try await server.perform(.forgetUploads)
            #expect(try await blocking { try tus.request("HEAD", forgotten).status } == 404)
            #expect(try await server.object("lessons/x/whole") != nil)
            try await server.perform(.forgetObjects)
            #expect(try await server.object("lessons/x/whole") == nil)
            #expect(try await blocking { try tus.create("x/whole", length: 3).status } == 201)
        }
    }

    @Test func `limits change while the server runs`() async throws {
        try await withFaults("upload-max=10", "upload-life-ms=0") { server, tus in
            #expect(try tus.create("x/a", length: 11).status == 413)
            let path = try tus.path("x/a", length: 10)
            #expect(try tus.request("HEAD", path).status == 410)
            server.faults = FaultPlan()
            let reply = try tus.create("x/a", length: 11)
            #expect(reply.status == 201)
        }
    }
}
