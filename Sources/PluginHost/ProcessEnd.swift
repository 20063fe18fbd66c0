import CShims
import Glibc

/// How a process ended by itself.
package enum ProcessEnd: Hashable, Sendable, CustomStringConvertible {
    case exit(Int32)
    case signal(Int32)

    /// - Parameter status: as `waitpid` gives it.
    package init(status: Int32) {
        self = status & 0x7F == 0 ? .exit((status >> 8) & 0xFF) : .signal(status & 0x7F)
    }

    /// `exit status 3`, `signal 11 (SIGSEGV)`.
    package var description: String {
        switch self {
        case .exit(let status): "exit status \(status)"
        case .signal(let number): "signal \(number) (\(Self.words(ofSignal: number)))"
        }
    }

    /// `SIGSEGV`.
    package static func name(ofSignal number: Int32) -> String {
        sz_signal_name(number).map { "SIG" + String(cString: $0) } ?? "SIG\(number)"
    }

    /// The name, with the usual cause where nobody else says it.
    package static func words(ofSignal number: Int32) -> String {
        name(ofSignal: number) + (number == SIGKILL ? ", perhaps out of memory" : "")
    }
}
