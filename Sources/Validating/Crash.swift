import Foundation
import Manifests
import PluginHost

/// What the end of a test's process says about the plugin.
struct Crash {
    private let child: ChildProcess
    private let label: String
    private let fault: JSON?
    private let isDone: Bool
    private let component: Component?

    init(_ child: ChildProcess, label: String, fault: JSON?, isDone: Bool, component: Component?) {
        (self.child, self.label, self.fault, self.isDone, self.component) = (child, label, fault, isDone, component)
    }

    /// nil if the process ended as it should.
    var finding: Finding? {
        let during = label.isEmpty ? "" : ", with \(label)"
        switch child.end {
        case .ended(.exit) where isDone: return nil
        case .ended(.exit(let status)):
            return Finding(
                .error, at: pointer,
                "ended the process with exit status \(status)\(during)\(lastWords)",
                advice: "return a status instead of calling exit")
        case .timeLimit(let limit):
            return Finding(
                .error, at: pointer, "did not return within \(limit) s\(during)",
                advice: "bound the number of iterations; a loop that waits for convergence may never see it")
        case .ended(.signal(let number)):
            let name = ProcessEnd.words(ofSignal: number)
            return Finding(
                .error, at: argumentPointer ?? pointer, "\(access) (\(name))\(during)\(lastWords)",
                advice: fault?["argument"] == nil
                    ? "run the repeat command under a debugger" : "touch only elements the manifest's sizes speak of")
        }
    }

    /// What was accessed where it must not be.
    private var access: String {
        guard let fault, let argument = fault["argument"]?.string, let offset = fault["offset"]?.int,
            let bytes = fault["bytes"]?.int
        else { return "crashed" }
        let verb = fault["write"]?.int == 1 ? "wrote" : fault["write"]?.int == 0 ? "read" : "accessed"
        let size = "'\(argument)', which has \(bytes) bytes"
        if offset < 0 { return "\(verb) \(-offset) bytes before the begin of \(size)" }
        if offset >= bytes { return "\(verb) at byte \(offset) of \(size)" }
        return "\(verb) to \(size) and is not declared writable"
    }

    private var pointer: String { component?.pointer ?? "" }

    private var argumentPointer: String? {
        fault?["argument"]?.string.flatMap { name in
            component.flatMap { component in
                component.plainFunction.argument(name)?.pointer
                    ?? component.plainFunction.arguments.first { $0.source == .message && name == "message" }?.pointer
            }
        }
    }

    private var lastWords: String {
        let last = child.printed.split(separator: "\n").last.map(String.init) ?? ""
        return last.isEmpty ? "" : "; it printed \(quoted(last))"
    }
}
