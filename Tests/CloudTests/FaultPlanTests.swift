import CloudKit
import Testing

@Suite struct FaultPlanTests {
    @Test func `every fault is read and written back`() throws {
        let arguments = [
            "refuse", "accept-reset*3", "black-hole=new", "slow=20", "token-status=429*2", "token-delay=50",
            "token-hang*1", "retry-after=7", "no-retry-after", "key-lifetime-ms=900", "single-use-keys", "other-region",
            "handshake-status=503*2", "handshake-delay=10", "refuse-at-handshake", "max-sessions=2",
            "max-requests-per-minute=5",
            "pacing=1.5/2000", "max-session-ms=900", "no-model=stt-rt-v5", "error-code=503@4000*2",
            "error-type=limit_exceeded@5*2", "error-number=418", "close=1011@100", "reset@7*1", "cut*1", "half-close@5",
            "stall@9*1", "freeze@9*1", "pause=900*1", "leave-out=2500@9*1",
            "close-before-finished*1", "malformed-json@3000*1", "wrong-types",
            "huge-message*1", "binary-garbage", "unknown-fields", "translations", "first-untimed",
            "duplicate-finals=3",
            "late-finals=5/2",
            "permute-speakers", "cut-words", "split-tokens", "han-words", "time-jitter-ms=40", "final-delay-ms=2500",
            "create-status=503*2", "create-lost*1", "head-status=404*1", "head-offset=-7*1", "patch-status=423*3",
            "patch-cut=100*2", "patch-reset*1", "patch-stall=0", "patch-lost*1", "corrupt*1",
            "upload-delete-status=500", "upload-rate=100000", "upload-life-ms=100", "upload-max=1000",
            "retry-after-5xx=3", "relative-location", "manifest-status=503*1", "manifest-missing=2*1",
            "manifest-lost*1", "rest-file-status=429*1", "rest-file-cut*1", "rest-create-status=500*2",
            "rest-create-lost*1", "rest-poll-status=503*3", "rest-transcript-status=500*1", "rest-delete-status=500",
            "rest-delay-ms=100", "rest-fails*1", "rest-hangs*1", "rest-malformed-json*1", "rest-wrong-types*1",
            "token-answer=199:none*3", "handshake-answer=200:html", "create-answer=404:gzip*1", "head-answer=599:cut",
            "patch-answer=204:json*1", "manifest-answer=200:html*2",
        ]
        let plan = try FaultPlan(arguments: arguments)
        #expect(plan.arguments == arguments)
        #expect(plan.errorCode == FaultTrigger(503, afterMilliseconds: 4_000, times: 2))
        #expect(plan.pacing == PacingLimit(rate: 1.5, burstMilliseconds: 2_000))
        for argument in arguments {
            let name = argument.prefix { !"=@*".contains($0) }
            #expect(FaultPlan.help.contains("\n\(name)"), "the help does not name \(name)")
            var left = plan
            try left.apply("\(name)=off")
            #expect(left.arguments == arguments.filter { $0 != argument })
        }
        var none = plan
        try none.apply("none")
        #expect(none == FaultPlan())
    }

    @Test func `short forms mean what the help says`() throws {
        #expect(try FaultPlan(arguments: ["drop-after-ms=1500"]).arguments == ["reset@1500*1"])
        #expect(try FaultPlan(arguments: ["black-hole"]).blackHole == .all)
        #expect(try FaultPlan(arguments: ["pacing=2"]).pacing == PacingLimit(rate: 2, burstMilliseconds: 3_000))
        #expect(try FaultPlan(arguments: ["late-finals=4"]).lateFinals == LateFinals(messages: 4))
    }

    @Test func `fault arguments are checked`() throws {
        #expect(try FaultPlan(arguments: ["drop-after-ms=1500"]).dropAfterMilliseconds == 1_500)
        for bad in [
            "", "nonsense", "token-status", "token-status=abc", "token-status=200", "huge-message=1", "refuse*2",
            "slow=5@7", "error-code=503@", "error-code=503@-1", "error-code=503*0", "error-code@400", "close=17",
            "black-hole=some", "pacing=0", "pacing=2/3/4", "pacing", "late-finals=0", "late-finals=1/2/3", "cut=1",
            "duplicate-finals=0", "time-jitter-ms=9999", "patch-cut=-1", "patch-cut@5", "head-offset", "upload-rate=0",
            "*1", "@1", "token-answer=99:none", "token-answer=200", "token-answer=200:word", "token-answer",
            "error-type", "error-type=quota", "error-number=600", "no-model", "no-model=",
        ] {
            #expect(throws: FaultArgumentError.self, "\(bad)") { try FaultPlan(arguments: [bad]) }
        }
        for bad in [
            "", "refuse", "close", "close=5", "reset=1", "error-code=200", "reset@5", "cut*2", "expire-uploads=1",
            "error-type=quota",
        ] {
            #expect(throws: FaultArgumentError.self, "\(bad)") { try CloudAction(argument: bad) }
        }
        #expect(try CloudAction(argument: "close=1011") == .close(code: 1_011))
        #expect(try CloudAction(argument: "error-type=internal_error") == .typedError(.internalError))
    }
}
