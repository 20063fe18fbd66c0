import Foundation

/// The terminal of stdout.
package enum Terminal {
    /// True where a block may be redrawn: a terminal that understands control sequences and a user who wants them.
    package static var isInteractive: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(1) == 1 && environment["TERM"] != "dumb" && (environment["NO_COLOR"] ?? "").isEmpty
    }

    package static var width: Int {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
