import CShims
import Foundation
import Manifests
import OrderedCollections

/// The machine a run is computed on.
package enum Host {
    package static var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

    static let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""

    static var hasAVX512: Bool { value(of: "flags").split(separator: " ").contains("avx512f") }

    /// The first value of a key in /proc/cpuinfo.
    private static func value(of key: String) -> String {
        for line in cpuinfo.split(separator: "\n") where line.hasPrefix(key) {
            if let colon = line.firstIndex(of: ":") {
                return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
        }
        return ""
    }

    private static var system: utsname {
        var names = utsname()
        uname(&names)
        return names
    }

    private static func text<T>(_ field: T) -> String {
        withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    package static var name: String { text(system.nodename) }

    private static var operatingSystem: String {
        let names = system
        return "\(text(names.sysname)) \(text(names.release)) \(text(names.machine))"
    }

    /// Version and kernels of OpenBLAS, as it tells them.
    private static var blas: String {
        guard let text = openblas_get_config() else { return "" }
        return String(cString: text).trimmingCharacters(in: .whitespaces)
    }

    package static func description(threads: Int) -> OrderedDictionary<String, JSON> {
        [
            "version": .string(Version.current), "cpu": .string(value(of: "model name")), "cores": .int(cores),
            "threads": .int(threads), "blas": .string(blas),
            "os": .string(operatingSystem),
        ]
    }
}

/// The version of this program.
package enum Version {
    package static let current = "0.1.0"
}

/// ISO 8601 in UTC, to the second.
enum Timestamp {
    static func now() -> String { Date().formatted(.iso8601) }
}
