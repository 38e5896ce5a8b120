/// Builds a value from the parser's events.
struct JSONBuilder {
    private struct Container {
        var isObject: Bool
        var name = ""
        var elements: [JSONValue] = []
        var members: [JSONMember] = []

        mutating func add(_ value: JSONValue) {
            if isObject { members.append(JSONMember(name, value)) } else { elements.append(value) }
        }

        var value: JSONValue { isObject ? .object(members) : .array(elements) }
    }

    private let limitValues: Int
    private var values = 0
    private var open: [Container] = []
    private(set) var result: JSONValue?

    init(limitValues: Int) {
        self.limitValues = limitValues
    }

    /// Whether only the outermost container is open, an object without members.
    var isEmptyRootObject: Bool { open.count == 1 && open[0].isObject && open[0].members.isEmpty }

    mutating func begin(object: Bool) throws(JSONError) {
        try count()
        open.append(Container(isObject: object))
    }

    mutating func end() {
        guard let closed = open.popLast() else { return }
        if open.isEmpty { result = closed.value } else { open[open.count - 1].add(closed.value) }
    }

    mutating func name(_ name: String) {
        guard !open.isEmpty else { return }
        open[open.count - 1].name = name
    }

    mutating func add(_ value: JSONValue) throws(JSONError) {
        try count()
        guard !open.isEmpty else { return }
        open[open.count - 1].add(value)
    }

    private mutating func count() throws(JSONError) {
        values += 1
        guard values <= limitValues else { throw .tooManyValues(limit: limitValues) }
    }
}
