internal import RecorderCore

/// An open microphone that delivers frames as its parameters say. Errors are negative errno numbers, as libasound gives
/// them, so that the steady loop throws and allocates nothing. Closed when released.
protocol CaptureDevice: AnyObject {
    var parameters: PCMParameters { get }
    /// Prepares and starts the stream, also after an overrun. 0, or an error.
    func start() -> Int32
    /// Blocks until there may be data, an error, or the owner was woken; false after `milliseconds` without any.
    func wait(milliseconds: Int64) -> Bool
    /// Frames that can be read at once, or an error.
    func available() -> Int
    /// Frames read (0: none ready), or an error.
    func read(into target: UnsafeMutableRawPointer, frames: Int) -> Int
}

/// What the capture loop needs from outside, so that tests can replace it.
protocol CaptureHost: AnyObject {
    var now: MonotonicTime { get }
    /// As the configuration names it.
    var deviceName: String { get }
    /// A recording begins.
    /// - Parameter isOpen: with the first microphone, which stood by.
    func begin(isOpen: Bool)
    /// The device that is open is the first choice, not the fallback.
    var isFirst: Bool { get }
    /// The first choice, for standby.
    func openFirst() throws(CaptureError) -> any CaptureDevice
    func open() throws(CaptureError) -> any CaptureDevice
    /// Blocks until `deadline` or until the owner is woken; nil waits for that alone.
    func pause(until deadline: MonotonicTime?)
    /// Forgets that the owner was woken.
    func acknowledgeWake()
}
