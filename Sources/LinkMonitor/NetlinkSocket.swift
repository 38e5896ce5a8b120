internal import CNetlink
internal import RecorderCore

/// A netlink socket with one owner. Sockets belong to the network namespace of the thread that opens them.
@safe struct NetlinkSocket: ~Copyable {
    enum Family: Equatable {
        case route
        case generic

        var name: String {
            switch self {
            case .route: "rtnetlink"
            case .generic: "generic netlink"
            }
        }
    }

    private let handle: OpaquePointer

    init(_ family: Family) throws(LinkMonitorError) {
        guard let handle = unsafe nl_socket_alloc() else { throw .open(family: family.name, code: NLE_NOMEM) }
        let result = unsafe nl_connect(handle, family == .route ? NETLINK_ROUTE : NETLINK_GENERIC)
        guard result >= 0 else {
            unsafe nl_socket_free(handle)
            throw .open(family: family.name, code: -result)
        }
        _ = unsafe chalk_netlink_answer_within(handle, Limits.netlinkAnswerMilliseconds)
        unsafe self.handle = handle
    }

    deinit {
        unsafe nl_socket_free(handle)
    }

    var fileDescriptor: Int32 { unsafe nl_socket_get_fd(handle) }

    // MARK: Notifications

    func subscribe(_ group: Int32, _ name: String) throws(LinkMonitorError) {
        let result = unsafe nl_socket_add_membership(handle, group)
        guard result >= 0 else { throw .subscribe(group: name, code: -result) }
    }

    func setReceiveBuffer(bytes: Int32) {
        _ = unsafe nl_socket_set_buffer_size(handle, bytes, 0)
    }

    // MARK: Requests

    /// Reads one of rtnetlink's tables. `accept` adds each message to a draft, which is started again when the table
    /// changed during the read (NLM_F_DUMP_INTR).
    func dump<Draft>(
        _ what: String, _ type: Int, from draft: Draft, _ accept: @escaping (NetlinkMessage, inout Draft) -> Void
    ) throws(LinkMonitorError) -> Draft {
        try collect(what, from: draft, accept) {
            var header = rtgenmsg(rtgen_family: UInt8(AF_UNSPEC))
            return unsafe nl_send_simple(handle, Int32(type), Self.dump, &header, MemoryLayout<rtgenmsg>.size)
        }
    }

    /// Reads one of nl80211's tables, for one link or for all.
    func dump<Draft>(
        _ what: String, _ command: nl80211_commands, family: Int32, link: Int32? = nil, from draft: Draft,
        _ accept: @escaping (NetlinkMessage, inout Draft) -> Void
    ) throws(LinkMonitorError) -> Draft {
        try collect(what, from: draft, accept) {
            guard let message = unsafe nlmsg_alloc() else { return -NLE_NOMEM }
            defer { unsafe nlmsg_free(message) }
            // Port 0 and sequence 0: libnl fills them in (NL_AUTO_PORT, NL_AUTO_SEQ).
            guard
                unsafe genlmsg_put(message, 0, 0, family, 0, Self.dump, UInt8(truncatingIfNeeded: command.rawValue), 0)
                    != nil
            else { return -NLE_NOMEM }
            if let link {
                let type = Int32(NL80211_ATTR_IFINDEX.rawValue)
                guard unsafe nla_put_u32(message, type, UInt32(bitPattern: link)) == 0 else { return -NLE_NOMEM }
            }
            return unsafe nl_send_auto(handle, message)
        }
    }

    /// The number of a generic netlink family; nil when the kernel has none of that name. All are listed, because
    /// asking for one by its name makes the kernel run modprobe for it (net/netlink/genetlink.c, ctrl_getfamily).
    func genericFamily(_ name: String) throws(LinkMonitorError) -> Int32? {
        var cache: OpaquePointer?
        let result = unsafe genl_ctrl_alloc_cache(handle, &cache)
        guard result >= 0, let cache = unsafe cache else {
            throw .answer(what: "generic netlink families", code: -result)
        }
        defer { unsafe nl_cache_free(cache) }
        guard let family = unsafe genl_ctrl_search_by_name(cache, name) else { return nil }
        defer { unsafe genl_family_put(family) }
        return Int32(bitPattern: unsafe genl_family_get_id(family))
    }

    func genericGroup(_ group: String, of family: String) throws(LinkMonitorError) -> Int32 {
        let result = unsafe genl_ctrl_resolve_grp(handle, family, group)
        guard result >= 0 else { throw .subscribe(group: "\(family) \(group)", code: -result) }
        return result
    }

    /// linux/netlink.h: NLM_F_DUMP is (NLM_F_ROOT|NLM_F_MATCH).
    private static let dump = NLM_F_ROOT | NLM_F_MATCH

    private func collect<Draft>(
        _ what: String, from initial: Draft, _ accept: @escaping (NetlinkMessage, inout Draft) -> Void,
        send: () -> Int32
    ) throws(LinkMonitorError) -> Draft {
        for _ in 0..<Limits.netlinkDumpTries {
            var draft = initial
            let sent = send()
            guard sent >= 0 else { throw .request(what: what, code: -sent) }
            let result = receive(Collector { accept($0, &draft) })
            if result >= 0 { return draft }
            guard result == -NLE_DUMP_INTR else { throw .answer(what: what, code: -result) }
        }
        throw .unsteady(what: what)
    }

    /// Passes the answer's messages to `collector`; libnl checks lengths and sequence numbers, and reads to the end.
    private func receive(_ collector: Collector) -> Int32 {
        withExtendedLifetime(collector) {
            let set = unsafe nl_socket_modify_cb(
                handle, NL_CB_VALID, NL_CB_CUSTOM,
                { message, argument in
                    if let argument = unsafe argument, let header = unsafe nlmsg_hdr(message) {
                        let collector = unsafe Unmanaged<Collector>.fromOpaque(argument).takeUnretainedValue()
                        collector.accept(unsafe NetlinkMessage(header))
                    }
                    return Int32(NL_OK.rawValue)
                }, Unmanaged.passUnretained(collector).toOpaque())
            return set < 0 ? set : unsafe nl_recvmsgs_default(handle)
        }
    }
}

private final class Collector {
    let accept: (NetlinkMessage) -> Void
    init(_ accept: @escaping (NetlinkMessage) -> Void) { self.accept = accept }
}
