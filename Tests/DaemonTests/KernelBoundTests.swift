import Foundation
import OwnThread
import RecorderCore
import Testing

/// What the kernel could not tell the recorder, or told it too much of.
@Suite(.ownThread) struct `The network's bounds in the shipped binary` {
    @Test(.enabled(if: NetworkLab.isAvailable, "needs root for network namespaces"))
    func `messages that were dropped and addresses beyond the limit are counted and told`() async throws {
        let box = try Box()
        try box.writeConfiguration(device: "null", token: "https://127.0.0.1:9/t", authority: "")
        try box.startDaemon(
            device: "null", overrides: ["transcription.enabled=no"], launcher: ["/usr/bin/unshare", "--net"])
        try Box.wait("an answer", seconds: 20) { (try? box.chalkbox("status").code) == 0 }
        let pid = try #require(box.daemon).pid
        let file = box.directory + "/addresses"
        let count = Limits.networkAddresses + 144
        try (1...count).map { "address add 10.2.\($0 / 250).\($0 % 250 + 1)/32 dev lo\n" }.joined()
            .write(toFile: file, atomically: true, encoding: .utf8)
        // It takes none of the messages meanwhile.
        kill(pid, SIGSTOP)
        let flood = ["--target", "\(pid)", "--net", "ip", "-batch", file]
        let run = try Box.run("/usr/bin/nsenter", flood, checked: false)
        kill(pid, SIGCONT)
        #expect(run.code == 0, "\(run.output)")

        func limit(_ name: String, _ status: [String: Any]) -> Int {
            let limits = status["limits"] as? [[String: Any]] ?? []
            return limits.first { $0["name"] as? String == name }?["count"] as? Int ?? 0
        }
        try box.wait("the dropped messages", seconds: 20) { limit("network-messages", $0) > 0 }
        try box.wait("the addresses beyond", seconds: 20) { limit("network-tables", $0) >= 144 }
        for name in ["network-messages", "network-tables"] {
            #expect(box.log.components(separatedBy: "<4>limit name=\(name) ").count == 2, "\(box.log)")
        }
        try await box.stop()
    }
}
