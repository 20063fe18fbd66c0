import CShims
import Foundation
import Manifests
import PluginHost

/// Tests of opening the library.
enum LoadTests {
    static let silenceTest = "L1"
    static let cannotBeLoaded = "cannot be opened"

    static let all = [
        BatteryTest(
            silenceTest, "the library opens, has the functions, and prints nothing", isFoundation: true, opens),
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
                .error, at: "/library",
                "changes the floating-point mode (rounding or flush-to-zero) when it is opened",
                advice: "link without -ffast-math and -Ofast, which add code that does it")
        }
        for change in before.changes(to: after) {
            examination.report(
                .error, at: "/library", "opening it changes \(change)", advice: "leave the process as it is found")
        }
    }
}

/// What a library must leave alone.
struct ProcessState {
    private var settings: [String: String] = [:]
    private var counts: [String: Int] = [:]

    static func now() -> ProcessState {
        var state = ProcessState()
        for number in Int32(1)...64 {
            var action = sigaction()
            guard sigaction(number, nil, &action) == 0 else { continue }
            let bits = withUnsafeBytes(of: action.__sigaction_handler) { $0.loadUnaligned(as: UInt.self) }
            state.settings["the handler of signal \(number)"] = String(bits, radix: 16)
        }
        state.settings["the locale"] = setlocale(LC_ALL, nil).map { String(cString: $0) } ?? ""
        state.settings["the environment"] = ProcessInfo.processInfo.environment.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
        state.settings["the working directory"] = FileManager.default.currentDirectoryPath
        state.counts["the number of threads"] = count("/proc/self/task")
        state.counts["the number of open files"] = count("/proc/self/fd")
        return state
    }

    private static func count(_ folder: String) -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? 0
    }

    /// What is set otherwise, and what there is more of: threads of the host may end at any time.
    func changes(to later: ProcessState) -> [String] {
        let set = settings.filter { later.settings[$0.key] != $0.value }.map { what, value in
            "\(what): \(quoted(value)) becomes \(quoted(later.settings[what] ?? ""))"
        }
        let more = counts.compactMap { what, count in
            (later.counts[what] ?? 0) > count ? "\(what): \(count) becomes \(later.counts[what] ?? 0)" : nil
        }
        return (set + more).sorted()
    }
}
