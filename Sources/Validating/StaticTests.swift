import Foundation
import Manifests
import PluginHost

/// Tests of the files, without opening the library.
enum StaticTests {
    static let all = [
        BatteryTest("S1", "the manifest follows the schema and names what exists", isFoundation: true, manifest),
        BatteryTest("S2", "the library's file: machine, stack, relocations, search paths", file),
        BatteryTest("S3", "no exported name is also the host's", exports),
        BatteryTest("S4", "no function is imported that a plugin must not call", imports),
        BatteryTest("S5", "examples tell arguments apart", for: { $0.isPlain }, examples),
    ]

    private static func manifest(_ examination: Examination) {
        do throws(ManifestError) {
            _ = try Manifest.load(folder: examination.folder)
        } catch {
            for problem in error.problems {
                examination.report(
                    .error, at: problem.pointer, problem.sentence, advice: "docs/plugins/manifest.md has all keys")
            }
        }
    }

    /// The library of a plugin that has one of its own.
    private static func library(_ examination: Examination) throws -> ELFFile? {
        let manifest = try examination.manifest()
        guard case .named(let name) = manifest.library else {
            examination.report(.note, at: "/library", "not checked: a library of the system")
            return nil
        }
        return try ELFFile(path: try ComponentLoader.path(of: name, folder: manifest.folder))
    }

    private static func file(_ examination: Examination) throws {
        guard let file = try library(examination) else { return }
        if !file.isShared {
            examination.report(.error, at: "/library", "is no shared library", advice: "link with -shared")
        }
        if file.hasTextRelocations {
            examination.report(
                .error, at: "/library", "has relocations in its code, which must then be writable",
                advice: "compile with -fPIC")
        }
        if file.hasExecutableStack {
            examination.report(
                .error, at: "/library", "asks for an executable stack",
                advice:
                    "link with -Wl,-z,noexecstack; nested functions of GNU C need one, assembly must say it does not")
        }
        for path in file.runPaths where path != "$ORIGIN" && !path.hasPrefix("$ORIGIN/") {
            if path.hasPrefix("/") {
                examination.report(
                    .note, at: "/library", "looks for libraries in '\(path)', a folder of the machine that built it",
                    advice: "use -Wl,-rpath,'$ORIGIN'")
            } else {
                examination.report(
                    .error, at: "/library",
                    "looks for libraries in '\(path)', relative to wherever the program is started",
                    advice: "use -Wl,-rpath,'$ORIGIN'")
            }
        }
    }

    private static func exports(_ examination: Examination) throws {
        guard let file = try library(examination) else { return }
        let manifest = try examination.manifest()
        let used = Set(manifest.components.flatMap(\.functions).flatMap(\.symbols.values))
        let own = file.exported.filter(\.isPlain)
        for symbol in own.map(\.name).sorted() where dlsym(nil, symbol) != nil {
            examination.report(
                .error, at: "/library",
                "exports '\(symbol)', a name of a library of the host: either of them may get the other's function",
                advice: "rename it, or make it static")
        }
        let spare = own.map(\.name).filter { !used.contains($0) }.sorted()
        if !spare.isEmpty {
            let list = spare.prefix(8).joined(separator: ", ") + (spare.count > 8 ? ", …" : "")
            examination.report(
                .warning, at: "/library", "exports \(spare.count) names that the manifest does not use: \(list)",
                advice: "make them static, or compile with -fvisibility=hidden")
        }
    }

    private static let forbidden: [(names: Set<String>, why: String)] = [
        (["exit", "_exit", "_Exit", "quick_exit"], "ends the host"),
        (
            ["fork", "vfork", "system", "popen", "execve", "execv", "execvp", "execl", "posix_spawn"],
            "starts a program"
        ),
        (["longjmp", "siglongjmp", "_longjmp", "__longjmp_chk"], "may jump over the host's functions"),
        (["signal", "sigaction", "sigprocmask", "bsd_signal"], "changes how the host handles signals"),
        (["setlocale", "uselocale"], "changes how the host reads and writes numbers"),
        (["setenv", "putenv", "unsetenv", "clearenv"], "changes the host's environment"),
        (["chdir", "fchdir", "chroot"], "changes where the host's relative paths begin"),
        (["fesetround", "fesetenv", "feenableexcept"], "changes the host's floating-point mode"),
        (["socket", "connect", "accept", "bind", "listen"], "talks to the network"),
        (["ptrace", "dlmopen"], "reaches into the host"),
    ]

    private static let watched: [(names: Set<String>, why: String)] = [
        (
            ["rand", "random", "drand48", "srand", "srandom"],
            "draws from one stream that all share: use syzygy.random/1"
        ),
        (["abort", "__assert_fail"], "ends the host where a status would name the cause"),
        (["open", "open64", "fopen", "fopen64"], "opens files: bind them with \"from\": \"file\" or a file param"),
        (["dlopen"], "opens libraries that no digest covers"),
        (["pthread_create", "thrd_create"], "starts threads, which must all have ended when a call returns"),
        (["time", "clock_gettime", "gettimeofday"], "reads the clock: results must not depend on it"),
        (["getenv", "secure_getenv"], "reads the environment: results must not depend on it"),
        (["printf", "puts", "putchar", "__printf_chk"], "prints: say it in the message"),
    ]

    private static func imports(_ examination: Examination) throws {
        guard let file = try library(examination) else { return }
        // Runtimes of languages import what their programs may never call.
        let isC = !file.needed.contains {
            $0.hasPrefix("libswift") || $0.hasPrefix("libstdc++") || $0.hasPrefix("libgfortran")
        }
        for (names, why) in forbidden {
            for name in names.intersection(file.imported).sorted() {
                examination.report(
                    isC ? .error : .warning, at: "/library", "imports '\(name)', which \(why)",
                    advice: "a plugin must not; docs/plugins/manifest.md, \"The function's duties\"")
            }
        }
        for (names, why) in watched {
            for name in names.intersection(file.imported).sorted() {
                examination.report(.warning, at: "/library", "imports '\(name)', which \(why)")
            }
        }
        let isSwift = file.sections.contains { $0.hasPrefix("swift5") }
        // Variants of functions for several processors are chosen when a library is opened.
        let hasVariants = file.exported.contains { $0.name.contains(".") }
        let usual = 1 + (isSwift ? 1 : 0) + (hasVariants ? 1 : 0)
        if file.initializers > usual {
            examination.report(
                .warning, at: "/library",
                "runs \(file.initializers - usual) function(s) of its own when it is opened",
                advice: "do in a call what must be done; -ffast-math adds such a function, which changes the mode")
        }
    }

    // MARK: Examples

    /// Two numbers of one type that are equal in all examples could be exchanged, and nobody would see it.
    private static func examples(_ examination: Examination, _ subject: Subject) throws {
        let component = subject.component
        guard !component.needsNetwork else { return }
        let inputs = try subject.examples()
        let scalars = component.plainFunction.arguments.filter { argument in
            switch argument.source {
            case .parameter, .dimension, .count: if case .scalar = argument.type { true } else { false }
            default: false
            }
        }
        for (i, a) in scalars.enumerated() {
            for b in scalars[..<i] where a.type == b.type {
                let values = inputs.map { (value(of: a, $0, component), value(of: b, $0, component)) }
                guard values.allSatisfy({ $0.0 != nil && $0.0 == $0.1 }), let first = values.first?.0 else {
                    continue
                }
                examination.report(
                    .warning, at: a.pointer,
                    "'\(b.name)' and '\(a.name)' are both \(NumberWords.text(first)) in every example: a function that "
                        + "exchanges them would pass",
                    advice: "add an example in which they differ")
            }
        }
    }

    private static func value(of argument: Argument, _ input: TrialInput, _ component: Component) -> Double? {
        switch argument.source {
        case .parameter(let id):
            switch input.options[id] {
            case .bool(let flag): flag ? 1 : 0
            case .string(let text): component.parameter(id)?.values.firstIndex(of: text).map(Double.init)
            case let value: value?.double
            }
        case .dimension(let of, .index(let axis)):
            input.tensors[of].flatMap { $0.shape.indices.contains(axis) ? Double($0.shape[axis]) : nil }
        case .count(let of):
            input.tensors[of].map { Double($0.data.count) }
                ?? component.plainFunction.argument(of).flatMap { source in
                    if case .parameter(let id) = source.source {
                        input.options[id]?.array.map { Double($0.count) }
                    } else {
                        nil
                    }
                }
        default: nil
        }
    }
}

enum NumberWords {
    /// `3`, `0.25`.
    static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}
