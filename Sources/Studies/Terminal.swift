import Foundation

/// The terminal of stdout.
package enum Terminal {
    /// True where a block may be redrawn: a terminal that understands control sequences and a user who wants them.
    package static var isInteractive: Bool { isScreen && hasColours }

    /// A terminal that understands control sequences.
    package static var isScreen: Bool { isatty(1) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb" }

    /// https://no-color.org
    package static var hasColours: Bool { (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty }

    package static var width: Int { Int(size?.ws_col ?? 80) }
    package static var height: Int { Int(size?.ws_row ?? 24) }

    private static var size: winsize? {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return size
    }
}
