import Testing

@testable import SchoolUpload

@Test func `Base64 is that of RFC 4648`() {
    let known = [
        "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=", "foobar": "Zm9vYmFy",
    ]
    for (text, encoded) in known { #expect(Base64.encode(Array(text.utf8)) == encoded) }
    #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
}
