internal import RecorderCore
internal import WireJSON

/// Out of line: the text of `status` and `doctor` is made of some hundred of these.
extension JSONValue {
    /// What is at a place such as `microphone.level`; null when there is nothing.
    @inline(never)
    func at(_ place: String) -> JSONValue {
        var value = self
        for name in place.parts(separatedBy: ".") { value = value[name] ?? .null }
        return value
    }

    /// Empty when there is none.
    @inline(never)
    func text(_ place: String) -> String { at(place).string ?? "" }

    /// 0 when there is none.
    @inline(never)
    func number(_ place: String) -> Int64 { at(place).integer ?? 0 }

    /// Empty when there is none.
    @inline(never)
    func list(_ place: String) -> [JSONValue] { at(place).array ?? [] }
}
