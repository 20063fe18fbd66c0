import CShims
import Foundation
import Manifests
import PluginHost

/// Tests of opening the library.
enum LoadTests {
    static let silenceTest = "L1"
    static let cannotBeLoaded = "cannot be opened"

    static let all = [
        BatteryTest(silenceTest, "the library opens, has the functions, and prints nothing", isFoundation: true, opens),
        BatteryTest("L2", "opening changes nothing of the process", changesNothing),
    ]

    private static func opens(_ examination: Examination) throws {
        guard let manifest = try? examination.manifest() else {
            throw TrialFailure("the manifest is not valid")
        }
        let start = ContinuousClock.now
        let library: Library
        do {
            library =
                switch manifest.library {
                case .system(let name): try Library(system: name)
                case .named(let name): try Library(path: try ComponentLoader.path(of: name, folder: manifest.folder))
                }
        } catch {
            examination.report(
                .error, at: "/library", "\(cannotBeLoaded): \(error)",
                advice: "build it; ldd shows which of its libraries are missing")
            return
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if seconds > 0.1 {
            examination.report(.note, at: "/library", "took \(Int(1000 * seconds)) ms to open")
        }
        for function in manifest.components.flatMap(\.functions) {
            for symbol in Set(function.symbols.values).sorted() {
                do {
                    _ = try library.symbol(symbol)
                } catch {
                    examination.report(
                        .error, at: "\(function.pointer)/symbol", "\(cannotBeLoaded): \(error)",
                        advice: "export the function with C linkage")
                }
            }
        }
    }

    /// What the parent finds in the output of L1.
    static func printed(_ text: String) -> Finding {
        let first = text.split(separator: "\n").first.map(String.init) ?? ""
        return Finding(
            .error, at: "/library", "prints when it is opened: \(quoted(first))",
            advice: "remove the output; say what must be said in the message of a call")
    }

    private static func changesNothing(_ examination: Examination) throws {
        let manifest = try examination.manifest()
        let path: String =
            switch manifest.library {
            case .system(let name): name
            case .named(let name): try ComponentLoader.path(of: name, folder: manifest.folder)
            }
        let before = ProcessState.now()
        let mode = sz_float_mode()
        guard sz_open(path) != nil else { throw TrialFailure("the library cannot be opened") }
        let hasMode = sz_float_mode() == mode
        sz_set_float_mode(mode)
        let after = ProcessState.now()
        if !hasMode {
            examination.report(
                .error, at: "/library", "changes the floating-point mode (rounding or flush-to-zero) when it is opened",
                advice: "link without -ffast-math and -Ofast, which add code that does it")
        }
        for (what, value) in before.parts {
            let now = after.parts[what] ?? ""
            if now != value {
                examination.report(
                    .error, at: "/library", "changes \(what) when it is opened: \(quoted(value)) becomes \(quoted(now))",
                    advice: "leave the process as it is found")
            }
        }
    }
}

/// What a library must leave alone.
struct ProcessState {
    var parts: [String: String] = [:]

    static func now() -> ProcessState {
        var state = ProcessState()
        for number in Int32(1)...64 {
            var action = sigaction()
            guard sigaction(number, nil, &action) == 0 else { continue }
            let bits = withUnsafeBytes(of: action.__sigaction_handler) { $0.loadUnaligned(as: UInt.self) }
            state.parts["the handler of signal \(number)"] = String(bits, radix: 16)
        }
        state.parts["the locale"] = setlocale(LC_ALL, nil).map { String(cString: $0) } ?? ""
        state.parts["the environment"] = ProcessInfo.processInfo.environment.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
        state.parts["the working directory"] = FileManager.default.currentDirectoryPath
        state.parts["the number of threads"] = String(count("/proc/self/task"))
        state.parts["the number of open files"] = String(count("/proc/self/fd"))
        return state
    }

    static func count(_ folder: String) -> Int { (try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? 0 }
}
