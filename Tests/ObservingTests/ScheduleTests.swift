import Observing
import Testing

@Suite struct ScheduleTests {
    @Test func stepsOfEachForm() {
        #expect(Schedule.first.steps(until: 7) == [0])
        #expect(Schedule.last.steps(until: 7) == [7])
        #expect(Schedule.every(3).steps(until: 7) == [0, 3, 6, 7])
        #expect(Schedule.steps([5, 2, 9, -1, 2]).steps(until: 7) == [2, 5])
        // round(1000^(i/4)), i = 0…4: 1, 5.62, 31.6, 177.8, 1000
        #expect(Schedule.log(5).steps(until: 1000) == [0, 1, 6, 32, 178, 1000])
    }

    /// Known without making the list, which may not fit memory.
    @Test(arguments: [0, 1, 7, 1000]) func countsAreBounds(last: Int) {
        let schedules: [Schedule] = [
            .first, .last, .every(1), .every(3), .every(5000), .log(2), .log(9), .steps([0, 1]),
        ]
        for schedule in schedules {
            let (count, steps) = (schedule.count(until: last), schedule.steps(until: last).count)
            #expect(count >= steps, "\(schedule) until \(last)")
            if case .every = schedule { #expect(count <= steps + 1) }
        }
        #expect(Schedule.every(1).count(until: 1_000_000_000_000) == 1_000_000_000_002)
    }

    @Test func degenerateLengths() {
        #expect(Schedule.log(4).steps(until: 0) == [0])
        #expect(Schedule.log(1).steps(until: 9) == [0, 9])
        #expect(Schedule.log(30).steps(until: 3) == [0, 1, 2, 3])
        #expect(Schedule.every(0).steps(until: 2) == [0, 1, 2])
    }
}
