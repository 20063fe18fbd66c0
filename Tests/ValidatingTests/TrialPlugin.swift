import Foundation
import Manifests
import PluginHost
import PluginTesting
import Testing
import Validating

/// A plugin compiled by plain `cc` into a folder of its own, and the battery run on it by the built `syzygy`.
final class TrialPlugin: Sendable {
    let folder: String

    static let badPlugins = (try? Installation.root + "/Tests/ValidatingTests/BadPlugins") ?? ""

    private static let headers = (try? Installation.root + "/Sources/CSyzygy/include") ?? ""

    /// Beside the test executable.
    static let executable: String = {
        let test = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (test as NSString).deletingLastPathComponent + "/syzygy"
    }()

    /// - Parameter flags: for the linker.
    init(manifest: String, source: String, flags: [String] = []) throws {
        folder = FileManager.default.temporaryDirectory.path + "/syzygy-validate-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try manifest.write(toFile: folder + "/plugin.json", atomically: true, encoding: .utf8)
        try source.write(toFile: folder + "/case.c", atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        compiler.arguments =
            [
                "cc", "-O1", "-fPIC", "-shared", "-I", Self.headers, "-o", folder + "/libCase.so", folder + "/case.c",
                "-lm",
            ] + flags
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)
    }

    /// One of the folder `BadPlugins`.
    convenience init(bad id: String) throws {
        func text(_ name: String) -> String? {
            try? String(contentsOfFile: "\(Self.badPlugins)/\(id)/\(name)", encoding: .utf8)
        }
        try self.init(
            manifest: try #require(text("plugin.json")), source: try #require(text("case.c")),
            flags: (text("flags") ?? "").split(whereSeparator: \.isWhitespace).map(String.init))
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func validate(
        _ level: ValidationLevel = .standard, only: [String] = [], seed: UInt64 = 1, timeLimit: Double? = nil
    ) -> [TestResult] {
        Self.validate(folder, level, only: only, seed: seed, timeLimit: timeLimit)
    }

    static func validate(
        _ folder: String, _ level: ValidationLevel = .standard, only: [String] = [], seed: UInt64 = 1,
        timeLimit: Double? = nil
    ) -> [TestResult] {
        ValidationRun(
            folder: folder, level: level, seed: seed, only: only, timeLimit: timeLimit, executable: executable
        ).run { _ in }
    }
}

extension [TestResult] {
    /// `C2 case: wrote behind …`, for findings at least as severe as asked.
    func sentences(_ severities: Finding.Severity...) -> [String] {
        flatMap { result in
            result.findings.filter { severities.contains($0.severity) }.map {
                "\(result.test.id) \(result.component): \($0.sentence)"
            }
        }
    }

    func ids(_ severity: Finding.Severity) -> Set<String> {
        Set(filter { $0.findings.contains { $0.severity == severity } }.map(\.test.id))
    }
}
