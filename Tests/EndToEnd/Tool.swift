import Foundation
import Testing

/// The built `syzygy`, run as a user would.
enum Tool {
    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// Beside the test executable.
    static let executable: URL = {
        let test = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: test).deletingLastPathComponent().appendingPathComponent("syzygy")
    }()

    static let root = executable.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Starts a program; `Result` when it has ended. Output goes through files, so that no pipe can fill.
    static func run(
        _ arguments: [String], with program: URL = executable, in folder: Scratch,
        environment: [String: String]? = nil, interrupt: ((Process) -> Void)? = nil
    ) throws -> Result {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        if let environment { process.environment = environment }
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        var streams: [FileHandle] = []
        let names = ["out", "err"].map { folder.path + "/.\($0)-\(UUID().uuidString)" }
        for name in names {
            _ = FileManager.default.createFile(atPath: name, contents: nil)
            streams.append(try #require(FileHandle(forWritingAtPath: name)))
        }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = streams[0]
        process.standardError = streams[1]
        try process.run()
        interrupt?(process)
        process.waitUntilExit()
        let texts = try names.map { try String(contentsOfFile: $0, encoding: .utf8) }
        return Result(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    /// A python3 with NumPy, if there is one.
    static let python = python(with: "numpy")

    /// A python3 with a package, if there is one: that of `SYZYGY_PYTHON`, or one on the path.
    static func python(with package: String) -> URL? {
        let environment = ProcessInfo.processInfo.environment
        let paths =
            [environment["SYZYGY_PYTHON"]].compactMap(\.self)
            + (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" } + ["/usr/bin/python3"]
        guard let scratch = try? Scratch() else { return nil }
        for path in paths where FileManager.default.isExecutableFile(atPath: path) {
            let url = URL(fileURLWithPath: path)
            if (try? run(["-c", "import \(package)"], with: url, in: scratch))?.status == 0 { return url }
        }
        return nil
    }
}

extension FileHandle {
    /// What comes next; empty at the end. A test that waits for ever would say nothing.
    func more() throws -> Data {
        var asked = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&asked, 1, 300_000) > 0 else { throw POSIXError(.ETIMEDOUT) }
        return availableData
    }
}

/// A folder that is gone when its owner is.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("syzygy-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, making its folder.
    func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: url, atomically: true, encoding: .utf8)
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: path + "/" + name, encoding: .utf8) }

    func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + folder).sorted()
    }

    /// Compiles C into `<folder>/lib<name>.so` with the plain compiler.
    func compile(_ source: String, to folder: String, name: String) throws {
        try write(source, to: "\(folder)/\(name).c")
        let result = try Tool.run(
            [
                "cc", "-O2", "-shared", "-fPIC", "-I", Tool.root + "/Sources/CSyzygy/include", "-o",
                "\(folder)/lib\(name).so", "\(folder)/\(name).c", "-lm",
            ],
            with: URL(fileURLWithPath: "/usr/bin/env"), in: self)
        try #require(result.status == 0, "cc: \(result.errors)")
    }
}
