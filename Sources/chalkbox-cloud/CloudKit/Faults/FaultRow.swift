/// One fault as people write it.
struct FaultRow: Sendable {
    let name: String
    /// What follows the name, for the help.
    let form: String
    let meaning: String
    let set: @Sendable (inout FaultPlan, FaultArgument) throws(FaultArgumentError) -> Void
    let clear: @Sendable (inout FaultPlan) -> Void
    /// The argument that sets what the plan has; nil when it has none.
    let show: @Sendable (FaultPlan) -> String?
}

typealias PlanField<Value> = WritableKeyPath<FaultPlan, Value> & Sendable

/// Kinds of rows.
extension FaultRow {
    static func flag(_ name: String, _ field: any PlanField<Bool>, _ meaning: String) -> FaultRow {
        FaultRow(
            name: name, form: "", meaning: meaning,
            set: { plan, argument throws(FaultArgumentError) in
                try argument.takes(value: false)
                plan[keyPath: field] = true
            },
            clear: { $0[keyPath: field] = false }, show: { $0[keyPath: field] ? name : nil })
    }

    static func number(
        _ name: String, _ field: any PlanField<Int>, _ range: ClosedRange<Int>, _ unit: String, _ meaning: String
    ) -> FaultRow {
        let usual = FaultPlan()[keyPath: field]
        return FaultRow(
            name: name, form: "=\(unit)", meaning: meaning,
            set: { plan, argument throws(FaultArgumentError) in
                try argument.takes(value: true)
                plan[keyPath: field] = try argument.number(in: range)
            },
            clear: { $0[keyPath: field] = usual },
            show: { $0[keyPath: field] == usual ? nil : "\(name)=\($0[keyPath: field])" })
    }

    static func optional(
        _ name: String, _ field: any PlanField<Int?>, _ range: ClosedRange<Int>, _ unit: String, _ meaning: String
    ) -> FaultRow {
        FaultRow(
            name: name, form: "=\(unit)", meaning: meaning,
            set: { plan, argument throws(FaultArgumentError) in
                try argument.takes(value: true)
                plan[keyPath: field] = try argument.number(in: range)
            },
            clear: { $0[keyPath: field] = nil },
            show: { plan in plan[keyPath: field].map { "\(name)=\($0)" } })
    }

    static func trigger(
        _ name: String, _ field: any PlanField<FaultTrigger?>, value: (unit: String, range: ClosedRange<Int>)? = nil,
        at hasMoment: Bool = false, _ meaning: String
    ) -> FaultRow {
        FaultRow(
            name: name, form: (value.map { "=\($0.unit)" } ?? "") + (hasMoment ? "[@MS]" : "") + "[*TIMES]",
            meaning: meaning,
            set: { plan, argument throws(FaultArgumentError) in
                try argument.takes(value: value != nil, moment: hasMoment, times: true)
                var number = 0
                if let range = value?.range { number = try argument.number(in: range) }
                plan[keyPath: field] = FaultTrigger(
                    number, afterMilliseconds: argument.afterMilliseconds ?? 0, times: argument.times)
            },
            clear: { $0[keyPath: field] = nil },
            show: { plan in
                guard let trigger = plan[keyPath: field], trigger.times != 0 else { return nil }
                let moment = trigger.afterMilliseconds == 0 ? "" : "@\(trigger.afterMilliseconds)"
                let times = trigger.times.map { "*\($0)" } ?? ""
                return name + (value == nil ? "" : "=\(trigger.value)") + moment + times
            })
    }

    /// A place in the body of a request.
    static func place(
        _ name: String, _ field: any PlanField<FaultTrigger?>, _ meaning: String
    ) -> FaultRow {
        FaultRow(
            name: name, form: "[=BYTES][*TIMES]", meaning: meaning + "; anywhere without BYTES",
            set: { plan, argument throws(FaultArgumentError) in
                try argument.takes(value: true, times: true)
                let place = argument.value == nil ? -1 : try argument.number(in: 0...1_000_000_000)
                plan[keyPath: field] = FaultTrigger(place, times: argument.times)
            },
            clear: { $0[keyPath: field] = nil },
            show: { plan in
                guard let trigger = plan[keyPath: field], trigger.times != 0 else { return nil }
                let place = trigger.value < 0 ? "" : "=\(trigger.value)"
                return name + place + (trigger.times.map { "*\($0)" } ?? "")
            })
    }
}
