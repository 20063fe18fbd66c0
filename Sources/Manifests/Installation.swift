import Foundation

/// Where this program's own files are.
package enum Installation {
    /// The folder that holds `Schemas/`: `SYZYGY_ROOT` if set, else the nearest folder above the executable that
    /// holds `Schemas/plugin.schema.json`, or `share/syzygy` beside one of them (`<prefix>/bin/syzygy`).
    package static var root: String {
        get throws(InstallationError) { try found.get() }
    }

    /// A schema of the folder `Schemas`, such as `plugin.schema.json`.
    package static func schema(_ name: String) throws -> Schema { try Schema(path: "\(root)/Schemas/\(name)") }

    /// This program's file.
    package static var executable: String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }

    private static let found = Result { () throws(InstallationError) in
        try root(
            above: executable,
            override: ProcessInfo.processInfo.environment["SYZYGY_ROOT"])
    }

    /// The search itself.
    package static func root(above executable: String?, override: String?) throws(InstallationError) -> String {
        func isRoot(_ folder: String) -> Bool {
            FileManager.default.fileExists(atPath: "\(folder)/Schemas/plugin.schema.json")
        }
        if let override, !override.isEmpty {
            guard isRoot(override) else {
                throw InstallationError(
                    description:
                        "SYZYGY_ROOT is '\(override)', but '\(override)/Schemas/plugin.schema.json' does not exist")
            }
            return override
        }
        var folder = (executable ?? "/") as NSString
        while folder.length > 1 {
            folder = folder.deletingLastPathComponent as NSString
            let here = folder as String == "/" ? "" : folder as String
            for candidate in [here, here + "/share/syzygy"] where isRoot(candidate) { return candidate }
        }
        throw InstallationError(
            description:
                "the files of this installation were not found: no folder above '\(executable ?? "the program")' "
                + "holds Schemas/plugin.schema.json or share/syzygy; set SYZYGY_ROOT to the folder that holds Schemas"
        )
    }
}

package struct InstallationError: Error, CustomStringConvertible {
    package var description: String
}
