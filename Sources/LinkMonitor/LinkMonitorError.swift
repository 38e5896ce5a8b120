internal import CNetlink

/// Why the network cannot be watched. `code` is libnl's (netlink/errno.h), positive.
package enum LinkMonitorError: Error, Equatable, Sendable {
    /// `family`: `rtnetlink` or `generic netlink`.
    case open(family: String, code: Int32)
    case subscribe(group: String, code: Int32)
    /// `what`: the requested table.
    case request(what: String, code: Int32)
    case answer(what: String, code: Int32)
    /// The table changed during each read.
    case unsteady(what: String)

    /// What happened, why, and what to do.
    package var message: String {
        switch self {
        case .open(let family, let code):
            "cannot open a \(family) socket: \(Self.text(code)); "
                + "the service needs AF_NETLINK in its RestrictAddressFamilies="
        case .subscribe(let group, let code):
            "cannot follow the kernel's \(group) messages: \(Self.text(code)); "
                + "network changes are noticed only by failing connections"
        case .request(let what, let code):
            "cannot ask the kernel for its \(what): \(Self.text(code)); it is asked again"
        case .answer(let what, let code):
            "the kernel did not report its \(what): \(Self.text(code)); it is asked again"
        case .unsteady(let what):
            "the \(what) changed each time they were read; they are read again: "
                + "`ip monitor` shows what changes them"
        }
    }

    private static func text(_ code: Int32) -> String { unsafe String(cString: nl_geterror(code)) }
}
