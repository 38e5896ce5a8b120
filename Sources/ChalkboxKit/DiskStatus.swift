internal import LinuxRuntime
internal import RecorderCore

/// Free space where recordings go, in the words of `status`.
struct DiskStatus {
    /// Nil when the directory cannot be asked.
    let freeBytes: Int64?
    private let problem: String

    init(directory: String) {
        do throws(SystemError) {
            freeBytes = try FileSystem.freeBytes(at: directory)
            problem = ""
        } catch {
            freeBytes = nil
            problem = error.message
        }
    }

    var freeMegabytes: Int64 { (freeBytes ?? 0) >> 20 }

    /// - Parameter bytesAMinute: what recordings here take; nil: as recordings take elsewhere.
    func minutesLeft(reserveMB: Int, bytesAMinute: Int64?) -> Int64 {
        max(0, ((freeBytes ?? 0) - Int64(reserveMB) << 20) / (bytesAMinute ?? Limits.usualBytesAMinute))
    }

    /// As `status` and `doctor` say it.
    static func text(freeMB: Int64, minutesLeft: Int64) -> String {
        "\(freeMB) MB free, room for about \(minutesLeft / 60) h of recording"
    }

    /// Why a recording must not begin, or nil.
    func refusal(reserveMB: Int) -> String? {
        guard freeBytes != nil else { return problem }
        guard freeMegabytes < Int64(reserveMB) else { return nil }
        return "disk: \(freeMegabytes) MB are free and \(reserveMB) MB are kept in reserve (box.reserve_mb)"
    }
}
