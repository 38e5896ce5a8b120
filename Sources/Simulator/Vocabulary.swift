/// The writing of a simulated lesson.
package enum Writing: Int, CaseIterable, Sendable {
    case latin
    case cyrillic
    case arabic
    case devanagari
    case hangul
    case han
    case kana
    case thai
}

/// The words of the simulated lessons, cut into the service's tokens. Short ones come often and repeat: they are what
/// a seam can get wrong. Where no spaces are written, a word is one letter, and a session sends some in one token.
struct Vocabulary: Sendable {
    static let short = 8
    private static let all = Writing.allCases.map(Vocabulary.init)

    static func of(_ writing: Writing) -> Vocabulary { all[writing.rawValue] }

    let pieces: [[String]]
    /// As a session that hears the word at the beginning of a sentence writes it.
    let capitalised: [[String]]
    /// As another model of the service writes it; the same where it makes no difference.
    let respelled: [[String]]
    let texts: [String]
    let isSpaced: Bool
    let comma: String
    /// What a service makes of half a word.
    let garbage: [String]
    private let language: String
    private let places: [String: Int]
    /// What of a word another model writes as a word of its own.
    private let tails: Set<String>

    private init(_ writing: Writing) {
        let words = Self.words(writing)
        pieces = words.map(Self.cut)
        isSpaced = words[0].hasPrefix(" ")
        capitalised = isSpaced ? pieces.map(Self.capitalised) : pieces
        let spellings = Self.spellings(writing)
        respelled = pieces.map { spellings[$0.joined()].map(Self.cut) ?? $0 }
        texts = pieces.map { Self.plain($0.joined()) }
        (comma, garbage, language) = Self.ways(writing)
        var places: [String: Int] = [:]
        var tails: Set<String> = []
        for place in pieces.indices {
            places[texts[place]] = place
            let words = respelled[place].joined().split(separator: " ")
            places[Self.plain(String(words[0]))] = place
            for tail in words.dropFirst() { tails.insert(Self.plain(String(tail))) }
        }
        (self.places, self.tails) = (places, tails)
    }

    /// By scalars: a mark may be a piece of its own.
    private static func cut(_ word: String) -> [String] {
        word.unicodeScalars.split(separator: "·").map { String($0) }
    }

    private static func capitalised(_ pieces: [String]) -> [String] {
        let letters = pieces[0].dropFirst()
        return [" " + letters.prefix(1).uppercased() + letters.dropFirst()] + pieces.dropFirst()
    }

    /// A word without what recognisers add to it.
    private static func plain(_ text: String) -> String {
        text.lowercased().filter { $0.isLetter || $0.isNumber }
    }

    /// Nil when nobody said such a word.
    func place(of text: String) -> Int? { places[text] ?? places[Self.plain(text)] }

    func isTail(_ text: String) -> Bool { tails.contains(Self.plain(text)) }

    func isTailBegun(_ text: String) -> Bool { tails.contains { $0.hasPrefix(Self.plain(text)) } }

    /// Terms of another language, among letters that are written without spaces.
    func isTerm(_ place: Int) -> Bool { !isSpaced && texts[place].utf8.allSatisfy { $0 < 0x80 } }

    func language(of place: Int) -> String {
        texts[place].utf8.allSatisfy { $0 < 0x80 } ? "en" : language
    }

    /// A journal's word as the words of the script that it may be: each letter where no spaces are written.
    func parts(of text: String) -> [String] {
        guard !isSpaced else { return [text] }
        var parts: [String] = []
        for letter in text {
            let isASCII = letter.isASCII && letter.isLetter
            if let last = parts.last?.last, isASCII && last.isASCII || !letter.isLetter {
                parts[parts.count - 1].append(letter)
            } else {
                parts.append(String(letter))
            }
        }
        return parts
    }

    // MARK: The words

    private static func words(_ writing: Writing) -> [String] {
        switch writing {
        case .latin:
            [
                " no", " the", " yes", " a", " of", " so", " and", " it",
                " frac·tion", " photo·synth·esis", " num·ber",
                " divide", " tri·angle", " wa·ter", " because", " home·work", " Mon·day", " que·stion", " write",
                " page", " lis·ten", " re·mem·ber", " left", " right",
            ]
        case .cyrillic:
            [
                " нет", " да", " и", " в", " на", " он", " мы", " так", " дро·бь",
                " фото·син·тез", " чис·ло", " дели",
                " тре·уголь·ник", " во·да", " потому", " зада·ние", " понедель·ник", " во·прос",
                " пиши", " стра·ница",
                " слу·шай", " за·пом·ни", " лево", " право",
            ]
        case .arabic:
            [
                " لا", " نعم", " في", " من", " هو", " ما", " أن", " ثم", " كس·ر",
                " مُ·عَل·ِّم", " عدد", " اقسم", " مثل·ث",
                " ما·ء", " لأن", " واج·ب", " الاث·نين", " سؤ·ال", " اكتب", " صف·حة",
                " است·مع", " photo·synth·esis", " CPU",
                " يمي·ن",
            ]
        case .devanagari:
            [
                " है", " का", " के", " में", " और", " से", " यह", " हाँ", " भिन·्न",
                " वि·द्या·लय", " संख्·या", " भाग",
                " त्रि·भुज", " पान·ी", " क्यों·कि", " गृह·कार्य", " सोम·वार", " प्र·श्न", " लिखो", " पृष·्ठ",
                " सुन·ो", " याद", " बाएँ",
                " DNA",
            ]
        case .hangul:
            [
                " 네", " 이", " 그", " 저", " 안", " 더", " 잘", " 또", " 분·수", " 광·합·성", " 숫·자", " 나눠", " 삼·각형", " 물·은",
                " 왜냐·하면", " 숙·제", " 월·요일", " 질·문", " 써요", " 쪽", " 들·어", " 기·억·해", " 왼쪽", " 오른·쪽",
            ]
        case .han:
            [
                "的", "一", "是", "不", "了", "在", "我", "有", "学", "光", "合", "作", "用", "水", "分",
                "数", "角", "形", "老", "师", "问",
                "题", "C·PU", "DNA",
            ]
        case .kana:
            [
                "の", "は", "を", "に", "た", "し", "て", "い", "か·\u{3099}", "す", "学", "校", "先", "生",
                "水", "光", "な", "ま", "分",
                "数", "タ", "テ·\u{3099}", "ー", "IC",
            ]
        case .thai:
            [
                "ก", "น", "ร", "ม", "ค", "ว", "ส", "ย", "น·้", "ก·็", "ผ·ู้", "ร·ู้", "ด·ี", "ป·ี", "น·ำ",
                "ข·ึ้", "ท·ี่", "ม·ั", "ล·ู", "พ·ี่",
                "ช·ื่", "ก·ุ", "บ·ู", "AI",
            ]
        }
    }

    /// What models differ in: figures, hyphens, words written together.
    private static func spellings(_ writing: Writing) -> [String: String] {
        switch writing {
        case .latin:
            [" homework": " home-work", " photosynthesis": " photo· synth·esis", " number": " 25", " page": " $·3"]
        case .cyrillic: [" задание": " до-машка", " фотосинтез": " фото· син·тез", " число": " 25"]
        case .arabic: [" مُعَلِّم": " معل·م", " عدد": " ٢٥", " photosynthesis": " photo· synthesis"]
        case .devanagari: [" गृहकार्य": " गृह· कार्य", " संख्या": " २५"]
        case .hangul: [" 광합성": " 광합· 성", " 숫자": " 25"]
        case .han: ["CPU": "cpu"]
        case .kana: ["か\u{3099}": "が", "テ\u{3099}": "デ"]
        case .thai: [:]
        }
    }

    private static func ways(_ writing: Writing) -> (comma: String, garbage: [String], language: String) {
        switch writing {
        case .latin: (",", [" uh", " mm", " ion", " er"], "en")
        case .cyrillic: (",", [" э", " мм", " ние", " ко"], "ru")
        case .arabic: ("،", [" ااه", " مم", " ون", " اه"], "ar")
        case .devanagari: ("।", [" उह", " अम", " ना", " रे"], "hi")
        case .hangul: (",", [" 음", " 어", " 니", " 든"], "ko")
        case .han: ("，", ["呃", "嗯", "吗", "儿"], "zh")
        case .kana: ("、", ["え", "ん", "ね", "る"], "ja")
        case .thai: (",", ["อ", "ฮ", "จ", "ซ"], "th")
        }
    }
}
