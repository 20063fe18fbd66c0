import Engine
import Manifests
import PluginHost

/// How much is tried.
package enum ValidationLevel: String, CaseIterable, Sendable, Comparable {
    case quick, standard, deep

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    package static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

    /// Seconds that a test may take.
    package var timeLimit: Double { self == .quick ? 5 : 45 }
}

/// One test of the battery; runs in a process of its own.
package struct BatteryTest: Sendable {
    /// `C2`. S static, L load, C call, P property, D determinism, T threads, X state, R resources, I isolation.
    package var id: String
    package var title: String
    package var level: ValidationLevel
    /// Which components it is for; nil: it is about the whole plugin.
    package var applies: (@Sendable (Component) -> Bool)?
    /// Times it runs, each in a process whose environment differs; what it `notes` must be the same in all.
    package var variations = 1
    /// What watches its memory; such a test is skipped where that is not installed.
    var tool: Valgrind.Tool?
    /// Whether nothing else can be tried when it fails.
    package var isFoundation = false
    var body: @Sendable (Examination) throws -> Void

    /// About the whole plugin.
    init(
        _ id: String, _ title: String, isFoundation: Bool = false,
        _ body: @escaping @Sendable (Examination) throws -> Void
    ) {
        (self.id, self.title, self.level, self.body) = (id, title, .quick, body)
        self.isFoundation = isFoundation
    }

    /// About one component.
    init(
        _ id: String, _ title: String, _ level: ValidationLevel = .quick,
        for applies: @escaping @Sendable (Component) -> Bool, variations: Int = 1, tool: Valgrind.Tool? = nil,
        _ body: @escaping @Sendable (Examination, Subject) throws -> Void
    ) {
        (self.id, self.title, self.level) = (id, title, level)
        self.applies = applies
        self.variations = variations
        self.tool = tool
        self.body = { examination in
            guard let subject = examination.subject else { throw TrialFailure("no component to test") }
            try body(examination, subject)
        }
    }

    /// All tests, in the order they run.
    package static let all: [BatteryTest] = [
        StaticTests.all, LoadTests.all, CallTests.all, InputTests.all, PropertyTests.all, RepetitionTests.all,
        ResourceTests.all, IsolationTests.all, ProcedureTests.all, WatchedTests.all,
    ].flatMap { $0 }
}

/// Something that a test found.
package struct Finding: Hashable, Sendable {
    /// An error fails the test, a warning should be looked at, a note is for information.
    package enum Severity: String, Sendable { case error, warning, note }

    package var severity: Severity
    /// JSON pointer into the manifest.
    package var pointer: String
    package var sentence: String
    /// What to do about it.
    package var advice: String

    package init(_ severity: Severity, at pointer: String = "", _ sentence: String, advice: String = "") {
        (self.severity, self.pointer, self.sentence, self.advice) = (severity, pointer, sentence, advice)
    }
}

extension Finding {
    package var json: JSON {
        .object([
            "severity": .string(severity.rawValue), "pointer": .string(pointer), "sentence": .string(sentence),
            "advice": .string(advice),
        ])
    }

    init?(_ json: JSON) {
        guard let severity = json["severity"]?.string.flatMap(Severity.init(rawValue:)),
            let sentence = json["sentence"]?.string
        else { return nil }
        self.init(
            severity, at: json["pointer"]?.string ?? "", sentence, advice: json["advice"]?.string ?? "")
    }
}
