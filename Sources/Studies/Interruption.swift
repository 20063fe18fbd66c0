import Foundation
import Synchronization

/// How often a person or the system asked a study to stop, by SIGINT, SIGTERM or SIGHUP. The first time runs write where they are;
/// the second time everything ends at once.
package struct Interruption {
    private static let count = Atomic<Int>(0)
    private static let numbers = [SIGINT, SIGTERM, SIGHUP]
    private var previous: [(Int32, sigaction)] = []

    package static var isRequested: Bool { count.load(ordering: .relaxed) > 0 }
    static var isUrgent: Bool { count.load(ordering: .relaxed) > 1 }

    /// Counts from now on, until `restore`.
    package init() {
        Self.count.store(0, ordering: .relaxed)
        // A program that starts us from one of its worker threads may have them blocked.
        var unblocked = sigset_t()
        sigemptyset(&unblocked)
        for number in Self.numbers { sigaddset(&unblocked, number) }
        pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
        for number in Self.numbers {
            var old = sigaction()
            var new = sigaction()
            new.__sigaction_handler.sa_handler = { _ in Interruption.count.add(1, ordering: .relaxed) }
            sigaction(number, &new, &old)
            previous.append((number, old))
        }
    }

    package func restore() {
        for (number, action) in previous {
            var action = action
            sigaction(number, &action, nil)
        }
    }
}
