import MainLoop
import Testing

@Suite struct LoopRateTests {
    private func isNear(_ value: Double, _ expected: Double) -> Bool {
        abs(value - expected) <= abs(expected) * 1e-9
    }

    @Test(arguments: [1, 2, 50, 5000])
    func halvesInTheHalfLifeHoweverOftenItIsSampled(samples: Int) {
        var rate = LoopRate()
        rate.add(events: 1000, seconds: 1)
        #expect(rate.perSecond == 1000)
        for _ in 0..<samples { rate.add(events: 0, seconds: 1 / Double(samples)) }
        #expect(isNear(rate.perSecond, 500))
        for _ in 0..<samples { rate.add(events: 0, seconds: 3 / Double(samples)) }
        #expect(isNear(rate.perSecond, 500 / 8))
    }

    @Test func comesToASteadyRateAtOnceAndStaysThere() {
        var rate = LoopRate()
        for _ in 0..<100 {
            rate.add(events: 40, seconds: 0.02)
            #expect(isNear(rate.perSecond, 2000))
        }
    }

    @Test func takesNoSampleWithoutTime() {
        var rate = LoopRate()
        rate.add(events: 5, seconds: 0)
        rate.add(events: 5, seconds: -1)
        #expect(rate.perSecond == 0)
    }
}
