import LinuxRuntime
import RecorderCore
import Testing

@testable import WebTransport

@Test func `a CA file that is missing or no certificate is named at the start`() throws {
    func start(_ path: String) throws(TransportError) {
        _ = try TransportThread(caFile: path, log: Log(threshold: .error))
    }
    #expect(throws: TransportError.caFileWithoutCertificate(path: "/proc/version")) { try start("/proc/version") }
    do throws(TransportError) {
        try start("/nonexistent/ca.pem")
        Issue.record("taken")
    } catch {
        #expect(error.message.contains("/nonexistent/ca.pem"))
    }
}
