import CShims
import Foundation
import LinearAlgebra
import Manifests
import PluginHost

/// One test in its own process: what it is about, and where it reports.
package final class Examination {
    let folder: String
    let seed: UInt64
    let level: ValidationLevel
    /// The same test is run with 0, 1, …: see `BatteryTest.variations`.
    let variation: Int
    let subject: Subject?
    private let test: BatteryTest
    private let registry: Registry
    private let channel: Int32
    private var failures = 0
    private let digest = TextDigest()

    /// Where a child writes its report.
    static let channel: Int32 = 3

    /// - Parameter request: what `ValidationRun` asked of this process.
    package init(_ request: JSON, registry: Registry) throws {
        guard let id = request["test"]?.string, let test = BatteryTest.all.first(where: { $0.id == id }),
            let folder = request["folder"]?.string
        else { throw TrialFailure("no such test") }
        self.test = test
        self.folder = folder
        self.registry = registry
        channel = Self.channel
        seed = request["seed"]?.string.flatMap { UInt64($0) } ?? 0
        level = request["level"]?.string.flatMap(ValidationLevel.init(rawValue:)) ?? .standard
        variation = request["variation"]?.int ?? 0
        let name = request["component"]?.string ?? ""
        let manifest = name.isEmpty ? nil : try Manifest.load(folder: folder)
        subject = manifest.flatMap { manifest in
            manifest.components.first { $0.id == name }.map {
                Subject(manifest: manifest, component: $0, registry: registry)
            }
        }
    }

    /// Runs the test; the exit status of the process.
    package func run() -> Int32 {
        // Neither a core file nor all of the machine's memory.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        sz_guard_watch(channel)
        do {
            try test.body(self)
        } catch let failure as TrialFailure {
            report(.note, "not checked: \(failure)")
        } catch {
            report(.error, "\(error)")
        }
        send(["digest": .string(digest.text), "done": .bool(true)])
        return failures == 0 ? 0 : 1
    }

    func draw(_ name: String = "") -> Draw {
        Draw(seed: seed, name: "\(test.id)/\(subject?.component.fullID ?? "")/\(name)")
    }

    func manifest() throws -> Manifest { try subject?.manifest ?? Manifest.load(folder: folder) }

    /// Says what is about to be tried, for the case that it is the last thing this process does.
    func begin(_ label: String) { send(["case": .string(label)]) }

    /// - Parameter pointer: into the manifest; by default that of the component.
    func report(
        _ severity: Finding.Severity, at pointer: String? = nil, _ sentence: String, advice: String = ""
    ) {
        if severity == .error { failures += 1 }
        let finding = Finding(
            severity, at: pointer ?? subject?.component.pointer ?? "", sentence, advice: advice)
        send(["finding": finding.json])
    }

    var hasFailed: Bool { failures > 0 }

    /// Something that must be the same in every variation.
    func note(_ text: String) { digest.add(text) }

    private func send(_ members: [String: JSON]) {
        let line = JSON.object(.init(uniqueKeysWithValues: members.sorted { $0.key < $1.key })).text(pretty: false)
        let bytes = Array((line + "\n").utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(channel, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            sent += count
        }
    }
}

/// A digest that grows.
private final class TextDigest {
    private(set) var text = ""
    func add(_ more: String) { text = SHA256.hex(of: Array((text + more).utf8)) }
}
