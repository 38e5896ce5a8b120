/// Faults whose value is a name.
extension FaultTable {
    static let errorType = FaultRow(
        name: "error-type", form: "=NAME[@MS][*TIMES]",
        meaning: "a session ends with the service error of this type and its number: "
            + ErrorType.allCases.map(\.rawValue).joined(separator: ", "),
        set: { plan, argument throws(FaultArgumentError) in
            try argument.takes(value: true, moment: true, times: true)
            let place = ErrorType.allCases.firstIndex(of: try argument.errorType()) ?? 0
            plan.errorType = FaultTrigger(
                place, afterMilliseconds: argument.afterMilliseconds ?? 0, times: argument.times)
        },
        clear: { $0.errorType = nil },
        show: { plan in
            guard let trigger = plan.errorType, trigger.times != 0 else { return nil }
            let moment = trigger.afterMilliseconds == 0 ? "" : "@\(trigger.afterMilliseconds)"
            let times = trigger.times.map { "*\($0)" } ?? ""
            return "error-type=" + ErrorType.allCases[trigger.value].rawValue + moment + times
        })

    static let goneModel = FaultRow(
        name: "no-model", form: "=NAME",
        meaning: "a session or transcription with this model gets error 400, model_not_available",
        set: { plan, argument throws(FaultArgumentError) in
            try argument.takes(value: true)
            guard let name = argument.value, !name.isEmpty else {
                throw .badValue(argument.text, accepted: "a model's name")
            }
            plan.goneModel = name
        },
        clear: { $0.goneModel = nil }, show: { plan in plan.goneModel.map { "no-model=" + $0 } })
}

extension FaultArgument {
    func errorType() throws(FaultArgumentError) -> ErrorType {
        guard let type = ErrorType(rawValue: value ?? "") else {
            throw .badValue(text, accepted: "one of " + ErrorType.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return type
    }
}
