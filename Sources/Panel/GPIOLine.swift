internal import CGPIO
internal import LinuxRuntime
internal import RecorderCore

/// One requested line; given back to the kernel when released.
@safe final class GPIOLine {
    enum Use: Equatable {
        case button(activeLow: Bool, debounceMilliseconds: Int)
        case lamp(activeLow: Bool)
    }

    let name: String
    private var line: chalk_gpio_line

    init(_ name: String, _ use: Use) throws(PanelError) {
        let (path, offset) = try Self.locate(name)
        var line = unsafe chalk_gpio_line()
        let result: Int32
        switch use {
        case .button(let activeLow, let milliseconds):
            let button = chalk_gpio_button(
                active_low: activeLow, debounce_microseconds: UInt32(clamping: milliseconds * 1_000))
            result = unsafe chalk_gpio_open_button(&line, path, offset, button)
        case .lamp(let activeLow):
            result = unsafe chalk_gpio_open_lamp(&line, path, offset, activeLow)
        }
        guard result == 0 else { throw .request(line: name, path: path, errno: chalk_gpio_errno()) }
        self.name = name
        unsafe self.line = line
    }

    deinit {
        unsafe chalk_gpio_close(&line)
    }

    var fileDescriptor: Int32 { unsafe chalk_gpio_descriptor(&line) }

    func isActive() throws(PanelError) -> Bool {
        let value = unsafe chalk_gpio_get(&line)
        guard value >= 0 else { throw .read(line: name, errno: chalk_gpio_errno()) }
        return value == 1
    }

    func set(_ active: Bool) throws(PanelError) {
        guard unsafe chalk_gpio_set(&line, active) == 0 else { throw .write(line: name, errno: chalk_gpio_errno()) }
    }

    /// The oldest queued edge, with the kernel's time stamp; nil when none is queued.
    func readEdge() throws(PanelError) -> PanelEdge? {
        var pressed = false
        var milliseconds: Int64 = 0
        let count = unsafe chalk_gpio_read_edge(&line, &pressed, &milliseconds)
        guard count >= 0 else { throw .read(line: name, errno: chalk_gpio_errno()) }
        guard count > 0 else { return nil }
        let time = Self.plausible(MonotonicTime(milliseconds: milliseconds), now: Clock.now)
        return PanelEdge(pressed: pressed, at: time)
    }

    /// Kernels before 5.7 stamped edges with the wall clock: such a time is far from the monotonic clock's.
    static func plausible(_ time: MonotonicTime, now: MonotonicTime) -> MonotonicTime {
        let age = now.milliseconds(since: time)
        return age >= 0 && age < 60_000 ? time : now
    }

    private static let devices = "/dev"

    private static func locate(_ name: String) throws(PanelError) -> (path: String, offset: UInt32) {
        switch LineName(name) {
        case nil:
            throw .malformed(line: name)
        case .offset(let chip, let offset):
            let path = devices + "/" + chip
            let lines = unsafe chalk_gpio_line_count(path)
            guard lines >= 0 else { throw .chip(line: name, path: path, errno: chalk_gpio_errno()) }
            guard offset < UInt32(lines) else { throw .offset(line: name, path: path, lines: Int(lines)) }
            return (path, offset)
        case .name(let text):
            return try find(text)
        }
    }

    private static func find(_ name: String) throws(PanelError) -> (path: String, offset: UInt32) {
        let names: [String]
        do throws(SystemError) {
            names = try FileSystem.list(devices).filter { $0.begins(with: "gpiochip") }
        } catch {
            throw .chip(line: name, path: devices, errno: error.number)
        }
        var found: (path: String, offset: UInt32)?
        for chip in names {
            let path = devices + "/" + chip
            let offset = unsafe chalk_gpio_find(path, name)
            guard offset >= 0 else { continue }
            if let found { throw .ambiguousName(line: name, first: found.path, second: path) }
            found = (path, UInt32(offset))
        }
        guard let found else { throw .unknownName(line: name, chips: names.count) }
        return found
    }
}
