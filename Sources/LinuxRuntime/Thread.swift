internal import CLinux

/// A POSIX thread that runs one closure. Join it before its owner is released: it is not detached.
package final class Thread {
    private var handle = pthread_t()
    private var joined = false
    /// Whether the kernel granted SCHED_FIFO.
    package private(set) var isRealtime = false

    /// - Parameters:
    ///   - name: at most 15 bytes, as `ps -L` shows it (pthread_setname_np(3)).
    ///   - realtimePriority: 1 to 99 asks for SCHED_FIFO; without the permission the thread runs like any other.
    package init(
        name: String, realtimePriority: Int32 = 0, _ body: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        let context = unsafe Unmanaged.passRetained(Body(body))
        var realtime = false
        let error = unsafe chalk_thread_start(
            &handle, name, realtimePriority, &realtime,
            { pointer in
                guard let pointer = unsafe pointer else { return nil }
                unsafe Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard error == 0 else {
            unsafe context.release()
            throw SystemError("start thread", name, number: error)
        }
        isRealtime = realtime
    }

    package func join() {
        guard !joined else { return }
        joined = true
        pthread_join(handle, nil)
    }
}

private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
