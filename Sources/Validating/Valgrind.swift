import Foundation
import Manifests
import PluginHost

/// Runs a test under Valgrind, which watches every access to memory of the library as it is installed: no sources, no build line and
/// no second run-time library in the host are needed, in whatever language it is written.
final class Valgrind: Sendable {
    enum Tool: String {
        /// Reads and writes outside what the function allocated, after it was freed, and decisions by what was never written.
        case memcheck
        /// Accesses of two threads to one place of which one writes, and nothing orders them.
        case helgrind
    }

    /// How much longer a test takes.
    static let slowness = 4.0

    private let program: String
    private let library: String
    private let folder: String
    private let root: String

    /// Copies the program without its debug information, which Valgrind of Debian 12 cannot read, and the plugin's library if it
    /// is found beside the program.
    init(_ executable: String, pluginFolder: String) throws {
        program = try Self.find("valgrind", package: "valgrind")
        let strip = try Self.find("strip", package: "binutils")
        guard let manifest = try? Manifest.load(folder: pluginFolder),
            let path = try ComponentLoader.libraryPath(of: manifest, beside: executable)
        else { throw TrialFailure("a library of the system, whose errors are not the plugin's") }
        library = (path as NSString).lastPathComponent
        root = try Installation.root
        folder = FileManager.default.temporaryDirectory.path + "/syzygy-valgrind-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var copied = [(executable, "syzygy")]
        if !FileManager.default.fileExists(atPath: "\(pluginFolder)/\(library)") { copied.append((path, library)) }
        for (file, name) in copied {
            let child = try ChildProcess.run(
                strip, ["--strip-debug", "-o", "\(folder)/\(name)", file], environment: [:], timeLimit: 60)
            guard child.end == .ended(.exit(0)) else {
                throw TrialFailure("\(file) cannot be copied: \(child.printed)")
            }
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private static func find(_ name: String, package: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        for place in path.split(separator: ":") where access("\(place)/\(name)", X_OK) == 0 {
            return "\(place)/\(name)"
        }
        throw TrialFailure("\(name) is not installed (Debian: apt-get install \(package))")
    }

    /// A test's process, and what was found in the plugin's functions.
    func run(
        _ tool: Tool, _ arguments: [String], environment: [String: String], timeLimit: Double
    ) throws -> (child: ChildProcess, findings: [Finding]) {
        let report = "\(folder)/\(UUID().uuidString).xml"
        var options = ["--tool=\(tool.rawValue)", "-q", "--xml=yes", "--xml-file=\(report)", "--error-limit=no"]
        if tool == .memcheck { options.append("--leak-check=no") }  // R1 counts what calls leave behind
        var environment = environment
        environment["SYZYGY_ROOT"] = root
        let child = try ChildProcess.run(
            program, options + ["\(folder)/syzygy"] + arguments, environment: environment, timeLimit: timeLimit)
        let text = (try? String(contentsOfFile: report, encoding: .utf8)) ?? ""
        var findings: [Finding] = []
        for error in ValgrindReport(text).errors {
            guard let sentence = error.sentence(library: library) else { continue }
            let finding = Finding(.error, at: "/library", sentence, advice: Self.advice(tool))
            if !findings.contains(finding), findings.count < 10 { findings.append(finding) }
        }
        return (child, findings)
    }

    private static func advice(_ tool: Tool) -> String {
        switch tool {
        case .memcheck: "compare each index with what was allocated, and write memory before it is read"
        case .helgrind: "use a workspace instead of static memory; the host calls this function from several threads"
        }
    }
}

/// The errors in Valgrind's XML (protocol 4), of which every element stands on a line of its own.
struct ValgrindReport {
    struct Frame: Equatable {
        var object = "", function = "", file = "", line = ""
    }

    struct Error: Equatable {
        var what = ""
        var more: [String] = []
        var stacks: [[Frame]] = []

        /// What the innermost function did that is not one of the C library; nil if it is none of this library.
        func sentence(library: String) -> String? {
            let own = stacks.first?.first { !Self.isRuntime($0.object) }
            guard let own, own.object.hasSuffix("/\(library)") else { return nil }
            let place = own.line.isEmpty ? "" : " (\(own.file):\(own.line))"
            let where_ = own.function.isEmpty ? "" : " in '\(own.function)'\(place)"
            let details = more.map(Self.plain).filter { !$0.isEmpty }.joined(separator: "; ")
            return Self.plain(what) + where_ + (details.isEmpty ? "" : ": \(details)")
        }

        private static func isRuntime(_ object: String) -> Bool {
            let name = object.split(separator: "/").last ?? ""
            return name.hasPrefix("vgpreload") || name.hasPrefix("libc.") || name.hasPrefix("libc-")
        }

        /// Without addresses and numbers of threads, which mean nothing to a reader and differ from run to run.
        static func plain(_ text: String) -> String {
            var words = text.split(separator: " ").map(String.init)
            while let i = words.firstIndex(where: { $0.hasPrefix("0x") }) {
                words.remove(at: i)
                if i < words.count, words[i] == "is" { words.remove(at: i) }
                if i > 0, ["at", "Address", "Location"].contains(words[i - 1]) { words.remove(at: i - 1) }
            }
            while let i = words.firstIndex(of: "by"), i + 2 < words.count, words[i + 1] == "thread" {
                words.removeSubrange(i...i + 2)
            }
            let plain = words.joined(separator: " ")
            return plain.prefix(1).lowercased() + plain.dropFirst()
        }
    }

    private(set) var errors: [Error] = []

    init(_ text: String) {
        var isInside = false
        for line in text.split(separator: "\n") {
            let line = line.drop { $0 == " " }
            if line == "<error>" {
                isInside = true
                errors.append(Error())
            }
            if line == "</error>" { isInside = false }
            guard isInside, let end = line.firstIndex(of: ">"), line.first == "<" else { continue }
            let tag = line[line.index(after: line.startIndex)..<end]
            let content = Self.unescaped(line[line.index(after: end)...].prefix { $0 != "<" })
            add(String(tag), content)
        }
    }

    private mutating func add(_ tag: String, _ content: String) {
        let error = errors.count - 1
        switch tag {
        case "what": errors[error].what = content
        case "text" where errors[error].stacks.isEmpty: errors[error].what = content
        case "auxwhat", "text": errors[error].more.append(content)
        case "stack": errors[error].stacks.append([])
        case "frame": change(error) { $0.append(Frame()) }
        case "obj": change(error) { $0[$0.count - 1].object = content }
        case "fn": change(error) { $0[$0.count - 1].function = content }
        case "file": change(error) { $0[$0.count - 1].file = content }
        case "line": change(error) { $0[$0.count - 1].line = content }
        default: break
        }
    }

    private mutating func change(_ error: Int, _ body: (inout [Frame]) -> Void) {
        let last = errors[error].stacks.count - 1
        guard last >= 0 else { return }
        body(&errors[error].stacks[last])
    }

    private static func unescaped(_ text: Substring) -> String {
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
            .reduce(String(text)) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }
}
